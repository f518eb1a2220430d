// Messages for data, locks and breaks.
#include <smb_server/wire/data.hpp>

#include <smb_server/wire/header.hpp>

namespace leasebreak::smb {

namespace {

constexpr std::size_t lock_ranges_max = 64;
constexpr std::uint16_t oplock_break_size = 24;
constexpr std::uint16_t lease_break_ack_size = 36;
constexpr std::uint16_t lease_break_notification_size = 44;

} // namespace

std::optional<file_id> parse_flush(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  const std::uint16_t size = in.u16();
  in.skip(6);
  const file_id id = read_file_id(in);
  if (!in.ok() || size != 24)
    return std::nullopt;
  return id;
}

std::optional<read_request> parse_read(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  read_request r;
  const std::uint16_t size = in.u16();
  in.skip(1);
  r.flags = in.u8();
  r.length = in.u32();
  r.offset = in.u64();
  r.id = read_file_id(in);
  r.minimum = in.u32();
  in.skip(12);
  if (!in.ok() || size != 49)
    return std::nullopt;
  return r;
}

void encode_read_response(byte_writer& out, bytes_view data) {
  out.u16(17);
  out.u8(read_data_offset);
  out.u8(0);
  out.u32(static_cast<std::uint32_t>(data.size()));
  out.u32(0);
  out.u32(0);
  out.append(data);
}

std::optional<write_request> parse_write(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  write_request r;
  const std::uint16_t size = in.u16();
  const std::size_t data_offset = in.u16();
  const std::size_t length = in.u32();
  r.offset = in.u64();
  r.id = read_file_id(in);
  in.skip(12);
  r.flags = in.u32();
  const auto data = slice(message, data_offset, length);
  if (!in.ok() || size != 49 || !data)
    return std::nullopt;
  r.data = *data;
  return r;
}

void encode_write_response(byte_writer& out, std::uint32_t count) {
  out.u16(17);
  out.u16(0);
  out.u32(count);
  out.u32(0);
  out.u32(0);
}

std::optional<lock_message> parse_lock(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  lock_message r;
  const std::uint16_t size = in.u16();
  const std::size_t count = in.u16();
  r.sequence = in.u32();
  r.id = read_file_id(in);
  if (!in.ok() || size != 48 || count > lock_ranges_max)
    return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    lock_range range;
    range.offset = in.u64();
    range.length = in.u64();
    range.flags = in.u32();
    in.skip(4);
    r.ranges.push_back(range);
  }
  if (!in.ok())
    return std::nullopt;
  return r;
}

std::optional<ioctl_request> parse_ioctl(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  ioctl_request r;
  const std::uint16_t size = in.u16();
  in.skip(2);
  r.code = in.u32();
  r.id = read_file_id(in);
  const std::size_t input_offset = in.u32();
  const std::size_t input_length = in.u32();
  in.skip(12);
  r.output_max = in.u32();
  r.flags = in.u32();
  in.skip(4);
  const auto input = slice(message, input_offset, input_length);
  if (!in.ok() || size != 57 || !input)
    return std::nullopt;
  r.input = *input;
  return r;
}

void encode_ioctl_response(
  byte_writer& out, std::uint32_t code, const file_id& id, bytes_view output) {
  constexpr std::uint32_t buffer_offset = header_size + 48;
  out.u16(49);
  out.u16(0);
  out.u32(code);
  write_file_id(out, id);
  out.u32(buffer_offset);
  out.u32(0);
  out.u32(buffer_offset);
  out.u32(static_cast<std::uint32_t>(output.size()));
  out.u32(0);
  out.u32(0);
  out.append(output);
}

std::optional<break_acknowledgement> parse_break_acknowledgement(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  const std::uint16_t size = in.u16();
  break_acknowledgement result;
  if (size == oplock_break_size) {
    oplock_break_message m;
    m.level = in.u8();
    in.skip(5);
    m.id = read_file_id(in);
    result.oplock = m;
  } else if (size == lease_break_ack_size) {
    lease_break_message m;
    in.skip(6);
    m.key = in.guid16();
    m.state = in.u32();
    in.skip(8);
    result.lease = m;
  } else {
    return std::nullopt;
  }
  if (!in.ok())
    return std::nullopt;
  return result;
}

void encode(byte_writer& out, const oplock_break_message& m) {
  out.u16(oplock_break_size);
  out.u8(m.level);
  out.u8(0);
  out.u32(0);
  write_file_id(out, m.id);
}

void encode(byte_writer& out, const lease_break_message& m) {
  out.u16(lease_break_ack_size);
  out.u16(0);
  out.u32(0);
  out.append(m.key);
  out.u32(m.state);
  out.u64(0);
}

void encode(byte_writer& out, const lease_break_notification& n) {
  out.u16(lease_break_notification_size);
  out.u16(n.epoch);
  out.u32(n.ack_required ? 1 : 0);
  out.append(n.key);
  out.u32(n.from);
  out.u32(n.to);
  out.zeros(12);
}

} // namespace leasebreak::smb

// Headers and framing.
#include <smb_server/wire/header.hpp>

#include <algorithm>

namespace leasebreak::smb {

namespace {

constexpr std::array<std::uint8_t, 4> smb2_id{0xfe, 'S', 'M', 'B'};
constexpr std::array<std::string_view, command_count> command_names{"NEGOTIATE", "SESSION_SETUP",
  "LOGOFF", "TREE_CONNECT", "TREE_DISCONNECT", "CREATE", "CLOSE", "FLUSH", "READ", "WRITE", "LOCK",
  "IOCTL", "CANCEL", "ECHO", "QUERY_DIRECTORY", "CHANGE_NOTIFY", "QUERY_INFO", "SET_INFO",
  "OPLOCK_BREAK"};

template <class Number>
void put(std::uint8_t*& at, Number value) noexcept {
  at = put_little_endian<sizeof value>(at, value);
}

} // namespace

std::string_view to_string(command c) noexcept {
  const auto index = static_cast<std::size_t>(c);
  return index < command_names.size() ? command_names[index] : "unknown command";
}

protocol protocol_of(bytes_view frame) noexcept {
  if (frame.size() < 4 || frame[1] != 'S' || frame[2] != 'M' || frame[3] != 'B')
    return protocol::unknown;
  switch (frame[0]) {
  case 0xfe:
    return protocol::smb2;
  case 0xff:
    return protocol::smb1;
  case 0xfd:
    return protocol::transform;
  case 0xfc:
    return protocol::compressed;
  default:
    return protocol::unknown;
  }
}

std::optional<header> parse_header(bytes_view message) noexcept {
  if (message.size() < header_size || protocol_of(message) != protocol::smb2)
    return std::nullopt;
  byte_reader in{message.subspan(smb2_id.size())};
  if (in.u16() != header_size)
    return std::nullopt;
  header h;
  h.credit_charge = in.u16();
  h.status = in.u32();
  h.command = static_cast<command>(in.u16());
  h.credits = in.u16();
  h.flags = in.u32();
  h.next_command = in.u32();
  h.message_id = in.u64();
  if (h.has(header_flag::async)) {
    h.async_id = in.u64();
  } else {
    in.skip(4);
    h.tree_id = in.u32();
  }
  h.session_id = in.u64();
  h.signature = in.guid16();
  return h;
}

std::array<std::uint8_t, header_size> to_bytes(const header& h) noexcept {
  std::array<std::uint8_t, header_size> bytes;
  std::uint8_t* at = std::copy(smb2_id.begin(), smb2_id.end(), bytes.data());
  put(at, std::uint16_t{header_size});
  put(at, h.credit_charge);
  put(at, h.status);
  put(at, static_cast<std::uint16_t>(h.command));
  put(at, h.credits);
  put(at, h.flags);
  put(at, h.next_command);
  put(at, h.message_id);
  if (h.has(header_flag::async)) {
    put(at, h.async_id);
  } else {
    put(at, std::uint32_t{0});
    put(at, h.tree_id);
  }
  put(at, h.session_id);
  std::copy(h.signature.begin(), h.signature.end(), at);
  return bytes;
}

void encode(byte_writer& out, const header& h) {
  out.append(to_bytes(h));
}

std::optional<std::vector<message>> split_compound(bytes_view frame) {
  std::vector<message> result;
  for (;;) {
    const std::optional<header> h = parse_header(frame);
    if (!h || result.size() == compound_max)
      return std::nullopt;
    const std::size_t next = h->next_command;
    if (next == 0) {
      result.push_back({*h, frame});
      return result;
    }
    if (next % 8 != 0 || next < header_size || next >= frame.size())
      return std::nullopt;
    result.push_back({*h, frame.first(next)});
    frame = frame.subspan(next);
  }
}

std::optional<std::size_t> parse_nbt_header(
  const std::array<std::uint8_t, nbt_header_size>& bytes) noexcept {
  if (bytes[0] != 0)
    return std::nullopt;
  return (static_cast<std::size_t>(bytes[1]) << 16) | (static_cast<std::size_t>(bytes[2]) << 8) |
    bytes[3];
}

std::array<std::uint8_t, nbt_header_size> make_nbt_header(std::size_t length) noexcept {
  return {0, static_cast<std::uint8_t>(length >> 16), static_cast<std::uint8_t>(length >> 8),
    static_cast<std::uint8_t>(length)};
}

} // namespace leasebreak::smb

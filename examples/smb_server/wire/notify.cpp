// Messages for directory changes.
#include <smb_server/wire/notify.hpp>

#include <smb_server/wire/header.hpp>
#include <smb_server/wire/utf16.hpp>

namespace leasebreak::smb {

namespace {

constexpr std::uint16_t recursive_flag = 0x1;
constexpr std::size_t record_alignment = 4;

} // namespace

std::optional<notify_request> parse_notify(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  notify_request r;
  const std::uint16_t size = in.u16();
  r.recursive = (in.u16() & recursive_flag) != 0;
  r.output_max = in.u32();
  r.id = read_file_id(in);
  r.filter = in.u32();
  in.skip(4);
  if (!in.ok() || size != 32)
    return std::nullopt;
  return r;
}

byte_vector encode_changes(const std::vector<change_record>& changes) {
  byte_writer out;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const byte_vector name = utf8_to_utf16(changes[i].name);
    const std::size_t begin = out.size();
    out.u32(0);
    out.u32(static_cast<std::uint32_t>(changes[i].action));
    out.u32(static_cast<std::uint32_t>(name.size()));
    out.append(name);
    if (i + 1 == changes.size())
      break;
    out.align(record_alignment);
    out.patch_u32(begin, static_cast<std::uint32_t>(out.size() - begin));
  }
  return out.take();
}

std::size_t encoded_size(const change_record& change) {
  constexpr std::size_t before_name = 12;
  const std::size_t size = before_name + utf8_to_utf16(change.name).size();
  return (size + record_alignment - 1) / record_alignment * record_alignment;
}

} // namespace leasebreak::smb

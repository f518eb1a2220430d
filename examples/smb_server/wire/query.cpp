// The messages QUERY_DIRECTORY, QUERY_INFO and SET_INFO.
#include <smb_server/wire/query.hpp>

#include <smb_server/wire/header.hpp>
#include <smb_server/wire/utf16.hpp>

namespace leasebreak::smb {

std::optional<query_directory_request> parse_query_directory(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  query_directory_request r;
  const std::uint16_t size = in.u16();
  r.info_class = in.u8();
  r.flags = in.u8();
  r.index = in.u32();
  r.id = read_file_id(in);
  const std::size_t offset = in.u16();
  const std::size_t length = in.u16();
  r.output_max = in.u32();
  const auto name = slice(message, offset, length);
  if (!in.ok() || size != 33 || !name)
    return std::nullopt;
  auto pattern = utf16_to_utf8(*name);
  if (!pattern)
    return std::nullopt;
  r.pattern = std::move(*pattern);
  return r;
}

std::optional<query_info_request> parse_query_info(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  query_info_request r;
  const std::uint16_t size = in.u16();
  r.type = static_cast<info_type>(in.u8());
  r.info_class = in.u8();
  r.output_max = in.u32();
  const std::size_t offset = in.u16();
  in.skip(2);
  const std::size_t length = in.u32();
  r.additional = in.u32();
  in.skip(4);
  r.id = read_file_id(in);
  const auto input = slice(message, offset, length);
  if (!in.ok() || size != 41 || !input)
    return std::nullopt;
  r.input = *input;
  return r;
}

void encode_buffer_response(byte_writer& out, bytes_view data) {
  out.u16(9);
  out.u16(header_size + 8);
  out.u32(static_cast<std::uint32_t>(data.size()));
  out.append(data);
}

std::optional<set_info_request> parse_set_info(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  set_info_request r;
  const std::uint16_t size = in.u16();
  r.type = static_cast<info_type>(in.u8());
  r.info_class = in.u8();
  const std::size_t length = in.u32();
  const std::size_t offset = in.u16();
  in.skip(2);
  r.additional = in.u32();
  r.id = read_file_id(in);
  const auto data = slice(message, offset, length);
  if (!in.ok() || size != 33 || !data)
    return std::nullopt;
  r.data = *data;
  return r;
}

void encode_set_info_response(byte_writer& out) {
  out.u16(2);
}

} // namespace leasebreak::smb

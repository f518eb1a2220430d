// Sessions and trees.
#include <smb_server/wire/session.hpp>

#include <smb_server/wire/header.hpp>
#include <smb_server/wire/utf16.hpp>

namespace leasebreak::smb {

std::optional<session_setup_request> parse_session_setup(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  session_setup_request r;
  const std::uint16_t size = in.u16();
  r.flags = in.u8();
  r.security_mode = in.u8();
  in.skip(8);
  const std::size_t offset = in.u16();
  const std::size_t length = in.u16();
  r.previous_session_id = in.u64();
  const auto token = slice(message, offset, length);
  if (!in.ok() || size != 25 || !token)
    return std::nullopt;
  r.token = *token;
  return r;
}

void encode_session_setup_response(
  byte_writer& out, std::uint16_t session_flags, bytes_view token) {
  out.u16(9);
  out.u16(session_flags);
  out.u16(header_size + 8);
  out.u16(static_cast<std::uint16_t>(token.size()));
  out.append(token);
}

std::optional<tree_connect_request> parse_tree_connect(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  const std::uint16_t size = in.u16();
  in.skip(2);
  const std::size_t offset = in.u16();
  const std::size_t length = in.u16();
  const auto path = slice(message, offset, length);
  if (!in.ok() || size != 9 || !path)
    return std::nullopt;
  auto text = utf16_to_utf8(*path);
  if (!text)
    return std::nullopt;
  return tree_connect_request{std::move(*text)};
}

std::string share_of(const std::string& path) {
  std::string name = path;
  while (!name.empty() && name.back() == '\\')
    name.pop_back();
  return name.substr(name.rfind('\\') + 1);
}

void encode(byte_writer& out, const tree_connect_response& r) {
  out.u16(16);
  out.u8(r.is_pipe ? 2 : 1);
  out.u8(0);
  out.u32(r.share_flags);
  out.u32(r.capabilities);
  out.u32(r.maximal_access);
}

bool parse_empty(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  return in.u16() == 4 && in.ok();
}

void encode_empty(byte_writer& out) {
  out.u16(4);
  out.u16(0);
}

void encode_error(byte_writer& out, bytes_view data) {
  out.u16(9);
  out.u16(0);
  out.u32(static_cast<std::uint32_t>(data.size()));
  out.append(data);
  if (data.empty())
    out.u8(0);
}

} // namespace leasebreak::smb

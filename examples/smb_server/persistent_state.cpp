// See persistent_state.hpp.
#include <smb_server/persistent_state.hpp>

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <utility>

namespace leasebreak::smb {

namespace {

constexpr std::uint8_t version = 1;

void append(byte_writer& out, std::string_view text) {
  out.u32(static_cast<std::uint32_t>(text.size()));
  out.append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string read_text(byte_reader& in) {
  const bytes_view bytes = in.bytes(in.u32());
  return {bytes.begin(), bytes.end()};
}

} // namespace

std::string to_bytes(const persistent_state& s) {
  byte_writer out;
  out.u8(version);
  append(out, s.user);
  append(out, s.name);
  out.u32(s.options);
  out.u32(s.timeout_ms);
  out.u8(s.parent_key ? 1 : 0);
  if (s.parent_key)
    out.append(s.parent_key->bytes);
  return {out.bytes().begin(), out.bytes().end()};
}

std::optional<persistent_state> parse_persistent_state(std::string_view bytes) {
  byte_reader in{{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}};
  if (in.u8() != version)
    return std::nullopt;
  persistent_state s;
  s.user = read_text(in);
  s.name = read_text(in);
  s.options = in.u32();
  s.timeout_ms = in.u32();
  const std::uint8_t has_key = in.u8();
  if (has_key == 1) {
    s.parent_key.emplace();
    s.parent_key->bytes = in.guid16();
  }
  if (!in.ok() || has_key > 1 || in.remaining() != 0)
    return std::nullopt;
  return s;
}

} // namespace leasebreak::smb

#include <smb_server/opens/persistent_state.hpp>

#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <utility>

namespace leasebreak::smb {

namespace {

constexpr std::uint8_t first_version = 1;
constexpr std::uint8_t with_names = 2;
constexpr std::uint8_t with_action = 3;

void append(byte_writer& out, std::string_view text) {
  out.u32(static_cast<std::uint32_t>(text.size()));
  out.append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string read_text(byte_reader& in) {
  const bytes_view bytes = in.bytes(in.u32());
  return {bytes.begin(), bytes.end()};
}

void append(byte_writer& out, const guid* id) {
  out.u8(id != nullptr ? 1 : 0);
  if (id != nullptr)
    out.append(*id);
}

/// Returns false for an unknown action (MS-SMB2 2.2.14).
bool read_action(byte_reader& in, vfs::create_action& action) {
  const std::uint32_t value = in.u32();
  action = static_cast<vfs::create_action>(value);
  return value <= static_cast<std::uint32_t>(vfs::create_action::overwritten);
}

/// Returns false if the byte before the id is neither 0 nor 1.
bool read_guid(byte_reader& in, std::optional<guid>& id) {
  const std::uint8_t is_there = in.u8();
  if (is_there == 1)
    id = in.guid16();
  return is_there <= 1;
}

} // namespace

std::string to_bytes(const persistent_state& s) {
  byte_writer out;
  out.u8(with_action);
  append(out, s.user);
  append(out, s.name);
  out.u32(s.options);
  out.u32(s.timeout_ms);
  append(out, s.parent_key ? &s.parent_key->bytes : nullptr);
  append(out, s.name_before);
  append(out, nullptr); // AppInstanceId in old versions, now in the coordinator's record
  out.u64(s.position);
  out.u32(static_cast<std::uint32_t>(s.action));
  return {out.view().begin(), out.view().end()};
}

std::optional<persistent_state> parse_persistent_state(std::string_view bytes) {
  byte_reader in{{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}};
  const std::uint8_t written_as = in.u8();
  if (written_as < first_version || written_as > with_action)
    return std::nullopt;
  persistent_state s;
  s.user = read_text(in);
  s.name = read_text(in);
  s.options = in.u32();
  s.timeout_ms = in.u32();
  std::optional<guid> parent_key;
  bool is_good = read_guid(in, parent_key);
  if (parent_key)
    s.parent_key = lease_key{*parent_key};
  if (written_as >= with_names) {
    s.name_before = read_text(in);
    std::optional<guid> instance;
    is_good = read_guid(in, instance) && is_good;
    s.position = in.u64();
  }
  if (written_as >= with_action)
    is_good = read_action(in, s.action) && is_good;
  if (!in.ok() || !is_good || in.remaining() != 0)
    return std::nullopt;
  return s;
}

} // namespace leasebreak::smb

// CREATE, its contexts, and CLOSE.
#include <smb_server/wire/create.hpp>

#include <smb_server/wire/header.hpp>
#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <algorithm>

namespace leasebreak::smb {

namespace {

constexpr std::size_t lease_v1_size = 32;
constexpr std::size_t lease_v2_size = 52;
constexpr std::size_t context_header_size = 16;

/// Parses the context at the beginning of `list`. Sets `next` to the offset of the next one.
std::optional<create_context> parse_one_context(bytes_view list, std::size_t& next) {
  byte_reader in{list};
  next = in.u32();
  const std::size_t name_offset = in.u16();
  const std::size_t name_length = in.u16();
  in.skip(2);
  const std::size_t data_offset = in.u16();
  const std::size_t data_length = in.u32();
  if (!in.ok() || next % 8 != 0 ||
    (next != 0 && (next < context_header_size || next >= list.size())))
    return std::nullopt;
  const bytes_view whole = next == 0 ? list : list.first(next);
  const auto name = slice(whole, name_offset, name_length);
  const auto data = slice(whole, data_offset, data_length);
  if (!name || !data || name_offset < context_header_size || name_length < 4)
    return std::nullopt;
  return create_context{std::string(name->begin(), name->end()), *data};
}

void encode_contexts(byte_writer& out, const std::vector<response_context>& contexts) {
  for (std::size_t i = 0; i < contexts.size(); ++i) {
    const std::size_t begin = out.size();
    const std::size_t data_offset = (context_header_size + contexts[i].name.size() + 7) / 8 * 8;
    out.u32(0);
    out.u16(context_header_size);
    out.u16(static_cast<std::uint16_t>(contexts[i].name.size()));
    out.u16(0);
    out.u16(contexts[i].data.empty() ? 0 : static_cast<std::uint16_t>(data_offset));
    out.u32(static_cast<std::uint32_t>(contexts[i].data.size()));
    for (const char c : contexts[i].name)
      out.u8(static_cast<std::uint8_t>(c));
    out.align(8, begin);
    out.append(contexts[i].data);
    if (i + 1 < contexts.size()) {
      out.align(8, begin);
      out.patch_u32(begin, static_cast<std::uint32_t>(out.size() - begin));
    }
  }
}

void encode_times(byte_writer& out, const file_metadata& m) {
  out.u64(m.creation_time);
  out.u64(m.access_time);
  out.u64(m.write_time);
  out.u64(m.change_time);
  out.u64(m.allocation);
  out.u64(m.end_of_file);
  out.u32(m.attributes);
}

} // namespace

std::optional<std::vector<create_context>> parse_create_contexts(bytes_view list) {
  std::vector<create_context> result;
  while (!list.empty()) {
    std::size_t next = 0;
    auto context = parse_one_context(list, next);
    if (!context || result.size() == create_contexts_max)
      return std::nullopt;
    result.push_back(std::move(*context));
    if (next == 0)
      break;
    list = list.subspan(next);
  }
  return result;
}

std::optional<lease_context> parse_lease_context(bytes_view data) {
  if (data.size() != lease_v1_size && data.size() != lease_v2_size)
    return std::nullopt;
  byte_reader in{data};
  lease_context lease;
  lease.key = in.guid16();
  lease.state = in.u32();
  lease.flags = in.u32();
  in.skip(8);
  if (data.size() == lease_v2_size) {
    lease.version = 2;
    lease.parent_key = in.guid16();
    lease.epoch = in.u16();
  }
  return lease;
}

byte_vector encode_lease_context(const lease_context& lease) {
  byte_writer out;
  out.append(lease.key);
  out.u32(lease.state);
  out.u32(lease.flags);
  out.u64(0);
  if (lease.version == 2) {
    out.append(lease.parent_key);
    out.u16(lease.epoch);
    out.u16(0);
  }
  return out.take();
}

const create_context* create_request::context(std::string_view wanted) const noexcept {
  const auto found = std::find_if(
    contexts.begin(), contexts.end(), [&](const create_context& c) { return c.name == wanted; });
  return found == contexts.end() ? nullptr : &*found;
}

create_parsed parse_create(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  create_request r;
  const std::uint16_t size = in.u16();
  in.skip(1);
  r.oplock_level = in.u8();
  r.impersonation = in.u32();
  in.skip(16);
  r.access = in.u32();
  r.attributes = in.u32();
  r.share_access = in.u32();
  r.disposition = static_cast<disposition>(in.u32());
  r.options = in.u32();
  const std::size_t name_offset = in.u16();
  const std::size_t name_length = in.u16();
  const std::size_t contexts_offset = in.u32();
  const std::size_t contexts_length = in.u32();
  const auto name = slice(message, name_offset, name_length);
  const auto list = slice(message, contexts_offset, contexts_length);
  if (!in.ok() || size != 57 || !name || !list ||
    (contexts_length != 0 && contexts_offset % 8 != 0))
    return {status::invalid_parameter, {}};
  auto contexts = parse_create_contexts(*list);
  if (!contexts)
    return {status::invalid_parameter, {}};
  r.contexts = std::move(*contexts);
  auto text = utf16_to_utf8(*name);
  if (!text)
    return {status::object_name_invalid, {}};
  r.name = std::move(*text);
  return {status::success, std::move(r)};
}

void encode(byte_writer& out, std::size_t begin, const create_response& r) {
  out.u16(89);
  out.u8(r.oplock_level);
  out.u8(0);
  out.u32(static_cast<std::uint32_t>(r.action));
  encode_times(out, r.metadata);
  out.u32(0);
  write_file_id(out, r.id);
  const std::size_t contexts_at = out.size();
  out.u64(0);
  if (r.contexts.empty())
    return;
  const std::size_t offset = out.size() - begin;
  encode_contexts(out, r.contexts);
  out.patch_u32(contexts_at, static_cast<std::uint32_t>(offset));
  out.patch_u32(contexts_at + 4, static_cast<std::uint32_t>(out.size() - begin - offset));
}

std::optional<close_request> parse_close(bytes_view message) {
  byte_reader in{message};
  in.skip(header_size);
  close_request r;
  const std::uint16_t size = in.u16();
  r.flags = in.u16();
  in.skip(4);
  r.id = read_file_id(in);
  if (!in.ok() || size != 24)
    return std::nullopt;
  return r;
}

void encode_close_response(byte_writer& out, const std::optional<file_metadata>& metadata) {
  out.u16(60);
  out.u16(metadata ? 1 : 0);
  out.u32(0);
  encode_times(out, metadata.value_or(file_metadata{}));
}

} // namespace leasebreak::smb

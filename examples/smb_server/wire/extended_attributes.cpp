#include <smb_server/wire/extended_attributes.hpp>

namespace leasebreak::smb {

namespace {

constexpr std::size_t ea_alignment = 4;

/// Calls `take` with each entry of a list whose entries begin with the offset of the next one.
/// Returns false if an entry is malformed.
template <class Take>
bool for_each_entry(bytes_view list, Take take) {
  for (std::size_t count = 0; !list.empty(); ++count) {
    byte_reader in{list};
    const std::size_t next = in.u32();
    if (!in.ok() || count == ea_entries_max || next % ea_alignment != 0 || next >= list.size() ||
      !take(next == 0 ? list : list.first(next)))
      return false;
    if (next == 0)
      break;
    list = list.subspan(next);
  }
  return true;
}

/// Reads `length` bytes and the terminating zero.
std::optional<std::string> name_at(bytes_view entry, std::size_t offset, std::size_t length) {
  const auto text = slice(entry, offset, length + 1);
  if (!text || text->back() != 0)
    return std::nullopt;
  return std::string(text->begin(), text->end() - 1);
}

} // namespace

std::optional<std::vector<ea_entry>> parse_eas(bytes_view list) {
  constexpr std::size_t head = 8;
  std::vector<ea_entry> result;
  const bool good = for_each_entry(list, [&](bytes_view entry) {
    byte_reader in{entry};
    in.skip(5);
    const std::size_t name_length = in.u8();
    const std::size_t value_length = in.u16();
    if (!in.ok())
      return false;
    auto name = name_at(entry, head, name_length);
    const auto value = slice(entry, head + name_length + 1, value_length);
    if (!name || !value)
      return false;
    result.push_back({std::move(*name), byte_vector(value->begin(), value->end())});
    return true;
  });
  return good ? std::optional(std::move(result)) : std::nullopt;
}

std::optional<std::vector<std::string>> parse_ea_names(bytes_view list) {
  constexpr std::size_t head = 5;
  std::vector<std::string> result;
  const bool good = for_each_entry(list, [&](bytes_view entry) {
    byte_reader in{entry};
    in.skip(4);
    const std::size_t length = in.u8();
    if (!in.ok())
      return false;
    auto name = name_at(entry, head, length);
    if (name)
      result.push_back(std::move(*name));
    return name.has_value();
  });
  return good ? std::optional(std::move(result)) : std::nullopt;
}

byte_vector encode_eas(const std::vector<ea_entry>& entries, std::size_t room, std::size_t& count) {
  byte_writer out;
  std::size_t last = 0;
  count = 0;
  for (const ea_entry& e : entries) {
    const std::size_t begin = (out.size() + ea_alignment - 1) / ea_alignment * ea_alignment;
    if (begin + 8 + e.name.size() + 1 + e.value.size() > room)
      break;
    if (count > 0) {
      out.align(ea_alignment, 0);
      out.patch_u32(last, static_cast<std::uint32_t>(begin - last));
    }
    last = begin;
    out.u32(0);
    out.u8(0);
    out.u8(static_cast<std::uint8_t>(e.name.size()));
    out.u16(static_cast<std::uint16_t>(e.value.size()));
    for (const char c : e.name)
      out.u8(static_cast<std::uint8_t>(c));
    out.u8(0);
    out.append(e.value);
    ++count;
  }
  return out.take();
}

std::uint32_t ea_size_of(const std::vector<ea_entry>& entries) noexcept {
  std::size_t size = entries.empty() ? 0 : 4;
  for (const ea_entry& e : entries)
    size += 4 + e.name.size() + 1 + e.value.size();
  return static_cast<std::uint32_t>(size);
}

} // namespace leasebreak::smb

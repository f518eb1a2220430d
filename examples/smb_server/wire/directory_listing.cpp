// Directory entries.
#include <smb_server/wire/directory_listing.hpp>

#include <smb_server/wire/utf16.hpp>

namespace leasebreak::smb {

namespace {

void put_metadata(byte_writer& out, const file_metadata& m) {
  out.u64(m.creation_time);
  out.u64(m.access_time);
  out.u64(m.write_time);
  out.u64(m.change_time);
  out.u64(m.end_of_file);
  out.u64(m.allocation);
  out.u32(m.attributes);
}

/// Writes the fields between the length of the name and the name.
void put_middle(byte_writer& out, file_class c, const file_metadata& m) {
  constexpr std::size_t short_name = 26; // its length, a reserved byte, and space for 12 characters
  switch (c) {
  case file_class::full_directory:
    out.u32(0);
    break;
  case file_class::both_directory:
    out.u32(0);
    out.zeros(short_name);
    break;
  case file_class::id_both_directory:
    out.u32(0);
    out.zeros(short_name + 2);
    out.u64(m.index);
    break;
  case file_class::id_full_directory:
    out.u64(0);
    out.u64(m.index);
    break;
  default:
    break;
  }
}

} // namespace

bool is_directory_class(file_class c) noexcept {
  switch (c) {
  case file_class::directory:
  case file_class::full_directory:
  case file_class::both_directory:
  case file_class::names:
  case file_class::id_both_directory:
  case file_class::id_full_directory:
    return true;
  default:
    return false;
  }
}

bool directory_listing::add(std::string_view name, const file_metadata& m) {
  const byte_vector text = utf8_to_utf16(name);
  byte_writer entry;
  entry.u32(0);
  entry.u32(0);
  if (class_ != file_class::names)
    put_metadata(entry, m);
  entry.u32(static_cast<std::uint32_t>(text.size()));
  put_middle(entry, class_, m);
  entry.append(text);
  const std::size_t begin = (out_.size() + 7) / 8 * 8;
  if (begin + entry.size() > room_)
    return false;
  if (!empty()) {
    out_.align(8);
    out_.patch_u32(last_, static_cast<std::uint32_t>(begin - last_));
  }
  last_ = begin;
  out_.append(entry.view());
  return true;
}

} // namespace leasebreak::smb

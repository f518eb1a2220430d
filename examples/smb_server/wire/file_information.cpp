// Encodes and parses information classes.
#include <smb_server/wire/file_information.hpp>

#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

namespace leasebreak::smb {

namespace {

constexpr std::int64_t epoch_difference = 116'444'736'000'000'000; // 1601 to 1970, in 100 ns

void put_times(byte_writer& out, const file_metadata& m) {
  out.u64(m.creation_time);
  out.u64(m.access_time);
  out.u64(m.write_time);
  out.u64(m.change_time);
}

void put_basic(byte_writer& out, const file_metadata& m) {
  put_times(out, m);
  out.u32(m.attributes);
  out.u32(0);
}

void put_standard(byte_writer& out, const file_metadata& m) {
  out.u64(m.allocation);
  out.u64(m.end_of_file);
  out.u32(m.links);
  out.u8(m.delete_pending ? 1 : 0);
  out.u8(m.is_directory ? 1 : 0);
  out.u16(0);
}

void put_name(byte_writer& out, std::string_view name) {
  const byte_vector text = utf8_to_utf16(name);
  out.u32(static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

void put_all(byte_writer& out, const file_description& f) {
  put_basic(out, f.metadata);
  put_standard(out, f.metadata);
  out.u64(f.metadata.index);
  out.u32(f.ea_size);
  out.u32(f.access);
  out.u64(f.position);
  out.u32(f.mode);
  out.u32(0);
  put_name(out, f.name);
}

void put_streams(byte_writer& out, const std::vector<stream_entry>& streams) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (i > 0) {
      out.align(8);
      out.patch_u32(last, static_cast<std::uint32_t>(out.size() - last));
    }
    last = out.size();
    const byte_vector name = utf8_to_utf16(streams[i].name);
    out.u32(0);
    out.u32(static_cast<std::uint32_t>(name.size()));
    out.u64(streams[i].size);
    out.u64(streams[i].allocation);
    out.append(name);
  }
}

void put_network_open(byte_writer& out, const file_metadata& m) {
  put_times(out, m);
  out.u64(m.allocation);
  out.u64(m.end_of_file);
  out.u32(m.attributes);
  out.u32(0);
}

void put_compression(byte_writer& out, const file_metadata& m) {
  out.u64(m.end_of_file);
  out.zeros(8);
}

void put_id(byte_writer& out, const file_description& f) {
  out.u64(f.volume);
  out.u64(f.metadata.index);
  out.u64(0);
}

/// MS-SMB2 3.3.5.20.1: the part of fixed size must fit; the rest is truncated.
information fit(byte_writer& out, std::size_t fixed, std::size_t room) {
  if (room < fixed)
    return {status::info_length_mismatch, {}};
  byte_vector data = out.take();
  if (data.size() <= room)
    return {status::success, std::move(data)};
  data.resize(room);
  return {status::buffer_overflow, std::move(data)};
}

} // namespace

std::uint64_t to_filetime(filetime_point t) noexcept {
  const std::int64_t ticks = t.time_since_epoch().count();
  return ticks <= -epoch_difference
    ? 0
    : static_cast<std::uint64_t>(ticks) + static_cast<std::uint64_t>(epoch_difference);
}

std::uint64_t to_filetime(std::chrono::system_clock::time_point t) noexcept {
  return to_filetime(std::chrono::floor<filetime_point::duration>(t));
}

std::optional<filetime_point> from_filetime(std::uint64_t t) noexcept {
  if (t > INT64_MAX)
    return std::nullopt;
  return filetime_point{filetime_point::duration{static_cast<std::int64_t>(t) - epoch_difference}};
}

information encode_file_information(file_class c, const file_description& f, std::size_t room) {
  byte_writer out;
  switch (c) {
  case file_class::basic:
    put_basic(out, f.metadata);
    return fit(out, 40, room);
  case file_class::standard:
    put_standard(out, f.metadata);
    return fit(out, 24, room);
  case file_class::internal:
    out.u64(f.metadata.index);
    return fit(out, 8, room);
  case file_class::ea:
    out.u32(f.ea_size);
    return fit(out, 4, room);
  case file_class::alignment:
    out.u32(0);
    return fit(out, 4, room);
  case file_class::access:
    out.u32(f.access);
    return fit(out, 4, room);
  case file_class::mode:
    out.u32(f.mode);
    return fit(out, 4, room);
  case file_class::position:
    out.u64(f.position);
    return fit(out, 8, room);
  case file_class::name:
    put_name(out, f.name);
    return fit(out, 8, room);
  case file_class::normalized_name:
    put_name(out, std::string_view{f.name}.substr(f.name.empty() ? 0 : 1));
    return fit(out, 8, room);
  case file_class::all:
    put_all(out, f);
    return fit(out, 104, room);
  case file_class::stream:
    put_streams(out, f.streams);
    return fit(out, f.streams.empty() ? 0 : 32, room);
  case file_class::compression:
    put_compression(out, f.metadata);
    return fit(out, 16, room);
  case file_class::network_open:
    put_network_open(out, f.metadata);
    return fit(out, 56, room);
  case file_class::attribute_tag:
    out.u32(f.metadata.attributes);
    out.u32(0);
    return fit(out, 8, room);
  case file_class::id:
    put_id(out, f);
    return fit(out, 24, room);
  case file_class::alternate_name:
    if (f.short_name.empty())
      return {status::object_name_not_found, {}};
    put_name(out, f.short_name);
    return fit(out, 8, room);
  default:
    return {status::invalid_info_class, {}};
  }
}

information encode_volume_information(
  volume_class c, const volume_description& v, std::size_t room) {
  constexpr std::uint32_t disk = 7;
  constexpr std::uint32_t mounted = 0x20;
  constexpr std::uint32_t sector = 512;
  byte_writer out;
  switch (c) {
  case volume_class::volume: {
    const byte_vector label = utf8_to_utf16(v.label);
    out.u64(v.creation_time);
    out.u32(v.serial);
    out.u32(static_cast<std::uint32_t>(label.size()));
    out.u16(0);
    out.append(label);
    return fit(out, 24, room);
  }
  case volume_class::size:
    out.u64(v.total_units);
    out.u64(v.caller_units);
    out.u32(v.unit_bytes / sector);
    out.u32(sector);
    return fit(out, 24, room);
  case volume_class::full_size:
    out.u64(v.total_units);
    out.u64(v.caller_units);
    out.u64(v.free_units);
    out.u32(v.unit_bytes / sector);
    out.u32(sector);
    return fit(out, 32, room);
  case volume_class::device:
    out.u32(disk);
    out.u32(mounted);
    return fit(out, 8, room);
  case volume_class::attribute:
    out.u32(v.attributes);
    out.u32(255);
    put_name(out, v.file_system);
    return fit(out, 16, room);
  case volume_class::object_id: // MS-FSCC 2.5.6, without extended information
    out.u64(v.index);
    out.u64(v.serial);
    out.zeros(48);
    return fit(out, 64, room);
  case volume_class::sector_size:
    for (int i = 0; i < 4; ++i)
      out.u32(i == 2 ? v.unit_bytes : sector);
    out.zeros(12);
    return fit(out, 28, room);
  default:
    return {status::invalid_info_class, {}};
  }
}

byte_vector open_security_descriptor() {
  constexpr std::uint32_t header = 20;
  constexpr std::uint32_t everyone_size = 12;
  const auto everyone = [](byte_writer& out) { // S-1-1-0
    out.u8(1);
    out.u8(1);
    out.zeros(5);
    out.u8(1);
    out.u32(0);
  };
  byte_writer out;
  out.u8(1);
  out.u8(0);
  out.u16(0x8004); // self-relative, with an access control list
  out.u32(header);
  out.u32(header + everyone_size);
  out.u32(0);
  out.u32(header + 2 * everyone_size);
  everyone(out);
  everyone(out);
  out.u16(2);
  out.u16(8 + 8 + everyone_size);
  out.u16(1);
  out.u16(0);
  out.u16(0); // allow
  out.u16(8 + everyone_size);
  out.u32(0x001f'01ff);
  everyone(out);
  return out.take();
}

std::optional<basic_setting> parse_basic(bytes_view data) {
  byte_reader in{data};
  basic_setting r;
  r.creation_time = in.u64();
  r.access_time = in.u64();
  r.write_time = in.u64();
  r.change_time = in.u64();
  r.attributes = in.u32();
  if (!in.ok())
    return std::nullopt;
  return r;
}

std::optional<rename_setting> parse_rename(bytes_view data) {
  byte_reader in{data};
  rename_setting r;
  r.replace = in.u8() != 0;
  in.skip(7);
  const std::uint64_t root = in.u64();
  const std::size_t length = in.u32();
  const bytes_view name = in.bytes(length);
  if (!in.ok() || root != 0 || length == 0)
    return std::nullopt;
  auto text = utf16_to_utf8(name);
  if (!text)
    return std::nullopt;
  r.name = std::move(*text);
  return r;
}

} // namespace leasebreak::smb

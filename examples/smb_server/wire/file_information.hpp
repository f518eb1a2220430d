// Information about files and file systems, in the classes of MS-FSCC 2.4 and 2.5.
#pragma once

#include <smb_server/wire/create.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::smb {

/// A point in time in units of 100 ns, like FILETIME, but counted from 1970.
using filetime_point =
  std::chrono::sys_time<std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>>;

/// Returns units of 100 ns since 1601 (MS-DTYP 2.3.3), or 0 for earlier times.
[[nodiscard]] std::uint64_t to_filetime(filetime_point t) noexcept;
[[nodiscard]] std::uint64_t to_filetime(std::chrono::system_clock::time_point t) noexcept;

/// Returns nothing if `t` is negative as a signed number, which is invalid (MS-FSA 2.1.5.15.2).
[[nodiscard]] std::optional<filetime_point> from_filetime(std::uint64_t t) noexcept;

/// MS-FSCC 2.4.
enum class file_class : std::uint8_t {
  directory = 1,
  full_directory = 2,
  both_directory = 3,
  basic = 4,
  standard = 5,
  internal = 6,
  ea = 7,
  access = 8,
  name = 9,
  rename = 10,
  link = 11,
  names = 12,
  disposition = 13,
  position = 14,
  full_ea = 15,
  mode = 16,
  alignment = 17,
  all = 18,
  allocation = 19,
  end_of_file = 20,
  alternate_name = 21,
  stream = 22,
  compression = 28,
  network_open = 34,
  attribute_tag = 35,
  id_both_directory = 37,
  id_full_directory = 38,
  normalized_name = 48,
  id = 59,
  disposition_ex = 64,
};

/// A stream of a file: its name with colons and type, such as "::$DATA".
struct stream_entry {
  std::string name;
  std::uint64_t size = 0;
  std::uint64_t allocation = 0;
};

/// The input for all classes.
struct file_description {
  file_metadata metadata;
  std::uint32_t access = 0; ///< Of the querying open.
  std::uint64_t position = 0;
  std::uint32_t mode = 0;
  std::uint64_t volume = 0;
  std::string name; ///< Path from the share's root, with backslashes, including a leading one.
  std::string short_name; ///< Empty if there is none.
  std::vector<stream_entry> streams;
  std::uint32_t ea_size = 0; ///< Size of the extended attributes for OS/2 (MS-FSCC 2.4.12).
};

/// The result of a query. With `buffer_overflow`, the data is truncated.
struct information {
  std::uint32_t status = 0;
  byte_vector data;
};

/// Encodes the class `c` of `f` within `room` bytes.
[[nodiscard]] information encode_file_information(
  file_class c, const file_description& f, std::size_t room);

/// Whether the class uses `file_description::streams`.
[[nodiscard]] constexpr bool needs_streams(file_class c) noexcept {
  return c == file_class::stream;
}

/// Whether the class uses `file_description::ea_size`.
[[nodiscard]] constexpr bool needs_ea_size(file_class c) noexcept {
  return c == file_class::ea || c == file_class::all;
}

/// MS-FSCC 2.5.
enum class volume_class : std::uint8_t {
  volume = 1,
  size = 3,
  device = 4,
  attribute = 5,
  full_size = 7,
  object_id = 8,
  sector_size = 11,
};

struct volume_description {
  std::uint64_t creation_time = 0;
  std::uint32_t serial = 0;
  std::uint64_t index = 0; ///< Of the share's root.
  std::string label;
  std::string file_system = "NTFS"; ///< The name that all clients support.
  std::uint32_t attributes = 0;
  std::uint64_t total_units = 0;
  std::uint64_t caller_units = 0; ///< Available to the caller.
  std::uint64_t free_units = 0;
  std::uint32_t unit_bytes = 4096;
};

[[nodiscard]] information encode_volume_information(
  volume_class c, const volume_description& v, std::size_t room);

/// Returns a constant security descriptor that permits everything to all users, because the account
/// that the server runs under determines access.
[[nodiscard]] byte_vector open_security_descriptor();

/// FileBasicInformation in SET_INFO; 0 and all-ones leave a time unchanged.
struct basic_setting {
  std::uint64_t creation_time = 0;
  std::uint64_t access_time = 0;
  std::uint64_t write_time = 0;
  std::uint64_t change_time = 0;
  std::uint32_t attributes = 0;
};

[[nodiscard]] std::optional<basic_setting> parse_basic(bytes_view data);

struct rename_setting {
  bool replace = false;
  std::string name;
};

/// The bytes before the name (MS-FSCC 2.4.42.2).
inline constexpr std::size_t rename_fixed_bytes = 20;

/// Also parses FileLinkInformation, which has the same layout.
[[nodiscard]] std::optional<rename_setting> parse_rename(bytes_view data);

} // namespace leasebreak::smb

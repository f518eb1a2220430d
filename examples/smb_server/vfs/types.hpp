// The values that the file system library takes and returns.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::smb::vfs {

class open_file;
using open_ptr = std::shared_ptr<open_file>;

/// A point in time as clients set it: in 100 ns (MS-DTYP 2.3.3), so that the years from 1601 to
/// 30828 fit.
using file_ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
using file_time = std::chrono::sys_time<file_ticks>;

/// MS-FSCC 2.6 file attributes.
namespace attribute {
inline constexpr std::uint32_t read_only = 0x1;
inline constexpr std::uint32_t hidden = 0x2;
inline constexpr std::uint32_t system = 0x4;
inline constexpr std::uint32_t directory = 0x10;
inline constexpr std::uint32_t archive = 0x20;
inline constexpr std::uint32_t normal = 0x80;
inline constexpr std::uint32_t temporary = 0x100;
inline constexpr std::uint32_t sparse = 0x200; ///< Set by `open_file::set_sparse` alone.
inline constexpr std::uint32_t offline = 0x1000;
inline constexpr std::uint32_t not_content_indexed = 0x2000;
/// Those that are kept; others that a client sets are dropped.
inline constexpr std::uint32_t kept =
  read_only | hidden | system | archive | temporary | offline | not_content_indexed;
} // namespace attribute

/// Names a file however it was opened. A named stream is a file of its own.
struct identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::string stream; ///< Empty for the file itself.
  std::uint64_t birth = 0; ///< When it was made, in ns; inodes' numbers are used again. 0: unknown.

  friend auto operator<=>(const identity&, const identity&) = default;

  /// The same as bytes, to be used as the coordinator's file name: 24 bytes and the stream's name.
  /// Also after a restart of the machine, as far as the file system keeps its device number.
  [[nodiscard]] std::string bytes() const;
};

/// What a client may ask of a file.
struct file_info {
  identity id;
  bool is_directory = false;
  std::uint32_t attributes = 0; ///< With `directory`; `normal` if there is nothing else.
  file_time creation_time;
  file_time access_time;
  file_time write_time;
  file_time change_time;
  std::uint64_t end_of_file = 0;
  std::uint64_t allocation_size = 0;
  std::uint32_t links = 1;
};

/// MS-SMB2 2.2.13 CreateDisposition, with its values.
enum class disposition : std::uint32_t {
  supersede = 0,
  open = 1,
  create = 2,
  open_if = 3,
  overwrite = 4,
  overwrite_if = 5,
};

/// MS-SMB2 2.2.14 CreateAction, with its values.
enum class create_action : std::uint32_t {
  superseded = 0,
  opened = 1,
  created = 2,
  overwritten = 3,
};

/// What kind of file the client insists on (FILE_NON_DIRECTORY_FILE, FILE_DIRECTORY_FILE).
enum class node_kind { any, file, directory };

/// An extended attribute as clients know it (MS-FSCC 2.4.16). Names are told apart without regard
/// to the case of ASCII letters, and keep the case that they were first set with.
struct extended_attribute {
  std::string name;
  std::vector<std::uint8_t> value; ///< Empty to remove it.

  friend bool operator==(const extended_attribute&, const extended_attribute&) = default;
};

/// Longest name and value of one (MS-FSCC 2.4.16: their lengths have 8 and 16 bits).
inline constexpr std::size_t extended_name_bytes_max = 248; // and `user.` before it on the disk
inline constexpr std::size_t extended_value_bytes_max = 65'535;

/// How to open.
struct open_options {
  disposition how = disposition::open;
  node_kind kind = node_kind::any;
  bool read = false; ///< The granted access includes reading data.
  bool write = false; ///< It includes writing or appending data.
  bool delete_on_close = false; ///< Refused for what is read-only or could not be removed.
  std::uint32_t attributes = 0; ///< Of a file that is created or overwritten.
  std::uint64_t allocation_size = 0; ///< Of a file that is created or overwritten.
  std::vector<extended_attribute> eas; ///< Of a file that is created or overwritten.
};

/// What the first phase of an open found or made.
struct opened {
  open_ptr file;
  create_action action = create_action::opened; ///< What it is, once the second phase is done.
  bool created = false; ///< The name was created by this open; `undo_create` can take it back.
  bool base_created = false; ///< The stream's file too.
  bool base_is_directory = false; ///< The stream is a directory's.
  bool missing = false; ///< There is no such file, and none was made: `make` does.
  bool unnamed = false; ///< The file was made and has no name: `give_name` gives it one.
  identity directory; ///< With `missing` or `unnamed`: where the name is to be.
  bool truncates = false; ///< The second phase, `truncate_for_overwrite`, is needed.
  std::uint32_t attributes = 0; ///< As asked for; the second phase sets them.
  std::uint64_t allocation_size = 0; ///< As asked for; the second phase reserves it.
  std::vector<extended_attribute> eas; ///< As asked for; the second phase sets them.
  file_info info;
};

/// What names meant when they were looked at. A change that is made for it is made only if they
/// still do.
struct expected_names {
  identity source; ///< Directory in which the file has its name; a rename's.
  std::string source_leaf; ///< Its name there.
  identity directory; ///< Directory of the new name.
  std::optional<identity> target; ///< What the new name is; nothing if it is free.
};

/// Attributes and times to be set; what is not given stays.
struct basic_changes {
  std::optional<std::uint32_t> attributes;
  std::optional<file_time> creation_time;
  std::optional<file_time> access_time;
  std::optional<file_time> write_time;
  std::optional<file_time> change_time;
};

/// All that can be changed of a file by its path.
struct file_changes {
  basic_changes basic;
  std::optional<std::uint64_t> end_of_file;
  std::optional<std::uint64_t> allocation_size;
};

/// A part of a file.
struct extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  friend bool operator==(const extent&, const extent&) = default;
};

/// One named stream, or with an empty name the file's data.
struct stream_info {
  std::string name;
  std::uint64_t size = 0;
  std::uint64_t allocation_size = 0;
};

/// The file system that holds a share.
struct space_info {
  std::uint64_t block_bytes = 4096; ///< An allocation unit.
  std::uint64_t total_blocks = 0;
  std::uint64_t free_blocks = 0;
  std::uint64_t available_blocks = 0; ///< To this process.
  std::uint64_t total_files = 0;
  std::uint64_t free_files = 0;
  std::uint32_t component_bytes_max = 255;
  std::uint64_t device = 0; ///< Serves as volume serial number.
  file_time creation_time; ///< Of the share's root.
  bool read_only = false;
  bool has_streams = true; ///< Extended attributes work, so streams and attributes are kept.
};

/// Where a listing goes on.
struct list_position {
  std::uint32_t stage = 0; ///< 0 before `.`, 1 before `..`, 2 the entries of the file system.
  std::int64_t offset = 0;

  friend auto operator<=>(const list_position&, const list_position&) = default;
};

/// One entry of a directory listing.
struct directory_entry {
  std::string name;
  file_info info;
  list_position after; ///< `seek` here to go on behind this entry.
};

/// Some entries of a listing, in the order of the file system.
struct list_batch {
  std::vector<directory_entry> entries;
  bool end = false; ///< Nothing more follows.
};

} // namespace leasebreak::smb::vfs

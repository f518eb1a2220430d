// The argument and result types of the file system library.
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

/// The resolution of clients' times, 100 ns (MS-DTYP 2.3.3), which fits the years 1601 to 30828.
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
inline constexpr std::uint32_t sparse = 0x200; ///< Set only by `open_file::set_sparse`.
inline constexpr std::uint32_t offline = 0x1000;
inline constexpr std::uint32_t not_content_indexed = 0x2000;
/// The attributes that are stored; others that a client sets are dropped.
inline constexpr std::uint32_t kept =
  read_only | hidden | system | archive | temporary | offline | not_content_indexed;
} // namespace attribute

/// Identifies a file, independent of its path. A named stream has its own identity.
struct identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::string stream; ///< Empty for the file itself.
  std::uint64_t birth = 0; ///< Creation time in ns, because inode numbers are reused. 0: unknown.

  friend auto operator<=>(const identity&, const identity&) = default;

  /// The identity as bytes, for the coordinator's file id: 24 bytes and the stream's name. Stable
  /// across a restart of the machine if the file system keeps its device number.
  [[nodiscard]] std::string bytes() const;
};

/// The metadata of a file.
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

/// The kind of file that the client requires (FILE_NON_DIRECTORY_FILE, FILE_DIRECTORY_FILE).
enum class node_kind { any, file, directory };

/// An extended attribute of a client (MS-FSCC 2.4.16). Names are case-insensitive in ASCII letters,
/// and keep the case in which they were first set.
struct extended_attribute {
  std::string name;
  std::vector<std::uint8_t> value; ///< Empty to remove it.

  friend bool operator==(const extended_attribute&, const extended_attribute&) = default;
};

/// The maximum lengths of name and value (MS-FSCC 2.4.16: the length fields have 8 and 16 bits).
inline constexpr std::size_t extended_name_bytes_max = 248; // and `user.` before it on the disk
inline constexpr std::size_t extended_value_bytes_max = 65'535;

/// Options of an open.
struct open_options {
  disposition how = disposition::open;
  node_kind kind = node_kind::any;
  bool read = false; ///< The granted access includes reading data.
  bool write = false; ///< It includes writing or appending data.
  bool delete_on_close = false; ///< Refused if the file is read-only or cannot be removed.
  std::uint32_t attributes = 0; ///< Of a file that is created or overwritten.
  std::uint64_t allocation_size = 0; ///< Of a file that is created or overwritten.
  std::vector<extended_attribute> eas; ///< Of a file that is created or overwritten.
};

/// The result of the first phase of an open.
struct opened {
  open_ptr file;
  create_action action = create_action::opened; ///< The action once the second phase is done.
  bool created = false; ///< This open created the name; `undo_create` removes it.
  bool base_created = false; ///< This open also created the stream's file.
  bool base_is_directory = false; ///< The stream belongs to a directory.
  bool missing = false; ///< The file does not exist; `make` creates it.
  bool unnamed = false; ///< The file was created without a name; `give_name` names it.
  identity directory; ///< With `missing` or `unnamed`: the directory of the name.
  bool truncates = false; ///< The second phase, `truncate_for_overwrite`, is needed.
  std::uint32_t attributes = 0; ///< As requested; the second phase sets them.
  std::uint64_t allocation_size = 0; ///< As requested; the second phase reserves it.
  std::vector<extended_attribute> eas; ///< As requested; the second phase sets them.
  file_info info;
};

/// The files that names referred to when they were looked up. A change that depends on this is made
/// only if they still do.
struct expected_names {
  identity source; ///< Only for a rename: the directory of the file's old name.
  std::string source_leaf; ///< The old name there, as clients see it.
  identity directory; ///< The directory of the new name.
  std::optional<identity> target; ///< The file that has the new name; nothing if it is free.
};

/// Attributes and times to set; absent ones are unchanged.
struct basic_changes {
  std::optional<std::uint32_t> attributes;
  std::optional<file_time> creation_time;
  std::optional<file_time> access_time;
  std::optional<file_time> write_time;
  std::optional<file_time> change_time;
  /// Whether operations on the open update these times from now on (MS-FSA 2.1.1.6).
  std::optional<bool> updates_access_time;
  std::optional<bool> updates_write_time;
};

/// The changes that can be made to a file by its path.
struct file_changes {
  basic_changes basic;
  std::optional<std::uint64_t> end_of_file;
  std::optional<std::uint64_t> allocation_size;
};

/// A range of a file.
struct extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  friend bool operator==(const extent&, const extent&) = default;
};

/// A named stream, or the file's data if the name is empty.
struct stream_info {
  std::string name;
  std::uint64_t size = 0;
  std::uint64_t allocation_size = 0;
};

/// The file system that contains a share.
struct space_info {
  std::uint64_t block_bytes = 4096; ///< An allocation unit.
  std::uint64_t total_blocks = 0;
  std::uint64_t free_blocks = 0;
  std::uint64_t available_blocks = 0; ///< Available to this process.
  std::uint64_t total_files = 0;
  std::uint64_t free_files = 0;
  std::uint32_t component_bytes_max = 255;
  std::uint64_t device = 0; ///< Serves as volume serial number.
  std::uint64_t root = 0; ///< The inode of the share's root.
  file_time creation_time; ///< Of the share's root.
  bool read_only = false;
  bool has_streams = true; ///< The file system has extended attributes, which streams need.
};

/// The position of a listing.
struct list_position {
  std::uint32_t stage = 0; ///< 0 before `.`, 1 before `..`, 2 the entries of the file system.
  std::int64_t offset = 0;

  friend auto operator<=>(const list_position&, const list_position&) = default;
};

/// One entry of a directory listing.
struct directory_entry {
  std::string name; ///< As clients see it.
  file_info info;
  list_position after; ///< The argument of `seek` to continue after this entry.
};

/// Some entries of a listing, in the order of the file system.
struct list_batch {
  std::vector<directory_entry> entries;
  bool end = false; ///< The listing is complete.
};

} // namespace leasebreak::smb::vfs

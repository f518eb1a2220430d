// A share: a directory and its contents. The synchronous core of the file system library.
#pragma once

#include "directory_cursor.hpp"
#include "errors.hpp"
#include "open_file.hpp"
#include "path.hpp"
#include "types.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

namespace leasebreak::smb::vfs {

/// Limits and options of a share.
struct share_options {
  /// The maximum number of opens and listings; each needs a file descriptor.
  std::size_t opens_max = 65536;
  /// Counts them. Shares with the same counter share the limit. Null: the share has its own
  /// counter.
  std::shared_ptr<std::atomic<std::size_t>> opens_counter;
  std::size_t io_bytes_max = 8U << 20; ///< Bytes of one read or write.
  /// The maximum end of file: that of NTFS (MS-FSA 2.1.5.3), or of the file system if that is
  /// smaller.
  std::uint64_t file_bytes_max = 0xfff'ffff'0000;
  std::uint64_t stream_bytes_max = 0xfff'ffff'0000; ///< The same for a named stream.
  /// Bytes of a named stream that is stored in an extended attribute. A larger one has a file of
  /// its own in `.leasebreak.streams` of the root, which clients do not see.
  std::size_t stream_inline_bytes_max = 1024;
  std::size_t list_batch_max = 128; ///< Entries of one batch of a listing.
  std::size_t list_names_max = 128; ///< Names that one batch reads; takes at most a millisecond.
  std::size_t streams_max = 1024; ///< Named streams of a file.
  mode_t file_mode = 0664; ///< Of new files, less the umask.
  mode_t directory_mode = 0775; ///< Of new directories, less the umask.
  // If one of these is false, the library uses its fallback.
  bool use_unnamed = true; ///< Create files unnamed, if the file system can, and name them later.
  bool use_noreplace = true; ///< Use RENAME_NOREPLACE, if available, instead of a check before.
  bool use_openat2 = true; ///< Use openat2, if available, instead of opening each folder.
  bool use_caches = true; ///< Let `open_cached` and similar calls work without worker threads.
  /// Called between the steps of a change to a large stream, so that a test can end the process
  /// there. Called with locks held. Null: not called.
  std::function<void()> between_stream_steps;
};

/// A directory that is served. All paths are resolved beneath it: `..`, absolute paths and symbolic
/// links do not lead outside, even if other processes change the tree meanwhile. Symbolic links are
/// never followed. Needs /proc to find the current name of an open file.
///
/// Members block on the disk unless stated otherwise; call them on a worker thread, as
/// `async_share` does. Thread-safe.
class share {
public:
  /// Opens the directory. Errors: `errc::not_directory`, errno.
  [[nodiscard]] static result<std::shared_ptr<share>> open_root(
    const std::string& directory, share_options options = {});

  ~share();
  share(const share&) = delete;
  share& operator=(const share&) = delete;

  /// Returns the metadata of a path, without opening it. Errors: `errc::path_not_found`,
  /// `name_not_found`, `escapes_root`, `not_served`, errno.
  [[nodiscard]] result<file_info> lookup(const path& name) const;

  /// First phase of an open (MS-FSA 2.1.5.1): resolves the path, exclusively creates a missing file
  /// if the disposition says so, checks kind and attributes, and truncates nothing. The caller then
  /// calls the coordinator. Afterwards it calls `truncate_for_overwrite` if `opened::truncates`, or
  /// `undo_create` if `opened::created` and the coordinator refused the open. Errors:
  /// `errc::path_not_found`, `name_not_found`,
  /// `name_collision`, `is_directory`, `not_directory`, `read_only`, `cannot_delete`,
  /// `attributes_mismatch`, `not_served`, `escapes_root`, `too_many_opens`, `keeps_changing`,
  /// `streams_not_supported`, `invalid_argument`, errno.
  [[nodiscard]] result<opened> open(const path& name, const open_options& options);

  /// Like `open`, but does not create a name. Creates a missing file without a name
  /// (`opened::unnamed`) if the file system can; otherwise creates nothing (`opened::missing`). The
  /// caller guards the name, calls the coordinator, and then calls `give_name` or `make`. Errors:
  /// as `open`.
  [[nodiscard]] result<opened> prepare(const path& name, const open_options& options);

  /// Creates the file that `prepare` found missing, like `open`, if the name is still in that
  /// directory. Errors: as `open`; `errc::name_changed`.
  [[nodiscard]] result<opened> make(
    const path& name, const open_options& options, const identity& directory);

  /// Names an unnamed file, if the name is free and still in the directory in which the file was
  /// created. Updates `open.info`. Errors: `errc::name_collision`, `name_changed`,
  /// `path_not_found`, errno.
  error_code give_name(opened& open, const path& name);

  /// Like `open`, but without disk access: opens an existing file or directory if the file system
  /// is local and the kernel's caches have the path. Returns nothing in all other cases and on
  /// errors; `open` then returns the error. Does not block.
  [[nodiscard]] std::optional<opened> open_cached(const path& name, const open_options& options);

  /// Second phase of an overwriting open: truncates the file, removes its streams, and sets
  /// attributes (supersede replaces them, overwrite adds to them). Returns the new metadata.
  result<file_info> truncate_for_overwrite(const opened& open);

  /// Removes what the first phase created. Does not remove another file that has taken the name
  /// since, or a stream's new file that has other data since.
  error_code undo_create(const opened& open);

  /// Renames the open file from its current name (MS-FSA 2.1.5.14.11). Without `replace`,
  /// atomically fails if the target exists. Does nothing if the names are the same. Errors:
  /// `errc::name_collision`, `cannot_replace` (a directory, or read-only), `path_not_found`,
  /// `name_not_found`, `invalid_argument` for a directory into itself, errno such as EXDEV.
  error_code rename(const open_file& open, const path& target, bool replace);

  /// The same, if the names are still as in `expected`. Errors: also `errc::name_changed`.
  error_code rename(
    const open_file& open, const path& target, bool replace, const expected_names& expected);

  /// Adds a name to an open file (MS-FSA 2.1.5.14.6). Errors: as `rename`;
  /// `errc::is_directory`.
  error_code link(const open_file& open, const path& target, bool replace);

  /// The same, if the names are still as in `expected`. Errors: also `errc::name_changed`.
  error_code link(
    const open_file& open, const path& target, bool replace, const expected_names& expected);

  /// Returns the current names for a rename or link. Errors: as `rename`.
  [[nodiscard]] result<expected_names> look_around(const open_file& open, const path& target) const;

  /// Checks whether the file may be deleted: `errc::cannot_delete` if it is read-only or the root,
  /// ENOTEMPTY for a directory with entries, EROFS on a read-only file system, EACCES if the
  /// account must not change the folder.
  [[nodiscard]] error_code check_removable(const open_file& open) const;

  /// Returns ENOTEMPTY if the directory has an entry.
  [[nodiscard]] error_code check_empty(const open_file& directory) const;

  /// Removes the name by which the file was opened, or the stream. Errors: `errc::name_not_found`,
  /// `cannot_delete` for the root, ENOTEMPTY, errno.
  error_code remove(const open_file& open);

  /// Removes the file, even if `open` is one of its streams. Errors: as `remove`.
  error_code remove_file(const open_file& open);

  /// Removes one of the file's names, if it still is one. Errors: as `remove`.
  error_code remove_name(const open_file& open, const path& name);

  /// Changes a file by path, and returns its new metadata. Errors: as `open` and the changes.
  result<file_info> change(const path& name, const file_changes& changes);

  /// Starts a listing of an open directory; `pattern` as in `matches`, empty means all.
  /// Errors: `errc::not_directory`, `invalid_name` for a pattern that is too long or not UTF-8,
  /// errno.
  [[nodiscard]] result<cursor_ptr> list(
    const open_ptr& directory, std::string pattern = "*", bool ignore_case = false) const;

  /// Whether both shares have the same directory.
  [[nodiscard]] bool is_same(const share& other) const noexcept;

  /// Whether the directory lies anywhere beneath the other share's.
  [[nodiscard]] bool is_beneath(const share& other) const;

  /// Sizes of the file system.
  [[nodiscard]] result<space_info> space() const;

  /// Whether `open_cached` and similar calls can succeed: the file system is local, and the options
  /// permit it.
  [[nodiscard]] bool is_local() const noexcept;

  /// The current number of opens.
  [[nodiscard]] std::size_t opens() const noexcept;

  [[nodiscard]] const share_options& options() const noexcept;

private:
  explicit share(std::shared_ptr<detail::share_core> core);

  [[nodiscard]] result<opened> open_named(
    const path& name, const open_options& options, bool prepares);
  [[nodiscard]] result<opened> open_node(
    const path& name, const open_options& options, bool prepares);
  [[nodiscard]] result<opened> open_stream(
    const path& name, const open_options& options, bool prepares);
  error_code rename_as(
    const open_file& open, const path& target, bool replace, const expected_names* expected);
  error_code link_as(
    const open_file& open, const path& target, bool replace, const expected_names* expected);

  std::shared_ptr<detail::share_core> core_;
};

using share_ptr = std::shared_ptr<share>;

} // namespace leasebreak::smb::vfs

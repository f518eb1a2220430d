// A share: a directory and what lies beneath it. The synchronous core of the file system library.
#pragma once

#include "directory_cursor.hpp"
#include "errors.hpp"
#include "open_file.hpp"
#include "path.hpp"
#include "types.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

namespace leasebreak::smb::vfs {

/// Limits and choices of a share.
struct share_options {
  /// Opens and listings at a time: each takes a file descriptor.
  std::size_t opens_max = 65536;
  /// Where they are counted; shares that have the same one have the limit in common. Null: alone.
  std::shared_ptr<std::atomic<std::size_t>> opens_counter;
  std::size_t io_bytes_max = 8U << 20; ///< Bytes of one read or write.
  /// Greatest end of file: NTFS's (MS-FSA 2.1.5.3), or that of the file system if it is less.
  std::uint64_t file_bytes_max = 0xfff'ffff'0000;
  std::size_t stream_bytes_max = 65536; ///< Bytes of a named stream; Linux allows 65536.
  std::size_t list_batch_max = 128; ///< Entries of one batch of a listing.
  std::size_t list_names_max = 128; ///< Names that one batch looks at: a millisecond at most.
  std::size_t streams_max = 1024; ///< Named streams of a file.
  mode_t file_mode = 0664; ///< Of new files, less the umask.
  mode_t directory_mode = 0775; ///< Of new directories, less the umask.
  bool use_unnamed = true; ///< If not, or the file system cannot, files are made with their names.
  bool use_noreplace = true; ///< If not, or it cannot, renames look before they replace nothing.
  bool use_openat2 = true; ///< If not, or the kernel has none, paths are walked name by name.
  bool use_caches = true; ///< If not, `open_cached` and its like leave all to the worker threads.
};

/// A directory that is served. Everything is resolved beneath it: `..`, absolute paths and symbolic
/// links do not lead out, whatever others do to the tree meanwhile. Symbolic links are not followed
/// at all. Needs /proc, through which an open file tells its current name.
///
/// Members block on the disk unless they say otherwise; call them on a worker thread (`async_share`
/// does). They may be called from any thread, several at a time.
class share {
public:
  /// Opens the directory. Errors: `errc::not_directory`, errno.
  [[nodiscard]] static result<std::shared_ptr<share>> open_root(
    const std::string& directory, share_options options = {});

  ~share();
  share(const share&) = delete;
  share& operator=(const share&) = delete;

  /// What a path names, without opening it. Errors: `errc::path_not_found`, `name_not_found`,
  /// `escapes_root`, `not_served`, errno.
  [[nodiscard]] result<file_info> lookup(const path& name) const;

  /// First phase of an open (MS-FSA 2.1.5.1): resolves, creates exclusively what is missing if the
  /// disposition says so, checks kind and attributes, and truncates nothing. The caller then asks
  /// the coordinator, and calls `truncate_for_overwrite` if `opened::truncates`, or `undo_create`
  /// if `opened::created` and it was refused. Errors: `errc::path_not_found`, `name_not_found`,
  /// `name_collision`, `is_directory`, `not_directory`, `read_only`, `cannot_delete`,
  /// `attributes_mismatch`, `not_served`, `escapes_root`, `too_many_opens`, `keeps_changing`,
  /// `streams_not_supported`, `invalid_argument`, errno.
  [[nodiscard]] result<opened> open(const path& name, const open_options& options);

  /// The same, but what is missing gets no name. A file is made without one (`opened::unnamed`) if
  /// the file system can do that; otherwise nothing is made (`opened::missing`). The caller guards
  /// the name, asks the coordinator, and calls `give_name`, or `make`. Errors: as `open`.
  [[nodiscard]] result<opened> prepare(const path& name, const open_options& options);

  /// What `prepare` left out: as `open`, if the name is still in that directory.
  /// Errors: as `open`; `errc::name_changed`.
  [[nodiscard]] result<opened> make(
    const path& name, const open_options& options, const identity& directory);

  /// Gives an unnamed file its name, if that is free and still in the directory in which it was
  /// made. `open.info` is then up to date. Errors: `errc::name_collision`, `name_changed`,
  /// `path_not_found`, errno.
  error_code give_name(opened& open, const path& name);

  /// The same for what takes no disk: opens a file or directory that exists, if the file system is
  /// a local one and the kernel has the way to it in its caches. Nothing in all other cases, and if
  /// it is refused: `open` then says why. Does not block.
  [[nodiscard]] std::optional<opened> open_cached(const path& name, const open_options& options);

  /// Second phase of an overwriting open: size zero, streams removed, attributes set (replaced by
  /// supersede, added to by overwrite). Returns the new state.
  result<file_info> truncate_for_overwrite(const opened& open);

  /// Takes back what the first phase created. Leaves alone what somebody put there since.
  error_code undo_create(const opened& open);

  /// Renames what is open, wherever it is now (MS-FSA 2.1.5.14.11). Without `replace` it is atomic
  /// that nothing is overwritten. To its own name it does nothing. Errors: `errc::name_collision`,
  /// `cannot_replace` (a directory, or read-only), `path_not_found`, `name_not_found`,
  /// `invalid_argument` for a directory into itself, errno such as EXDEV.
  error_code rename(const open_file& open, const path& target, bool replace);

  /// The same, if the names still are what `expected` says. Errors: also `errc::name_changed`.
  error_code rename(
    const open_file& open, const path& target, bool replace, const expected_names& expected);

  /// A further name for an open file (MS-FSA 2.1.5.14.6). Errors: as `rename`;
  /// `errc::is_directory`.
  error_code link(const open_file& open, const path& target, bool replace);

  /// The same, if the names still are what `expected` says. Errors: also `errc::name_changed`.
  error_code link(
    const open_file& open, const path& target, bool replace, const expected_names& expected);

  /// What the names of a rename or link are now. Errors: as `rename`.
  [[nodiscard]] result<expected_names> look_around(const open_file& open, const path& target) const;

  /// Whether it may be deleted: `errc::cannot_delete` if read-only or the root, ENOTEMPTY for a
  /// directory with entries, EROFS on a read-only file system, EACCES if its folder may not be
  /// changed.
  [[nodiscard]] error_code check_removable(const open_file& open) const;

  /// ENOTEMPTY if the directory has an entry.
  [[nodiscard]] error_code check_empty(const open_file& directory) const;

  /// Removes the name through which it was opened, or the stream. Errors: `errc::name_not_found`,
  /// `cannot_delete` for the root, ENOTEMPTY, errno.
  error_code remove(const open_file& open);

  /// Removes the file, also if what is open is one of its streams. Errors: as `remove`.
  error_code remove_file(const open_file& open);

  /// The same by one of its names, if that still is the file's. Errors: as `remove`.
  error_code remove_name(const open_file& open, const path& name);

  /// Changes a file that need not be open, then returns its state. Errors: as `open` and the
  /// changes.
  result<file_info> change(const path& name, const file_changes& changes);

  /// Starts a listing of an open directory; `pattern` as in `matches`, empty means all.
  /// Errors: `errc::not_directory`, `invalid_name` for a pattern that is too long or not UTF-8,
  /// errno.
  [[nodiscard]] result<cursor_ptr> list(
    const open_ptr& directory, std::string pattern = "*", bool ignore_case = false) const;

  /// Whether the directory is the other share's.
  [[nodiscard]] bool is_same(const share& other) const noexcept;

  /// Whether the directory lies beneath the other share's, by whatever way.
  [[nodiscard]] bool is_beneath(const share& other) const;

  /// Sizes of the file system.
  [[nodiscard]] result<space_info> space() const;

  /// Whether `open_cached` and its like do anything: on a local file system, if the options let
  /// them.
  [[nodiscard]] bool is_local() const noexcept;

  /// Opens at this moment.
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

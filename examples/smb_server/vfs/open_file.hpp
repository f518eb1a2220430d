// One open of a file, directory or named stream: reads, writes and other operations on the handle.
#pragma once

#include "errors.hpp"
#include "path.hpp"
#include "types.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <time.h>

namespace leasebreak::smb::vfs {

namespace detail {
struct share_core;
class unique_fd;
struct open_parts;
struct stream_base;
} // namespace detail

/// One open. Closed when the last reference is released. Members block on the disk unless stated
/// otherwise; call them on a worker thread. Thread-safe.
///
/// Named streams are stored as extended attributes, `user.leasebreak.stream.NAME`, and in files of
/// their own from `share_options::stream_inline_bytes_max` on. Their names are case-insensitive in
/// ASCII letters, as on file systems with streams.
class open_file {
public:
  /// Called only by `share`.
  explicit open_file(detail::open_parts parts);
  ~open_file();
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;

  [[nodiscard]] const identity& id() const noexcept { return id_; }
  [[nodiscard]] bool is_directory() const noexcept { return is_directory_; }
  [[nodiscard]] bool is_stream() const;

  /// The current path; follows all renames, also those of other processes. Errors:
  /// `errc::name_not_found` if the file is deleted or was moved out of the share.
  [[nodiscard]] result<path> current_path() const;

  /// Reads up to `length` bytes from `offset`; fewer only at the end of the file, none beyond it.
  /// Errors: `errc::is_directory`, `no_access`, `invalid_argument` above
  /// `share_options::io_bytes_max`, errno.
  [[nodiscard]] result<std::vector<std::uint8_t>> read(
    std::uint64_t offset, std::size_t length) const;

  /// Writes all of `data` or fails; extends the file if needed. Returns the number of bytes
  /// written. Errors: as `read`, `errc::stream_too_large`, errno such as ENOSPC.
  result<std::size_t> write(std::uint64_t offset, std::span<const std::uint8_t> data);

  /// Returns when all written data is on the disk.
  error_code flush() const;

  /// Errors: `errc::is_directory`, `no_access`, `invalid_argument`, `stream_too_large`, errno.
  error_code set_end_of_file(std::uint64_t size);

  /// MS-FSA 2.1.5.14.1: truncates the file if `size` is below its end; otherwise reserves space, if
  /// the file system can. Errors: as `set_end_of_file`.
  error_code set_allocation(std::uint64_t size);

  /// Makes the file sparse or not. In a sparse file, unwritten ranges use no space, and `zero`
  /// frees space. Errors: `errc::is_directory`, errno.
  error_code set_sparse(bool sparse);

  /// MS-FSA 2.1.5.10.39: zeroes the bytes in [from, to), without extending the file.
  /// Errors: as `set_end_of_file`.
  error_code zero(std::uint64_t from, std::uint64_t to);

  /// MS-FSA 2.1.5.10.22: returns the parts of [from, to) that may contain other bytes than zeros,
  /// in order, at most `extents_max`. Errors: as `read`.
  [[nodiscard]] result<std::vector<extent>> allocated(
    std::uint64_t from, std::uint64_t to, std::size_t extents_max) const;

  /// Copies `length` bytes at `from` of `source` to `to` of this file; shares the blocks if the
  /// file system can. Returns the number of bytes copied, which is less only if the source is
  /// truncated meanwhile. Errors: `errc::behind_end` if the source has fewer bytes, those of `read`
  /// and `write`.
  result<std::size_t> copy_from(
    const open_file& source, std::uint64_t from, std::uint64_t to, std::size_t length);

  /// The file's metadata.
  [[nodiscard]] result<file_info> info() const;

  /// The same without disk access. Returns nothing for streams, and if the file system is not
  /// local. Does not block.
  [[nodiscard]] std::optional<file_info> info_cached() const;

  /// Whether the last reference may be released on a thread that must not block: the file system is
  /// local, there is nothing to flush, and the file is not deleted.
  [[nodiscard]] bool closes_at_once() const;

  /// Sets attributes and times; for a stream, those of its file. Without extended attributes, sets
  /// only the access and write time. A change time that was set is kept by further calls on the
  /// same open, and replaced by any other change that happens more than 20 ms later. Whether the
  /// open updates the access time depends on the account, which must own the file. Errors:
  /// `errc::invalid_argument` for attributes that contradict the kind of file, errno.
  error_code change(const basic_changes& changes);

  /// The file's data (none for a directory) and all its named streams, sorted by name.
  [[nodiscard]] result<std::vector<stream_info>> streams() const;

  /// The extended attributes of clients, sorted by name, up to `bytes_max` bytes of names and
  /// values; `cut` says whether more exist. A stream has those of its file. Errors: errno.
  [[nodiscard]] result<std::vector<extended_attribute>> extended_attributes(
    std::size_t bytes_max, bool& cut) const;

  /// Sets or removes the attributes one after the other; removing a missing one succeeds. Errors:
  /// `errc::invalid_attribute_name` before any of them is set, `attributes_not_supported`,
  /// `attributes_too_large`, errno such as ENOSPC.
  error_code set_extended_attributes(std::span<const extended_attribute> wanted);

  /// Sets these attributes and removes all others. Errors: as `set_extended_attributes`.
  error_code replace_extended_attributes(std::span<const extended_attribute> wanted);

  /// Renames a named stream; all its opens follow, and its identity stays while it is open. With an
  /// empty name (`::$DATA`), its bytes replace the file's data if `replace` permits that; the
  /// stream no longer exists then, also for this open. Errors: `errc::name_collision`,
  /// `invalid_stream` if this is not a named stream, errno.
  error_code rename_stream(std::string_view new_name, bool replace);

  /// The stream of this file that `name` means, as `rename_stream` takes it; nothing if there is
  /// none. An empty name is the file itself. Errors: errno.
  [[nodiscard]] result<std::optional<identity>> stream_identity(const std::string& name) const;

  /// Implementation detail of `share` and `directory_cursor`.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] const std::shared_ptr<detail::share_core>& core() const noexcept { return core_; }
  [[nodiscard]] std::string stream() const;
  [[nodiscard]] detail::stream_base base() const;
  void follow_rename(const std::string& from, const std::string& to);
  error_code truncate();
  /// Replaces the descriptor by another one of the same file, before the open is shared.
  void replace_fd(detail::unique_fd fd) noexcept;

private:
  [[nodiscard]] error_code check_io(bool writes, std::uint64_t offset, std::uint64_t length) const;
  [[nodiscard]] error_code check_gap(int fd, std::uint64_t offset) const;
  error_code resize_stream(std::uint64_t size);
  error_code reserve_stream(std::uint64_t size);
  error_code zero_stream(std::uint64_t from, std::uint64_t to);
  error_code make_file_data(const std::string& source);
  error_code write_stream(std::uint64_t offset, std::span<const std::uint8_t> data);
  error_code change_record(const basic_changes& changes);
  static error_code zero_range(int fd, bool is_sparse, std::uint64_t from, std::uint64_t to);
  [[nodiscard]] result<std::size_t> copy_in_kernel(
    const open_file& source, std::uint64_t from, std::uint64_t to, std::size_t length) const;
  result<std::size_t> copy_piece(
    const open_file& source, std::uint64_t from, std::uint64_t to, std::size_t length);
  void touch() const;
  void update_access_time(bool updates) const;

  class kept_write_time;

  std::shared_ptr<detail::share_core> core_;
  int fd_ = -1;
  bool is_directory_ = false;
  bool can_read_ = false;
  bool can_write_ = false;
  std::atomic<bool> changed_data_{false}; ///< Through this open.
  std::uint64_t inode_ = 0;
  std::uint64_t birth_ = 0;
  /// MS-FSA 2.1.1.6 UserSetChangeTime. Guarded by the stripe of the inode.
  bool user_set_change_time_ = false;
  /// MS-FSA 2.1.1.6 UserSetModificationTime.
  std::atomic<bool> keeps_write_time_{false};
  std::recursive_mutex write_time_mutex_; ///< See `kept_write_time`.
  const identity id_;
  mutable std::mutex stream_mutex_;
  std::string stream_; ///< The stream's name on the disk, which may change.
};

/// While the data is changed: if the client has set the write time through the open, restores it
/// afterwards (MS-FSA 2.1.5.15.2). One change at a time, because the time between the two is that
/// of the change.
class open_file::kept_write_time {
public:
  explicit kept_write_time(open_file& of);
  ~kept_write_time();
  kept_write_time(const kept_write_time&) = delete;
  kept_write_time& operator=(const kept_write_time&) = delete;

private:
  const open_file& of_;
  std::unique_lock<std::recursive_mutex> alone_;
  std::optional<timespec> time_;
};

} // namespace leasebreak::smb::vfs

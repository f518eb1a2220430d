// One open of a file, directory or named stream: input, output and what is asked of it by handle.
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

namespace leasebreak::smb::vfs {

namespace detail {
struct share_core;
class unique_fd;
struct open_parts;
} // namespace detail

/// One open. Closes when the last reference goes. Members block on the disk unless they say
/// otherwise; call them on a worker thread. They may be called from any thread, several at a time.
///
/// Named streams are kept as extended attributes, `user.leasebreak.stream.NAME`, and found by names
/// in whatever case of ASCII letters, as clients know it from file systems that have streams. A
/// write rewrites the whole stream, which is why `share_options::stream_bytes_max` is small.
class open_file {
public:
  /// Made by `share` only.
  explicit open_file(detail::open_parts parts);
  ~open_file();
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;

  [[nodiscard]] identity id() const;
  [[nodiscard]] bool is_directory() const noexcept { return is_directory_; }
  [[nodiscard]] bool is_stream() const;

  /// The path by which it can be reached now; follows renames by whomever. Errors:
  /// `errc::name_not_found` if it is deleted or was moved out of the share.
  [[nodiscard]] result<path> current_path() const;

  /// At most `length` bytes from `offset` on; fewer only at the end of the file, none behind it.
  /// Errors: `errc::is_directory`, `no_access`, `invalid_argument` above
  /// `share_options::io_bytes_max`, errno.
  [[nodiscard]] result<std::vector<std::uint8_t>> read(
    std::uint64_t offset, std::size_t length) const;

  /// Writes all of `data` or fails; the file grows as needed. Returns how many bytes were written.
  /// Errors: as `read`, `errc::stream_too_large`, errno such as ENOSPC.
  result<std::size_t> write(std::uint64_t offset, std::span<const std::uint8_t> data);

  /// Everything written is on the disk when it returns.
  error_code flush() const;

  /// Errors: `errc::is_directory`, `no_access`, `invalid_argument`, `stream_too_large`, errno.
  error_code set_end_of_file(std::uint64_t size);

  /// MS-FSA 2.1.5.14.1: truncates below the end of file, else reserves space as far as the file
  /// system can. Errors: as `set_end_of_file`.
  error_code set_allocation(std::uint64_t size);

  /// Whether zeros that nobody has written take no room, and `zero` gives room back. Errors:
  /// `errc::is_directory`, errno.
  error_code set_sparse(bool sparse);

  /// MS-FSA 2.1.5.10.39: makes the bytes in [from, to) zero, without making the file larger.
  /// Errors: as `set_end_of_file`.
  error_code zero(std::uint64_t from, std::uint64_t to);

  /// MS-FSA 2.1.5.10.22: the parts of [from, to) that may hold something else than zeros, in order,
  /// up to `extents_max`. Errors: as `read`.
  [[nodiscard]] result<std::vector<extent>> allocated(
    std::uint64_t from, std::uint64_t to, std::size_t extents_max) const;

  /// Copies `length` bytes at `from` of `source` to `to` here, where the file system can do so
  /// without moving any. Returns how many were copied: fewer only if the source becomes shorter
  /// meanwhile. Errors: `errc::behind_end` if the source has not as many bytes, those of `read` and
  /// `write`.
  result<std::size_t> copy_from(
    const open_file& source, std::uint64_t from, std::uint64_t to, std::size_t length);

  /// All that is known of it.
  [[nodiscard]] result<file_info> info() const;

  /// The same, if it takes no disk: nothing for streams, and where the file system is not a local
  /// one. Does not block.
  [[nodiscard]] std::optional<file_info> info_cached() const;

  /// Whether the last reference may be given up on a thread that must not wait for the disk: the
  /// file system is a local one, there is nothing to write, and the file is not deleted.
  [[nodiscard]] bool closes_at_once() const;

  /// Sets attributes and times; a stream's are its file's. Where the file system keeps no extended
  /// attributes, the access and write time are set and the rest is dropped. A change time that was
  /// set stays through further calls on the same open, and is replaced by any other change that
  /// comes more than 20 ms later. Errors:
  /// `errc::invalid_argument` for attributes that contradict the kind of file, errno.
  error_code change(const basic_changes& changes);

  /// The file's data (none for a directory) and all its named streams, sorted by name.
  [[nodiscard]] result<std::vector<stream_info>> streams() const;

  /// The extended attributes that clients may have set, sorted by name, until they have more than
  /// `bytes_max` bytes of names and values together; `cut` says whether there are more. A stream
  /// has those of its file. Errors: errno.
  [[nodiscard]] result<std::vector<extended_attribute>> extended_attributes(
    std::size_t bytes_max, bool& cut) const;

  /// Sets or removes each in turn; what does not exist is removed already. Errors:
  /// `errc::invalid_attribute_name` before any of them is set, `attributes_not_supported`,
  /// `attributes_too_large`, errno such as ENOSPC.
  error_code set_extended_attributes(std::span<const extended_attribute> wanted);

  /// The same, and removes all others. Errors: as `set_extended_attributes`.
  error_code replace_extended_attributes(std::span<const extended_attribute> wanted);

  /// Gives a named stream another name; other opens of the stream do not follow. With no name
  /// (`::$DATA`) its bytes become the file's data if that may be replaced; what was the stream is
  /// gone then, also for this open. Errors: `errc::name_collision`, `invalid_stream` if this is no
  /// named stream, errno.
  error_code rename_stream(std::string_view new_name, bool replace);

  /// Implementation detail of `share` and `directory_cursor`.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] const std::shared_ptr<detail::share_core>& core() const noexcept { return core_; }
  [[nodiscard]] std::string stream() const;
  error_code truncate();
  /// Takes another descriptor of the same file; nobody else has the open yet.
  void replace_fd(detail::unique_fd fd) noexcept;

private:
  [[nodiscard]] error_code check_io(bool writes, std::uint64_t offset, std::uint64_t length) const;
  [[nodiscard]] error_code check_gap(std::uint64_t offset) const;
  error_code resize_stream(std::uint64_t size);
  error_code make_file_data(const std::string& source);
  error_code write_stream(std::uint64_t offset, std::span<const std::uint8_t> data);
  error_code change_record(const basic_changes& changes);
  error_code write_zeros(std::uint64_t from, std::uint64_t to);
  [[nodiscard]] result<std::size_t> copy_in_kernel(
    const open_file& source, std::uint64_t from, std::uint64_t to, std::size_t length) const;
  result<std::size_t> copy_piece(
    const open_file& source, std::uint64_t from, std::uint64_t to, std::size_t length);
  void touch() const;

  std::shared_ptr<detail::share_core> core_;
  int fd_ = -1;
  bool is_directory_ = false;
  bool can_read_ = false;
  bool can_write_ = false;
  std::atomic<bool> changed_data_{false}; ///< Through this open.
  std::uint64_t inode_ = 0;
  /// MS-FSA 2.1.1.6 UserSetChangeTime. Guarded by the stripe of the inode.
  bool user_set_change_time_ = false;
  mutable std::mutex id_mutex_; ///< The stream's name may change.
  identity id_;
};

} // namespace leasebreak::smb::vfs

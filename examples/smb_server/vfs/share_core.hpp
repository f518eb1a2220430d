// State that a share and its opens have in common, and wrappers of system calls. Private.
#pragma once

#include "errors.hpp"
#include "path.hpp"
#include "share.hpp"
#include "types.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace leasebreak::smb::vfs::detail {

/// The number of attempts if other processes change the names meanwhile.
inline constexpr int attempts_max = 16;

/// Owns a file descriptor.
class unique_fd {
public:
  unique_fd() = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd();

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
  int fd_ = -1;
};

/// The opens of a file's streams.
struct stream_opens_of_file {
  std::vector<open_file*> opens;
  /// What `identity::stream` is for a stream that was renamed while it was open, or for another one
  /// that took its name, by the present name. Others have their name.
  std::map<std::string, std::string> identities;
  bool is_nameless = false; ///< The last one removes what the store has for the file.
  std::string grave; ///< As `replaced_entry` has it.
};

/// State of a share; the opens keep it alive.
struct share_core {
  unique_fd root;
  share_options options;
  std::uint64_t root_device = 0;
  std::uint64_t root_inode = 0;
  std::atomic<bool> has_openat2{true};
  std::atomic<bool> has_unnamed{true};
  std::atomic<bool> has_noreplace{true};
  bool has_xattrs = true;
  bool has_birth_times = true;
  /// Whether the file system is on this machine's disk or in memory, so that the kernel can use
  /// cached data without contacting another machine.
  bool is_local = false;
  std::atomic<bool> has_cached_opens{true}; ///< Linux 5.12 and newer.
  /// Opens and listings; never null.
  std::shared_ptr<std::atomic<std::size_t>> opens;
  /// Serialises renames, links and removals of this process, so that the names they check stay
  /// valid.
  std::mutex names;
  /// Serialise changes of extended attributes, by inode.
  std::array<std::mutex, 64> stripes;
  std::atomic<bool> has_stream_store{false}; ///< Set once the share has a file for a large stream.
  std::mutex stream_opens_mutex;
  std::unordered_map<std::uint64_t, stream_opens_of_file> stream_opens; ///< By inode.

  [[nodiscard]] std::mutex& stripe(std::uint64_t inode) noexcept {
    return stripes[inode % stripes.size()];
  }
};

/// Counts an open or a listing. The destructor undoes this unless `keep` was called.
class open_slot {
public:
  explicit open_slot(share_core& core)
    : core_(&core), taken_(core.opens->fetch_add(1) < core.options.opens_max) {}
  ~open_slot() {
    if (core_ != nullptr) {
      core_->opens->fetch_sub(1);
    }
  }
  open_slot(const open_slot&) = delete;
  open_slot& operator=(const open_slot&) = delete;

  [[nodiscard]] bool taken() const { return taken_; }
  void keep() { core_ = nullptr; }

private:
  share_core* core_;
  bool taken_;
};

/// The arguments of open_file's constructor.
struct open_parts {
  std::shared_ptr<share_core> core;
  unique_fd fd;
  bool is_directory = false;
  bool can_read = false;
  bool can_write = false;
  identity id;
  std::string stream; ///< The name on the disk.
};

/// Opens `name` beneath the root, without following symbolic links. An empty name is the root.
[[nodiscard]] result<unique_fd> open_beneath(
  share_core& core, const std::string& name, int flags, mode_t mode = 0);

/// The same without disk access, on a local file system. Returns EAGAIN if the kernel's caches do
/// not have the path or cannot be queried. Creates nothing.
[[nodiscard]] result<unique_fd> open_cached(share_core& core, const std::string& name, int flags);

/// Opens the folder that contains `name`, with O_PATH.
[[nodiscard]] result<unique_fd> open_parent(share_core& core, const path& name);

/// Translates the error of opening `name` into a more precise one, by checking the folder.
[[nodiscard]] error_code explain(share_core& core, const path& name, error_code error);

/// Calls statx for a descriptor of any kind.
[[nodiscard]] result<file_info> read_info(share_core& core, int fd, const std::string& stream);

/// The same for a directory entry; does not follow symbolic links.
[[nodiscard]] result<file_info> read_entry_info(
  const share_core& core, int directory, const std::string& name);

/// Returns `errc::not_served` unless it is a directory or regular file.
[[nodiscard]] error_code check_served(std::uint32_t mode) noexcept;

/// The identity of a directory entry, without attributes. Errors: errno.
struct entry_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;
};
[[nodiscard]] result<entry_identity> identify(int directory, const std::string& name);

/// Whether it is the same file; compares only device and inode.
[[nodiscard]] inline bool is_same(const entry_identity& a, const identity& b) noexcept {
  return a.device == b.device && a.inode == b.inode;
}

/// Identifies the directory itself. Errors: errno.
[[nodiscard]] result<entry_identity> identify(int fd);

/// Reserves space up to `size` without changing the end of file, if the file system can. Errors:
/// ENOSPC without an attempt if too little space is free, other errno.
error_code reserve(int fd, std::uint64_t size);

/// The current location of an open: its folder and its name there.
struct location {
  unique_fd folder;
  std::string leaf;
};
[[nodiscard]] result<location> locate(share_core& core, const open_file& open);

/// Checks whether the name or stream of an open could be removed now: the file system may be
/// read-only, or the account may lack permission to change the folder. Succeeds if it is already
/// removed. Errors: errno, `errc::cannot_delete` for the root.
[[nodiscard]] error_code check_unlinkable(share_core& core, const open_file& open);

/// The path on the disk of a file, relative to the root; empty for the root. Errors:
/// `errc::name_not_found` if the file is deleted or was moved out of the share, errno.
[[nodiscard]] result<std::string> disk_path(const share_core& core, int fd);

/// Reads up to `length` bytes from `offset`; fewer only at the end of the file. Errors: errno.
[[nodiscard]] result<std::vector<std::uint8_t>> read_all(
  int fd, std::uint64_t offset, std::size_t length);

/// Returns ENOTEMPTY if the directory has an entry other than `.` and `..`.
[[nodiscard]] error_code check_no_entry(int directory);

/// The allocation size of `size` bytes.
[[nodiscard]] std::uint64_t round_up(std::uint64_t size) noexcept;

/// Returns `/proc/self/fd/N`, for calls that do not accept a descriptor opened with O_PATH.
[[nodiscard]] std::string proc_path(int fd);

} // namespace leasebreak::smb::vfs::detail

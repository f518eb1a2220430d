// What a share and its opens have in common, and the system calls beneath them. Private.
#pragma once

#include "errors.hpp"
#include "path.hpp"
#include "share.hpp"
#include "types.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

namespace leasebreak::smb::vfs::detail {

/// How often what others change meanwhile is looked up anew.
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
  /// On a disk of this machine, or in its memory: what the kernel has of it in its caches is there
  /// without asking anybody else.
  bool is_local = false;
  std::atomic<bool> has_cached_opens{true}; ///< Linux 5.12 and newer.
  /// Opens and listings; never null.
  std::shared_ptr<std::atomic<std::size_t>> opens;
  /// Serialises renames, links and removals of this process, so that what they look at stays.
  std::mutex names;
  /// By inode: changes of what is kept in extended attributes.
  std::array<std::mutex, 64> stripes;

  [[nodiscard]] std::mutex& stripe(std::uint64_t inode) noexcept {
    return stripes[inode % stripes.size()];
  }
};

/// Counts an open or a listing; gives it back unless it is kept.
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

/// What an open_file is made of.
struct open_parts {
  std::shared_ptr<share_core> core;
  unique_fd fd;
  bool is_directory = false;
  bool can_read = false;
  bool can_write = false;
  identity id;
};

/// Opens `name` beneath the root, following no symbolic link. `name` may be empty for the root.
[[nodiscard]] result<unique_fd> open_beneath(
  share_core& core, const std::string& name, int flags, mode_t mode = 0);

/// The same without waiting for a disk, on a local file system: EAGAIN if the kernel's caches do
/// not know the way to the file, or cannot be asked. Creates nothing.
[[nodiscard]] result<unique_fd> open_cached(share_core& core, const std::string& name, int flags);

/// The folder that holds `name`, with O_PATH.
[[nodiscard]] result<unique_fd> open_parent(share_core& core, const path& name);

/// What errno from opening `name` means, now that the folder can be looked at.
[[nodiscard]] error_code explain(share_core& core, const path& name, error_code error);

/// statx of a descriptor, of whatever kind.
[[nodiscard]] result<file_info> read_info(
  const share_core& core, int fd, const std::string& stream);

/// The same of an entry of a directory; symbolic links are not followed.
[[nodiscard]] result<file_info> read_entry_info(
  const share_core& core, int directory, const std::string& name);

/// `errc::not_served` unless a directory or regular file.
[[nodiscard]] error_code check_served(std::uint32_t mode) noexcept;

/// An entry's identity without attributes. Errors: errno.
struct entry_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;
};
[[nodiscard]] result<entry_identity> identify(int directory, const std::string& name);

/// Whether it is the file; inodes alone are compared.
[[nodiscard]] inline bool is_same(const entry_identity& a, const identity& b) noexcept {
  return a.device == b.device && a.inode == b.inode;
}

/// The directory itself. Errors: errno.
[[nodiscard]] result<entry_identity> identify(int fd);

/// Reserves space up to `size` without moving the end of file, where the file system can. Errors:
/// ENOSPC without having tried if there is not as much, other errno.
error_code reserve(int fd, std::uint64_t size);

/// Where an open is now: its folder and its name there.
struct location {
  unique_fd folder;
  std::string leaf;
};
[[nodiscard]] result<location> locate(share_core& core, const open_file& open);

/// Whether the name of an open, or its stream, could be removed now: the file system may be
/// read-only, or the account may not change the folder. What is gone already can be. Errors: errno,
/// `errc::cannot_delete` for the root.
[[nodiscard]] error_code check_unlinkable(share_core& core, const open_file& open);

/// `/proc/self/fd/N`, for calls that have no form with a descriptor opened with O_PATH.
[[nodiscard]] std::string proc_path(int fd);

} // namespace leasebreak::smb::vfs::detail

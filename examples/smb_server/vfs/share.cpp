// A share's root, lookups, listings and sizes.
#include "share.hpp"

#include "extended.hpp"
#include "share_core.hpp"
#include "streams.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace leasebreak::smb::vfs {

namespace {

/// The maximum length of a pattern: names are not longer, and long patterns make listings
/// expensive.
constexpr std::size_t pattern_characters_max = 255;

std::size_t characters_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(),
    [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

bool is_local(int fd) {
  struct statfs system {};
  if (::fstatfs(fd, &system) < 0) {
    return false;
  }
  switch (static_cast<std::uint32_t>(system.f_type)) {
  case EXT4_SUPER_MAGIC: // also ext2 and ext3
  case XFS_SUPER_MAGIC:
  case BTRFS_SUPER_MAGIC:
  case F2FS_SUPER_MAGIC:
  case TMPFS_MAGIC:
    return true;
  default:
    return false;
  }
}

void probe(detail::share_core& core) {
  const int fd = core.root.get();
  core.is_local = core.options.use_caches && is_local(fd);
  core.has_xattrs =
    ::fgetxattr(fd, detail::attributes_name, nullptr, 0) >= 0 || errno != EOPNOTSUPP;
  struct statx status {};
  core.has_birth_times = ::statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &status) == 0 &&
    (status.stx_mask & STATX_BTIME) != 0;
}

} // namespace

result<std::shared_ptr<share>> share::open_root(
  const std::string& directory, share_options options) {
  auto core = std::make_shared<detail::share_core>();
  core->root = detail::unique_fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (core->root.get() < 0) {
    return errno == ENOTDIR ? error_code(errc::not_directory) : from_errno(errno);
  }
  struct stat status {};
  struct stat proc {};
  if (::fstat(core->root.get(), &status) < 0 ||
    ::stat(detail::proc_path(core->root.get()).c_str(), &proc) < 0) {
    return from_errno(errno);
  }
  core->root_device = status.st_dev;
  core->root_inode = status.st_ino;
  core->opens =
    options.opens_counter ? options.opens_counter : std::make_shared<std::atomic<std::size_t>>(0);
  core->options = std::move(options);
  core->has_openat2 = core->options.use_openat2;
  core->has_unnamed = core->options.use_unnamed;
  core->has_noreplace = core->options.use_noreplace;
  probe(*core);
  detail::sweep_store(*core);
  return std::shared_ptr<share>(new share(std::move(core)));
}

share::share(std::shared_ptr<detail::share_core> core) : core_(std::move(core)) {}

share::~share() = default;

bool share::is_same(const share& other) const noexcept {
  return core_->root_device == other.core_->root_device &&
    core_->root_inode == other.core_->root_inode;
}

bool share::is_beneath(const share& other) const {
  detail::entry_identity at{core_->root_device, core_->root_inode, 0};
  detail::unique_fd here(::openat(core_->root.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (;;) {
    here = detail::unique_fd(::openat(here.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat up {};
    if (here.get() < 0 || ::fstat(here.get(), &up) < 0) {
      return false;
    }
    if (up.st_dev == at.device && up.st_ino == at.inode) {
      return false; // the root of the file system tree
    }
    if (up.st_dev == other.core_->root_device && up.st_ino == other.core_->root_inode) {
      return true;
    }
    at = {up.st_dev, up.st_ino, 0};
  }
}

std::size_t share::opens() const noexcept {
  return core_->opens->load();
}

bool share::is_local() const noexcept {
  return core_->is_local;
}

const share_options& share::options() const noexcept {
  return core_->options;
}

result<file_info> share::lookup(const path& name) const {
  const auto fd = detail::open_beneath(*core_, name.on_disk(), O_PATH);
  if (!fd) {
    return detail::explain(*core_, name, fd.error());
  }
  std::string stream;
  if (!name.stream().empty()) {
    const auto key = detail::key_of(*core_, fd->get());
    if (!key) {
      return key.error();
    }
    auto found = detail::find_stream({*core_, fd->get(), *key}, name.stream());
    if (!found) {
      return found.error();
    }
    stream = std::move(*found);
  }
  auto info = detail::read_info(*core_, fd->get(), stream);
  if (info && name.names_directory() && !info->is_directory) {
    return error_code(errc::not_directory);
  }
  if (info && name.names_data() && info->is_directory) {
    return error_code(errc::is_directory);
  }
  return info;
}

result<file_info> share::change(const path& name, const file_changes& changes) {
  open_options options;
  options.write = changes.end_of_file || changes.allocation_size;
  const auto found = open(name, options);
  if (!found) {
    return found.error();
  }
  open_file& file = *found->file;
  if (changes.allocation_size) {
    if (const error_code error = file.set_allocation(*changes.allocation_size)) {
      return error;
    }
  }
  if (changes.end_of_file) {
    if (const error_code error = file.set_end_of_file(*changes.end_of_file)) {
      return error;
    }
  }
  if (const error_code error = file.change(changes.basic)) {
    return error;
  }
  return file.info();
}

result<cursor_ptr> share::list(
  const open_ptr& directory, std::string pattern, bool ignore_case) const {
  if (!directory || !directory->is_directory()) {
    return error_code(errc::not_directory);
  }
  detail::open_slot slot(*core_);
  if (!slot.taken()) {
    return error_code(errc::too_many_opens);
  }
  const int fd = ::openat(directory->fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return from_errno(errno);
  }
  auto cursor = std::make_shared<directory_cursor>(directory, fd, std::string(), ignore_case);
  slot.keep(); // the cursor releases it
  if (const error_code error = cursor->restart(std::move(pattern))) {
    return error;
  }
  return cursor;
}

result<space_info> share::space() const {
  struct statvfs status {};
  const auto root = detail::read_info(*core_, core_->root.get(), {});
  if (!root) {
    return root.error();
  }
  if (::fstatvfs(core_->root.get(), &status) < 0) {
    return from_errno(errno);
  }
  space_info space;
  space.block_bytes = status.f_frsize;
  space.total_blocks = status.f_blocks;
  space.free_blocks = status.f_bfree;
  space.available_blocks = status.f_bavail;
  space.total_files = status.f_files;
  space.free_files = status.f_ffree;
  space.component_bytes_max = static_cast<std::uint32_t>(status.f_namemax);
  space.device = core_->root_device;
  space.root = core_->root_inode;
  space.creation_time = root->creation_time;
  space.read_only = (status.f_flag & ST_RDONLY) != 0;
  space.has_streams = core_->has_xattrs;
  return space;
}

error_code directory_cursor::restart(std::string pattern) {
  if (pattern.empty()) {
    pattern.push_back('*'); // g++ 12 warns falsely of an assignment
  }
  if (!detail::is_utf8(pattern) || characters_of(pattern) > pattern_characters_max) {
    return errc::invalid_name;
  }
  const std::lock_guard lock(mutex_);
  pattern_ = std::move(pattern);
  matcher_ = wildcard(pattern_, ignore_case_);
  return seek_locked({});
}

} // namespace leasebreak::smb::vfs

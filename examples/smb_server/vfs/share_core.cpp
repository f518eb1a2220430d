// Path resolution beneath the root, with openat2 or name by name, and statx.
#include "share_core.hpp"

#include "extended.hpp"
#include "streams.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace leasebreak::smb::vfs {

std::string identity::bytes() const {
  std::string out;
  out.reserve(24 + stream.size());
  for (const std::uint64_t number : {device, inode, birth}) {
    std::array<char, 8> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>(number >> (8 * i));
    }
    out.append(bytes.data(), bytes.size());
  }
  out += stream;
  return out;
}

namespace detail {

namespace {

constexpr std::uint64_t cluster_bytes = 4096;

constexpr std::uint64_t resolve_beneath =
  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

// With RESOLVE_BENEATH, openat2 fails with EAGAIN if a concurrent rename could affect the result.
result<unique_fd> call_openat2(int root, const char* name, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = resolve_beneath;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root, name, &how, sizeof how);
    if (fd >= 0) {
      return unique_fd(static_cast<int>(fd));
    }
    if (errno != EAGAIN && errno != EINTR) {
      return from_errno(errno);
    }
  }
  return error_code(errc::keeps_changing);
}

// For kernels before 5.6 and sandboxes that forbid openat2. Each step refuses symbolic links, and a
// parsed path has no `..`, so the walk stays beneath the root.
result<unique_fd> walk(int root, std::string_view name, int flags, mode_t mode) {
  unique_fd folder;
  int at = root;
  for (auto slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/')) {
    const std::string component(name.substr(0, slash));
    unique_fd next(::openat(at, component.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (next.get() < 0) {
      return from_errno(errno);
    }
    folder = std::move(next);
    at = folder.get();
    name.remove_prefix(slash + 1);
  }
  unique_fd last(::openat(at, std::string(name).c_str(), flags | O_NOFOLLOW, mode));
  if (last.get() < 0) {
    return from_errno(errno);
  }
  struct stat status {};
  // O_PATH with O_NOFOLLOW opens a symbolic link itself.
  if ((flags & O_PATH) != 0 && ::fstat(last.get(), &status) == 0 && S_ISLNK(status.st_mode)) {
    return from_errno(ELOOP);
  }
  return last;
}

file_time to_time(const statx_timestamp& time) {
  const auto rest = std::chrono::floor<file_ticks>(std::chrono::nanoseconds(time.tv_nsec));
  return file_time(std::chrono::seconds(time.tv_sec) + rest);
}

void apply_record(file_info& info, const std::optional<dos_record>& record) {
  if (record) {
    info.attributes = record->attributes;
    info.creation_time = record->creation_time.value_or(info.creation_time);
    if (record->change_time && info.change_time <= record->change_until) {
      info.change_time = *record->change_time;
    }
  } else {
    // No client has set attributes: use those of a new file.
    info.attributes = info.is_directory ? 0 : attribute::archive;
  }
  if (info.is_directory) {
    info.attributes |= attribute::directory;
  }
  if (info.attributes == 0) {
    info.attributes = attribute::normal;
  }
}

constexpr unsigned statx_wanted = STATX_BASIC_STATS | STATX_BTIME;

result<file_info> from_statx(const struct statx& status) {
  if (const error_code error = check_served(status.stx_mode)) {
    return error;
  }
  file_info info;
  info.id.device = makedev(status.stx_dev_major, status.stx_dev_minor);
  info.id.inode = status.stx_ino;
  info.is_directory = S_ISDIR(status.stx_mode);
  info.access_time = to_time(status.stx_atime);
  info.write_time = to_time(status.stx_mtime);
  info.change_time = to_time(status.stx_ctime);
  info.creation_time = std::min(info.write_time, info.change_time);
  if ((status.stx_mask & STATX_BTIME) != 0) {
    info.creation_time = to_time(status.stx_btime);
    info.id.birth = static_cast<std::uint64_t>(info.creation_time.time_since_epoch().count());
  }
  info.links = info.is_directory ? 1 : status.stx_nlink;
  if (!info.is_directory) {
    info.end_of_file = status.stx_size;
    info.allocation_size = std::max(round_up(status.stx_size), round_up(status.stx_blocks * 512));
  }
  return info;
}

} // namespace

std::uint64_t round_up(std::uint64_t size) noexcept {
  return (size + cluster_bytes - 1) / cluster_bytes * cluster_bytes;
}

unique_fd::~unique_fd() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

result<unique_fd> open_beneath(share_core& core, const std::string& name, int flags, mode_t mode) {
  flags |= O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  if ((flags & O_PATH) != 0) {
    flags &= O_PATH | O_DIRECTORY | O_CLOEXEC;
  }
  const std::string relative = name.empty() ? "." : name;
  if (core.has_openat2.load(std::memory_order_relaxed)) {
    auto opened = call_openat2(core.root.get(), relative.c_str(), flags, mode);
    if (opened || opened.error() != from_errno(ENOSYS)) {
      return opened;
    }
    core.has_openat2.store(false, std::memory_order_relaxed);
  }
  return walk(core.root.get(), relative, flags, mode);
}

result<unique_fd> open_cached(share_core& core, const std::string& name, int flags) {
  if (!core.is_local || !core.has_openat2.load(std::memory_order_relaxed) ||
    !core.has_cached_opens.load(std::memory_order_relaxed)) {
    return from_errno(EAGAIN);
  }
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  how.resolve = resolve_beneath | RESOLVE_CACHED;
  const char* const relative = name.empty() ? "." : name.c_str();
  const long fd = ::syscall(SYS_openat2, core.root.get(), relative, &how, sizeof how);
  if (fd >= 0) {
    return unique_fd(static_cast<int>(fd));
  }
  if (errno == EINVAL || errno == ENOSYS) {
    core.has_cached_opens.store(false, std::memory_order_relaxed);
    return from_errno(EAGAIN);
  }
  return from_errno(errno);
}

result<unique_fd> open_parent(share_core& core, const path& name) {
  const path folder = name.parent();
  auto opened = open_beneath(core, folder.on_disk(), O_PATH | O_DIRECTORY);
  if (opened) {
    return opened;
  }
  const int value = opened.error().value();
  if (opened.error().category() == boost::system::system_category() &&
    (value == ENOENT || value == ENOTDIR)) {
    return error_code(errc::path_not_found);
  }
  return explain(core, folder, opened.error());
}

error_code explain(share_core& core, const path& name, error_code error) {
  if (error.category() != boost::system::system_category()) {
    return error;
  }
  switch (error.value()) {
  case ENOENT:
  case ENOTDIR: {
    if (!name.is_root()) {
      const auto folder = open_beneath(core, name.parent().on_disk(), O_PATH | O_DIRECTORY);
      if (!folder) {
        return errc::path_not_found;
      }
    }
    return error.value() == ENOENT ? errc::name_not_found : errc::not_directory;
  }
  case EISDIR:
    return errc::is_directory;
  case EEXIST:
    return errc::name_collision;
  case ELOOP:
  case EXDEV:
    return errc::escapes_root;
  case ENXIO:
    return errc::not_served;
  case ENAMETOOLONG:
    return errc::name_too_long;
  default:
    return error;
  }
}

error_code check_served(std::uint32_t mode) noexcept {
  return S_ISREG(mode) || S_ISDIR(mode) ? error_code{} : error_code(errc::not_served);
}

std::string proc_path(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

result<file_info> read_info(share_core& core, int fd, const std::string& stream) {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, statx_wanted, &status) < 0) {
    return from_errno(errno);
  }
  auto info = from_statx(status);
  if (!info) {
    return info;
  }
  apply_record(*info, core.has_xattrs ? load_record(fd) : std::nullopt);
  if ((info->attributes & attribute::sparse) != 0) {
    info->allocation_size = round_up(status.stx_blocks * 512);
  }
  if (!stream.empty()) {
    const auto bytes = load_stream({core, fd, {info->id.inode, info->id.birth}}, stream, false);
    const auto extent = bytes ? measure(*bytes) : bytes.error();
    if (!extent) {
      return extent.error();
    }
    info->id.stream = identity_of_stream(core, info->id.inode, stream);
    info->end_of_file = extent->size;
    info->allocation_size = extent->allocation;
    // A stream is not a directory, even if its file is one.
    info->is_directory = false;
    info->attributes &= ~attribute::directory;
    if (info->attributes == 0) {
      info->attributes = attribute::normal;
    }
  }
  return info;
}

result<file_info> read_entry_info(const share_core& core, int directory, const std::string& name) {
  struct statx status {};
  if (::statx(directory, name.c_str(), AT_SYMLINK_NOFOLLOW, statx_wanted, &status) < 0) {
    return from_errno(errno);
  }
  auto info = from_statx(status);
  if (info) {
    apply_record(
      *info, core.has_xattrs ? load_record(proc_path(directory) + '/' + name) : std::nullopt);
  }
  return info;
}

result<entry_identity> identify(int directory, const std::string& name) {
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
    return from_errno(errno);
  }
  return entry_identity{status.st_dev, status.st_ino, status.st_mode};
}

result<entry_identity> identify(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) < 0) {
    return from_errno(errno);
  }
  return entry_identity{status.st_dev, status.st_ino, status.st_mode};
}

error_code reserve(int fd, std::uint64_t size) {
  struct stat status {};
  struct statvfs space {};
  if (::fstat(fd, &status) < 0 || ::fstatvfs(fd, &space) < 0) {
    return from_errno(errno);
  }
  // fallocate uses up all free space before it fails with ENOSPC, and some file systems do not free
  // it.
  const auto has = static_cast<std::uint64_t>(status.st_blocks) * 512;
  if (size > has && (size - has) / space.f_frsize > space.f_bavail) {
    return from_errno(ENOSPC);
  }
  if (size == 0 || ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) == 0 ||
    errno == EOPNOTSUPP) {
    return {};
  }
  return from_errno(errno);
}

namespace {

result<std::string> read_link(int fd) {
  std::array<char, 8192> buffer;
  const ssize_t got = ::readlink(proc_path(fd).c_str(), buffer.data(), buffer.size());
  if (got < 0) {
    return from_errno(errno);
  }
  return std::string(buffer.data(), static_cast<std::size_t>(got));
}

} // namespace

result<std::string> disk_path(const share_core& core, int fd) {
  auto mine = read_link(fd);
  const auto root = read_link(core.root.get());
  if (!mine || !root) {
    return mine ? root.error() : mine.error();
  }
  struct stat status {};
  if (::fstat(fd, &status) < 0) {
    return from_errno(errno);
  }
  if (status.st_nlink == 0) {
    return error_code(errc::name_not_found);
  }
  if (*mine == *root) {
    return std::string();
  }
  const std::string prefix = *root == "/" ? *root : *root + '/';
  if (!mine->starts_with(prefix)) {
    return error_code(errc::name_not_found);
  }
  std::string path = mine->substr(prefix.size());
  const bool is_removed = path.starts_with(std::string(stream_store_name) + '/');
  return is_removed ? result<std::string>(error_code(errc::name_not_found)) : path;
}

result<std::vector<std::uint8_t>> read_all(int fd, std::uint64_t offset, std::size_t length) {
  std::vector<std::uint8_t> bytes(length);
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got =
      ::pread(fd, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return from_errno(errno);
    }
    if (got == 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

error_code check_no_entry(int directory) {
  const unique_fd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) {
    return from_errno(errno);
  }
  alignas(dirent64) std::array<char, 4096> buffer;
  const ssize_t got = ::getdents64(fd.get(), buffer.data(), buffer.size());
  if (got < 0) {
    return errno == ENOENT ? error_code{} : from_errno(errno); // ENOENT: already removed
  }
  for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
    const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      return from_errno(ENOTEMPTY);
    }
    at += entry->d_reclen;
  }
  return {};
}

result<location> locate(share_core& core, const open_file& open) {
  const identity id = open.id();
  error_code last = errc::name_not_found;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const auto current = open.current_path();
    if (!current) {
      return current.error();
    }
    if (current->is_root()) {
      return error_code(errc::cannot_delete);
    }
    auto folder = open_parent(core, *current);
    if (!folder) {
      // A folder of the path was renamed or removed meanwhile.
      last = folder.error() == errc::path_not_found ? errc::name_not_found : folder.error();
      continue;
    }
    std::string leaf(current->leaf_on_disk());
    const auto found = identify(folder->get(), leaf);
    if (found && found->device == id.device && found->inode == id.inode) {
      return location{std::move(*folder), std::move(leaf)};
    }
    last = errc::name_not_found;
  }
  return last;
}

error_code check_unlinkable(share_core& core, const open_file& open) {
  if (open.is_stream()) {
    const auto file = proc_path(open.fd());
    return ::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) == 0 ? error_code{}
                                                                      : from_errno(errno);
  }
  const std::lock_guard lock(core.names);
  const auto at = locate(core, open);
  if (!at) {
    return at.error() == errc::name_not_found ? error_code{} : at.error();
  }
  return ::faccessat(at->folder.get(), ".", W_OK | X_OK, AT_EACCESS) == 0 ? error_code{}
                                                                          : from_errno(errno);
}

} // namespace detail

} // namespace leasebreak::smb::vfs

// Reads, writes and other operations on an open.
#include "open_file.hpp"

#include "extended.hpp"
#include "share_core.hpp"
#include "streams.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace leasebreak::smb::vfs {

namespace {

constexpr auto offset_max = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
/// The piece of a stream that is copied into its file at once.
constexpr std::size_t copied_at_once = std::size_t{1} << 20;
/// From this size on, a write or end of file is checked for a gap that is too large for the disk.
constexpr std::uint64_t gap_looked_at = std::uint64_t{1} << 30;
/// A change within this time after a set change time may be missed; see dos_record.
constexpr auto change_time_slack = std::chrono::milliseconds(20);

timespec to_timespec(const std::optional<file_time>& time) {
  if (!time) {
    return {0, UTIME_OMIT};
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*time);
  const std::chrono::nanoseconds rest = *time - seconds;
  return {static_cast<time_t>(seconds.time_since_epoch().count()), static_cast<long>(rest.count())};
}

error_code set_times(int fd, const std::array<timespec, 2>& times) {
  if (::futimens(fd, times.data()) == 0) {
    return {};
  }
  if (errno == EBADF && // Opened with O_PATH.
    ::utimensat(AT_FDCWD, detail::proc_path(fd).c_str(), times.data(), 0) == 0) {
    return {};
  }
  return from_errno(errno);
}

} // namespace

open_file::kept_write_time::kept_write_time(open_file& of) : of_(of) {
  if (!of.keeps_write_time_.load(std::memory_order_relaxed)) {
    return;
  }
  alone_ = std::unique_lock(of.write_time_mutex_);
  struct stat now {};
  if (::fstat(of.fd_, &now) == 0) {
    time_ = now.st_mtim;
  }
}

open_file::kept_write_time::~kept_write_time() {
  if (time_) {
    static_cast<void>(set_times(of_.fd_, {timespec{0, UTIME_OMIT}, *time_}));
  }
}

open_file::open_file(detail::open_parts parts)
  : core_(std::move(parts.core)), fd_(parts.fd.release()), is_directory_(parts.is_directory),
    can_read_(parts.can_read), can_write_(parts.can_write), inode_(parts.id.inode),
    birth_(parts.id.birth), id_(std::move(parts.id)), stream_(std::move(parts.stream)) {
  if (!stream_.empty()) {
    detail::add_stream_open(*core_, inode_, *this);
  }
}

open_file::~open_file() {
  if (is_stream()) {
    detail::drop_stream_open(base(), *this);
  }
  ::close(fd_);
  core_->opens->fetch_sub(1);
}

std::string open_file::stream() const {
  const std::lock_guard lock(stream_mutex_);
  return stream_;
}

void open_file::follow_rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(stream_mutex_);
  if (stream_ == from) {
    stream_ = to;
  }
}

result<std::optional<identity>> open_file::stream_identity(const std::string& name) const {
  identity id = id_;
  id.stream.clear();
  if (name.empty()) {
    return std::optional(std::move(id));
  }
  const auto there = detail::find_stream(base(), name);
  if (!there && there.error() == errc::name_not_found) {
    return std::optional<identity>();
  }
  if (!there) {
    return there.error();
  }
  id.stream = detail::identity_of_stream(*core_, inode_, *there);
  return std::optional(std::move(id));
}

bool open_file::is_stream() const {
  return !id_.stream.empty();
}

result<path> open_file::current_path() const {
  const auto name = detail::disk_path(*core_, fd_);
  return name ? result<path>(path::from_disk(*name)) : name.error();
}

detail::stream_base open_file::base() const {
  return {*core_, fd_, {inode_, birth_}};
}

error_code open_file::check_io(bool writes, std::uint64_t offset, std::uint64_t length) const {
  if (is_directory_) {
    return errc::is_directory;
  }
  if (writes ? !can_write_ : !can_read_) {
    return errc::no_access;
  }
  if (offset > offset_max || length > offset_max - offset) {
    return errc::invalid_argument;
  }
  // An empty write is valid at any offset.
  if (writes && length > 0 && offset + length > core_->options.file_bytes_max) {
    return errc::invalid_argument;
  }
  return {};
}

// Implementation-specific: for clients, a file is sparse only if a client has made it sparse. For
// other files, refuse a gap that the disk could not fill, like a file system without sparse files.
// Small gaps are not checked, to save the system call.
error_code open_file::check_gap(int fd, std::uint64_t offset) const {
  if (offset < gap_looked_at) {
    return {};
  }
  struct stat status {};
  struct statvfs space {};
  if (::fstat(fd, &status) < 0 || ::fstatvfs(fd, &space) < 0) {
    return from_errno(errno);
  }
  const auto end = static_cast<std::uint64_t>(status.st_size);
  if (offset <= end || (offset - end) / space.f_frsize <= space.f_bavail) {
    return {};
  }
  const auto record = core_->has_xattrs && fd == fd_ ? detail::load_record(fd) : std::nullopt;
  const bool sparse = record && (record->attributes & attribute::sparse) != 0;
  return sparse ? error_code{} : from_errno(ENOSPC);
}

result<std::vector<std::uint8_t>> open_file::read(std::uint64_t offset, std::size_t length) const {
  if (const error_code error = check_io(false, offset, length)) {
    return error;
  }
  if (length > core_->options.io_bytes_max) {
    return error_code(errc::invalid_argument);
  }
  if (const std::string name = stream(); !name.empty()) {
    const auto bytes = detail::load_stream(base(), name, false);
    return bytes ? detail::read_range(*bytes, offset, length) : bytes.error();
  }
  return detail::read_all(fd_, offset, length);
}

result<std::size_t> open_file::write(std::uint64_t offset, std::span<const std::uint8_t> data) {
  changed_data_.store(true, std::memory_order_relaxed);
  if (const error_code error = check_io(true, offset, data.size())) {
    return error;
  }
  if (data.size() > core_->options.io_bytes_max) {
    return error_code(errc::invalid_argument);
  }
  if (data.empty()) {
    return std::size_t{0};
  }
  const kept_write_time kept(*this);
  if (is_stream()) {
    if (const error_code error = write_stream(offset, data)) {
      return error;
    }
    return data.size();
  }
  if (const error_code error = check_gap(fd_, offset)) {
    return error;
  }
  const error_code error = detail::write_all(fd_, data, offset);
  return error ? result<std::size_t>(error) : data.size();
}

error_code open_file::write_stream(std::uint64_t offset, std::span<const std::uint8_t> data) {
  if (offset + data.size() > core_->options.stream_bytes_max) {
    return errc::stream_too_large;
  }
  const std::string name = stream();
  std::unique_lock lock(base().lock());
  auto now = detail::load_stream_locked(base(), name, true);
  if (!now) {
    return now.error();
  }
  if (!now->is_large) {
    error_code error = from_errno(ENOSPC);
    if (offset + data.size() <= core_->options.stream_inline_bytes_max) {
      auto bytes = now->small;
      const auto begin = static_cast<std::size_t>(offset);
      bytes.resize(std::max(bytes.size(), begin + data.size()));
      std::copy(data.begin(), data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(begin));
      error = detail::store_small(base(), name, bytes);
    }
    if (error == from_errno(ENOSPC)) {
      error = detail::move_to_file(base(), name, *now);
    }
    if (error) {
      return error;
    }
  }
  lock.unlock();
  error_code error;
  if (now->is_large) {
    error = check_gap(now->file.get(), offset);
    error = error ? error : detail::write_all(now->file.get(), data, offset);
  }
  if (!error) {
    touch();
  }
  return error;
}

// On NTFS, a write to a stream changes the times of its file. The write must not fail if that is
// impossible, for example because the file belongs to another user.
void open_file::touch() const {
  static_cast<void>(set_times(fd_, {timespec{0, UTIME_OMIT}, timespec{0, UTIME_NOW}}));
}

// Not possible for files of other accounts, whose times the server cannot set either.
void open_file::update_access_time(bool updates) const {
  const int now = ::fcntl(fd_, F_GETFL);
  if (now >= 0) {
    static_cast<void>(::fcntl(fd_, F_SETFL, updates ? now & ~O_NOATIME : now | O_NOATIME));
  }
}

error_code open_file::flush() const {
  if (const std::string name = stream(); !name.empty()) {
    const auto bytes = detail::load_stream(base(), name, false);
    if (bytes && bytes->is_large) {
      if (::fsync(bytes->file.get()) < 0) {
        return from_errno(errno);
      }
      if (const error_code error = detail::sync_store(*core_)) {
        return error;
      }
    }
  }
  if (::fsync(fd_) == 0) {
    return {};
  }
  // A descriptor opened with O_PATH cannot have been used for writes.
  return errno == EBADF || errno == EINVAL ? error_code{} : from_errno(errno);
}

error_code open_file::resize_stream(std::uint64_t size) {
  if (size > core_->options.stream_bytes_max) {
    return errc::stream_too_large;
  }
  const std::string name = stream();
  std::unique_lock lock(base().lock());
  auto now = detail::load_stream_locked(base(), name, true);
  if (!now) {
    return now.error();
  }
  if (!now->is_large) {
    if (now->small.size() == size) {
      return {};
    }
    error_code error = from_errno(ENOSPC);
    if (size <= core_->options.stream_inline_bytes_max) {
      auto bytes = now->small;
      bytes.resize(static_cast<std::size_t>(size));
      error = detail::store_small(base(), name, bytes);
    }
    if (error == from_errno(ENOSPC)) {
      error = detail::move_to_file(base(), name, *now);
    }
    if (error) {
      return error;
    }
  }
  lock.unlock();
  if (now->is_large) {
    if (const error_code error = check_gap(now->file.get(), size)) {
      return error;
    }
    if (::ftruncate(now->file.get(), static_cast<off_t>(size)) < 0) {
      return from_errno(errno);
    }
  }
  touch();
  return {};
}

/// Reserves space for a stream, which a small one needs none for.
error_code open_file::reserve_stream(std::uint64_t size) {
  if (size > core_->options.stream_bytes_max) {
    return errc::stream_too_large;
  }
  const std::string name = stream();
  const std::lock_guard lock(base().lock());
  auto now = detail::load_stream_locked(base(), name, true);
  if (!now) {
    return now.error();
  }
  if (!now->is_large && size <= core_->options.stream_inline_bytes_max) {
    return {};
  }
  if (const error_code error =
        now->is_large ? error_code{} : detail::move_to_file(base(), name, *now)) {
    return error;
  }
  return detail::reserve(now->file.get(), size);
}

error_code open_file::set_end_of_file(std::uint64_t size) {
  changed_data_.store(true, std::memory_order_relaxed);
  if (const error_code error = check_io(true, 0, size)) {
    return error;
  }
  const kept_write_time kept(*this);
  if (is_stream()) {
    return resize_stream(size);
  }
  if (const error_code error = check_gap(fd_, size)) {
    return error;
  }
  return ::ftruncate(fd_, static_cast<off_t>(size)) == 0 ? error_code{} : from_errno(errno);
}

void open_file::replace_fd(detail::unique_fd fd) noexcept {
  const detail::unique_fd before(std::exchange(fd_, fd.release()));
}

error_code open_file::truncate() {
  changed_data_.store(true, std::memory_order_relaxed);
  if (is_stream()) {
    return resize_stream(0);
  }
  return ::ftruncate(fd_, 0) == 0 ? error_code{} : from_errno(errno);
}

error_code open_file::set_allocation(std::uint64_t size) {
  changed_data_.store(true, std::memory_order_relaxed);
  if (const error_code error = check_io(true, 0, size)) {
    return error;
  }
  const auto now = info();
  if (!now) {
    return now.error();
  }
  const kept_write_time kept(*this);
  if (size < now->end_of_file) {
    return set_end_of_file(size);
  }
  if (is_stream()) {
    return reserve_stream(size);
  }
  return detail::reserve(fd_, size);
}

result<file_info> open_file::info() const {
  return detail::read_info(*core_, fd_, stream());
}

std::optional<file_info> open_file::info_cached() const {
  if (!core_->is_local || is_stream()) {
    return std::nullopt;
  }
  auto known = info();
  return known ? std::optional(std::move(*known)) : std::nullopt;
}

bool open_file::closes_at_once() const {
  struct stat status {};
  // The last open of a stream may have files to remove.
  return core_->is_local && !(is_stream() && detail::has_store(*core_)) &&
    !changed_data_.load(std::memory_order_relaxed) && ::fstat(fd_, &status) == 0 &&
    status.st_nlink > 0;
}

error_code open_file::change(const basic_changes& changes) {
  if (changes.attributes) {
    const bool wrong = is_directory_ ? (*changes.attributes & attribute::temporary) != 0
                                     : (*changes.attributes & attribute::directory) != 0;
    if (wrong) {
      return errc::invalid_argument;
    }
  }
  if (changes.updates_access_time) {
    update_access_time(*changes.updates_access_time);
  }
  if (changes.updates_write_time) {
    keeps_write_time_ = !*changes.updates_write_time;
  }
  const std::lock_guard lock(core_->stripe(inode_));
  if (user_set_change_time_) {
    // If another change has replaced the set change time, do not restore it.
    const auto record = detail::load_record(fd_);
    const auto now = detail::read_info(*core_, fd_, {});
    user_set_change_time_ =
      record && now && record->change_time && now->change_time == *record->change_time;
  }
  if (changes.access_time || changes.write_time) {
    const error_code error =
      set_times(fd_, {to_timespec(changes.access_time), to_timespec(changes.write_time)});
    if (error) {
      return error;
    }
  }
  return change_record(changes);
}

error_code open_file::change_record(const basic_changes& changes) {
  if (!core_->has_xattrs) {
    return {};
  }
  const auto loaded = detail::load_record(fd_);
  detail::dos_record record = loaded.value_or(detail::dos_record{});
  if (!loaded) {
    const auto now = detail::read_info(*core_, fd_, {});
    if (!now) {
      return now.error();
    }
    record.attributes = now->attributes & attribute::kept;
    record.creation_time = now->creation_time;
  }
  const bool other_attributes = changes.attributes &&
    (record.attributes & attribute::kept) != (*changes.attributes & attribute::kept);
  const bool changes_record = other_attributes || changes.creation_time || changes.change_time;
  // A set change time is dropped by the next change, and only by that.
  const bool drops_change_time =
    loaded && loaded->change_time && (changes.access_time || changes.write_time);
  if (!(changes_record || drops_change_time)) {
    return {};
  }
  if (changes.attributes) {
    record.attributes =
      (record.attributes & attribute::sparse) | (*changes.attributes & attribute::kept);
  }
  if (changes.creation_time) {
    record.creation_time = changes.creation_time;
  }
  // MS-FSA 2.1.5.14.2: further changes by the open that set the change time keep it.
  if (changes.change_time) {
    record.change_time = changes.change_time;
    user_set_change_time_ = true;
  } else if (!user_set_change_time_) {
    record.change_time.reset();
  }
  record.change_until = record.change_time
    ? std::chrono::floor<file_ticks>(std::chrono::system_clock::now()) + change_time_slack
    : file_time{};
  const error_code error = detail::store_record(fd_, record);
  return error == from_errno(EOPNOTSUPP) ? error_code{} : error;
}

result<std::vector<stream_info>> open_file::streams() const {
  std::vector<stream_info> found;
  if (!is_directory_) {
    const auto base = detail::read_info(*core_, fd_, {});
    if (!base) {
      return base.error();
    }
    if (!base->is_directory) { // it may be the directory of an open stream
      found.push_back({"", base->end_of_file, base->allocation_size});
    }
  }
  const auto names = detail::list_streams(fd_);
  if (!names) {
    return names.error();
  }
  for (const auto& name : *names) {
    const auto bytes = detail::load_stream(base(), name, false);
    if (!bytes) {
      continue;
    }
    if (const auto extent = detail::measure(*bytes)) {
      found.push_back({name, extent->size, extent->allocation});
    }
  }
  return found;
}

// Writes the file's data before removing the stream, so that a later reader does not see a mixture.
error_code open_file::make_file_data(const std::string& source) {
  const std::lock_guard lock(base().lock());
  const auto bytes = detail::load_stream_locked(base(), source, true);
  if (!bytes) {
    return bytes.error();
  }
  const detail::unique_fd data(
    ::open(detail::proc_path(fd_).c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  if (data.get() < 0) {
    return errno == EISDIR ? error_code(errc::is_directory) : from_errno(errno);
  }
  std::uint64_t written = 0;
  for (;;) {
    const auto piece = detail::read_range(*bytes, written, copied_at_once);
    if (!piece) {
      return piece.error();
    }
    if (piece->empty()) {
      break;
    }
    if (const error_code error = detail::write_all(data.get(), *piece, written)) {
      return error;
    }
    written += piece->size();
  }
  if (::ftruncate(data.get(), static_cast<off_t>(written)) < 0) {
    return from_errno(errno);
  }
  return detail::remove_stream_locked(base(), source);
}

error_code open_file::rename_stream(std::string_view new_name, bool replace) {
  const auto target = parse_stream_name(new_name);
  if (!target) {
    return target.error();
  }
  const std::string source = stream();
  if (source.empty()) {
    return errc::invalid_stream;
  }
  if (target->empty()) {
    return replace ? make_file_data(source) : error_code(errc::name_collision);
  }
  if (*target == source) {
    return {};
  }
  const std::lock_guard lock(base().lock());
  if (const auto mine = detail::load_stream_locked(base(), source, false); !mine) {
    return mine.error();
  }
  const auto there = detail::find_stream_locked(base(), *target);
  if (there && *there != source && !replace) {
    return errc::name_collision;
  }
  if (const error_code error = detail::move_stream(base(), source, *target)) {
    return error;
  }
  if (there && *there != source && *there != *target) {
    // The replaced stream's name differs in case from the new one, so remove it explicitly.
    if (const error_code error = detail::remove_stream_locked(base(), *there)) {
      return error;
    }
  }
  detail::follow_rename(*core_, inode_, source, *target);
  return {};
}

} // namespace leasebreak::smb::vfs

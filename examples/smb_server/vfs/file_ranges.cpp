// Operations on ranges of a file: zeros, holes, and copies between files.
#include "open_file.hpp"

#include "extended.hpp"
#include "share_core.hpp"
#include "streams.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

namespace leasebreak::smb::vfs {

namespace {

/// The zeros per write, if the file system cannot zero a range itself.
constexpr std::size_t zeros_bytes = 64 * 1024;

bool is_unsupported(int value) {
  return value == EOPNOTSUPP || value == ENOSYS || value == EINVAL || value == EXDEV;
}

/// Returns the offset of the next data or hole (SEEK_DATA, SEEK_HOLE), or `end` if that is earlier.
result<std::uint64_t> seek(int fd, std::uint64_t from, std::uint64_t end, int whence) {
  const off_t found = ::lseek(fd, static_cast<off_t>(from), whence);
  if (found >= 0) {
    return std::min(static_cast<std::uint64_t>(found), end);
  }
  return errno == ENXIO ? result<std::uint64_t>(end) : from_errno(errno);
}

} // namespace

error_code open_file::set_sparse(bool sparse) {
  if (is_directory_) {
    return errc::is_directory;
  }
  if (is_stream() || !core_->has_xattrs) {
    return {}; // the attribute has no effect there
  }
  const std::lock_guard lock(core_->stripe(inode_));
  const auto loaded = detail::load_record(fd_);
  const auto now = detail::read_info(*core_, fd_, {});
  if (!now) {
    return now.error();
  }
  auto record = loaded.value_or(detail::dos_record{});
  if (!loaded) {
    record.attributes = now->attributes & attribute::kept;
    record.creation_time = now->creation_time;
  }
  record.attributes =
    sparse ? record.attributes | attribute::sparse : record.attributes & ~attribute::sparse;
  const error_code error = detail::store_record(fd_, record);
  return error == from_errno(EOPNOTSUPP) ? error_code{} : error;
}

error_code open_file::zero(std::uint64_t from, std::uint64_t to) {
  changed_data_.store(true, std::memory_order_relaxed);
  if (from > to) {
    return errc::invalid_argument;
  }
  if (const error_code error = check_io(true, from, to - from)) {
    return error;
  }
  const auto now = info();
  if (!now) {
    return now.error();
  }
  to = std::min(to, now->end_of_file); // the file's size does not change
  if (from >= to) {
    return {};
  }
  const kept_write_time kept(*this);
  if (is_stream()) {
    return zero_stream(from, to);
  }
  return zero_range(fd_, (now->attributes & attribute::sparse) != 0, from, to);
}

error_code open_file::zero_stream(std::uint64_t from, std::uint64_t to) {
  const auto bytes = detail::load_stream(base(), stream(), true);
  if (!bytes) {
    return bytes.error();
  }
  if (!bytes->is_large) {
    to = std::min<std::uint64_t>(to, bytes->small.size());
    return from >= to
      ? error_code{}
      : write_stream(from, std::vector<std::uint8_t>(static_cast<std::size_t>(to - from)));
  }
  const error_code error = zero_range(bytes->file.get(), false, from, to);
  if (!error) {
    touch();
  }
  return error;
}

error_code open_file::zero_range(int fd, bool is_sparse, std::uint64_t from, std::uint64_t to) {
  const int how = is_sparse ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
  if (::fallocate(fd, how | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
        static_cast<off_t>(to - from)) == 0) {
    return {};
  }
  if (!is_unsupported(errno)) {
    return from_errno(errno);
  }
  const std::vector<std::uint8_t> zeros(zeros_bytes);
  while (from < to) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(to - from, zeros.size()));
    if (const error_code error = detail::write_all(fd, std::span(zeros).first(piece), from)) {
      return error;
    }
    from += piece;
  }
  return {};
}

result<std::vector<extent>> open_file::allocated(
  std::uint64_t from, std::uint64_t to, std::size_t extents_max) const {
  if (from > to) {
    return error_code(errc::invalid_argument);
  }
  if (const error_code error = check_io(false, from, to - from)) {
    return error;
  }
  const auto now = info();
  if (!now) {
    return now.error();
  }
  to = std::min(to, now->end_of_file);
  std::vector<extent> found;
  // A file that is not sparse is allocated completely.
  if (from < to && (is_stream() || (now->attributes & attribute::sparse) == 0)) {
    found.push_back({from, to - from});
    return found;
  }
  while (from < to && found.size() < extents_max) {
    const auto data = seek(fd_, from, to, SEEK_DATA);
    if (!data) {
      return data.error();
    }
    if (*data >= to) {
      break;
    }
    const auto hole = seek(fd_, *data, to, SEEK_HOLE);
    if (!hole) {
      return hole.error();
    }
    found.push_back({*data, *hole - *data});
    from = *hole;
  }
  return found;
}

result<std::size_t> open_file::copy_from(
  const open_file& source, std::uint64_t from, std::uint64_t to, std::size_t length) {
  changed_data_.store(true, std::memory_order_relaxed);
  if (const error_code error = source.check_io(false, from, length)) {
    return error;
  }
  if (const error_code error = check_io(true, to, length)) {
    return error;
  }
  const auto known = source.info();
  if (!known) {
    return known.error();
  }
  if (from + length > known->end_of_file) {
    return error_code(errc::behind_end);
  }
  const kept_write_time kept(*this);
  std::size_t done = 0;
  bool by_kernel = !is_stream() && !source.is_stream();
  while (done < length) {
    const auto copied = by_kernel ? copy_in_kernel(source, from + done, to + done, length - done)
                                  : copy_piece(source, from + done, to + done, length - done);
    if (!copied && by_kernel && copied.error().category() == boost::system::system_category() &&
      is_unsupported(copied.error().value())) {
      by_kernel = false;
      continue;
    }
    if (!copied) {
      return copied.error();
    }
    if (*copied == 0) { // the source was truncated meanwhile
      break;
    }
    done += *copied;
  }
  return done;
}

result<std::size_t> open_file::copy_in_kernel(
  const open_file& source, std::uint64_t from, std::uint64_t to, std::size_t length) const {
  auto in = static_cast<off_t>(from);
  auto out = static_cast<off_t>(to);
  for (;;) {
    const ssize_t copied = ::copy_file_range(source.fd_, &in, fd_, &out, length, 0);
    if (copied >= 0) {
      return static_cast<std::size_t>(copied);
    }
    if (errno != EINTR) {
      return from_errno(errno);
    }
  }
}

result<std::size_t> open_file::copy_piece(
  const open_file& source, std::uint64_t from, std::uint64_t to, std::size_t length) {
  // Read everything before writing, because the ranges may overlap.
  const auto piece = source.read(from, std::min(length, core_->options.io_bytes_max));
  if (!piece) {
    return piece.error();
  }
  return write(to, *piece);
}

} // namespace leasebreak::smb::vfs

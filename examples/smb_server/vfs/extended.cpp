// Extended attributes with fgetxattr and related calls.
#include "extended.hpp"

#include "share_core.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>

#include <sys/xattr.h>

namespace leasebreak::smb::vfs::detail {

namespace {

constexpr std::uint8_t record_version = 2;
constexpr std::size_t record_bytes = 1 + 4 + 3 * 8;
constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::min();
constexpr int read_attempts_max = 8;

void put(std::vector<std::uint8_t>& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

std::uint64_t take(std::span<const std::uint8_t>& in, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    value |= std::uint64_t{in[i]} << (8 * i);
  }
  in = in.subspan(bytes);
  return value;
}

std::int64_t to_number(const std::optional<file_time>& time) {
  return time ? time->time_since_epoch().count() : no_time;
}

std::optional<file_time> to_time(std::uint64_t number) {
  const auto count = static_cast<std::int64_t>(number);
  return count == no_time ? std::nullopt : std::optional(file_time(file_ticks(count)));
}

error_code xattr_error(int value) {
  switch (value) {
  case ENODATA:
    return errc::name_not_found;
  case EEXIST:
    return errc::name_collision;
  case EOPNOTSUPP:
    return errc::streams_not_supported;
  case E2BIG:
    return errc::stream_too_large;
  case ERANGE:
    return errc::name_too_long;
  default:
    return from_errno(value);
  }
}

std::string full_name(const std::string& stream) {
  return stream_prefix + stream;
}

// Descriptors opened with O_PATH do not support fgetxattr (EBADF).
ssize_t get(int fd, const char* name, void* to, std::size_t size) {
  ssize_t got = ::fgetxattr(fd, name, to, size);
  if (got < 0 && errno == EBADF) {
    got = ::getxattr(proc_path(fd).c_str(), name, to, size);
  }
  return got;
}

int set(int fd, const char* name, const void* from, std::size_t size, int flags) {
  int done = ::fsetxattr(fd, name, from, size, flags);
  if (done < 0 && errno == EBADF) {
    done = ::setxattr(proc_path(fd).c_str(), name, from, size, flags);
  }
  return done;
}

ssize_t list(int fd, char* to, std::size_t size) {
  ssize_t got = ::flistxattr(fd, to, size);
  if (got < 0 && errno == EBADF) {
    got = ::listxattr(proc_path(fd).c_str(), to, size);
  }
  return got;
}

std::optional<dos_record> decode_read(std::span<const std::uint8_t> bytes, ssize_t got) {
  return got < 0 ? std::nullopt : dos_record::decode(bytes.first(static_cast<std::size_t>(got)));
}

} // namespace

std::vector<std::uint8_t> dos_record::encode() const {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(record_bytes);
  put(bytes, record_version, 1);
  put(bytes, attributes, 4);
  put(bytes, static_cast<std::uint64_t>(to_number(creation_time)), 8);
  put(bytes, static_cast<std::uint64_t>(to_number(change_time)), 8);
  put(bytes, static_cast<std::uint64_t>(to_number(change_until)), 8);
  return bytes;
}

std::optional<dos_record> dos_record::decode(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != record_bytes || bytes[0] != record_version) {
    return std::nullopt;
  }
  bytes = bytes.subspan(1);
  dos_record record;
  record.attributes =
    static_cast<std::uint32_t>(take(bytes, 4)) & (attribute::kept | attribute::sparse);
  record.creation_time = to_time(take(bytes, 8));
  record.change_time = to_time(take(bytes, 8));
  record.change_until = to_time(take(bytes, 8)).value_or(file_time{});
  return record;
}

std::optional<dos_record> load_record(int fd) {
  std::array<std::uint8_t, record_bytes> buffer;
  return decode_read(buffer, get(fd, attributes_name, buffer.data(), buffer.size()));
}

std::optional<dos_record> load_record(const std::string& path) {
  std::array<std::uint8_t, record_bytes> buffer;
  return decode_read(
    buffer, ::lgetxattr(path.c_str(), attributes_name, buffer.data(), buffer.size()));
}

error_code store_record(int fd, const dos_record& record) {
  const auto bytes = record.encode();
  return set(fd, attributes_name, bytes.data(), bytes.size(), 0) < 0 ? from_errno(errno)
                                                                     : error_code{};
}

result<std::vector<std::uint8_t>> load_attribute(int fd, const std::string& name) {
  std::vector<std::uint8_t> bytes;
  for (int attempt = 0; attempt < read_attempts_max; ++attempt) {
    const ssize_t size = get(fd, name.c_str(), nullptr, 0);
    if (size < 0) {
      return from_errno(errno);
    }
    bytes.resize(static_cast<std::size_t>(size));
    if (bytes.empty()) {
      return bytes;
    }
    const ssize_t got = get(fd, name.c_str(), bytes.data(), bytes.size());
    if (got >= 0) {
      bytes.resize(static_cast<std::size_t>(got));
      return bytes;
    }
    if (errno != ERANGE) { // ERANGE: it has grown meanwhile, so retry.
      return from_errno(errno);
    }
  }
  return error_code(errc::keeps_changing);
}

error_code store_attribute(int fd, const std::string& name, std::span<const std::uint8_t> value) {
  return set(fd, name.c_str(), value.data(), value.size(), 0) < 0 ? from_errno(errno)
                                                                  : error_code{};
}

error_code remove_attribute(int fd, const std::string& name) {
  int done = ::fremovexattr(fd, name.c_str());
  if (done < 0 && errno == EBADF) {
    done = ::removexattr(proc_path(fd).c_str(), name.c_str());
  }
  return done < 0 ? from_errno(errno) : error_code{};
}

result<std::vector<std::uint8_t>> load_stream_value(int fd, const std::string& name) {
  auto bytes = load_attribute(fd, full_name(name));
  if (!bytes && bytes.error().category() == boost::system::system_category()) {
    const int why = bytes.error().value();
    return why == EOPNOTSUPP ? error_code(errc::name_not_found) : xattr_error(why);
  }
  return bytes;
}

error_code store_stream_value(
  int fd, const std::string& name, std::span<const std::uint8_t> bytes, stream_write how) {
  const int flags = how == stream_write::create ? XATTR_CREATE
    : how == stream_write::replace              ? XATTR_REPLACE
                                                : 0;
  // Linux accepts a null pointer with size 0, but some file systems read it.
  const std::uint8_t nothing = 0;
  const void* data = bytes.empty() ? &nothing : bytes.data();
  return set(fd, full_name(name).c_str(), data, bytes.size(), flags) < 0 ? xattr_error(errno)
                                                                         : error_code{};
}

error_code remove_stream_value(int fd, const std::string& name) {
  const error_code error = remove_attribute(fd, full_name(name));
  return error ? xattr_error(error.value()) : error;
}

result<std::vector<std::string>> list_names(int fd, std::string_view prefix) {
  std::vector<char> names;
  ssize_t got = -1;
  for (int attempt = 0; attempt < read_attempts_max; ++attempt) {
    got = list(fd, nullptr, 0);
    if (got <= 0) {
      break;
    }
    names.resize(static_cast<std::size_t>(got));
    got = list(fd, names.data(), names.size());
    if (got >= 0 || errno != ERANGE) {
      break;
    }
  }
  std::vector<std::string> found;
  if (got < 0) {
    if (errno == EOPNOTSUPP) {
      return found;
    }
    return from_errno(errno);
  }
  std::string_view rest(names.data(), static_cast<std::size_t>(got));
  while (!rest.empty()) {
    const auto name = rest.substr(0, rest.find('\0'));
    if (name.size() > prefix.size() && name.starts_with(prefix)) {
      found.emplace_back(name.substr(prefix.size()));
    }
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  std::sort(found.begin(), found.end());
  return found;
}

result<std::vector<std::string>> list_streams(int fd) {
  return list_names(fd, stream_prefix);
}

} // namespace leasebreak::smb::vfs::detail

// See streams.hpp.
#include "streams.hpp"

#include "ascii.hpp"
#include "extended.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace leasebreak::smb::vfs::detail {

namespace {

/// Begins a value that is not simply the stream's bytes: the mark, a kind, and more. Bytes that
/// happen to begin with it are stored behind a mark.
constexpr std::array<std::uint8_t, 16> value_mark{
  0x9e, 0x41, 0xd7, 0x0c, 0x63, 0xf2, 0x4b, 0x58, 0xa1, 0x1d, 0x7a, 0xe6, 0x35, 0xbc, 0x02, 0xcf};
constexpr std::uint8_t kind_bytes = 0;
constexpr std::uint8_t kind_reference = 1;
constexpr std::size_t value_head = value_mark.size() + 1;
constexpr std::size_t reference_bytes = value_head + sizeof(stream_id::bytes);

struct stream_value {
  std::vector<std::uint8_t> bytes;
  std::optional<stream_id> id; ///< Instead of bytes.
};

bool has_mark(std::span<const std::uint8_t> value) {
  return value.size() >= value_mark.size() &&
    std::equal(value_mark.begin(), value_mark.end(), value.begin());
}

std::vector<std::uint8_t> marked(std::uint8_t kind, std::span<const std::uint8_t> rest) {
  std::vector<std::uint8_t> value(value_mark.begin(), value_mark.end());
  value.push_back(kind);
  value.insert(value.end(), rest.begin(), rest.end());
  return value;
}

result<stream_value> decode_value(std::vector<std::uint8_t> value) {
  if (!has_mark(value)) {
    return stream_value{std::move(value), std::nullopt};
  }
  const auto rest = std::span(value).subspan(std::min(value.size(), value_head));
  if (value.size() >= value_head && value[value_mark.size()] == kind_bytes) {
    return stream_value{{rest.begin(), rest.end()}, std::nullopt};
  }
  stream_id id;
  if (rest.size() != id.bytes.size() || value[value_mark.size()] != kind_reference) {
    return from_errno(EIO); // of a newer version
  }
  std::copy(rest.begin(), rest.end(), id.bytes.begin());
  return stream_value{{}, id};
}

result<stream_value> load_value(int fd, const std::string& name) {
  auto value = load_stream_value(fd, name);
  return value ? decode_value(std::move(*value)) : value.error();
}

error_code store_bytes(int fd, const std::string& name, std::span<const std::uint8_t> bytes,
  stream_write how = stream_write::any) {
  return has_mark(bytes) ? store_stream_value(fd, name, marked(kind_bytes, bytes), how)
                         : store_stream_value(fd, name, bytes, how);
}

error_code store_reference(
  int fd, const std::string& name, const stream_id& id, stream_write how = stream_write::any) {
  return store_stream_value(fd, name, marked(kind_reference, id.bytes), how);
}

/// Moves the largest small stream of a file out of its attributes. False if there is none that
/// would make room.
bool make_room(const stream_base& base, const std::string& except) {
  const auto names = list_streams(base.fd);
  std::string largest;
  stream_bytes bytes;
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    auto value =
      name == except ? result<stream_value>(from_errno(ENOENT)) : load_value(base.fd, name);
    if (value && !value->id &&
      value->bytes.size() > std::max(bytes.small.size(), reference_bytes)) {
      largest = name;
      bytes.small = std::move(value->bytes);
    }
  }
  return !largest.empty() && !move_to_file(base, largest, bytes);
}

/// Calls `store`, and makes room for it among the attributes of the file as often as needed.
template <class Store>
error_code store_with_room(const stream_base& base, const std::string& name, const Store& store) {
  error_code error = store();
  while (error == from_errno(ENOSPC) && make_room(base, name)) {
    error = store();
  }
  return error;
}

bool refers(int fd, const std::string& name, const stream_id& id) {
  const auto value = load_value(fd, name);
  return value && value->id == id;
}

/// Large streams need the same permission as small ones: to write the file.
error_code check_writable(int fd) {
  return ::faccessat(AT_FDCWD, proc_path(fd).c_str(), W_OK, AT_EACCESS) == 0 ? error_code{}
                                                                             : from_errno(errno);
}

error_code not_found_if_missing(const error_code& error) {
  return error == from_errno(ENOENT) ? error_code(errc::name_not_found) : error;
}

/// A crash has left a rename unfinished: the new name's reference decides.
error_code settle_move(
  const stream_base& base, const stream_id& id, const unique_fd& file, stream_owner& owner) {
  const bool moved = refers(base.fd, owner.next, id);
  const std::string before = owner.name;
  if (moved) {
    owner.name = owner.next;
  }
  owner.next.clear();
  if (const error_code error = store_owner(file.get(), owner)) {
    return error;
  }
  return moved && refers(base.fd, before, id) ? remove_stream_value(base.fd, before) : error_code{};
}

/// The path by which `sweep_store` finds the file again.
std::optional<std::string> path_for_sweep(share_core& core, int fd) {
  auto path = disk_path(core, fd);
  return path ? std::optional(std::move(*path)) : std::nullopt;
}

/// The file of a reference that is about to be replaced, or nothing if it is not this stream's.
std::optional<stream_id> set_aside(const stream_base& base, const std::string& name) {
  const auto there = load_stream_locked(base, name, false);
  if (!there || !there->is_large) {
    return std::nullopt;
  }
  auto owner = load_owner(there->file.get());
  if (owner) {
    owner->path = path_for_sweep(base.core, base.fd);
    static_cast<void>(store_owner(there->file.get(), *owner));
  }
  static_cast<void>(make_pending(base.core, there->id));
  return there->id;
}

} // namespace

result<owner_key> key_of(share_core& core, int fd) {
  const auto info = read_info(core, fd, {});
  return info ? result<owner_key>(owner_key{info->id.inode, info->id.birth}) : info.error();
}

result<stream_bytes> load_stream(const stream_base& base, const std::string& name, bool write) {
  auto value = load_value(base.fd, name);
  if (!value) {
    return value.error();
  }
  stream_bytes found;
  if (!value->id) {
    found.small = std::move(value->bytes);
    return found;
  }
  auto file = open_stored(base.core, *value->id, write);
  const auto owner = file ? load_owner(file->get()) : file.error();
  const error_code refused = write ? check_writable(base.fd) : error_code{};
  if (!owner || owner->file != base.key || owner->name != name || !owner->next.empty() || refused) {
    const std::lock_guard lock(base.lock());
    return load_stream_locked(base, name, write);
  }
  found.is_large = true;
  found.id = *value->id;
  found.file = std::move(*file);
  return found;
}

result<stream_bytes> load_stream_locked(
  const stream_base& base, const std::string& name, bool write) {
  auto value = load_value(base.fd, name);
  if (!value) {
    return value.error();
  }
  stream_bytes found;
  if (!value->id) {
    found.small = std::move(value->bytes);
    return found;
  }
  if (const error_code error = write ? check_writable(base.fd) : error_code{}) {
    return error;
  }
  auto file = open_stored(base.core, *value->id, write);
  if (!file && file.error() == from_errno(ENOENT)) {
    file = open_pending(base.core, *value->id, write);
    if (file) {
      static_cast<void>(settle(base.core, *value->id)); // the reference was set before a crash
    }
  }
  if (!file) {
    return not_found_if_missing(file.error());
  }
  auto owner = load_owner(file->get());
  if (!owner || owner->file != base.key) {
    return owner ? error_code(errc::name_not_found) : owner.error();
  }
  if (!owner->next.empty()) {
    if (const error_code error = settle_move(base, *value->id, *file, *owner)) {
      return error;
    }
  }
  if (owner->name != name) {
    return error_code(errc::name_not_found);
  }
  found.is_large = true;
  found.id = *value->id;
  found.file = std::move(*file);
  return found;
}

error_code write_all(int fd, std::span<const std::uint8_t> data, std::uint64_t offset) {
  while (!data.empty()) {
    const ssize_t got = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (got < 0 && errno != EINTR) {
      return from_errno(errno);
    }
    const auto done = got > 0 ? static_cast<std::size_t>(got) : 0;
    data = data.subspan(done);
    offset += done;
  }
  return {};
}

result<stream_extent> measure(const stream_bytes& bytes) {
  if (!bytes.is_large) {
    return stream_extent{bytes.small.size(), round_up(bytes.small.size())};
  }
  struct stat status {};
  if (::fstat(bytes.file.get(), &status) < 0) {
    return from_errno(errno);
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const auto blocks = static_cast<std::uint64_t>(status.st_blocks) * 512;
  return stream_extent{size, std::max(round_up(size), round_up(blocks))};
}

error_code create_stream(const stream_base& base, const std::string& name) {
  // There may be a reference without a file.
  return store_with_room(base, name, [&] { return store_bytes(base.fd, name, {}); });
}

error_code store_small(
  const stream_base& base, const std::string& name, std::span<const std::uint8_t> bytes) {
  return bytes.size() > base.core.options.stream_inline_bytes_max
    ? from_errno(ENOSPC)
    : store_bytes(base.fd, name, bytes, stream_write::replace);
}

error_code move_to_file(const stream_base& base, const std::string& name, stream_bytes& now) {
  const stream_id id = stream_id::random();
  auto file = create_pending(
    base.core, id, stream_owner{base.key, name, {}, path_for_sweep(base.core, base.fd)});
  if (!file) {
    return file.error();
  }
  stream_step(base.core);
  // The reference must not reach the disk before the bytes that it replaces.
  error_code error = write_all(file->get(), now.small, 0);
  if (!error && !now.small.empty()) {
    error = ::fsync(file->get()) == 0 ? sync_store(base.core) : from_errno(errno);
  }
  stream_step(base.core);
  if (!error) {
    const bool shrinks = now.small.size() >= reference_bytes;
    const auto store = [&] { return store_reference(base.fd, name, id, stream_write::replace); };
    error = shrinks ? store() : store_with_room(base, name, store);
  }
  if (error) {
    static_cast<void>(remove_stored(base.core, id));
    return error;
  }
  stream_step(base.core);
  static_cast<void>(settle(base.core, id)); // `load_stream_locked` does it if this fails
  now.is_large = true;
  now.id = id;
  now.file = std::move(*file);
  now.small.clear();
  return {};
}

error_code remove_stream(const stream_base& base, const std::string& name) {
  const std::lock_guard lock(base.lock());
  return remove_stream_locked(base, name);
}

// Without its file the stream does not exist, so removing that commits.
error_code remove_stream_locked(const stream_base& base, const std::string& name) {
  const auto there = load_stream_locked(base, name, true);
  if (!there && there.error() != errc::name_not_found) {
    return there.error();
  }
  if (there && there->is_large) {
    if (const error_code error = remove_stored(base.core, there->id)) {
      return error;
    }
    stream_step(base.core);
  }
  const error_code error = remove_stream_value(base.fd, name);
  return there ? error : there.error();
}

error_code move_stream(const stream_base& base, const std::string& from, const std::string& to) {
  const auto bytes = load_stream_locked(base, from, true);
  if (!bytes) {
    return bytes.error();
  }
  auto owner = bytes->is_large ? load_owner(bytes->file.get()) : result<stream_owner>();
  if (!owner) {
    return owner.error();
  }
  const auto replaced = set_aside(base, to);
  stream_step(base.core);
  error_code error;
  if (bytes->is_large) {
    owner->next = to;
    error = store_owner(bytes->file.get(), *owner);
    stream_step(base.core);
  }
  if (!error) {
    error = store_with_room(base, from, [&] {
      return bytes->is_large ? store_reference(base.fd, to, bytes->id)
                             : store_bytes(base.fd, to, bytes->small);
    });
  }
  stream_step(base.core);
  if (error) {
    if (bytes->is_large) {
      owner->next.clear();
      static_cast<void>(store_owner(bytes->file.get(), *owner));
    }
    if (replaced) {
      static_cast<void>(settle(base.core, *replaced));
    }
    return error;
  }
  if (replaced) {
    static_cast<void>(remove_stored(base.core, *replaced));
    stream_step(base.core);
  }
  if (!bytes->is_large) {
    return remove_stream_value(base.fd, from);
  }
  return settle_move(base, bytes->id, bytes->file, *owner);
}

result<std::string> find_stream(const stream_base& base, const std::string& name) {
  const std::lock_guard lock(base.lock());
  return find_stream_locked(base, name);
}

result<std::string> find_stream_locked(const stream_base& base, const std::string& name) {
  auto names = list_streams(base.fd);
  if (!names) {
    return names.error();
  }
  std::erase_if(*names, [&](const std::string& each) { return !equal_ignoring_case(each, name); });
  std::stable_partition(
    names->begin(), names->end(), [&](const std::string& each) { return each == name; });
  for (const std::string& each : *names) {
    const auto there = load_stream_locked(base, each, false);
    // EACCES: it is there, although this account must not read it.
    if (there || there.error() != errc::name_not_found) {
      return each;
    }
  }
  return error_code(errc::name_not_found);
}

result<std::vector<stream_id>> references_of(int fd) {
  const auto names = list_streams(fd);
  if (!names) {
    return names.error();
  }
  std::vector<stream_id> found;
  for (const std::string& name : *names) {
    if (const auto value = load_value(fd, name); value && value->id) {
      found.push_back(*value->id);
    }
  }
  return found;
}

result<std::vector<std::uint8_t>> read_range(
  const stream_bytes& bytes, std::uint64_t offset, std::size_t length) {
  if (!bytes.is_large) {
    const auto begin =
      static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes.small.size()));
    const auto piece = std::span(bytes.small).subspan(begin);
    const auto mine = piece.first(std::min(length, piece.size()));
    return std::vector<std::uint8_t>(mine.begin(), mine.end());
  }
  return read_all(bytes.file.get(), offset, length);
}

} // namespace leasebreak::smb::vfs::detail

// See stream_store.hpp.
#include "stream_store.hpp"

#include "extended.hpp"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace leasebreak::smb::vfs::detail {

namespace {

constexpr std::uint8_t owner_version = 1;
constexpr const char* owner_name = "user.leasebreak.owner";
constexpr std::string_view pending_name = "pending";
/// Longer paths are left out of the record, which must fit into one block with it.
constexpr std::size_t owner_path_max = 2048;
constexpr mode_t store_mode = 0700;
constexpr mode_t stored_file_mode = 0600;

std::string stored_path(const stream_id& id) {
  return std::string(stream_store_name) + '/' + id.text();
}

std::string pending_path(const stream_id& id) {
  return std::string(stream_store_name) + '/' + std::string(pending_name) + '/' + id.text();
}

void put_number(std::vector<std::uint8_t>& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

void put_text(std::vector<std::uint8_t>& out, std::string_view text) {
  put_number(out, text.size(), 2);
  out.insert(out.end(), text.begin(), text.end());
}

/// Takes numbers and texts from a record; `ok` says whether all of them were there.
struct owner_reader {
  std::span<const std::uint8_t> in;
  bool ok = true;

  std::uint64_t number(std::size_t bytes) {
    ok = ok && in.size() >= bytes;
    std::uint64_t value = 0;
    for (std::size_t i = 0; ok && i < bytes; ++i) {
      value |= std::uint64_t{in[i]} << (8 * i);
    }
    in = in.subspan(ok ? bytes : 0);
    return value;
  }
  std::string text() {
    const auto size = static_cast<std::size_t>(number(2));
    ok = ok && in.size() >= size;
    const auto mine = in.first(ok ? size : 0);
    in = in.subspan(mine.size());
    return {mine.begin(), mine.end()};
  }
};

/// Opens a folder that belongs to this account alone. Another local user could otherwise make it
/// first, and read what is stored there.
result<unique_fd> open_private(int parent, const std::string& name, bool create) {
  if (create && ::mkdirat(parent, name.c_str(), store_mode) < 0 && errno != EEXIST) {
    return from_errno(errno);
  }
  unique_fd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) < 0) {
    return from_errno(errno);
  }
  if (status.st_uid != ::geteuid() || (status.st_mode & 0077U) != 0) {
    return from_errno(EACCES);
  }
  return fd;
}

result<unique_fd> open_store(share_core& core, bool create) {
  auto fd = open_private(core.root.get(), std::string(stream_store_name), create);
  if (fd) {
    core.has_stream_store.store(true, std::memory_order_relaxed);
  }
  return fd;
}

error_code move_stored(share_core& core, const std::string& from, const std::string& to) {
  const auto folder = open_store(core, false);
  if (!folder) {
    return folder.error();
  }
  return ::renameat(folder->get(), from.c_str(), folder->get(), to.c_str()) == 0
    ? error_code{}
    : from_errno(errno);
}

std::string within_pending(const stream_id& id) {
  return std::string(pending_name) + '/' + id.text();
}

} // namespace

stream_id stream_id::random() {
  stream_id id;
  std::size_t done = 0;
  while (done < id.bytes.size()) { // signals interrupt it only while the pool is not ready
    const ssize_t got = ::getrandom(id.bytes.data() + done, id.bytes.size() - done, 0);
    done += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  return id;
}

std::string stream_id::text() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4U];
    out += digits[byte & 0x0fU];
  }
  return out;
}

std::optional<stream_id> stream_id::parse(std::string_view hexadecimal) {
  constexpr std::string_view digits = "0123456789abcdef";
  stream_id id;
  if (hexadecimal.size() != 2 * id.bytes.size()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < hexadecimal.size(); ++i) {
    const auto value = digits.find(hexadecimal[i]);
    if (value == std::string_view::npos) {
      return std::nullopt;
    }
    auto& byte = id.bytes[i / 2];
    byte = static_cast<std::uint8_t>((unsigned{byte} << 4U) | value);
  }
  return id;
}

std::vector<std::uint8_t> stream_owner::encode() const {
  std::vector<std::uint8_t> out;
  put_number(out, owner_version, 1);
  put_number(out, file.inode, 8);
  put_number(out, file.birth, 8);
  put_text(out, name);
  put_text(out, next);
  const bool has_path = path && path->size() <= owner_path_max;
  put_number(out, has_path ? 1 : 0, 1);
  put_text(out, has_path ? *path : std::string());
  return out;
}

std::optional<stream_owner> stream_owner::decode(std::span<const std::uint8_t> bytes) {
  owner_reader in{bytes};
  const bool known = in.number(1) == owner_version;
  stream_owner owner;
  owner.file.inode = in.number(8);
  owner.file.birth = in.number(8);
  owner.name = in.text();
  owner.next = in.text();
  const bool has_path = in.number(1) != 0;
  std::string path = in.text();
  if (has_path) {
    owner.path = std::move(path);
  }
  return known && in.ok ? std::optional(std::move(owner)) : std::nullopt;
}

result<unique_fd> open_pending_folder(share_core& core, bool create) {
  const auto folder = open_store(core, create);
  if (!folder) {
    return folder.error();
  }
  return open_private(folder->get(), std::string(pending_name), create);
}

result<unique_fd> create_pending(share_core& core, const stream_id& id, const stream_owner& owner) {
  const auto folder = open_pending_folder(core, true);
  if (!folder) {
    return folder.error();
  }
  const std::string name = id.text();
  unique_fd fd(
    ::openat(folder->get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, stored_file_mode));
  if (fd.get() < 0) {
    return from_errno(errno);
  }
  error_code error = ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 ? error_code{} : from_errno(errno);
  if (!error) {
    error = store_owner(fd.get(), owner);
  }
  if (error) {
    ::unlinkat(folder->get(), name.c_str(), 0);
    return error;
  }
  return fd;
}

result<unique_fd> open_stored(share_core& core, const stream_id& id, bool write) {
  return open_beneath(core, stored_path(id), write ? O_RDWR : O_RDONLY);
}

result<unique_fd> open_pending(share_core& core, const stream_id& id, bool write) {
  return open_beneath(core, pending_path(id), write ? O_RDWR : O_RDONLY);
}

error_code settle(share_core& core, const stream_id& id) {
  return move_stored(core, within_pending(id), id.text());
}

error_code make_pending(share_core& core, const stream_id& id) {
  return move_stored(core, id.text(), within_pending(id));
}

error_code remove_stored(share_core& core, const stream_id& id) {
  const auto folder = open_store(core, false);
  if (!folder) {
    return folder.error() == from_errno(ENOENT) ? error_code{} : folder.error();
  }
  for (const std::string& name : {id.text(), within_pending(id)}) {
    if (::unlinkat(folder->get(), name.c_str(), 0) < 0 && errno != ENOENT) {
      return from_errno(errno);
    }
  }
  return {};
}

error_code sync_store(share_core& core) {
  const auto pending = open_pending_folder(core, false);
  const auto folder = open_store(core, false);
  if (!pending || !folder) {
    return pending ? folder.error() : pending.error();
  }
  const bool done = ::fsync(pending->get()) == 0 && ::fsync(folder->get()) == 0;
  return done ? error_code{} : from_errno(errno);
}

result<stream_owner> load_owner(int fd) {
  const auto bytes = load_attribute(fd, owner_name);
  if (!bytes) {
    return bytes.error() == from_errno(ENODATA) ? error_code(errc::name_not_found) : bytes.error();
  }
  auto owner = stream_owner::decode(*bytes);
  return owner ? result<stream_owner>(std::move(*owner)) : error_code(errc::name_not_found);
}

error_code store_owner(int fd, const stream_owner& owner) {
  return store_attribute(fd, owner_name, owner.encode());
}

bool has_store(share_core& core) noexcept {
  return core.has_stream_store.load(std::memory_order_relaxed);
}

void stream_step(const share_core& core) {
  if (core.options.between_stream_steps) {
    core.options.between_stream_steps();
  }
}

} // namespace leasebreak::smb::vfs::detail

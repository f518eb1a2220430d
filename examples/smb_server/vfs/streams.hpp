// Named streams: small ones in an extended attribute, large ones in a file of the store. Private.
//
// The attribute of a large stream holds a reference to its file. Each change has one step that
// commits it, so that a crash leaves the stream as it was before or after.
#pragma once

#include "errors.hpp"
#include "share_core.hpp"
#include "stream_store.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace leasebreak::smb::vfs::detail {

/// The file whose streams are accessed.
struct stream_base {
  share_core& core;
  int fd;
  owner_key key;

  [[nodiscard]] std::mutex& lock() const noexcept { return core.stripe(key.inode); }
};

/// Errors: as `read_info`.
[[nodiscard]] result<owner_key> key_of(share_core& core, int fd);

/// The bytes of a stream, or the file that holds them.
struct stream_bytes {
  bool is_large = false;
  std::vector<std::uint8_t> small;
  stream_id id;
  unique_fd file;
};

/// Finds a stream by its name on the disk. Errors: `errc::name_not_found`, EACCES if `write` and
/// the file is not writable, other errno.
[[nodiscard]] result<stream_bytes> load_stream(
  const stream_base& base, const std::string& name, bool write);
/// The same; the caller holds the lock.
[[nodiscard]] result<stream_bytes> load_stream_locked(
  const stream_base& base, const std::string& name, bool write);

struct stream_extent {
  std::uint64_t size = 0;
  std::uint64_t allocation = 0;
};
[[nodiscard]] result<stream_extent> measure(const stream_bytes& bytes);

/// Reads all of a range that exists.
[[nodiscard]] result<std::vector<std::uint8_t>> read_range(
  const stream_bytes& bytes, std::uint64_t offset, std::size_t length);

/// Writes all of `data`. Errors: errno.
error_code write_all(int fd, std::span<const std::uint8_t> data, std::uint64_t offset);

/// Creates an empty stream whose name is free. The caller holds the lock. Errors:
/// `errc::streams_not_supported`, `name_too_long`, errno.
error_code create_stream(const stream_base& base, const std::string& name);

/// Replaces the bytes of a small stream. The caller holds the lock. Errors: ENOSPC if its attribute
/// has no room for them, which `move_to_file` may cure, other errno.
error_code store_small(
  const stream_base& base, const std::string& name, std::span<const std::uint8_t> bytes);

/// Moves the bytes of a small stream into a file. The caller holds the lock. Errors: errno.
error_code move_to_file(const stream_base& base, const std::string& name, stream_bytes& now);

/// Removes a stream. Errors: `errc::name_not_found`, errno.
error_code remove_stream(const stream_base& base, const std::string& name);
error_code remove_stream_locked(const stream_base& base, const std::string& name);

/// Renames a stream to a name on the disk, which it replaces. The caller holds the lock. Errors:
/// `errc::name_not_found`, errno.
error_code move_stream(const stream_base& base, const std::string& from, const std::string& to);

/// Returns the name of a stream on the disk: the same name, or else one that differs only in the
/// case of ASCII letters. Errors: `errc::name_not_found`, errno.
[[nodiscard]] result<std::string> find_stream(const stream_base& base, const std::string& name);
[[nodiscard]] result<std::string> find_stream_locked(
  const stream_base& base, const std::string& name);

/// The ids in the references of a file. Errors: errno.
[[nodiscard]] result<std::vector<stream_id>> references_of(int fd);

/// Removes the files of all large streams of a file without a name.
void remove_all_stored(const stream_base& base);

/// Removes what `replaced_entry` has left in `pending`, if the name is not empty.
void remove_grave(share_core& core, const std::string& grave);

/// Removes what a crash has left in the store. The work is bounded.
void sweep_store(share_core& core);

/// Removes a name, and with the last name of a file or directory the files of its streams. Errors:
/// errno of unlinkat.
error_code remove_entry(share_core& core, int folder, const std::string& leaf, bool is_directory);

/// For a call that replaces a name: create this before, and call `finish` after it.
class replaced_entry {
public:
  replaced_entry(share_core& core, int folder, const std::string& leaf);
  void finish();

private:
  share_core& core_;
  unique_fd file_;
  std::string grave_; ///< The file's name in `pending`; empty if there is none.
};

/// Enters an open of a stream. The last one of a file without a name removes the files of its
/// streams.
void add_stream_open(share_core& core, std::uint64_t inode, open_file& open);
void drop_stream_open(const stream_base& base, open_file& open);

/// `identity::stream` of a stream by its name on the disk. It stays the same while the stream is
/// open, whatever happens to its name, and no other stream has it then.
[[nodiscard]] std::string identity_of_stream(
  share_core& core, std::uint64_t inode, const std::string& name);

/// Whether a file has lost its last name, although the store still has one for it.
[[nodiscard]] bool is_nameless(share_core& core, std::uint64_t inode);

/// All opens of a stream that has been renamed follow.
void follow_rename(
  share_core& core, std::uint64_t inode, const std::string& from, const std::string& to);

} // namespace leasebreak::smb::vfs::detail

// The files that hold the bytes of large named streams. Private.
//
// Layout beneath the share's root, in `.leasebreak.streams` (mode 0700, created on demand):
//   ID                the bytes of a stream; the stream's attribute refers to it
//   pending/ID        the same while a reference to it is being set or replaced
//   pending/ID.gone   a file or directory that loses its last name
#pragma once

#include "errors.hpp"
#include "share_core.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::smb::vfs::detail {

inline constexpr std::string_view stream_store_name = ".leasebreak.streams";

/// The name of a file in the store: 128 random bits.
struct stream_id {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] static stream_id random();
  [[nodiscard]] static std::optional<stream_id> parse(std::string_view hexadecimal);
  [[nodiscard]] std::string text() const;

  friend auto operator<=>(const stream_id&, const stream_id&) = default;
};

/// The file that a stream belongs to.
struct owner_key {
  std::uint64_t inode = 0;
  std::uint64_t birth = 0;

  friend auto operator<=>(const owner_key&, const owner_key&) = default;
};

/// The record in `user.leasebreak.owner` of a file in the store. It decides which reference counts:
/// a reference that was copied to another file, or to another name, is no stream.
struct stream_owner {
  owner_key file;
  std::string name; ///< Of the stream.
  std::string next; ///< With a rename in progress: the new name. Else empty.
  std::optional<std::string> path; ///< Of the file when this was written, for `sweep`.

  [[nodiscard]] std::vector<std::uint8_t> encode() const;
  [[nodiscard]] static std::optional<stream_owner> decode(std::span<const std::uint8_t> bytes);
};

/// Creates `pending/ID` with its owner and locks it against `sweep`. Errors: EACCES if another user
/// has made the store, other errno.
[[nodiscard]] result<unique_fd> create_pending(
  share_core& core, const stream_id& id, const stream_owner& owner);

/// Opens `ID`, or `pending/ID`. Errors: ENOENT, other errno.
[[nodiscard]] result<unique_fd> open_stored(share_core& core, const stream_id& id, bool write);
[[nodiscard]] result<unique_fd> open_pending(share_core& core, const stream_id& id, bool write);

/// Moves a file between the two states. Errors: errno.
error_code settle(share_core& core, const stream_id& id);
error_code make_pending(share_core& core, const stream_id& id);

/// Removes the file in either state. Succeeds if it does not exist.
error_code remove_stored(share_core& core, const stream_id& id);

/// Writes the names in the store to the disk. Errors: errno.
error_code sync_store(share_core& core);

/// Opens the folder `pending`; creates it if `create`. Errors: errno.
[[nodiscard]] result<unique_fd> open_pending_folder(share_core& core, bool create);

/// Errors: `errc::name_not_found` without a valid record, errno.
[[nodiscard]] result<stream_owner> load_owner(int fd);
error_code store_owner(int fd, const stream_owner& owner);

/// Whether the store exists.
[[nodiscard]] bool has_store(share_core& core) noexcept;

/// Calls `share_options::between_stream_steps`.
void stream_step(const share_core& core);

} // namespace leasebreak::smb::vfs::detail

// What a client asks for: values in requests to the coordinator and in commands of a file.
#pragma once

#include <leasebreak/model/byte_range.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The lease that an open requests: the create contexts of MS-SMB2 2.2.13.2.8 and 2.2.13.2.10.
struct lease_request {
  lease_key key; ///< Must not be zero.
  lease_state state = lease_state::none; ///< The requested state; any combination of bits.
  std::uint8_t version = 2; ///< 1 or 2, depending on the create context.
  std::uint16_t epoch = 0; ///< V2: the client's epoch, at which a new lease starts.
  std::optional<lease_key> parent_key; ///< V2: set only if the context has the flag for it.
};

/// Requests a durable open, which outlives its connection (MS-SMB2 2.2.13.2.3, 2.2.13.2.11).
struct durable_request {
  duration timeout{}; ///< How long it stays disconnected: more than zero, at most a year.
  bool persistent = false; ///< Kept regardless of its caching (MS-SMB2 3.3.1.10 IsPersistent).
  create_guid guid; ///< V2: the client must repeat it to reconnect.
  /// Persistent: opaque bytes of the server, such as user and path, returned to it after a restart.
  std::string server_state{};
};

/// Counts the starts of an application (MS-SMB2 2.2.13.2.15). The high part is compared first.
struct app_instance_version {
  std::uint64_t high = 0; ///< AppInstanceVersionHigh
  std::uint64_t low = 0; ///< AppInstanceVersionLow

  friend auto operator<=>(const app_instance_version&, const app_instance_version&) = default;
};

/// An application that opens a file. It may have opened the file on another client before a
/// failover (MS-SMB2 2.2.13.2.13).
struct app_instance {
  app_instance_id id; ///< Must not be zero.
  std::optional<app_instance_version> version; ///< Empty if the application has no version.

  friend bool operator==(const app_instance&, const app_instance&) = default;
};

/// Stands for an unknown AllocationSize: every byte-range lock counts.
inline constexpr std::uint64_t unknown_allocation = ~std::uint64_t{0};

/// One element of a lock request (MS-SMB2 2.2.26.1).
struct lock_element {
  byte_range range; ///< The bytes to lock.
  bool exclusive = false; ///< True for an exclusive lock.
  /// False if the server found the element malformed, for example by its flags. The request fails
  /// with `errc::invalid_argument`, unless an earlier element fails with another error.
  bool well_formed = true;
};

/// The number that a client gives a lock or unlock request, so that a replay on another connection
/// is not executed twice (MS-SMB2 2.2.26, 3.3.5.14).
struct lock_sequence {
  std::uint32_t index = 0; ///< LockSequenceIndex: 1 to 64; other values turn replay detection off.
  std::uint8_t number = 0; ///< LockSequenceNumber: 0 to 15; other values never match.
};

/// An access to a file, announced before it happens, or a change of a directory that has happened.
enum class access_kind : std::uint8_t {
  read, ///< Data is read without an open of this file.
  write, ///< Data is written, or end of file, allocation or zeroes are set.
  rename, ///< This file or directory is renamed.
  link, ///< This file gets an additional name, or another short name.
  set_security, ///< The security descriptor of this file or directory is set.
  replace, ///< Another file is renamed onto this one.
  rename_ancestor, ///< A directory above this file is renamed.
  /// The paths of everything beneath this directory are about to change. While the hold lives,
  /// `enter_tree` waits.
  rename_tree,
  enter_tree, ///< A path beneath this directory is opened.
  rename_into, ///< An entry is renamed into, or within, this directory.
  /// The delete disposition of a directory is about to be set. Breaks what `set_delete` breaks.
  /// While the hold lives, `set_delete` does not wait.
  prepare_delete,
  set_delete, ///< The delete disposition is set.
  clear_delete, ///< The delete disposition is cleared.
  unlink, ///< The name is removed without an open of this file.
  /// The file is removed or replaced if it has no opens. Breaks nothing and does not wait; fails
  /// with `errc::access_denied` if there are opens. New opens wait for the end of its hold.
  remove_unopened,
  change_children, ///< The listing of this directory has changed.
  /// The file of this named stream is to be deleted, replaced or opened for deletion. Breaks Handle
  /// caching, also of the client that makes the access, and waits.
  remove_base,
  /// The file of this named stream is to be overwritten, which removes the stream. Breaks all
  /// caching, also of the client that makes the access, and waits for Write.
  overwrite_base,
};

/// Returns the name of the value for logs and listings, such as "change of children".
[[nodiscard]] std::string_view to_string(access_kind kind) noexcept;

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

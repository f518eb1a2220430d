// One lease, or one traditional oplock, which is treated as a lease with a single open.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>

#include <cstdint>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The state of a lease (MS-SMB2 3.3.1.12). A plain value. While `breaking`, `state` contains
/// `break_to`, which contains `required`, and `state != required`.
struct lease_info {
  lease_key key; ///< The key of the lease; not meaningful for an oplock.
  lease_state state = lease_state::none; ///< What the holder may cache until it acknowledges.
  lease_state break_to = lease_state::none; ///< The target of the last break notification.
  lease_state required = lease_state::none; ///< The state that all merged breaks together require.
  bool breaking = false; ///< A break awaits the holder's acknowledgement.
  bool is_directory = false; ///< The lease is of a directory.
  bool is_oplock = false; ///< This is a traditional oplock.
  bool timed_out = false; ///< The last break expired.
  std::uint8_t version = 2; ///< 1 or 2, by the create context of the lease.
  std::uint16_t epoch = 0; ///< MS-SMB2 3.3.1.12 Epoch; wraps.
  time_point break_started{}; ///< When the holder was last notified; its deadline counts from then.
  lease_key parent_key; ///< LeaseKey of the parent directory; zero: none.

  friend bool operator==(const lease_info&, const lease_info&) = default;

  /// Returns the state that other operations must assume: the target of a break in progress,
  /// otherwise the current state.
  [[nodiscard]] lease_state effective_state() const noexcept { return breaking ? required : state; }
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

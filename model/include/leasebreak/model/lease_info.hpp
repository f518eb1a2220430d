// One lease, or one traditional oplock, which is handled as a lease of a single open.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>

#include <cstdint>

namespace leasebreak {

/// The state of a lease (MS-SMB2 3.3.1.12). A plain value.
/// While `breaking`: `state` contains `break_to`, which contains `required`, and `state !=
/// required`.
struct lease_info {
  lease_key key;
  lease_state state = lease_state::none; ///< What the holder may cache, until it acknowledges.
  lease_state break_to = lease_state::none; ///< What the holder was last told to go to.
  lease_state required = lease_state::none; ///< Where all merged breaks together must end.
  bool breaking = false;
  bool is_directory = false;
  bool is_oplock = false; ///< Stands for a traditional oplock.
  bool timed_out = false; ///< The last break ended by its deadline.
  std::uint8_t version = 2; ///< 1 or 2, by the create context that made it.
  std::uint16_t epoch = 0; ///< MS-SMB2 3.3.1.12 Epoch; wraps.
  time_point break_started{}; ///< When the holder was last told, from which its time counts.
  lease_key parent_key; ///< Key of the parent directory's lease; zero: none.

  friend bool operator==(const lease_info&, const lease_info&) = default;

  /// What has to be reckoned with for others: where a break in progress will end, else the state.
  [[nodiscard]] lease_state effective_state() const noexcept { return breaking ? required : state; }
};

} // namespace leasebreak

// Profiles: the opens that the clients of a small world request, and their other commands.
#pragma once

#include <leasebreak/model/commands.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::small_world {

/// An open that a client may request.
struct open_choice {
  std::string name;
  std::uint32_t access = 0;
  std::uint32_t share_access = share::all;
  bool overwrites = false;
  bool delete_on_close = false;
  bool durable = false;
  std::uint8_t version = 0; ///< Of the lease; 0 for no lease.
  lease_state state = lease_state::none; ///< The requested lease state.
  oplock_level oplock = oplock_level::none; ///< Without a lease.
  std::uint8_t key = 0; ///< Of the lease, 1 or 2. `expand_keys` sets it.

  [[nodiscard]] bool has_lease() const noexcept { return version != 0; }
  [[nodiscard]] lease_state wanted() const noexcept {
    return has_lease() ? state : state_of(oplock);
  }
};

/// A byte-range lock that a client may request. All locks have the same range.
struct lock_choice {
  bool exclusive = false;
  bool waits = false; ///< Until the range is free.
};

/// A set of commands, small enough to enumerate sequences of them to some depth. Every set includes
/// closing, acknowledging and the passing of time.
struct profile {
  std::string_view name;
  std::string_view about;
  std::vector<open_choice> opens; ///< Those with a lease exist once for each of two keys.
  std::vector<access_kind> accesses{}; ///< Through an open with the necessary access rights.
  std::vector<access_kind> local{}; ///< By a process that is no SMB client.
  std::vector<lock_choice> locks{};
  bool cancels = false; ///< Pending operations are cancelled.
  bool connections = false; ///< Connections are lost, and durable opens are reconnected.
  bool answers = false; ///< Answers reach the client later, each in a separate step.
  bool holds = false; ///< Announced changes are made later, each in a separate step.
  unsigned test_depth = 4; ///< The depth of the tests.
};

/// All profiles; the table is in profile.cpp.
[[nodiscard]] const std::vector<profile>& profiles();

/// Returns the profile of this name, or null.
[[nodiscard]] const profile* find_profile(std::string_view name);

} // namespace leasebreak::small_world

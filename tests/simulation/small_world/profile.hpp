// The profiles: which opens the clients of a small world ask for, and what else they do.
#pragma once

#include <leasebreak/model/commands.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::small_world {

/// An open that a client may ask for.
struct open_choice {
  std::string name;
  std::uint32_t access = 0;
  std::uint32_t share_access = share::all;
  bool overwrites = false;
  bool delete_on_close = false;
  bool durable = false;
  std::uint8_t version = 0; ///< Of the lease; 0: no lease.
  lease_state state = lease_state::none; ///< What the lease asks for.
  oplock_level oplock = oplock_level::none; ///< Without a lease.
  std::uint8_t key = 0; ///< Of the lease, 1 or 2: `expand_keys` sets it.

  [[nodiscard]] bool has_lease() const noexcept { return version != 0; }
  [[nodiscard]] lease_state wanted() const noexcept {
    return has_lease() ? state : state_of(oplock);
  }
};

/// A byte-range lock that a client may ask for. All are of the same range.
struct lock_choice {
  bool exclusive = false;
  bool waits = false; ///< Until the range is free.
};

/// One set of commands, small enough that sequences of them can be enumerated to some depth.
/// Closing, acknowledging and the passing of time belong to every set.
struct profile {
  std::string_view name;
  std::string_view about;
  std::vector<open_choice> opens; ///< Those with a lease exist for each of two keys.
  std::vector<access_kind> accesses{}; ///< Through an open that has the right to it.
  std::vector<access_kind> local{}; ///< By somebody who is no SMB client.
  std::vector<lock_choice> locks{};
  bool cancels = false; ///< Waiting operations are cancelled.
  bool connections = false; ///< Connections are lost, durable opens are reconnected.
  bool answers = false; ///< Answers reach the client later, each by a step of its own.
  bool holds = false; ///< Announced changes are made later, each by a step of its own.
  unsigned test_depth = 4; ///< To which depth the tests go.
};

/// All profiles; the table is in profile.cpp.
[[nodiscard]] const std::vector<profile>& profiles();

/// The profile of this name; null if there is none.
[[nodiscard]] const profile* find_profile(std::string_view name);

} // namespace leasebreak::small_world

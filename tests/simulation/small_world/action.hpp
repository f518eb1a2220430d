// One step of a history: what a client does, or that time passes.
#pragma once

#include "profile.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace leasebreak::small_world {

enum class verb : std::uint8_t {
  open, ///< `which`: of `profile::opens`
  close,
  access, ///< `which`: of `profile::accesses`
  local_access, ///< `which`: of `profile::local`
  lock, ///< `which`: of `profile::locks`
  unlock,
  acknowledge, ///< `slot` is a holder, `which` an `acknowledgement`
  answer, ///< The answer that is on its way to the client arrives.
  lose, ///< The connection of the slot is lost.
  reconnect,
  cancel, ///< What waits in the slot is cancelled.
  make_change, ///< The oldest change that was announced is made. `which`: which of them
  pass_time, ///< Until the next deadline.
};

/// What a client puts into an acknowledgement.
enum class acknowledgement : std::uint8_t {
  right, ///< What it was told to keep.
  nothing, ///< It gives up more than it was told to.
  everything, ///< More than it may keep.
};

/// A plain value of four bytes, so that millions can be kept.
struct action {
  verb what{};
  std::uint8_t slot = 0;
  std::uint8_t which = 0;

  friend bool operator==(const action&, const action&) = default;
};

/// As a reader needs it: "A1 opens with RWH k1".
[[nodiscard]] std::string describe(const profile& p, const action& a);

/// One line for each step.
[[nodiscard]] std::string describe(const profile& p, const std::vector<action>& history);

} // namespace leasebreak::small_world

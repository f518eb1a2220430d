// One step of a history: an action of a client, or the passing of time.
#pragma once

#include "profile.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace leasebreak::small_world {

enum class verb : std::uint8_t {
  open, ///< `which`: index in `profile::opens`
  close,
  access, ///< `which`: index in `profile::accesses`
  local_access, ///< `which`: index in `profile::local`
  lock, ///< `which`: index in `profile::locks`
  unlock,
  acknowledge, ///< `slot` is a holder, `which` an `acknowledgement`
  answer, ///< The answer in flight reaches the client.
  lose, ///< The slot loses its connection.
  reconnect,
  cancel, ///< Cancels the pending operation of the slot.
  make_change, ///< Makes an announced change. `which`: its index
  pass_time, ///< Advances the clock to the next deadline.
};

/// The state that a client acknowledges.
enum class acknowledgement : std::uint8_t {
  right, ///< What the notification allows.
  nothing, ///< Less than the notification allows.
  everything, ///< More than the notification allows.
};

/// A plain value of few bytes, so that millions can be kept.
struct action {
  verb what{};
  std::uint8_t slot = 0;
  std::uint8_t which = 0;

  friend bool operator==(const action&, const action&) = default;
};

/// For readers, for example "A1 opens with RWH k1".
[[nodiscard]] std::string describe(const profile& p, const action& a);

/// One line for each step.
[[nodiscard]] std::string describe(const profile& p, const std::vector<action>& history);

} // namespace leasebreak::small_world

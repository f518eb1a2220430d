// Deadlines of a node's lease.
#include <leasebreak/cluster/node_lease.hpp>

#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

// Both clocks may drift, in opposite directions. An expired lease stays expired: others may own the
// node's slots by now.
void node_lease::renewed(time_point sent, time_point now) noexcept {
  if (was_granted() && !is_held(now))
    return;
  if (LEASEBREAK_MUTANT(deadline_from_reply)) {
    deadline_ = std::max(deadline_, now + settings_.length);
    return;
  }
  const auto drift = settings_.length * 2 * settings_.drift_permille / 1000;
  deadline_ = std::max(deadline_, sent + settings_.length - drift - settings_.margin);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

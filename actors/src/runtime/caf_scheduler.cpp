#include "caf_scheduler.hpp"

#include "turn_actor.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void caf_scheduler::enqueue(turn_actor* job) {
  pool_.schedule(job);
}

void caf_scheduler::set_timeout(turn_actor& to, time_point t) {
  pool_.set_timeout(to, t);
}

void caf_scheduler::cancel_timeout(turn_actor& of) {
  pool_.cancel_timeout(of);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

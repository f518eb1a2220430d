#include "event_sink.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

event_sink::turn::turn(event_sink& of) noexcept
  : of_(of), is_open_((of.turns_.fetch_add(1) & closed) == 0) {}

event_sink::turn::~turn() {
  if (of_.turns_.fetch_sub(1) == (closed | 1U))
    of_.turns_.notify_all();
}

void event_sink::close() noexcept {
  for (auto now = turns_.fetch_or(closed) | closed; now != closed; now = turns_.load())
    turns_.wait(now);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

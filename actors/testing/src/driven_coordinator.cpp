#include <leasebreak/testing/driven_coordinator.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

driven_coordinator::driven_coordinator(coordinator_config config)
  : coordinator_(clock_.make_coordinator(io_.get_executor(), std::move(config))) {}

// The coordinator ends first, so that late completions still find their probes.
driven_coordinator::~driven_coordinator() {
  destroy();
  settle();
}

void driven_coordinator::settle() {
  do
    io_.restart();
  while (io_.poll() != 0);
}

void driven_coordinator::advance(duration d) {
  const auto end = clock_.now() + d;
  settle();
  for (auto next = clock_.next_timeout(); next && clock_.now() + *next <= end;
       next = clock_.next_timeout()) {
    clock_.advance(*next);
    settle();
  }
  clock_.advance(end - clock_.now());
  settle();
}

probe& driven_coordinator::recover() {
  return start(detail::start_request{});
}

probe& driven_coordinator::shut_down() {
  return start(detail::shutdown_request{});
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit

#include "manual_scheduler.hpp"

namespace leasebreak::detail {

manual_scheduler::~manual_scheduler() {
  for (auto* const job : jobs)
    turn_actor::give_back(job);
}

void manual_scheduler::enqueue(turn_actor* job) {
  jobs.push_back(job);
}

void manual_scheduler::begin_stop() {
  timeout_queue dropped;
  dropped.swap(timeouts_);
}

void manual_scheduler::run_once() {
  auto* const job = jobs.front();
  jobs.pop_front();
  job->take_turn(messages_per_turn());
  turn_actor::give_back(job);
}

std::size_t manual_scheduler::run() {
  std::size_t result = 0;
  for (; !jobs.empty(); ++result)
    run_once();
  return result;
}

void manual_scheduler::advance_time(duration d) {
  now_ += d;
  while (const auto due = timeouts_.next_due(now_))
    due->deliver_timeout();
}

} // namespace leasebreak::detail

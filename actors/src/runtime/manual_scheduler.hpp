// A scheduler for tests: runs a turn when it is told to, and has a clock of its own.
#pragma once

#include "timeout_queue.hpp"
#include "turn_scheduler.hpp"

#include <deque>
#include <mutex>

namespace leasebreak::detail {

/// Only `enqueue` and `now` are thread-safe.
class manual_scheduler final : public turn_scheduler {
public:
  manual_scheduler() : turn_scheduler(1) {}
  ~manual_scheduler() override;

  void enqueue(turn_actor* job) override;
  [[nodiscard]] time_point now() const noexcept override { return now_; }
  void set_timeout(turn_actor& to, time_point t) override { timeouts_.set(to, t); }
  void cancel_timeout(turn_actor& of) override { static_cast<void>(timeouts_.remove(of)); }
  void begin_stop() override;

  /// Runs the first turn, of a single message. There must be one.
  void run_once();
  /// Runs turns until none is left, and returns how many there were.
  std::size_t run();
  /// Lets time pass and delivers the timeouts that are due.
  void advance_time(duration d);
  [[nodiscard]] bool has_timeout() const noexcept { return !timeouts_.empty(); }

  /// The turns that wait. A test may change their order.
  std::deque<turn_actor*> jobs;

private:
  time_point now_{duration{1}};
  timeout_queue timeouts_;
};

} // namespace leasebreak::detail

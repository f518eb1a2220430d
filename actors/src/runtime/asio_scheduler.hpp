// Runs actors on a Boost.Asio executor. It has no threads of its own, and no change of threads
// between the handler that starts an operation, the actor, and the completion handler.
#pragma once

#include "asio_clock.hpp"
#include "turn_scheduler.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class time_source;

/// A scheduler whose workers are the threads that run the executor.
///
/// It starts no thread; the clock is a timer on the executor. Timers are work for an `io_context`:
/// it does not run out of work while an actor waits for a timeout.
///
/// The executor may stop for good at any time. Jobs that are left in the executor's queue are
/// released when the queue is destroyed, which may be after the scheduler.
class asio_scheduler final : public turn_scheduler {
public:
  /// If `time` is given, timeouts use it instead of the system clock.
  asio_scheduler(boost::asio::any_io_executor executor, std::size_t messages_per_turn,
    std::shared_ptr<time_source> time = {});
  ~asio_scheduler() override;

  void enqueue(turn_actor* job) override;
  [[nodiscard]] time_point now() const noexcept override { return clock_.now(); }
  void set_timeout(turn_actor& to, time_point t) override { clock_.set(to, t); }
  void cancel_timeout(turn_actor& of) override { clock_.cancel(of); }

  /// Stops the clock, and keeps jobs from here on: their actors are stopped.
  void begin_stop() override;

private:
  boost::asio::any_io_executor executor_;
  /// The same executor if it is an `io_context`'s, which avoids type erasure.
  std::optional<boost::asio::io_context::executor_type> io_context_;
  asio_clock clock_;
  std::atomic<bool> stopping_{false};
  std::mutex left_mutex_;
  std::deque<turn_actor*> left_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

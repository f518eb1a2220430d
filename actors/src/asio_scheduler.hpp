// Runs CAF's actors on a Boost.Asio executor: no thread of its own, and no hop between threads
// between a handler that starts an operation, the actor, and the handler that completes it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

namespace leasebreak::detail {

class asio_clock;
class time_source;

/// A CAF scheduler whose workers are whoever runs the executor.
///
/// It starts no thread: the printer behind `caf::aout`, which CAF's other schedulers give one,
/// swallows what it gets, and the clock is a timer on the executor. Timers are work for an
/// `io_context`: it does not run out of work while an actor waits for a timeout.
///
/// The executor may stop for good at any time. Then `stop` runs what CAF itself has left on the
/// calling thread; jobs that are stuck in the executor's queue are let go of when it is destroyed.
class asio_scheduler final : public caf::scheduler::abstract_coordinator {
public:
  /// Makes `config` use this scheduler.
  /// With `time`, timeouts go by that, and not by the machine's clock.
  static void load(caf::actor_system_config& config, boost::asio::any_io_executor executor,
    std::shared_ptr<time_source> time = {});

  asio_scheduler(caf::actor_system& system, boost::asio::any_io_executor executor,
    std::shared_ptr<time_source> time);
  ~asio_scheduler() override;

  [[nodiscard]] bool detaches_utility_actors() const override { return false; }
  void start() override;
  void stop() override;
  void enqueue(caf::resumable* job) override;
  caf::actor_clock& clock() noexcept override;

  /// From now on jobs run only in `stop`, on its thread. Ends the clock.
  void begin_stop();

private:
  class gate;
  class own_job;
  class foreign_job;

  template <class Job>
  void defer(Job job);

  boost::asio::any_io_executor executor_;
  /// The same, if it is an `io_context`'s: saves what type erasure costs.
  std::optional<boost::asio::io_context::executor_type> io_context_;
  std::unique_ptr<asio_clock> clock_;
  gate* gate_; ///< Outlives the scheduler while jobs are in the executor's queue.
  std::atomic<bool> stopping_{false};
  std::mutex left_mutex_;
  std::deque<caf::resumable*> left_;
};

} // namespace leasebreak::detail

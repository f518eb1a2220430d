// Runs CAF's actors on a Boost.Asio executor. It has no threads of its own, and no change of
// threads between the handler that starts an operation, the actor, and the completion handler.
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

/// A CAF scheduler whose workers are the threads that run the executor.
///
/// It starts no thread: the `caf::aout` printer, which has its own thread in CAF's schedulers,
/// discards its output here, and the clock is a timer on the executor. Timers are work for an
/// `io_context`: it does not run out of work while an actor waits for a timeout.
///
/// The executor may stop for good at any time. `stop` then runs CAF's remaining jobs on the calling
/// thread. Jobs that are left in the executor's queue are released when the queue is destroyed.
class asio_scheduler final : public caf::scheduler::abstract_coordinator {
public:
  /// Makes `config` use this scheduler. If `time` is given, timeouts use it instead of the system
  /// clock.
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

  /// Stops the clock. From now on, jobs only run in `stop`, on the thread that calls it.
  void begin_stop();

private:
  class gate;
  class own_job;
  class visiting_job;
  class foreign_job;

  template <class Job>
  void defer(Job job);

  boost::asio::any_io_executor executor_;
  /// The same executor if it is an `io_context`'s, which avoids type erasure.
  std::optional<boost::asio::io_context::executor_type> io_context_;
  std::unique_ptr<asio_clock> clock_;
  gate* gate_; ///< Outlives the scheduler while jobs are in the executor's queue.
  std::atomic<bool> stopping_{false};
  std::mutex left_mutex_;
  std::deque<caf::resumable*> left_;
};

} // namespace leasebreak::detail

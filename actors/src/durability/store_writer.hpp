// The only thread of a coordinator with a store, needed because stores may block.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Runs jobs on its own thread, one at a time. Thread-safe.
///
/// This is not a detached CAF actor, because an actor system waits for the threads of such actors,
/// and a store that does not respond must not block its host.
class store_writer {
public:
  using job = std::function<void(lock_store&)>;

  /// Starts the thread.
  explicit store_writer(std::shared_ptr<lock_store> store);
  /// Starts no thread: jobs run on `executor`, one at a time, and remaining ones in `finish`. For
  /// tests and simulations, whose stores do not block.
  store_writer(std::shared_ptr<lock_store> store, boost::asio::any_io_executor executor);
  /// Like `finish`, without waiting.
  ~store_writer();
  store_writer(const store_writer&) = delete;
  store_writer& operator=(const store_writer&) = delete;

  void post(job j);

  /// Waits until all jobs are done and the thread has released the store, for at most `wait_max`.
  /// Returns false if that time was exceeded. The thread is then abandoned with everything it
  /// needs, and stops after its current job.
  bool finish(duration wait_max);

private:
  struct shared;
  const boost::asio::any_io_executor executor_; ///< Empty: jobs run on a thread of its own.
  std::shared_ptr<shared> shared_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

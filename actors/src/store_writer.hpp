// The one thread that a coordinator with a store has: stores may block.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace leasebreak::detail {

/// Runs jobs on a thread of its own, one after the other. Thread-safe.
///
/// Why not a detached CAF actor: an actor system waits for the threads of those, and a store that
/// hangs must not hang its host.
class store_writer {
public:
  using job = std::function<void(lock_store&)>;

  /// Starts the thread; with `in_place`, none: then `post` does the job itself, for tests.
  store_writer(std::shared_ptr<lock_store> store, bool in_place);
  /// Starts no thread: the jobs run on `executor`, one after the other, and in `finish` what is
  /// left of them. For simulations, whose stores do not block.
  store_writer(std::shared_ptr<lock_store> store, boost::asio::any_io_executor executor);
  /// As `finish`, without waiting.
  ~store_writer();
  store_writer(const store_writer&) = delete;
  store_writer& operator=(const store_writer&) = delete;

  void post(job j);

  /// Waits until all jobs are done and the thread has let go of the store, for at most `wait_max`.
  /// False if that did not suffice: then the thread is left to itself, with what it needs, and does
  /// the job that it is at, but no other.
  bool finish(duration wait_max);

private:
  struct shared;
  const bool in_place_;
  const boost::asio::any_io_executor executor_; ///< None: a thread of its own.
  std::shared_ptr<shared> shared_;
};

} // namespace leasebreak::detail

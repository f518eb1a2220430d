// Threads for blocking work, with completion through Asio.
#pragma once

#include "completion.hpp"
#include "errors.hpp"
#include "lane_queue.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <thread>
#include <type_traits>
#include <utility>

namespace leasebreak::smb::vfs {

/// Returns a number for a new user or client of pools (`pool_lane`). Thread-safe.
[[nodiscard]] std::uint64_t new_lane_number() noexcept;

/// Returns the lane of a new user with one client. Thread-safe.
[[nodiscard]] pool_lane new_lane() noexcept;

namespace detail {

class pool_core;

/// One piece of work. `run` and `cancel` may race; exactly one of them completes it.
class pool_job {
public:
  pool_job() = default;
  pool_job(const pool_job&) = delete;
  pool_job& operator=(const pool_job&) = delete;
  virtual ~pool_job() = default;
  /// Calls `done` after the work, before the completion.
  virtual void run(const std::function<void()>& done) = 0;
};

/// Whether the limits of operations apply to a job.
enum class admission { bounded, always };

/// Queues a job. The job's destructor completes it if it never ran.
/// Errors: `errc::too_many_operations`, `shutting_down`.
[[nodiscard]] error_code submit(const std::weak_ptr<pool_core>& pool, pool_lane lane,
  const std::shared_ptr<pool_job>& job, admission how);

/// Releases a reference on one of the pool's threads, or on this thread if the pool is destroyed.
void discard(const std::weak_ptr<pool_core>& pool, pool_lane lane,
  std::shared_ptr<const void> reference) noexcept;

/// The return type of a piece of work: a result, or an error_code for `void`.
template <class T>
struct outcome {
  using type = result<T>;
};
template <>
struct outcome<void> {
  using type = error_code;
};
template <class T>
using work = std::function<typename outcome<T>::type()>;

template <class T>
class pending_work final : public pool_job {
public:
  pending_work(const boost::asio::any_io_executor& io, work<T> job, work_handler<T> handler)
    : job_(std::move(job)), end_(std::make_shared<completion<T>>(io, std::move(handler))) {}

  ~pending_work() override { fail(errc::shutting_down); }

  void run(const std::function<void()>& done) override {
    if (!claim()) {
      return;
    }
    typename completion<T>::value value{};
    const error_code error = carry_out(value);
    job_ = nullptr; // release its captures on this thread, not on the handler's
    done();
    completion<T>::send(end_, error, std::move(value));
  }

  /// Completes with an error if the job has not started.
  void fail(error_code error) {
    if (claim()) {
      job_ = nullptr;
      completion<T>::send(end_, error);
    }
  }

private:
  [[nodiscard]] bool claim() noexcept { return !claimed_.exchange(true); }

  [[nodiscard]] error_code carry_out(typename completion<T>::value& value) {
    try {
      auto outcome = job_();
      if constexpr (std::is_void_v<T>) {
        return outcome;
      } else {
        if (outcome) {
          value = std::move(*outcome);
        }
        return outcome ? error_code{} : outcome.error();
      }
    } catch (const std::bad_alloc&) {
      return from_errno(ENOMEM);
    }
  }

  std::atomic<bool> claimed_{false};
  work<T> job_;
  const std::shared_ptr<completion<T>> end_;
};

/// Has no strong reference to the pool, because a deferred operation may be launched after the pool
/// is destroyed.
template <class T>
struct work_initiation {
  using executor_type = boost::asio::any_io_executor;
  std::weak_ptr<pool_core> pool;
  executor_type executor;
  pool_lane lane{};
  admission how = admission::bounded;

  [[nodiscard]] executor_type get_executor() const noexcept { return executor; }

  template <class Handler>
  void operator()(Handler&& handler, work<T> job) const {
    work_handler<T> erased(std::forward<Handler>(handler));
    auto slot = boost::asio::get_associated_cancellation_slot(erased);
    auto pending = std::make_shared<pending_work<T>>(executor, std::move(job), std::move(erased));
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr(pending)](boost::asio::cancellation_type type) {
        if (type == boost::asio::cancellation_type::none) {
          return;
        }
        if (const auto alive = weak.lock()) {
          alive->fail(boost::asio::error::operation_aborted);
        }
      });
    }
    if (const error_code error = submit(pool, lane, pending, how)) {
      pending->fail(error);
    }
  }
};

} // namespace detail

/// A function that a pool can run. Returns a `result<T>`, or an `error_code` for `void`. Must be
/// copyable.
template <class T>
using work = detail::work<T>;

/// Runs a function later, exactly once, on a thread where it may block.
using job_runner = std::function<void(std::function<void()>)>;

/// Limits of a worker pool.
struct pool_options {
  std::size_t threads = 4; ///< At least 1.
  std::size_t operations_max = 4096; ///< Waiting and running operations.
  std::size_t client_operations_max = 1024; ///< The same per client, except the server's own work.
  std::size_t user_operations_max = 2048; ///< The same per user.
  /// The processors of this machine. A client's bulk work takes half of them.
  std::size_t processors = std::max(std::thread::hardware_concurrency(), 1U);
  job_runner runner{}; ///< If set, runs the jobs instead of threads, at most `threads` at a time.
};

/// A weak reference to a pool. If the pool is destroyed, operations fail with
/// `errc::shutting_down`. A value type.
class pool_access {
public:
  explicit pool_access(std::weak_ptr<detail::pool_core> core, pool_lane lane = {}) noexcept
    : core_(std::move(core)), lane_(lane) {}

  /// Returns the same pool with another lane.
  [[nodiscard]] pool_access in(pool_lane lane) const noexcept { return pool_access(core_, lane); }

  /// Returns the same pool and lane, for work that goes ahead (`pool_lane::ahead`).
  [[nodiscard]] pool_access ahead() const noexcept {
    return pool_access(core_, {lane_.user, lane_.client, true});
  }

  /// Returns the same pool and lane, for work that keeps a processor busy (`pool_lane::bulk`).
  [[nodiscard]] pool_access bulk() const noexcept {
    return pool_access(core_, {lane_.user, lane_.client, false, true});
  }

  /// See `worker_pool`.
  template <class T, class Token = boost::asio::deferred_t>
  auto async_run(boost::asio::any_io_executor executor, work<T> job, Token&& token = {}) const {
    return boost::asio::async_initiate<Token, typename detail::work_signature<T>::type>(
      detail::work_initiation<T>{core_, std::move(executor), lane_}, token, std::move(job));
  }

  /// See `worker_pool`.
  template <class T, class Token = boost::asio::deferred_t>
  auto async_finish(boost::asio::any_io_executor executor, work<T> job, Token&& token = {}) const {
    return boost::asio::async_initiate<Token, typename detail::work_signature<T>::type>(
      detail::work_initiation<T>{core_, std::move(executor), lane_, detail::admission::always},
      token, std::move(job));
  }

  /// Releases a reference on one of the threads, where the destructor may block, or on this thread
  /// if the pool is destroyed. Never refused.
  void discard(std::shared_ptr<const void> reference) const noexcept {
    detail::discard(core_, lane_, std::move(reference));
  }

private:
  std::weak_ptr<detail::pool_core> core_;
  pool_lane lane_;
};

/// Threads for blocking work. The destructor waits for running jobs; waiting ones complete with
/// `errc::shutting_down`. It must not run on one of the pool's threads. The threads serve users
/// round-robin, and so the clients of each user: one with many operations delays the others only a
/// little. With several threads, a user never uses all of them, so that an operation of another
/// user can start at once.
class worker_pool {
public:
  /// Throws `std::invalid_argument` if an option is zero.
  explicit worker_pool(pool_options options = {});
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// Runs `job` on one of the threads. Handler: `void(error_code, T)`, or `void(error_code)` for
  /// `async_run<void>`. It is called exactly once, on its associated executor (by default
  /// `executor`), and never inside this call. Cancellation of any type completes a job that has not
  /// started with `operation_aborted`, and does not affect a running one. Errors: those of `job`,
  /// `errc::too_many_operations`, `shutting_down`, ENOMEM. `T` must have a default constructor.
  template <class T, class Token = boost::asio::deferred_t>
  auto async_run(boost::asio::any_io_executor executor, work<T> job, Token&& token = {}) const {
    return access().async_run<T>(std::move(executor), std::move(job), std::forward<Token>(token));
  }

  /// Like `async_run`, but never refused for too many operations. Use it for work that ends
  /// something, such as a removal, or that other operations rely on. The caller must limit the
  /// amount of such work.
  template <class T, class Token = boost::asio::deferred_t>
  auto async_finish(boost::asio::any_io_executor executor, work<T> job, Token&& token = {}) const {
    return access().async_finish<T>(
      std::move(executor), std::move(job), std::forward<Token>(token));
  }

  /// For objects that may outlive the pool.
  [[nodiscard]] pool_access access() const noexcept { return pool_access(core_); }

  /// The number of waiting and running operations.
  [[nodiscard]] std::size_t operations() const noexcept;

private:
  std::shared_ptr<detail::pool_core> core_;
};

} // namespace leasebreak::smb::vfs

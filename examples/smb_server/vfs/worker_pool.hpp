// Threads for work that blocks, with Asio's ways of saying that it is done.
#pragma once

#include "completion.hpp"
#include "errors.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace leasebreak::smb::vfs {

/// A client of a pool. The threads serve the lanes in turn, so that one with many operations delays
/// the others by few.
enum class pool_lane : std::uint64_t {
  own = 0, ///< The server's own work, which may take all threads.
};

/// A lane that nobody else has. May be called from any thread.
[[nodiscard]] pool_lane new_lane() noexcept;

namespace detail {

class pool_core;

/// One piece of work. `run` and `cancel` may race; exactly one of them gets to complete it.
class pool_job {
public:
  pool_job() = default;
  pool_job(const pool_job&) = delete;
  pool_job& operator=(const pool_job&) = delete;
  virtual ~pool_job() = default;
  /// `done` is called when the work is done, before anybody hears of it.
  virtual void run(const std::function<void()>& done) = 0;
};

/// Whether the bound on what waits is for a job as well.
enum class admission { bounded, always };

/// Posts a job. The job's destructor completes it if it never ran.
/// Errors: `errc::too_many_operations`, `shutting_down`.
[[nodiscard]] error_code submit(const std::weak_ptr<pool_core>& pool, pool_lane lane,
  const std::shared_ptr<pool_job>& job, admission how);

/// Gives up a reference on one of the pool's threads, or here if the pool is gone.
void discard(const std::weak_ptr<pool_core>& pool, pool_lane lane,
  std::shared_ptr<const void> reference) noexcept;

/// What a piece of work returns: a result, or for `void` an error_code.
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
    job_ = nullptr; // Gives up what it refers to here and not on the handler's thread.
    done();
    completion<T>::send(end_, error, std::move(value));
  }

  /// Completes with an error if nobody has begun with it yet.
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

/// Holds no strong reference: a deferred operation may be launched when the pool is long gone.
template <class T>
struct work_initiation {
  using executor_type = boost::asio::any_io_executor;
  std::weak_ptr<pool_core> pool;
  executor_type executor;
  pool_lane lane = pool_lane::own;
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

/// What a pool can run: a function that returns a `result<T>`, or for `void` an `error_code`.
/// Must be copyable.
template <class T>
using work = detail::work<T>;

/// Carries out a function later, once, where it may block.
using job_runner = std::function<void(std::function<void()>)>;

/// Limits of a worker pool.
struct pool_options {
  std::size_t threads = 4; ///< At least 1.
  std::size_t operations_max = 4096; ///< Waiting and running ones together.
  std::size_t lane_operations_max = 1024; ///< The same of one lane, except the server's own.
  job_runner runner{}; ///< If any: in place of the threads, and given as much at a time as they.
};

/// The way to a pool that may be gone: then all fails with `errc::shutting_down`. A value.
class pool_access {
public:
  explicit pool_access(
    std::weak_ptr<detail::pool_core> core, pool_lane lane = pool_lane::own) noexcept
    : core_(std::move(core)), lane_(lane) {}

  /// The same pool, by another lane.
  [[nodiscard]] pool_access in(pool_lane lane) const noexcept { return pool_access(core_, lane); }

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

  /// Gives up a reference on one of the threads, where the destructor may block; here if the pool
  /// is gone. Never refused.
  void discard(std::shared_ptr<const void> reference) const noexcept {
    detail::discard(core_, lane_, std::move(reference));
  }

private:
  std::weak_ptr<detail::pool_core> core_;
  pool_lane lane_;
};

/// Threads that carry out what blocks. Destruction waits for what is running; what waits completes
/// with `errc::shutting_down`. Not to be destroyed on one of its own threads. If there are several
/// threads, one lane gets all of them but one, so that another lane's operation starts at once.
class worker_pool {
public:
  /// Throws `std::invalid_argument` if an option is zero.
  explicit worker_pool(pool_options options = {});
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// Runs `job` on one of the threads. Handler: `void(error_code, T)`, or `void(error_code)` for
  /// `async_run<void>`, on its associated executor, `executor` by default; exactly once, never from
  /// within this call. Cancellation of any type ends what has not begun, with
  /// `operation_aborted`; what has begun runs to its end. Errors: what `job` returns,
  /// `errc::too_many_operations`, `shutting_down`, ENOMEM. `T` must have a default constructor.
  template <class T, class Token = boost::asio::deferred_t>
  auto async_run(boost::asio::any_io_executor executor, work<T> job, Token&& token = {}) const {
    return access().async_run<T>(std::move(executor), std::move(job), std::forward<Token>(token));
  }

  /// The same for work that ends something, as a removal does, or that others rely on: it is never
  /// refused because there is too much to do. The caller sees to it that there is not too much of
  /// this.
  template <class T, class Token = boost::asio::deferred_t>
  auto async_finish(boost::asio::any_io_executor executor, work<T> job, Token&& token = {}) const {
    return access().async_finish<T>(
      std::move(executor), std::move(job), std::forward<Token>(token));
  }

  /// For those who may outlive the pool.
  [[nodiscard]] pool_access access() const noexcept { return pool_access(core_); }

  /// Operations that wait or run now.
  [[nodiscard]] std::size_t operations() const noexcept;

private:
  std::shared_ptr<detail::pool_core> core_;
};

} // namespace leasebreak::smb::vfs

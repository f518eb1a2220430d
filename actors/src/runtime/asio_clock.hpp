// The timeouts of actors as one timer on an Asio executor.
#pragma once

#include "timeout_queue.hpp"

#include <leasebreak/detail/time_source.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <mutex>
#include <optional>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Delivers the timeouts of actors. Thread-safe.
class asio_clock {
public:
  using time_point = timeout_queue::time_point;

  /// Uses `time`, if given, instead of the system clock.
  explicit asio_clock(
    const boost::asio::any_io_executor& executor, std::shared_ptr<time_source> time = {});
  asio_clock(const asio_clock&) = delete;
  asio_clock& operator=(const asio_clock&) = delete;
  ~asio_clock();

  /// Drops all timeouts and releases the executor.
  void stop();

  [[nodiscard]] time_point now() const noexcept;

  /// Sets the timeout of `to`, in place of an earlier one.
  void set(turn_actor& to, time_point t);
  void cancel(turn_actor& of);

private:
  /// The clock as seen by the handler of a timer, which may outlive it.
  struct link {
    std::mutex mutex;
    asio_clock* clock;
  };

  // These require that the mutex is held.
  [[nodiscard]] bool is_stopped() const noexcept { return link_->clock == nullptr; }
  void arm(); ///< Sets the timer according to the queue.
  void wake_at(time_point t);
  void disarm();
  void expired();

  const std::shared_ptr<time_source> time_; ///< Null: the system clock.
  std::shared_ptr<link> link_;
  std::optional<boost::asio::steady_timer> timer_; ///< At most one of these two is set.
  std::unique_ptr<alarm> alarm_;
  timeout_queue timeouts_;
  std::optional<time_point> armed_; ///< The time for which the timer is set.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

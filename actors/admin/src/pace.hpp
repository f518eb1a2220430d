// Limits how often something happens. The service runs on the host's threads, so that callers who
// need no right, or an operator's script, must not take much of their time.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// Permits a burst, and then once in each interval.
class pace {
public:
  using clock = std::chrono::steady_clock;

  constexpr pace(clock::duration interval, int burst) noexcept
    : interval_(interval), credit_(interval * burst) {}

  /// Returns when it may happen the next time, which is not after `now` within a burst. Each call
  /// counts.
  [[nodiscard]] constexpr clock::time_point next(clock::time_point now) noexcept {
    due_ = std::max(due_, now - credit_) + interval_;
    return due_;
  }

private:
  clock::duration interval_;
  clock::duration credit_;
  clock::time_point due_{};
};

/// Waits until it may happen the next time.
inline boost::asio::awaitable<void> wait_for(pace& p, boost::asio::any_io_executor executor) {
  const auto now = pace::clock::now();
  const auto turn = p.next(now);
  if (turn <= now)
    co_return;
  boost::asio::steady_timer pause(executor, turn);
  co_await pause.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

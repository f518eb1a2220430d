// Limits how often something happens. The service runs on the host's threads, so that callers who
// need no right, or an operator's script, must not take much of their time.
#pragma once

#include <algorithm>
#include <chrono>

namespace leasebreak::admin {

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

} // namespace leasebreak::admin

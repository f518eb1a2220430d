// When a time is over that may be for ever.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <algorithm>
#include <chrono>

namespace leasebreak {

/// `d` after `t`, of any clock; the last time that there is if that would be later. So a duration
/// of `duration::max()` is for ever.
template <class Clock>
[[nodiscard]] constexpr std::chrono::time_point<Clock, duration> after(
  std::chrono::time_point<Clock, duration> t, duration d) noexcept {
  const auto left = decltype(t)::max() - std::max(t, decltype(t){});
  return d < left ? t + d : decltype(t)::max();
}

} // namespace leasebreak

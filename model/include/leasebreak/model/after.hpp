// Addition of a duration to a time point that saturates instead of overflowing.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>

#include <algorithm>
#include <chrono>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Returns the time `d` after `t`, or the largest time point of the clock if the sum would exceed
/// it. A duration of `duration::max()` thus never ends.
template <class Clock>
[[nodiscard]] constexpr std::chrono::time_point<Clock, duration> after(
  std::chrono::time_point<Clock, duration> t, duration d) noexcept {
  const auto left = decltype(t)::max() - std::max(t, decltype(t){});
  return d < left ? t + d : decltype(t)::max();
}

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

// How fast a listing asks one file after another.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// How many files are asked before other work gets its turn.
inline constexpr std::size_t files_at_once = 16;

/// Returns how long a listing pauses after it has asked some files, which took `worked`. The pauses
/// leave clients 98 % of the time, however many files there are. A step takes long only if the
/// executor has much other work, of which the listing is then a small part: the pause is limited,
/// so that the listing makes progress.
[[nodiscard]] constexpr duration listing_pause(duration worked) noexcept {
  constexpr int pauses = 48;
  constexpr duration longest = std::chrono::milliseconds{40};
  return std::min(std::max(worked, duration::zero()) * pauses, longest);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

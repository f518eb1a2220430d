// How much a test does that could go on for as long as it likes.
#pragma once

#include <algorithm>

namespace leasebreak::test {

#ifdef LEASEBREAK_TESTS_ARE_SLOW
inline constexpr int slowness = 4;
#else
inline constexpr int slowness = 1;
#endif

/// Returns `count`, or a quarter of it under a sanitizer, where each step takes several times as
/// long. For repetitions of a random test, and for what all of them together are to reach.
[[nodiscard]] constexpr int effort(int count) {
  return std::max(1, count / slowness);
}

} // namespace leasebreak::test

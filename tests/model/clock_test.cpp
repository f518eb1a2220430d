// Additions of durations near the limits.
#include <leasebreak/model/after.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace leasebreak {
namespace {

using std::chrono::seconds;

TEST(Clock, AddsADurationToATime) {
  constexpr time_point t{seconds{100}};

  EXPECT_EQ(after(t, seconds{35}), t + seconds{35});
  EXPECT_EQ(after(t, seconds{-35}), t - seconds{35});
  EXPECT_EQ(after(t, time_point::max() - t - duration{1}), time_point::max() - duration{1});
}

TEST(Clock, EndsWithTheLastTimeThatThereIs) {
  constexpr time_point t{seconds{100}};

  EXPECT_EQ(after(t, duration::max()), time_point::max());
  EXPECT_EQ(after(time_point::max(), seconds{1}), time_point::max());
  EXPECT_EQ(after(time_point{seconds{-100}}, duration::max()), time_point::max());
  const auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(after(now, duration::max()), std::chrono::steady_clock::time_point::max());
}

} // namespace
} // namespace leasebreak

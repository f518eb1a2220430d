// The simulation's clock determines the offset of another clock.
#include "clock.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace leasebreak::simulated {

namespace {

using namespace std::chrono_literals;

TEST(SimulationClock, FindsTheOffsetWithinTheTightestBounds) {
  sim_clock clock;
  const auto t = clock.now();

  clock.compare(t, t + 105ms, t + 10ms); // theirs is ahead by 95 to 105 ms
  clock.compare(t, t + 102ms, t + 20ms); // by 82 to 102 ms
  clock.compare(t, t + 100ms, t + 4ms); // by 96 to 100 ms

  EXPECT_EQ(clock.from_theirs(t + 98ms), t);
  EXPECT_EQ(clock.tolerance(), 4ms);
}

TEST(SimulationClock, DoesNotRunBackwards) {
  const sim_clock clock;

  const auto first = clock.now();
  const auto second = clock.now();

  EXPECT_LE(first, second);
}

} // namespace

} // namespace leasebreak::simulated

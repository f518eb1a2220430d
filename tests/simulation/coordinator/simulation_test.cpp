// Tests of the simulator: a seed decides everything.
#include "coordinator_run.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace leasebreak::simulation {
namespace {

TEST(CoordinatorSimulation, GoesTheSameWayTwice) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto s = scene_of(seed);
    const auto first = run(s, true);
    const auto second = run(s, true);
    ASSERT_EQ(first.history, second.history) << "seed " << seed;
    ASSERT_EQ(first.hash, second.hash) << "seed " << seed;
    ASSERT_GT(first.operations, 10U);
  }
}

TEST(CoordinatorSimulation, GoesAnotherWayWithAnotherSeed) {
  auto s = scene_of(1);
  const auto first = run(s, false);
  ++s.seed;
  EXPECT_NE(first.hash, run(s, false).hash);
}

TEST(CoordinatorSimulation, ChoosesAmongHandlersBySeed) {
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    loop l(seed);
    std::string order;
    for (const char c : {'a', 'b', 'c'})
      l.get_executor().execute([&order, c] { order += c; });
    while (l.step()) {
      // run all handlers
    }
    EXPECT_EQ(order.size(), 3U);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 6U);
}

TEST(CoordinatorSimulation, LetsTimeGoOnWhenNothingElseHappens) {
  loop l(1);
  std::string order;
  l.after(std::chrono::hours{1}, [&] { order += "later "; });
  l.after(span{}, [&] { order += "now "; });
  while (l.step()) {
    // run all handlers
  }
  EXPECT_EQ(order, "now later ");
  EXPECT_EQ(l.now(), std::chrono::hours{1});
}

} // namespace
} // namespace leasebreak::simulation

// Tests of the simulation: a seed decides everything, and scenes reach what they are to reach.
#include "cluster_run.hpp"
#include "support/effort.hpp"

#include <gtest/gtest.h>

namespace leasebreak::simulation {
namespace {

TEST(ClusterSimulation, GoesTheSameWayTwice) {
  for (int seed = 1; seed <= test::effort(10); ++seed) {
    const auto s = scene_of_cluster(static_cast<std::uint64_t>(seed));
    const auto first = run_cluster(s, true);
    const auto second = run_cluster(s, true);
    ASSERT_EQ(first.history, second.history) << "seed " << seed;
    ASSERT_EQ(first.hash, second.hash) << "seed " << seed;
    ASSERT_GT(first.operations, 10U);
  }
}

TEST(ClusterSimulation, ReachesViewChangesBreaksAndRemoteGrants) {
  const int scenes = test::effort(20);
  cluster_totals() = {};
  for (int seed = 100; seed < 100 + scenes; ++seed) {
    const auto done = run_cluster(scene_of_cluster(static_cast<std::uint64_t>(seed)), false);
    ASSERT_EQ(done.problem, "") << "seed " << seed;
  }

  const auto at_least = [](int count) { return static_cast<std::size_t>(test::effort(count)); };
  const auto& f = cluster_totals();
  EXPECT_GT(f.grants, at_least(500));
  EXPECT_GT(f.remote_grants, at_least(200));
  EXPECT_GT(f.breaks, at_least(100));
  EXPECT_GT(f.views, at_least(60));
  EXPECT_GT(f.steps_down, at_least(20));
  EXPECT_GT(f.moved_opens, at_least(50));
}

TEST(ClusterSimulation, WorksWithoutFaults) {
  scene s{7, {}};
  const auto done = run_cluster(s, false);

  EXPECT_EQ(done.problem, "");
  EXPECT_GT(done.operations, 30U);
}

} // namespace
} // namespace leasebreak::simulation

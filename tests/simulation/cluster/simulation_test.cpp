// Tests of the simulation: a seed decides everything, and scenes reach what they are to reach.
#include "cluster_run.hpp"

#include <gtest/gtest.h>

namespace leasebreak::simulation {
namespace {

TEST(ClusterSimulation, GoesTheSameWayTwice) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto s = scene_of_cluster(seed);
    const auto first = run_cluster(s, true);
    const auto second = run_cluster(s, true);
    ASSERT_EQ(first.history, second.history) << "seed " << seed;
    ASSERT_EQ(first.hash, second.hash) << "seed " << seed;
    ASSERT_GT(first.operations, 10U);
  }
}

TEST(ClusterSimulation, ReachesViewChangesBreaksAndRemoteGrants) {
  cluster_totals() = {};
  for (std::uint64_t seed = 100; seed < 120; ++seed) {
    const auto done = run_cluster(scene_of_cluster(seed), false);
    ASSERT_EQ(done.problem, "") << "seed " << seed;
  }

  const auto& f = cluster_totals();
  EXPECT_GT(f.grants, 500U);
  EXPECT_GT(f.remote_grants, 200U);
  EXPECT_GT(f.breaks, 100U);
  EXPECT_GT(f.views, 60U);
  EXPECT_GT(f.steps_down, 20U);
  EXPECT_GT(f.moved_opens, 50U);
}

TEST(ClusterSimulation, WorksWithoutFaults) {
  scene s{7, {}};
  const auto done = run_cluster(s, false);

  EXPECT_EQ(done.problem, "");
  EXPECT_GT(done.operations, 30U);
}

} // namespace
} // namespace leasebreak::simulation

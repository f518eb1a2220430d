// The lease of a node, on its own clock.
#include <leasebreak/cluster/node_lease.hpp>

#include <gtest/gtest.h>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr time_point start = time_point{} + std::chrono::hours{24};

TEST(NodeLeases, AreNotHeldBeforeTheFirstGrant) {
  const node_lease lease({});

  EXPECT_TRUE(lease.is_renewal_due(start));
  EXPECT_FALSE(lease.was_granted());
  EXPECT_FALSE(lease.is_held(start));
}

TEST(NodeLeases, CountFromWhenTheRenewalWasSent) {
  node_lease lease({});
  lease.renewal_sent(start);
  lease.renewed(start, start + seconds{2});

  // 5 s, less 2 % for the drift of two clocks, less the margin
  EXPECT_EQ(lease.deadline(), start + milliseconds{4400});
  EXPECT_TRUE(lease.is_held(start + milliseconds{4399}));
  EXPECT_FALSE(lease.is_held(start + milliseconds{4400}));
}

TEST(NodeLeases, AreRenewedRegularly) {
  node_lease lease({});
  lease.renewal_sent(start);

  EXPECT_FALSE(lease.is_renewal_due(start + milliseconds{999}));
  EXPECT_TRUE(lease.is_renewal_due(start + seconds{1}));
}

TEST(NodeLeases, IgnoreTheOrderOfAnswers) {
  node_lease lease({});
  lease.renewed(start + seconds{1}, start + seconds{2});
  lease.renewed(start, start + seconds{2});

  EXPECT_EQ(lease.deadline(), start + milliseconds{5400});
}

TEST(NodeLeases, DoNotComeBack) {
  node_lease lease({});
  lease.renewed(start, start);
  lease.renewed(start + seconds{4}, start + seconds{5});

  EXPECT_FALSE(lease.is_held(start + seconds{5}));
}

TEST(NodeLeases, AreUselessIfTheAnswerTakesTooLong) {
  node_lease lease({});
  lease.renewed(start, start + seconds{5});

  EXPECT_TRUE(lease.was_granted());
  EXPECT_FALSE(lease.is_held(start + seconds{5}));
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

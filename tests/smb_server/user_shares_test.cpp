// Users' shares of opens and locks, and when they are released.
#include <smb_server/session/user_shares.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace leasebreak::smb {
namespace {

class UserShares : public ::testing::Test {
protected:
  UserShares() { shares.limit({3, 5}); }

  user_shares shares;
};

TEST_F(UserShares, CoverAllSessionsOfAUser) {
  const user_share one = shares.of("alice");
  const user_share two = shares.of("alice");
  const taken_share taken = taken_share::take(one.opens, 2);

  EXPECT_EQ(taken.count(), 2U);
  EXPECT_EQ(taken_share::take(two.opens, 2).count(), 0U);
  EXPECT_EQ(taken_share::take(two.opens, 1).count(), 1U);
}

TEST_F(UserShares, AreSeparateForEachUser) {
  const taken_share all = taken_share::take(shares.of("alice").locks, 5);

  EXPECT_EQ(taken_share::take(shares.of("alice").locks, 1).count(), 0U);
  EXPECT_EQ(taken_share::take(shares.of("bob").locks, 5).count(), 5U);
}

TEST_F(UserShares, HaveANumberForEachUser) {
  EXPECT_EQ(shares.of("alice").number, shares.of("alice").number);
  EXPECT_NE(shares.of("alice").number, shares.of("bob").number);
  EXPECT_NE(shares.of("bob").number, 0U);
}

TEST_F(UserShares, LastAsLongAsSomethingIsTaken) {
  taken_share kept = taken_share::take(shares.of("alice").opens, 3);

  EXPECT_EQ(taken_share::take(shares.of("alice").opens, 1).count(), 0U);
  kept = {};
  EXPECT_EQ(taken_share::take(shares.of("alice").opens, 3).count(), 3U);
}

TEST_F(UserShares, MayBeExceededByRecoveredOpens) {
  const user_share alice = shares.of("alice");
  taken_share before = taken_share::take_anyway(alice.opens, 7);

  EXPECT_EQ(before.count(), 7U);
  EXPECT_EQ(taken_share::take(alice.opens, 0).count(), 0U);
  before.give_back(5);
  EXPECT_EQ(taken_share::take(alice.opens, 1).count(), 1U);
}

TEST_F(UserShares, AreReleasedInPartsAndOnce) {
  const user_share alice = shares.of("alice");
  {
    taken_share held = taken_share::take(alice.locks, 2);
    held.merge(taken_share::take(alice.locks, 3));
    EXPECT_EQ(held.count(), 5U);
    held.give_back(4);
    EXPECT_EQ(alice.locks->taken(), 1U);
    held.give_back(4);
    EXPECT_EQ(alice.locks->taken(), 0U);
    held.merge(taken_share::take(alice.locks, 3));
    const taken_share moved = std::move(held);
    EXPECT_EQ(alice.locks->taken(), 3U);
  }

  EXPECT_EQ(alice.locks->taken(), 0U);
}

// Two threads take the last unit at the same time. Only one may succeed.
TEST_F(UserShares, AreNeverExceededByTakingAtTheSameTime) {
  const user_share alice = shares.of("alice");
  constexpr int rounds = 2'000;
  std::atomic<bool> exceeded{false};
  const auto take = [&] {
    for (int i = 0; i < rounds; ++i) {
      const taken_share some = taken_share::take(alice.locks, 3);
      if (alice.locks->taken() > 5)
        exceeded = true;
    }
  };

  {
    const std::jthread other{take};
    take();
  }

  EXPECT_FALSE(exceeded);
  EXPECT_EQ(alice.locks->taken(), 0U);
}

} // namespace
} // namespace leasebreak::smb

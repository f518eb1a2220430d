// How often something may happen.
#include "pace.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test {
namespace {

using std::chrono::milliseconds;

TEST(Pace, PermitsABurstAndThenOneInEachInterval) {
  pace p(milliseconds{10}, 3);
  pace::clock::time_point now{std::chrono::hours{1}};

  for (int i = 0; i < 3; ++i)
    EXPECT_LE(p.next(now), now) << i;
  EXPECT_EQ(p.next(now), now + milliseconds{10});
  EXPECT_EQ(p.next(now), now + milliseconds{20});
  now += milliseconds{30};
  EXPECT_EQ(p.next(now), now);
  EXPECT_EQ(p.next(now), now + milliseconds{10});
}

TEST(Pace, PermitsNoGreaterBurstAfterALongPause) {
  pace p(milliseconds{10}, 3);
  pace::clock::time_point now{std::chrono::hours{1}};
  static_cast<void>(p.next(now));
  now += std::chrono::hours{1};

  for (int i = 0; i < 3; ++i)
    EXPECT_LE(p.next(now), now) << i;
  EXPECT_GT(p.next(now), now);
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test

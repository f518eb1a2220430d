// How fast a listing asks one file after another.
#include "observe/listing_pace.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace leasebreak::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(ListingPace, LeavesMostOfTheTimeToClients) {
  const auto worked = microseconds{100};

  const auto pause = detail::listing_pause(worked);

  EXPECT_LT(worked * 100 / (worked + pause), 5) << "percent";
}

TEST(ListingPace, MakesProgressOnABusyServer) {
  EXPECT_EQ(detail::listing_pause(std::chrono::hours{1}), milliseconds{40});
}

TEST(ListingPace, HasNoPauseIfNoTimePasses) {
  EXPECT_EQ(detail::listing_pause(duration::zero()), duration::zero());
  EXPECT_EQ(detail::listing_pause(-milliseconds{1}), duration::zero())
    << "a clock that was set back";
}

} // namespace
} // namespace leasebreak::test

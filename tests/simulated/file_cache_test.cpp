// A simulated client's cache obeys its lease.
#include "file_cache.hpp"
#include "moments.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace leasebreak::simulated {

namespace {

using namespace std::chrono_literals;

leasebreak::break_notification breaking(
  lease_state from, lease_state to, std::uint64_t id = 1, std::uint16_t epoch = 2) {
  leasebreak::break_notification n;
  n.id = leasebreak::break_id{id};
  n.from = from;
  n.to = to;
  n.epoch = epoch;
  n.ack_required = from != lease_state::r;
  return n;
}

class FileCache : public testing::Test {
protected:
  // Opens the file, with `state` granted, and caches the server's content.
  void open(lease_state state) {
    cache.begin(70);
    cache.opening();
    cache.granted(state);
    cache.fill(cache.ticket(), {5, 105});
  }

  file_cache cache{timeout};
};

TEST_F(FileCache, ServesReadsUnderRead) {
  open(lease_state::r);

  EXPECT_EQ(cache.read(), (content{5, 105}));
}

TEST_F(FileCache, KeepsNothingWithoutRead) {
  open(lease_state::none);

  EXPECT_EQ(cache.read(), std::nullopt);
}

TEST_F(FileCache, BuffersWritesUnderWriteOnly) {
  open(lease_state::rh);
  EXPECT_FALSE(cache.buffer(200));

  open(lease_state::rw);
  EXPECT_TRUE(cache.buffer(200));
  EXPECT_EQ(cache.read(), (content{5, 200}));
  EXPECT_EQ(cache.dirty(), 200);
}

TEST_F(FileCache, StopsServingReadsAsSoonAsReadIsBroken) {
  open(lease_state::r);

  cache.notified(breaking(lease_state::r, lease_state::none), at(0ms));

  EXPECT_EQ(cache.read(), std::nullopt);
  EXPECT_FALSE(cache.pending());
}

TEST_F(FileCache, StopsBufferingAsSoonAsWriteIsBrokenAndKeepsWhatIsDirty) {
  open(lease_state::rwh);
  ASSERT_TRUE(cache.buffer(200));

  cache.notified(breaking(lease_state::rwh, lease_state::rh), at(0ms));

  EXPECT_FALSE(cache.buffer(201));
  EXPECT_EQ(cache.dirty(), 200);
  EXPECT_EQ(cache.read(), (content{5, 200}));
  ASSERT_TRUE(cache.pending());
  EXPECT_EQ(cache.pending()->to, lease_state::rh);
}

TEST_F(FileCache, ReadsWhatItHasFlushed) {
  open(lease_state::rwh);
  ASSERT_TRUE(cache.buffer(200));

  cache.flushed(200, {6, 200});

  EXPECT_EQ(cache.dirty(), std::nullopt);
  EXPECT_EQ(cache.read(), (content{6, 200}));
}

TEST_F(FileCache, DiscardsContentThatABreakHasOvertaken) {
  open(lease_state::r);
  const auto ticket = cache.ticket();
  cache.notified(breaking(lease_state::r, lease_state::none), at(0ms));
  cache.opening();
  cache.granted(lease_state::r);

  cache.fill(ticket, {5, 105});

  EXPECT_EQ(cache.read(), std::nullopt);
}

TEST_F(FileCache, StartsEmptyWhenReadIsGrantedAgain) {
  open(lease_state::r);
  cache.notified(breaking(lease_state::r, lease_state::none), at(0ms));

  cache.opening();
  cache.granted(lease_state::rh);

  EXPECT_TRUE(cache.may(lease_state::handle));
  EXPECT_EQ(cache.read(), std::nullopt);
}

TEST_F(FileCache, CapsAGrantThatABreakHasOvertaken) {
  cache.begin(70);
  cache.opening();
  cache.notified(breaking(lease_state::rwh, lease_state::rh), at(0ms));

  cache.granted(lease_state::rwh);

  EXPECT_EQ(cache.usable(), lease_state::rh);
}

TEST_F(FileCache, DiscardsEverythingWhenABreakExpires) {
  open(lease_state::rwh);
  ASSERT_TRUE(cache.buffer(200));
  cache.notified(breaking(lease_state::rwh, lease_state::rh), at(0ms));

  EXPECT_FALSE(cache.expire(at(999ms)));
  EXPECT_TRUE(cache.expire(at(1'000ms)));

  EXPECT_EQ(cache.usable(), lease_state::none);
  EXPECT_EQ(cache.dirty(), std::nullopt);
  EXPECT_FALSE(cache.expire(at(2'000ms)));
}

TEST_F(FileCache, CountsTheDeadlineOfAFollowUpFromTheFirstNotification) {
  open(lease_state::rwh);
  cache.notified(breaking(lease_state::rwh, lease_state::rh, 1), at(0ms));
  cache.acknowledged(leasebreak::break_id{1}, lease_state::rh);

  cache.notified(breaking(lease_state::rh, lease_state::r, 2), at(600ms));

  ASSERT_TRUE(cache.pending());
  EXPECT_EQ(cache.pending()->deadline, at(1'000ms));
}

TEST_F(FileCache, CountsTheDeadlineOfANewBreakFromItsOwnNotification) {
  open(lease_state::rwh);
  cache.notified(breaking(lease_state::rwh, lease_state::rh, 1, 2), at(0ms));
  cache.acknowledged(leasebreak::break_id{1}, lease_state::rh);

  cache.notified(breaking(lease_state::rh, lease_state::r, 2, 3), at(600ms));

  ASSERT_TRUE(cache.pending());
  EXPECT_EQ(cache.pending()->deadline, at(1'600ms));
}

TEST_F(FileCache, KeepsAFollowUpThatOvertakesTheAnswerToTheAcknowledgement) {
  open(lease_state::rwh);
  cache.notified(breaking(lease_state::rwh, lease_state::rh, 1), at(0ms));
  cache.notified(breaking(lease_state::rh, lease_state::r, 2), at(10ms));

  cache.acknowledged(leasebreak::break_id{1}, lease_state::rh);

  ASSERT_TRUE(cache.pending());
  EXPECT_EQ(cache.pending()->id, leasebreak::break_id{2});
  EXPECT_EQ(cache.usable(), lease_state::r);
}

TEST_F(FileCache, EndsWithTheLastClose) {
  open(lease_state::rwh);
  ASSERT_TRUE(cache.buffer(200));

  cache.end();

  EXPECT_EQ(cache.id(), 0);
  EXPECT_EQ(cache.usable(), lease_state::none);
  EXPECT_EQ(cache.dirty(), std::nullopt);
}

} // namespace

} // namespace leasebreak::simulated

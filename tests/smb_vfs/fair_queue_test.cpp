// The order in which a fair queue returns the items of its lanes.
#include "vfs/fair_queue.hpp"
#include "vfs/lane_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leasebreak::smb::vfs::testing {

namespace {

using ::testing::ElementsAre;

constexpr std::size_t any_number = 100;

class FairQueue : public ::testing::Test {
protected:
  void push(char lane, const std::string& item, std::size_t running_max = any_number) {
    queue_.push(lane, running_max, item);
  }

  /// Takes all available items, and leaves them running.
  std::vector<std::string> take_all() {
    std::vector<std::string> taken;
    while (queue_.has_next())
      taken.push_back(queue_.take().item);
    return taken;
  }

  fair_queue<char, std::string> queue_;
};

TEST_F(FairQueue, TakesOneOfEachLaneInTurn) {
  push('a', "a1");
  push('a', "a2");
  push('a', "a3");
  push('b', "b1");
  push('b', "b2");
  push('c', "c1");

  EXPECT_THAT(take_all(), ElementsAre("a1", "b1", "c1", "a2", "b2", "a3"));
}

TEST_F(FairQueue, ServesANewLaneAfterOneItemOfEachOther) {
  push('a', "a1");
  push('a', "a2");
  push('a', "a3");
  EXPECT_EQ(queue_.take().item, "a1");

  push('b', "b1");

  EXPECT_THAT(take_all(), ElementsAre("a2", "b1", "a3"));
}

TEST_F(FairQueue, SkipsALaneAtItsLimitOfRunningItems) {
  push('a', "a1", 1);
  push('a', "a2", 1);
  push('b', "b1", 1);

  EXPECT_THAT(take_all(), ElementsAre("a1", "b1"));
  queue_.done('b');
  EXPECT_FALSE(queue_.has_next());
  queue_.done('a');
  EXPECT_THAT(take_all(), ElementsAre("a2"));
}

TEST_F(FairQueue, AddsToALaneThatIsSkipped) {
  push('a', "a1", 1);
  EXPECT_EQ(queue_.take().item, "a1");

  push('a', "a2", 1);

  EXPECT_FALSE(queue_.has_next());
  queue_.done('a');
  EXPECT_THAT(take_all(), ElementsAre("a2"));
}

TEST_F(FairQueue, CountsWaitingAndRunningItems) {
  push('a', "a1");
  push('a', "a2");
  push('b', "b1");
  EXPECT_EQ(queue_.take().item, "a1");

  EXPECT_EQ(queue_.size('a'), 2U);
  EXPECT_EQ(queue_.size('b'), 1U);
  EXPECT_EQ(queue_.size('c'), 0U);
}

TEST_F(FairQueue, KeepsNothingOfALaneWithoutItems) {
  push('a', "a1");
  push('b', "b1");
  EXPECT_EQ(take_all().size(), 2U);

  queue_.done('a');
  EXPECT_EQ(queue_.lanes(), 1U);
  queue_.done('b');
  EXPECT_EQ(queue_.lanes(), 0U);
}

class LaneQueue : public ::testing::Test {
protected:
  void push(pool_lane lane, const std::string& item, std::size_t running_max = any_number) {
    queue_.push(lane, {running_max, running_max_of_client_, 1}, item);
  }

  std::vector<std::string> take_all() {
    std::vector<std::string> taken;
    while (queue_.has_next())
      taken.push_back(queue_.take().item);
    return taken;
  }

  lane_queue<std::string> queue_;
  std::size_t running_max_of_client_ = any_number;
};

TEST_F(LaneQueue, GivesAUserWithManyClientsNoMoreThanAnother) {
  push({1, 1}, "a1");
  push({1, 2}, "a2");
  push({1, 3}, "a3");
  push({2, 4}, "b1");
  push({2, 4}, "b2");

  EXPECT_THAT(take_all(), ElementsAre("a1", "b1", "a2", "b2", "a3"));
}

TEST_F(LaneQueue, ServesTheClientsOfAUserInTurn) {
  push({1, 1}, "a1");
  push({1, 1}, "a2");
  push({1, 1}, "a3");
  push({1, 2}, "b1");

  EXPECT_THAT(take_all(), ElementsAre("a1", "b1", "a2", "a3"));
}

TEST_F(LaneQueue, LetsWorkGoAheadOfItsUsersOtherWorkAlone) {
  push({1, 1}, "a1");
  push({1, 2}, "a2");
  push({2, 3}, "b1");
  push({2, 3}, "b2");
  push({1, 2, true}, "ahead 1");
  push({1, 1, true}, "ahead 2");

  EXPECT_THAT(take_all(), ElementsAre("ahead 1", "b1", "ahead 2", "b2", "a1", "a2"));
}

TEST_F(LaneQueue, CountsTheItemsOfUsersAndClients) {
  push({1, 1}, "a1");
  push({1, 1}, "a2");
  push({1, 2}, "b1");
  push({1, 2, true}, "ahead");
  EXPECT_EQ(queue_.size_of_user({1, 9}), 4U);
  EXPECT_EQ(queue_.size_of_client({1, 1}), 2U);
  EXPECT_EQ(queue_.size_of_client({1, 2}), 1U);
  EXPECT_EQ(queue_.size_of_client({2, 1}), 0U);

  EXPECT_EQ(queue_.take().item, "ahead");
  EXPECT_EQ(queue_.take().item, "a1");
  EXPECT_EQ(queue_.size_of_user({1, 9}), 4U) << "two are running";
  queue_.done({1, 2, true});
  queue_.done({1, 1});

  EXPECT_EQ(queue_.size_of_user({1, 9}), 2U);
  EXPECT_EQ(queue_.size_of_client({1, 1}), 1U);
}

TEST_F(LaneQueue, LimitsTheRunningItemsOfAUser) {
  push({1, 1}, "a1", 1);
  push({1, 2}, "a2", 1);
  push({2, 3}, "b1", 1);

  EXPECT_THAT(take_all(), ElementsAre("a1", "b1"));
  queue_.done({1, 1});
  EXPECT_THAT(take_all(), ElementsAre("a2"));
}

TEST_F(LaneQueue, LeavesRoomForOtherClientsOfTheUser) {
  running_max_of_client_ = 1;
  push({1, 1}, "a1", 2);
  push({1, 1}, "a2", 2);
  EXPECT_THAT(take_all(), ElementsAre("a1"));

  push({1, 2}, "b1", 2);
  push({1, 2}, "b2", 2);
  push({1, 3, true}, "ahead", 2);
  EXPECT_THAT(take_all(), ElementsAre("ahead"));
  queue_.done({1, 3, true});
  EXPECT_THAT(take_all(), ElementsAre("b1"));

  queue_.done({1, 1});
  EXPECT_THAT(take_all(), ElementsAre("a2"));
  queue_.done({1, 1});
  EXPECT_FALSE(queue_.has_next());
  queue_.done({1, 2});
  EXPECT_THAT(take_all(), ElementsAre("b2"));
  queue_.done({1, 2});
  EXPECT_EQ(queue_.size_of_user({1, 1}), 0U);
}

TEST_F(LaneQueue, LimitsTheBulkWorkOfAClientAndNotItsOtherWork) {
  push({1, 1, false, true}, "bulk 1");
  push({1, 1, false, true}, "bulk 2");
  push({1, 1}, "a1");
  push({1, 2, false, true}, "bulk of another");
  push({1, 1}, "a2");
  EXPECT_EQ(queue_.size_of_client({1, 1}), 4U);

  EXPECT_THAT(take_all(), ElementsAre("bulk 1", "a1", "bulk of another", "a2"));
  queue_.done({1, 1});
  EXPECT_FALSE(queue_.has_next());
  queue_.done({1, 1, false, true});
  EXPECT_THAT(take_all(), ElementsAre("bulk 2"));
  EXPECT_EQ(queue_.size_of_client({1, 1}), 2U) << "running";
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

// The order in which a fair queue returns the items of its lanes.
#include "vfs/fair_queue.hpp"

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

} // namespace

} // namespace leasebreak::smb::vfs::testing

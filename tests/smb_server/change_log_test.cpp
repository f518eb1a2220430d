// Which changes a log keeps for its readers.
#include <smb_server/notify/change_log.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ChangeLog : public ::testing::Test {
protected:
  void add(const std::string& name) {
    log.add(std::make_shared<const name_change>(name_change{name, change_action::modified, 1}));
  }

  std::vector<std::string> take(change_log::position& reader) {
    std::vector<std::string> names;
    const change_log::news news = log.take(reader);
    lost = news.lost;
    for (const change_ptr& c : news.changes)
      names.push_back(c->name);
    return names;
  }

  change_log log;
  bool lost = false; ///< Result of the last `take`.
};

TEST_F(ChangeLog, KeepsNothingWithoutReaders) {
  add("a");

  EXPECT_EQ(log.bytes(), 0U);
}

TEST_F(ChangeLog, TellsEachReaderWhatItHasNotRead) {
  auto first = log.join();
  add("a");
  auto second = log.join();
  add("b");

  EXPECT_THAT(take(first), ElementsAre("a", "b"));
  EXPECT_THAT(take(second), ElementsAre("b"));
  EXPECT_FALSE(log.has_news(first));
  EXPECT_THAT(take(second), IsEmpty());
}

TEST_F(ChangeLog, DropsWhatAllHaveRead) {
  auto first = log.join();
  auto second = log.join();
  add("a");
  const std::size_t one = log.bytes();
  EXPECT_THAT(take(first), ElementsAre("a"));
  add("b");
  EXPECT_EQ(log.bytes(), 2 * one);

  EXPECT_THAT(take(second), ElementsAre("a", "b"));
  EXPECT_EQ(log.bytes(), one);
  EXPECT_THAT(take(first), ElementsAre("b"));
  EXPECT_EQ(log.bytes(), 0U);
}

TEST_F(ChangeLog, DropsWhatReadersThatLeaveHaveNotRead) {
  const auto first = log.join();
  auto second = log.join();
  add("a");
  EXPECT_THAT(take(second), ElementsAre("a"));
  EXPECT_GT(log.bytes(), 0U);

  log.leave(first);

  EXPECT_EQ(log.bytes(), 0U);
  add("b");
  EXPECT_THAT(take(second), ElementsAre("b"));
}

TEST_F(ChangeLog, KeepsTheSameChangeOnceWhileItIsUnread) {
  auto reader = log.join();
  add("a");
  add("a");
  EXPECT_THAT(take(reader), ElementsAre("a"));

  add("a");

  EXPECT_THAT(take(reader), ElementsAre("a"));
}

TEST_F(ChangeLog, TellsTheSameChangeAgainToThoseWhoHaveReadIt) {
  auto slow = log.join();
  auto fast = log.join();
  add("a");
  EXPECT_THAT(take(fast), ElementsAre("a"));

  add("a");

  EXPECT_THAT(take(fast), ElementsAre("a"));
  EXPECT_THAT(take(slow), ElementsAre("a", "a"));
}

TEST_F(ChangeLog, ReportsALossOnce) {
  auto behind = log.join();
  add("a");
  auto current = log.join();

  log.clear();

  EXPECT_EQ(log.bytes(), 0U);
  EXPECT_FALSE(log.has_news(current));
  EXPECT_TRUE(log.has_news(behind));
  add("b");
  EXPECT_THAT(take(behind), IsEmpty());
  EXPECT_TRUE(lost);
  EXPECT_THAT(take(current), ElementsAre("b"));
  EXPECT_FALSE(lost);
  EXPECT_FALSE(log.has_news(behind));
}

TEST_F(ChangeLog, KeepsNothingForReadersThatLostChanges) {
  auto reader = log.join();
  add("a");
  log.clear();

  add("b");

  EXPECT_EQ(log.bytes(), 0U);
  EXPECT_THAT(take(reader), IsEmpty());
  EXPECT_TRUE(lost);
  log.leave(reader);
}

} // namespace
} // namespace leasebreak::smb

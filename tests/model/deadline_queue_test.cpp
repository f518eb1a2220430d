// The order of deadlines, and the cleanup of outdated ones.
#include "file/deadline_queue.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace leasebreak::test {
namespace {

using detail::deadline_entry;
using detail::deadline_queue;

time_point in_seconds(int seconds) {
  return time_point{std::chrono::seconds{seconds}};
}

deadline_entry open_at(int seconds, std::uint64_t open) {
  return deadline_entry::for_open(in_seconds(seconds), open_id{open});
}

constexpr auto always = [](const deadline_entry&) { return true; };

TEST(DeadlineQueue, ReturnsTheEarliestFirst) {
  deadline_queue q;
  for (const int t : {5, 1, 4, 2, 3})
    q.push(open_at(t, 1));

  for (const int t : {1, 2, 3, 4, 5})
    EXPECT_EQ(q.pop().at, in_seconds(t));
  EXPECT_TRUE(q.empty());
}

TEST(DeadlineQueue, ReturnsResponsesBeforeTheBreaksThatTheyHeldBack) {
  deadline_queue q;
  q.push(deadline_entry::for_break(in_seconds(1), {}));
  q.push(deadline_entry::for_answer(in_seconds(1), open_id{3}));
  q.push(deadline_entry::for_waiting(in_seconds(1), operation_id{4}));

  EXPECT_EQ(q.pop().of, deadline_entry::kind::answer);
}

TEST(DeadlineQueue, ReturnsTheLastOfOpensThatWereDisconnectedTogether) {
  deadline_queue q;
  for (const std::uint64_t id : {2U, 9U, 5U})
    q.push(open_at(1, id));

  EXPECT_EQ(q.pop().open, open_id{9});
  EXPECT_EQ(q.pop().open, open_id{5});
}

TEST(DeadlineQueue, DropsOutdatedEntriesFromTheFrontOnly) {
  deadline_queue q;
  q.push(open_at(1, 1));
  q.push(open_at(2, 2));
  q.push(open_at(3, 1));

  q.drop_outdated_front([](const deadline_entry& e) { return e.open != open_id{1}; });

  EXPECT_EQ(q.size(), 2U);
  EXPECT_EQ(q.front().at, in_seconds(2));
}

TEST(DeadlineQueue, DropsAllOutdatedAndDuplicateEntries) {
  deadline_queue q;
  for (int i = 0; i < 3; ++i) {
    q.push(open_at(1, 1));
    q.push(open_at(2, 2));
    q.push(open_at(3, 3));
  }

  q.drop_outdated([](const deadline_entry& e) { return e.open != open_id{2}; });

  EXPECT_EQ(q.size(), 2U);
  EXPECT_EQ(q.pop().at, in_seconds(1));
  EXPECT_EQ(q.pop().at, in_seconds(3));
}

TEST(DeadlineQueue, KeepsDifferentDeadlinesOfTheSameTime) {
  deadline_queue q;
  q.push(open_at(1, 1));
  q.push(open_at(1, 2));
  q.push(deadline_entry::for_waiting(in_seconds(1), operation_id{1}));
  q.push(deadline_entry::for_break(in_seconds(1), {}));

  q.drop_outdated(always);

  EXPECT_EQ(q.size(), 4U);
}

TEST(DeadlineQueue, IsOrderedAfterAnyHistory) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&random](unsigned n) { return static_cast<int>(random() % n); };
  deadline_queue q;
  std::vector<time_point> expected; // without duplicates
  for (int step = 0; step < 3'000; ++step) {
    const auto entry = open_at(below(50), static_cast<std::uint64_t>(1 + below(3)));
    if (below(3) != 0) {
      q.push(entry);
      expected.push_back(entry.at);
    } else if (!q.empty()) {
      const auto earliest = std::min_element(expected.begin(), expected.end());
      ASSERT_EQ(q.pop().at, *earliest);
      expected.erase(earliest);
    }
    ASSERT_EQ(q.size(), expected.size());
    ASSERT_TRUE(q.is_ordered());
  }
}

} // namespace
} // namespace leasebreak::test

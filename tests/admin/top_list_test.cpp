// The lists of top blockers: sums, their hour, and their bounds.
#include "top_list.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const time_point noon{seconds{1'700'000'000}};

TEST(TopList, SumsWhatEachKeyHas) {
  top_list list;
  EXPECT_TRUE(list.top(noon, 10).empty());
  list.add(noon, "1", "alice", 5);
  list.add(noon + minutes{3}, "2", "bob", 7);
  list.add(noon + minutes{9}, "1", "alice renamed", 6);

  const auto top = list.top(noon + minutes{10}, 10);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].key, "1");
  EXPECT_EQ(top[0].name, "alice renamed");
  EXPECT_EQ(top[0].us, 11U);
  EXPECT_EQ(top[0].count, 2U);
  EXPECT_EQ(top[0].error_us, 0U);
  EXPECT_EQ(top[1].key, "2");
  EXPECT_EQ(list.top(noon + minutes{10}, 1).size(), 1U);
}

TEST(TopList, ForgetsAfterAnHour) {
  top_list list;
  list.add(noon, "1", "", 5);
  list.add(noon + minutes{30}, "2", "", 1);

  EXPECT_EQ(list.top(noon + minutes{59}, 10).size(), 2U);
  ASSERT_EQ(list.top(noon + minutes{60}, 10).size(), 1U);
  EXPECT_EQ(list.top(noon + minutes{60}, 10).front().key, "2");
  EXPECT_TRUE(list.top(noon + minutes{90}, 10).empty());
  // The slot of the first is used again; what comes from before that is ignored.
  list.add(noon + minutes{60}, "3", "", 1);
  list.add(noon, "1", "", 5);
  EXPECT_EQ(list.top(noon + minutes{60}, 10).size(), 2U);
}

// Space-saving: no sum is too small, none is too great by more than its error, and a key with more
// than a 64th of everything is there.
TEST(TopList, IsBoundedAndErrsOnlyByWhatItSays) {
  top_list list;
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    list.add(noon, std::to_string(i), std::string(1'000, 'x'), 1 + i % 3);
    total += 1 + i % 3;
    if (i % 20 == 0) {
      list.add(noon, "heavy", "", 10);
      total += 10;
    }
  }

  const auto top = list.top(noon, 1'000);
  EXPECT_EQ(top.size(), top_list::keys_per_minute);
  EXPECT_EQ(top.front().key, "heavy");
  EXPECT_GE(top.front().us, 10'000U);
  EXPECT_LE(top.front().us - top.front().error_us, 10'000U);
  std::uint64_t counted = 0;
  for (const auto& e : top) {
    EXPECT_LE(e.name.size(), top_list::name_bytes_max);
    EXPECT_LE(e.error_us, total / top_list::keys_per_minute);
    counted += e.us;
  }
  EXPECT_EQ(counted, total);
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

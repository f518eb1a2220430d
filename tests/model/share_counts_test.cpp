// Share modes by counts, compared with a look at every open.
#include "file/share_counts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace leasebreak::test {
namespace {

using detail::share_counts;
using use = share_counts::use;

constexpr std::array masks{access::read_attributes, access::read_data, access::execute,
  access::write_data, access::append_data, access::delete_file,
  access::read_data | access::write_data, access::read_data | access::delete_file};

bool shares_deletion(const use& u) {
  return (u.share_access & share::delete_file) != 0;
}

bool wants_deletion(const use& u) {
  return (u.access & access::delete_file) != 0;
}

/// Whether `opening` must be refused beside `existing` (MS-FSA 2.1.5.1.2, 2.1.5.1.2.2).
bool conflict(const use& opening, const use& existing) {
  if (opening.of_stream && !shares_deletion(opening) && wants_deletion(existing))
    return true;
  if (opening.of_stream)
    return false;
  if (existing.of_stream && !shares_deletion(existing) && wants_deletion(opening))
    return true;
  return share_conflict(
    opening.access, opening.share_access, existing.access, existing.share_access);
}

TEST(ShareCounts, LetEverybodyOpenAnUnopenedFile) {
  const share_counts counts;

  for (const auto mask : masks)
    EXPECT_FALSE(counts.conflict_with({mask, share::none}));
}

TEST(ShareCounts, AgreeWithTheRuleForEveryPairOfOpens) {
  for (const auto first : masks)
    for (const auto second : masks)
      for (std::uint32_t a = 0; a <= share::all; ++a)
        for (std::uint32_t b = 0; b <= share::all; ++b) {
          share_counts counts;
          counts.add({first, a});
          EXPECT_EQ(counts.conflict_with({second, b}), share_conflict(first, a, second, b))
            << first << " shares " << a << ", " << second << " shares " << b;
        }
}

TEST(ShareCounts, RefuseARenameIntoADirectoryThatSomebodyMayDelete) {
  share_counts counts;
  const use deleter{access::delete_file, share::all};

  counts.add(deleter);
  EXPECT_TRUE(counts.conflict_with_rename_into());
  counts.remove(deleter);
  EXPECT_FALSE(counts.conflict_with_rename_into());
  counts.add({access::read_data, share::read | share::delete_file});
  EXPECT_TRUE(counts.conflict_with_rename_into()) << "it does not share writing";
}

TEST(ShareCounts, AgreeWithALookAtEveryOpenAfterAnyHistory) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t n) { return random() % n; };
  const auto some_use = [&] {
    return use{masks[below(masks.size())], static_cast<std::uint32_t>(below(8)), below(4) == 0};
  };
  share_counts counts;
  std::vector<use> opens;
  for (int step = 0; step < 5'000; ++step) {
    if (!opens.empty() && below(2) == 0) {
      std::swap(opens[below(opens.size())], opens.back());
      counts.remove(opens.back());
      opens.pop_back();
    } else if (opens.size() < 4) {
      opens.push_back(some_use());
      counts.add(opens.back());
    }
    const auto opening = some_use();

    ASSERT_EQ(counts.conflict_with(opening),
      std::any_of(
        opens.begin(), opens.end(), [&](const use& open) { return conflict(opening, open); }));
  }
  for (const auto& open : opens)
    counts.remove(open);
  EXPECT_EQ(counts, share_counts{});
}

} // namespace
} // namespace leasebreak::test

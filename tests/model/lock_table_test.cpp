// The table of held byte-range locks: its rules one by one, and compared with a list that is
// scanned.
#include "support/seed.hpp"

#include <lock_table.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {
namespace {

constexpr auto max_offset = std::numeric_limits<std::uint64_t>::max();
constexpr open_id a{1};
constexpr open_id b{2};

time_point at(int seconds) {
  return time_point{} + std::chrono::seconds{seconds};
}

TEST(LockTable, IsOnePointerUntilTheFirstLock) {
  EXPECT_EQ(sizeof(lock_table), sizeof(void*));
}

TEST(LockTable, AnswersEverythingWhenEmpty) {
  lock_table table;

  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.conflict(a, {0, 1}, true), nullptr);
  EXPECT_EQ(table.io_conflict(a, {0, 1}, true), nullptr);
  EXPECT_EQ(table.find_exact(a, {0, 1}), nullptr);
  EXPECT_EQ(table.count_of(a), 0U);
  EXPECT_TRUE(table.erase_all_of(a).empty());
  EXPECT_TRUE(table.is_consistent());
}

TEST(LockTable, KeepsWhatWasGivenToIt) {
  lock_table table;

  const auto& added = table.add(a, {10, 5}, true, at(7), "record");

  EXPECT_EQ(added.id, 1U);
  EXPECT_EQ(added.open, a);
  EXPECT_EQ(added.range, (byte_range{10, 5}));
  EXPECT_TRUE(added.exclusive);
  EXPECT_EQ(added.acquired_at, at(7));
  EXPECT_EQ(added.record_id, "record");
}

TEST(LockTable, KnowsWhetherALockBeginsBelow) {
  for (const bool exclusive : {false, true}) {
    for (const std::uint64_t length : {0U, 5U}) {
      lock_table table;
      EXPECT_FALSE(table.any_below(100));
      table.add(a, {90, 1}, exclusive, at(0));
      table.add(a, {10, length}, exclusive, at(0));
      table.add(a, {50, 1}, !exclusive, at(0));

      EXPECT_FALSE(table.any_below(10));
      EXPECT_TRUE(table.any_below(11));
      table.erase(table.find_exact(a, {10, length}));
      EXPECT_FALSE(table.any_below(50));
      EXPECT_TRUE(table.any_below(51));
    }
  }
}

TEST(LockTable, NeverGivesAnIdTwice) {
  lock_table table;

  const auto first = table.add(a, {0, 1}, true, at(0)).id;
  table.erase(table.find_exact(a, {0, 1}));
  const auto second = table.add(a, {0, 1}, true, at(0)).id;

  EXPECT_LT(first, second);
}

// An older lock may have shared locks of the same open stacked on it.
TEST(LockTable, LetsALockBackBelowSharedOnesOfItsOpen) {
  lock_table table;
  table.add(a, {0, 10}, false, at(0));

  EXPECT_NE(table.conflict(a, {5, 10}, true), nullptr);
  EXPECT_EQ(table.conflict_of_old(a, {5, 10}, true), nullptr);
  EXPECT_NE(table.conflict_of_old(b, {5, 10}, true), nullptr);
  EXPECT_EQ(table.conflict_of_old(b, {5, 10}, false), nullptr);

  table.add(a, {0, 10}, true, at(0));
  EXPECT_NE(table.conflict_of_old(a, {5, 10}, true), nullptr);
  EXPECT_EQ(table.conflict_of_old(a, {5, 10}, false), nullptr);
  EXPECT_NE(table.conflict_of_old(b, {5, 10}, false), nullptr);
}

TEST(LockTable, GivesIdsAboveThoseThatAreTaken) {
  lock_table table;

  table.keep_above(7);
  table.keep_above(3);

  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.add(a, {0, 1}, true, at(0)).id, 8U);
}

TEST(LockTable, ReleasesAnExclusiveLockBeforeASharedOne) {
  lock_table table;
  table.add(a, {0, 4}, true, at(0));
  table.add(a, {0, 4}, false, at(1));

  ASSERT_NE(table.find_exact(a, {0, 4}), nullptr);
  EXPECT_TRUE(table.find_exact(a, {0, 4})->exclusive);
  table.erase(table.find_exact(a, {0, 4}));

  ASSERT_NE(table.find_exact(a, {0, 4}), nullptr);
  EXPECT_FALSE(table.find_exact(a, {0, 4})->exclusive);
}

TEST(LockTable, ReleasesTheEarliestOfEqualLocks) {
  lock_table table;
  const auto first = table.add(a, {0, 4}, false, at(0)).id;
  table.add(b, {0, 4}, false, at(1));
  const auto third = table.add(a, {0, 4}, false, at(2)).id;

  EXPECT_EQ(table.find_exact(a, {0, 4})->id, first);
  table.erase(table.find_exact(a, {0, 4}));

  EXPECT_EQ(table.find_exact(a, {0, 4})->id, third);
}

TEST(LockTable, FindsOnlyTheExactRangeOfTheOpen) {
  lock_table table;
  table.add(a, {10, 4}, true, at(0));

  EXPECT_EQ(table.find_exact(b, {10, 4}), nullptr);
  EXPECT_EQ(table.find_exact(a, {10, 3}), nullptr);
  EXPECT_EQ(table.find_exact(a, {11, 3}), nullptr);
  EXPECT_EQ(table.find_exact(a, {10, 0}), nullptr);
}

TEST(LockTable, ReturnsTheLocksOfAnOpenInTheOrderOfAcquisition) {
  lock_table table;
  table.add(a, {50, 1}, true, at(0));
  table.add(b, {40, 1}, true, at(1));
  table.add(a, {30, 1}, false, at(2));
  table.add(a, {60, 0}, true, at(3));

  const auto removed = table.erase_all_of(a);

  ASSERT_EQ(removed.size(), 3U);
  EXPECT_EQ(removed[0].range.offset, 50U);
  EXPECT_EQ(removed[1].range.offset, 30U);
  EXPECT_EQ(removed[2].range.offset, 60U);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.count_of(a), 0U);
  EXPECT_EQ(table.count_of(b), 1U);
}

TEST(LockTable, KnowsTheLastByteOfTheRange) {
  lock_table table;
  table.add(a, {max_offset, 1}, true, at(0));

  EXPECT_NE(table.conflict(b, {max_offset, 1}, true), nullptr);
  EXPECT_EQ(table.conflict(b, {0, max_offset}, true), nullptr);
  EXPECT_NE(table.conflict(b, {1, max_offset}, true), nullptr);
  EXPECT_EQ(table.conflict(b, {max_offset - 1, 1}, true), nullptr);
  EXPECT_EQ(table.conflict(b, {max_offset, 0}, true), nullptr);
}

// smb2.lock.zerobytelength: an empty lock lies on the boundary between two bytes.
TEST(LockTable, EmptyLockIsInTheWayOfARangeAroundIt) {
  lock_table table;
  table.add(a, {10, 0}, true, at(0));

  EXPECT_NE(table.conflict(b, {9, 2}, true), nullptr);
  EXPECT_NE(table.conflict(b, {9, 3}, true), nullptr);
  EXPECT_EQ(table.conflict(b, {9, 1}, true), nullptr);
  EXPECT_EQ(table.conflict(b, {10, 1}, true), nullptr);
  EXPECT_EQ(table.conflict(b, {11, 1}, true), nullptr);
  EXPECT_EQ(table.conflict(b, {10, 2}, true), nullptr);
  EXPECT_EQ(table.conflict(b, {10, 0}, true), nullptr);
}

TEST(LockTable, EmptyLockAtZeroConflictsWithNothing) {
  lock_table table;
  table.add(a, {0, 0}, true, at(0));

  EXPECT_EQ(table.conflict(b, {0, max_offset}, true), nullptr);
  EXPECT_EQ(table.conflict(b, {0, 0}, true), nullptr);
}

TEST(LockTable, IoMeetsForeignExclusiveLocks) {
  lock_table table;
  table.add(a, {10, 10}, true, at(0));

  EXPECT_NE(table.io_conflict(b, {15, 1}, false), nullptr);
  EXPECT_NE(table.io_conflict(b, {15, 1}, true), nullptr);
  EXPECT_EQ(table.io_conflict(a, {15, 1}, false), nullptr);
  EXPECT_EQ(table.io_conflict(a, {15, 1}, true), nullptr);
  EXPECT_EQ(table.io_conflict(b, {20, 1}, true), nullptr);
}

TEST(LockTable, AWriteMeetsSharedLocksEvenOwnOnes) {
  lock_table table;
  table.add(a, {10, 10}, false, at(0));

  EXPECT_NE(table.io_conflict(a, {15, 1}, true), nullptr);
  EXPECT_NE(table.io_conflict(b, {15, 1}, true), nullptr);
  EXPECT_EQ(table.io_conflict(a, {15, 1}, false), nullptr);
  EXPECT_EQ(table.io_conflict(b, {15, 1}, false), nullptr);
}

// smb2.lock.zerobyteread
TEST(LockTable, EmptyIoAndEmptyLocksNeverMeet) {
  lock_table table;
  table.add(a, {10, 10}, true, at(0));
  table.add(a, {30, 0}, true, at(0));

  EXPECT_EQ(table.io_conflict(b, {15, 0}, true), nullptr);
  EXPECT_EQ(table.io_conflict(b, {25, 10}, true), nullptr);
}

TEST(LockTable, SurvivesAMove) {
  lock_table table;
  table.add(a, {0, 1}, true, at(0));

  lock_table other = std::move(table);

  EXPECT_EQ(other.size(), 1U);
  EXPECT_NE(other.conflict(b, {0, 1}, false), nullptr);
}

/// The same rules, with a scan of all locks.
class naive_table {
public:
  void add(lock_table::entry e) { entries_.push_back(std::move(e)); }

  [[nodiscard]] bool conflict(open_id open, const byte_range& range, bool exclusive) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const auto& e) {
      return range_conflict(e.range, e.exclusive, range, exclusive, e.open == open);
    });
  }

  [[nodiscard]] static bool in_the_way_of_io(
    const lock_table::entry& e, open_id open, const byte_range& range, bool is_write) {
    return e.range.length != 0 && range.length != 0 && overlap(e.range, range) &&
      (e.open == open ? is_write && !e.exclusive : is_write || e.exclusive);
  }

  [[nodiscard]] bool io_conflict(open_id open, const byte_range& range, bool is_write) const {
    return std::any_of(entries_.begin(), entries_.end(),
      [&](const auto& e) { return in_the_way_of_io(e, open, range, is_write); });
  }

  [[nodiscard]] std::uint64_t find_exact(open_id open, const byte_range& range) const {
    std::uint64_t shared = 0;
    for (const auto& e : entries_) {
      if (e.open != open || e.range != range)
        continue;
      if (e.exclusive)
        return e.id;
      if (shared == 0)
        shared = e.id;
    }
    return shared;
  }

  void erase(std::uint64_t id) {
    std::erase_if(entries_, [&](const auto& e) { return e.id == id; });
  }

  std::vector<std::uint64_t> erase_all_of(open_id open) {
    std::vector<std::uint64_t> ids;
    for (const auto& e : entries_)
      if (e.open == open)
        ids.push_back(e.id);
    std::erase_if(entries_, [&](const auto& e) { return e.open == open; });
    return ids;
  }

  [[nodiscard]] const std::vector<lock_table::entry>& entries() const { return entries_; }

private:
  std::vector<lock_table::entry> entries_;
};

class random_ranges {
public:
  explicit random_ranges(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t n) {
    return std::uniform_int_distribution<std::uint64_t>{0, n - 1}(random_);
  }

  bool coin() { return below(2) == 0; }

  open_id open() { return open_id{1 + below(4)}; }

  /// Returns a range: mostly in a crowded area at one of the ends, sometimes anywhere; never beyond
  /// the last byte.
  byte_range range() {
    const std::uint64_t where = below(8);
    byte_range result{where < 4 ? below(40) : where < 7 ? max_offset - below(40) : random_(), 0};
    const std::uint64_t room = max_offset - result.offset; // One byte less than fits.
    const std::uint64_t wish = below(10) == 0 ? random_() : below(12);
    if (wish != 0)
      result.length = wish - 1 <= room ? wish : room + 1;
    return result;
  }

private:
  std::mt19937_64 random_;
};

void expect_same(const lock_table& table, const naive_table& naive) {
  ASSERT_TRUE(table.is_consistent());
  ASSERT_EQ(table.size(), naive.entries().size());
  std::size_t i = 0;
  table.for_each([&](const auto& e) { ASSERT_EQ(e.id, naive.entries()[i++].id); });
  for (std::uint64_t o = 1; o <= 4; ++o) {
    std::vector<std::uint64_t> ids;
    table.for_each_of(open_id{o}, [&](const auto& e) { ids.push_back(e.id); });
    std::vector<std::uint64_t> expected;
    for (const auto& e : naive.entries())
      if (e.open == open_id{o})
        expected.push_back(e.id);
    ASSERT_EQ(ids, expected);
    ASSERT_EQ(table.count_of(open_id{o}), ids.size());
  }
}

void expect_same_answers(const lock_table& table, const naive_table& naive, random_ranges& random) {
  const open_id open = random.open();
  const byte_range range = random.range();
  const bool flag = random.coin();
  SCOPED_TRACE(testing::Message() << "open " << static_cast<std::uint64_t>(open) << " range "
                                  << range.offset << "+" << range.length << " flag " << flag);

  const auto* conflict = table.conflict(open, range, flag);
  ASSERT_EQ(conflict != nullptr, naive.conflict(open, range, flag));
  if (conflict != nullptr) {
    ASSERT_TRUE(
      range_conflict(conflict->range, conflict->exclusive, range, flag, conflict->open == open));
  }

  const auto* io = table.io_conflict(open, range, flag);
  ASSERT_EQ(io != nullptr, naive.io_conflict(open, range, flag));
  if (io != nullptr) {
    ASSERT_TRUE(naive_table::in_the_way_of_io(*io, open, range, flag));
  }

  const auto* exact = table.find_exact(open, range);
  ASSERT_EQ(exact != nullptr ? exact->id : 0, naive.find_exact(open, range));
}

/// Makes one random change of both tables; mostly takes locks only if there is no conflict.
void change(lock_table& table, naive_table& naive, random_ranges& random) {
  const std::uint64_t what = random.below(100);
  if (what < 60) {
    const open_id open = random.open();
    const byte_range range = random.range();
    const bool exclusive = random.coin();
    if (random.below(4) != 0 && naive.conflict(open, range, exclusive))
      return;
    naive.add(table.add(open, range, exclusive, at(0)));
  } else if (what < 98 && !naive.entries().empty()) {
    const auto& victim = naive.entries()[random.below(naive.entries().size())];
    auto* found = table.find_exact(victim.open, victim.range);
    ASSERT_NE(found, nullptr);
    const auto id = found->id;
    table.erase(found);
    naive.erase(id);
  } else if (what == 99) {
    const open_id open = random.open();
    std::vector<std::uint64_t> ids;
    for (const auto& e : table.erase_all_of(open))
      ids.push_back(e.id);
    ASSERT_EQ(ids, naive.erase_all_of(open));
  }
}

TEST(LockTable, AgreesWithASearchFromEndToEnd) {
  random_ranges random(test::seed_of_this_run());
  for (int round = 0; round < 20; ++round) {
    lock_table table;
    naive_table naive;
    for (int step = 0; step < 600; ++step) {
      change(table, naive, random);
      for (int question = 0; question < 4; ++question)
        expect_same_answers(table, naive, random);
      if (step % 16 == 0)
        expect_same(table, naive);
      if (HasFatalFailure())
        return;
    }
  }
}

// With a degenerate tree, this would take minutes.
TEST(LockTable, StaysBalancedWithManyLocks) {
  lock_table table;
  constexpr std::uint64_t count = 20'000;

  for (std::uint64_t i = 0; i < count; ++i)
    table.add(open_id{1 + i % 3}, {i * 2, 1}, true, at(0));
  for (std::uint64_t i = 0; i < count; ++i)
    table.add(open_id{1 + i % 3}, {0, max_offset}, false, at(0));

  EXPECT_TRUE(table.is_consistent());
  for (std::uint64_t i = 0; i < count; ++i) {
    EXPECT_EQ(table.conflict(open_id{9}, {2 * count + i, 1}, false), nullptr);
    EXPECT_NE(table.conflict(open_id{9}, {2 * i, 1}, false), nullptr);
  }
  EXPECT_EQ(table.erase_all_of(open_id{1}).size() + table.erase_all_of(open_id{2}).size() +
      table.erase_all_of(open_id{3}).size(),
    2 * count);
  EXPECT_TRUE(table.empty());
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

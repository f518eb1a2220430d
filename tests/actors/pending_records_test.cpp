// The changes that remain for the store after coalescing.
#include "durability/pending_records.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

using detail::pending_records;

constexpr std::size_t all = 1'000'000;

record_change put(const std::string& id, std::uint16_t version = 0) {
  persisted_lock record;
  record.id = id;
  record.lease_epoch = version;
  return {id, record};
}

record_change erase(const std::string& id) {
  return {id, std::nullopt};
}

TEST(PendingRecords, TheNewestChangeOfARecordWins) {
  pending_records p;
  p.add({put("a", 1)}, {});
  p.add({put("a", 2)}, {});

  const auto batch = p.take(all);

  ASSERT_EQ(batch.changes.size(), 1U);
  EXPECT_EQ(batch.changes[0].put->lease_epoch, 2U);
  EXPECT_TRUE(p.empty());
}

// As a file reports it: the name of a record is one object, or several equal ones.
TEST(PendingRecords, KnowARecordByItsName) {
  lease_snapshot lease;
  lease.info.epoch = 1;
  lease.file_id = "f";
  const auto name = make_record_name("a");
  pending_records p;
  p.add({{name, lease}}, {});
  lease.info.epoch = 2;
  p.add({{name, lease}}, {});
  lease.info.epoch = 3;
  p.add({{make_record_name("a"), lease}}, {});

  const auto batch = p.take(all);

  ASSERT_EQ(batch.changes.size(), 1U);
  EXPECT_EQ(batch.changes[0].put->lease_epoch, 3U);
  EXPECT_EQ(batch.changes[0].put->file_id, "f");
  p.add({stored_change(name)}, {});
  EXPECT_EQ(p.take(all).changes.size(), 1U) << "it may be in the store";
}

TEST(PendingRecords, ACreatedAndDeletedRecordLeavesNothing) {
  pending_records p;
  p.add({put("a")}, {});
  p.add({erase("a")}, {});

  EXPECT_TRUE(p.empty());
}

TEST(PendingRecords, WhatTheStoreHasIsErased) {
  pending_records p;
  p.know("a");
  p.add({put("a", 2)}, {});
  p.add({erase("a")}, {});

  const auto batch = p.take(all);

  ASSERT_EQ(batch.changes.size(), 1U);
  EXPECT_FALSE(batch.changes[0].put);
}

TEST(PendingRecords, WhatMayHaveBeenWrittenIsErased) {
  pending_records p;
  p.add({put("a")}, {});
  auto batch = p.take(all);
  p.add({erase("a")}, {});
  p.put_back(std::move(batch));

  batch = p.take(all);

  ASSERT_EQ(batch.changes.size(), 1U);
  EXPECT_FALSE(batch.changes[0].put) << "the newer change stays above the failed batch";
}

TEST(PendingRecords, AfterAnErasureEverythingStartsAgain) {
  pending_records p;
  p.know("a");
  p.add({erase("a")}, {});
  p.written(p.take(all));
  p.add({put("a")}, {});
  p.add({erase("a")}, {});

  EXPECT_TRUE(p.empty());
}

std::string ids(const detail::record_batch& batch) {
  std::set<std::string> sorted;
  for (const auto& c : batch.changes)
    sorted.insert((c.put ? "" : "-") + c.id);
  std::string text;
  for (const auto& id : sorted)
    text += id;
  return text;
}

TEST(PendingRecords, ABatchHasTheOldestRecordsUpToItsLimit) {
  pending_records p;
  for (const auto* id : {"e", "d", "c", "b", "a"})
    p.add({put(id)}, {});

  EXPECT_EQ(ids(p.take(2)), "de");
  EXPECT_EQ(ids(p.take(2)), "bc");
  EXPECT_EQ(ids(p.take(2)), "a");
  EXPECT_TRUE(p.empty());
  EXPECT_EQ(p.size(), 0U);
}

TEST(PendingRecords, LongRecordsCountAsSeveral) {
  pending_records p;
  for (const auto* id : {"a", "b", "c"}) {
    auto change = put(id);
    change.put->open.emplace().server_state = std::string(4'096, 'x');
    p.add({std::move(change)}, {});
  }

  EXPECT_EQ(ids(p.take(10)), "ab");
}

TEST(PendingRecords, AGroupStaysTogether) {
  pending_records p;
  p.add({put("a"), put("b")}, {});
  p.add({put("c"), put("d"), put("e")}, {});

  EXPECT_EQ(ids(p.take(4)), "ab");
  EXPECT_EQ(ids(p.take(1)), "cde") << "also if it is more than a batch may have";
}

TEST(PendingRecords, GroupsThatShareARecordStayTogether) {
  pending_records p;
  p.add({put("a"), put("b")}, {});
  p.add({put("c")}, {});
  p.add({put("d"), put("e"), put("f")}, {});
  p.add({put("b", 2), put("e", 2)}, {});

  const auto batch = p.take(1);

  EXPECT_EQ(ids(batch), "abdef");
  for (const auto& c : batch.changes)
    EXPECT_EQ(c.put->lease_epoch, c.id == "b" || c.id == "e" ? 2U : 0U);
  EXPECT_EQ(ids(p.take(1)), "c");
}

TEST(PendingRecords, ADeletedRecordStillConnectsItsGroups) {
  pending_records p;
  p.add({put("a"), put("b")}, {});
  p.add({put("c")}, {});
  p.add({erase("b"), put("d")}, {});

  EXPECT_EQ(ids(p.take(1)), "ad");
}

TEST(PendingRecords, AFailedBatchIsJoinedByWhatIsNewer) {
  pending_records p;
  p.add({put("a"), put("b")}, {});
  p.add({put("c")}, {});
  p.add({put("d")}, {});
  auto batch = p.take(3);
  p.add({put("b", 2), put("e")}, {});
  p.add({erase("c")}, {});
  EXPECT_EQ(p.size(), 4U);
  p.put_back(std::move(batch));

  EXPECT_EQ(ids(p.take(1)), "abe");
  EXPECT_EQ(ids(p.take(1)), "-c");
  EXPECT_EQ(ids(p.take(1)), "d");
}

TEST(PendingRecords, KnowWhichAdditionsAreDone) {
  pending_records p;
  EXPECT_EQ(p.oldest_number(), 1U);
  EXPECT_EQ(p.add({put("a")}, {}), 1U);
  EXPECT_EQ(p.add({put("b")}, time_point{duration{7}}), 2U);
  EXPECT_EQ(p.oldest_number(), 1U);

  auto batch = p.take(1);
  EXPECT_EQ(p.oldest_number(), 2U);
  EXPECT_EQ(p.since(), time_point{duration{7}});
  p.put_back(std::move(batch));
  EXPECT_EQ(p.oldest_number(), 1U);
  EXPECT_EQ(p.since(), time_point{});

  EXPECT_EQ(p.add({put("a", 2)}, {}), 3U);
  p.written(p.take(1));
  EXPECT_EQ(p.oldest_number(), 2U) << "the newer change was written along";
  EXPECT_EQ(p.add({erase("b")}, {}), 4U);
  EXPECT_EQ(p.oldest_number(), 5U);
}

// Each record in the store contains the number of the addition that it was last part of. If one
// record of an addition is at least that new, all must be.
TEST(PendingRecords, NeverLeaveHalfAnAdditionInTheStore) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed=" + std::to_string(seed));
  std::mt19937 random(seed);
  pending_records p;
  std::map<std::string, std::uint64_t> stored;
  std::map<std::uint64_t, std::set<std::string>> additions;
  for (std::uint16_t number = 1; number <= 2'000; ++number) {
    auto& changed = additions[number];
    while (changed.size() < 1 + random() % 3)
      changed.insert(std::to_string(random() % 200));
    std::vector<stored_change> changes;
    for (const auto& id : changed)
      changes.emplace_back(put(id, number));
    ASSERT_EQ(p.add(std::move(changes), {}), number);
    if (random() % 10 != 0)
      continue;
    auto batch = p.take(5);
    const auto before = p.oldest_number();
    if (random() % 3 == 0) {
      p.put_back(std::move(batch));
      continue;
    }
    for (const auto& c : batch.changes)
      stored[c.id] = c.put->lease_epoch;
    p.written(batch);
    for (const auto& [addition, records] : additions) {
      const auto there =
        std::count_if(records.begin(), records.end(), [&, least = addition](const auto& id) {
          return stored.contains(id) && stored.at(id) >= least;
        });
      ASSERT_TRUE(there == 0 || there == std::ssize(records)) << addition;
      ASSERT_TRUE(there != 0 || addition >= before) << addition;
    }
  }
}

TEST(PendingRecords, LeadTheStoreWhereTheChangesLead) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed=" + std::to_string(seed));
  std::mt19937 random(seed);
  pending_records p;
  std::map<std::string, std::uint16_t> wanted;
  std::map<std::string, std::uint16_t> stored;
  std::uint16_t version = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto id = std::to_string(random() % 8);
    if (random() % 2 == 0) {
      p.add({put(id, ++version)}, {});
      wanted[id] = version;
    } else {
      p.add({erase(id)}, {});
      wanted.erase(id);
    }
    if (random() % 4 != 0)
      continue;
    auto batch = p.take(1 + random() % 8);
    const bool reaches_the_store = random() % 3 != 0;
    if (reaches_the_store)
      for (const auto& c : batch.changes)
        c.put ? void(stored[c.id] = c.put->lease_epoch) : void(stored.erase(c.id));
    // A store may have taken a batch and report a failure.
    if (reaches_the_store && random() % 3 != 0)
      p.written(batch);
    else
      p.put_back(std::move(batch));
  }
  for (const auto& c : p.take(all).changes)
    c.put ? void(stored[c.id] = c.put->lease_epoch) : void(stored.erase(c.id));

  EXPECT_EQ(stored, wanted);
}

} // namespace
} // namespace leasebreak::test

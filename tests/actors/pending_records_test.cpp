// What of many changes the store gets to see.
#include "pending_records.hpp"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <string>

namespace leasebreak::test {
namespace {

using detail::pending_records;

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
  p.add(put("a", 1));
  p.add(put("a", 2));

  const auto batch = p.take();

  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch[0].put->lease_epoch, 2U);
  EXPECT_TRUE(p.empty());
}

TEST(PendingRecords, WhatCameAndWentLeavesNothing) {
  pending_records p;
  p.add(put("a"));
  p.add(erase("a"));

  EXPECT_TRUE(p.empty());
}

TEST(PendingRecords, WhatTheStoreHasIsErased) {
  pending_records p;
  p.know("a");
  p.add(put("a", 2));
  p.add(erase("a"));

  const auto batch = p.take();

  ASSERT_EQ(batch.size(), 1U);
  EXPECT_FALSE(batch[0].put);
}

TEST(PendingRecords, WhatMayHaveBeenWrittenIsErased) {
  pending_records p;
  p.add(put("a"));
  auto batch = p.take();
  p.add(erase("a"));
  p.put_back(std::move(batch));

  batch = p.take();

  ASSERT_EQ(batch.size(), 1U);
  EXPECT_FALSE(batch[0].put) << "the newer change stays above the failed batch";
}

TEST(PendingRecords, AfterAnErasureAllStartsAnew) {
  pending_records p;
  p.know("a");
  p.add(erase("a"));
  p.written(p.take());
  p.add(put("a"));
  p.add(erase("a"));

  EXPECT_TRUE(p.empty());
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
      p.add(put(id, ++version));
      wanted[id] = version;
    } else {
      p.add(erase(id));
      wanted.erase(id);
    }
    if (random() % 4 != 0)
      continue;
    auto batch = p.take();
    const bool reaches_the_store = random() % 3 != 0;
    if (reaches_the_store)
      for (const auto& c : batch)
        c.put ? void(stored[c.id] = c.put->lease_epoch) : void(stored.erase(c.id));
    // A store may have taken a batch and say that it has not.
    if (reaches_the_store && random() % 3 != 0)
      p.written(batch);
    else
      p.put_back(std::move(batch));
  }
  for (const auto& c : p.take())
    c.put ? void(stored[c.id] = c.put->lease_epoch) : void(stored.erase(c.id));

  EXPECT_EQ(stored, wanted);
}

} // namespace
} // namespace leasebreak::test

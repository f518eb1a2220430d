// What the records of a store mean for a start.
#include "durability/recovery.hpp"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

namespace leasebreak::test {
namespace {

using detail::plan_recovery;

persisted_lock byte_range(const std::string& id, const std::string& file = "f") {
  persisted_lock r;
  r.id = id;
  r.file_id = file;
  return r;
}

persisted_lock lease(const std::string& id) {
  auto r = byte_range(id);
  r.lease_key.assign(16, 1);
  return r;
}

persisted_lock open(const std::string& id) {
  auto r = byte_range(id);
  r.open.emplace();
  return r;
}

lock_listing listing_of(std::vector<persisted_lock> records) {
  lock_listing listing;
  listing.records = std::move(records);
  return listing;
}

std::vector<std::string> ids_of(const std::vector<persisted_lock>& records) {
  std::vector<std::string> ids;
  for (const auto& r : records)
    ids.push_back(r.id);
  return ids;
}

TEST(RecoveryPlan, LoadsLeasesThenOpensThenLocks) {
  const auto plan =
    plan_recovery(listing_of({byte_range("lock 1"), open("open 1"), lease("lease 1"),
                    byte_range("lock 2"), open("open 2"), lease("lease 2")}),
      100);

  EXPECT_THAT(ids_of(plan.records),
    testing::ElementsAre("lease 1", "lease 2", "open 1", "open 2", "lock 1", "lock 2"));
  EXPECT_EQ(plan.opens.size(), 2U);
}

TEST(RecoveryPlan, SkipsRecordsOfOtherSystemsButKnowsThem) {
  auto foreign = lease("delegation");
  foreign.delegation_id = "nfs";

  const auto plan = plan_recovery(listing_of({foreign}), 100);

  EXPECT_TRUE(plan.records.empty());
  EXPECT_TRUE(plan.malformed.empty());
  EXPECT_THAT(plan.known, testing::ElementsAre("delegation"));
}

TEST(RecoveryPlan, ReportsFileIdsThatCannotBe) {
  const auto plan = plan_recovery(
    listing_of({byte_range("none", ""), byte_range("long", "12345"), byte_range("good", "1234")}),
    4);

  EXPECT_THAT(ids_of(plan.records), testing::ElementsAre("good"));
  ASSERT_EQ(plan.malformed.size(), 2U);
  EXPECT_EQ(plan.malformed[0].field, "file_id");
  EXPECT_EQ(plan.known.size(), 3U);
}

TEST(RecoveryPlan, DescribesAnOpenForTheServer) {
  auto record = open("o");
  record.share_name = "data";
  record.open->id = 7;
  record.open->timeout_ms = 60'000;
  record.open->server_state = "name";

  const auto plan = plan_recovery(listing_of({record}), 100);

  ASSERT_EQ(plan.opens.size(), 1U);
  const auto& o = plan.opens.front();
  EXPECT_EQ(o.open, open_id{7});
  EXPECT_EQ(o.file, "f");
  EXPECT_EQ(o.share, "data");
  EXPECT_EQ(o.timeout, std::chrono::minutes{1});
  EXPECT_FALSE(o.key) << "it has no lease";
}

} // namespace
} // namespace leasebreak::test

// Changes on their way to a store.
#include <leasebreak/model/stored_change.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace leasebreak {
namespace {

lease_snapshot some_snapshot() {
  lease_snapshot s;
  s.info.key = lease_key::of(1, 2);
  s.info.state = s.info.break_to = s.info.required = lease_state::rwh;
  s.info.epoch = 7;
  s.client = client_guid::of(3);
  s.first_open = open_id{0xab};
  s.share = "share";
  s.file_id = "file";
  s.acquired_at = time_point{duration{5}};
  s.server_epoch = 9;
  return s;
}

TEST(StoredChange, OfALeaseBecomesItsRecord) {
  const auto change = stored_change(make_record_name("lease:x"), some_snapshot()).to_record();

  EXPECT_EQ(change.id, "lease:x");
  ASSERT_TRUE(change.put);
  EXPECT_EQ(validate(*change.put), std::nullopt);
  EXPECT_EQ(change.put->id, "lease:x");
  EXPECT_EQ(change.put->server_epoch, 9U);
  EXPECT_EQ(change.put->client_id, to_string(client_guid::of(3)));
  EXPECT_EQ(change.put->owner_id, "smb:lease:" + to_string(lease_key::of(1, 2)));
  EXPECT_EQ(change.put->share_name, "share");
  EXPECT_EQ(change.put->file_id, "file");
  EXPECT_EQ(change.put->lock_type, 1) << "it may write";
  EXPECT_EQ(change.put->acquired_at, time_point{duration{5}});
  EXPECT_EQ(to_enhanced_lock(*change.put).lease, some_snapshot().info);
}

TEST(StoredChange, OfAnOplockNamesItsOpen) {
  auto oplock = some_snapshot();
  oplock.info.is_oplock = true;
  oplock.info.state = lease_state::r;

  const auto change = stored_change(make_record_name("oplock:x"), oplock).to_record();

  EXPECT_EQ(change.put->owner_id, "smb:oplock:00000000000000ab");
  EXPECT_EQ(change.put->lock_type, 0) << "it may not write";
  EXPECT_TRUE(change.put->is_traditional_oplock);
}

TEST(StoredChange, KeepsARecordAsItIs) {
  persisted_lock record;
  record.id = "range:1";
  record.length = 5;

  const auto change = stored_change(record_change{"range:1", record}).to_record();

  EXPECT_EQ(change, (record_change{"range:1", record}));
}

TEST(StoredChange, OfADeletionHasAnIdAlone) {
  EXPECT_TRUE(stored_change(make_record_name("a")).is_deletion());
  EXPECT_EQ(stored_change(make_record_name("a")).to_record(), (record_change{"a", std::nullopt}));
  EXPECT_EQ(stored_change(record_change{"b", std::nullopt}).to_record().id, "b");
}

TEST(StoredChange, CountsTheTextOfItsRecord) {
  auto lease = some_snapshot();
  const auto few = stored_change(make_record_name("a"), lease).text_bytes();
  lease.file_id = std::string(5'000, 'f');
  EXPECT_EQ(stored_change(make_record_name("a"), lease).text_bytes(), few + 5'000 - 4);

  persisted_lock record;
  record.open.emplace().server_state = std::string(3'000, 's');
  EXPECT_GE(stored_change(record_change{"a", record}).text_bytes(), 3'000U);
  EXPECT_EQ(stored_change(make_record_name("a")).text_bytes(), 0U);
}

TEST(RecordName, HasTwoHashesOfItsId) {
  const record_name a("a");
  const record_name b("b");

  EXPECT_EQ(record_name("a").hash(), a.hash());
  EXPECT_EQ(record_name("a").second_hash(), a.second_hash());
  EXPECT_NE(b.hash(), a.hash());
  EXPECT_NE(b.second_hash(), a.second_hash());
}

} // namespace
} // namespace leasebreak

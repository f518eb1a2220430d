// The rules for every store, independent of its storage.
#include "store_contract.hpp"

#include "records.hpp"

#include <leasebreak/persistence/lock_store.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace leasebreak::test {
namespace {

using namespace std::string_literals;

std::vector<std::string> ids_of(const std::vector<persisted_lock>& records) {
  std::vector<std::string> ids;
  for (const auto& record : records)
    ids.push_back(record.id);
  return ids;
}

std::vector<std::string> listed(lock_store& store, const lock_query& query = {}) {
  auto listing = store.list(query);
  EXPECT_EQ(listing.status.code, std::error_code{}) << listing.status.detail;
  EXPECT_TRUE(listing.value.malformed.empty());
  return ids_of(listing.value.records);
}

using ids = std::vector<std::string>;

TEST_P(StoreContract, StartsEmpty) {
  EXPECT_EQ(listed(*store), ids{});
  EXPECT_EQ(store->server_epoch().value, 0U);
  EXPECT_FALSE(store->clean_shutdown().value);
}

TEST_P(StoreContract, GivesBackEveryFieldOfARecord) {
  const auto record = full_record("id");

  ASSERT_EQ(store->put(record).code, std::error_code{});

  const auto found = store->get("id");
  ASSERT_TRUE(found.ok()) << found.status.detail;
  EXPECT_EQ(found.value, record);
}

TEST_P(StoreContract, GivesBackEveryFieldOfAPersistentOpen) {
  const auto record = open_record("id");

  ASSERT_TRUE(store->put(record).ok());

  EXPECT_EQ(store->get("id").value, record);
  EXPECT_EQ(store->list(by_file("file-1")).value.records, std::vector{record});
}

TEST_P(StoreContract, ALockInThePlaceOfAnOpenLeavesNothingOfIt) {
  ASSERT_TRUE(store->put(open_record("id")).ok());

  ASSERT_TRUE(store->put(range_record("id")).ok());

  EXPECT_EQ(store->get("id").value, range_record("id"));
}

TEST_P(StoreContract, GivesBackRandomRecords) {
  random_source random(test_seed());
  std::vector<persisted_lock> records;
  for (int i = 0; i < 200; ++i)
    records.push_back(random_record(random, "id" + std::to_string(1000 + i)));

  for (const auto& record : records)
    ASSERT_TRUE(store->put(record).ok()) << testing::PrintToString(record);

  for (const auto& record : records)
    ASSERT_EQ(store->get(record.id).value, record);
  EXPECT_EQ(store->list({}).value.records, records);
}

TEST_P(StoreContract, KeepsTheExtremesOfTimesAndNumbers) {
  auto record = range_record("id");
  record.offset = UINT64_MAX;
  record.length = 1;
  record.server_epoch = UINT64_MAX;
  for (const auto time :
    {time_point::min(), time_point::max(), time_point{}, time_point{duration{1}}}) {
    record.acquired_at = time;

    ASSERT_TRUE(store->put(record).ok());

    EXPECT_EQ(store->get("id").value, record);
  }
}

TEST_P(StoreContract, PutReplacesTheRecordWithTheSameId) {
  auto record = lease_record("id");
  ASSERT_TRUE(store->put(record).ok());
  record.lease_state = 1;
  record.lease_epoch = 9;

  ASSERT_TRUE(store->put(record).ok());

  EXPECT_EQ(store->get("id").value, record);
  EXPECT_EQ(listed(*store), ids{"id"});
}

TEST_P(StoreContract, LeavesNoStaleIndexRowsWhenFileOwnerOrClientChange) {
  const auto before = lease_record("id");
  auto after = before;
  after.file_id = "file-2";
  after.owner_id = "owner-2";
  after.client_id = "client-2";
  ASSERT_TRUE(store->put(before).ok());

  ASSERT_TRUE(store->put(after).ok());

  EXPECT_EQ(listed(*store, by_file("file-1")), ids{});
  EXPECT_EQ(listed(*store, by_owner("owner-1")), ids{});
  EXPECT_EQ(listed(*store, by_client("client-1")), ids{});
  EXPECT_EQ(listed(*store, by_file("file-2")), ids{"id"});
  EXPECT_EQ(listed(*store, by_owner("owner-2")), ids{"id"});
  EXPECT_EQ(listed(*store, by_client("client-2")), ids{"id"});
  EXPECT_EQ(store->erase_by_client("client-1").value, 0U);
  EXPECT_EQ(store->erase_by_file("file-1").value, 0U);
  EXPECT_EQ(store->get("id").value, after);
}

TEST_P(StoreContract, MovesARecordBackAndForthWithoutLosingIt) {
  auto record = lease_record("id");
  for (const auto* file : {"file-1", "file-2", "file-1"}) {
    record.file_id = file;

    ASSERT_TRUE(store->put(record).ok());

    EXPECT_EQ(listed(*store, by_file(file)), ids{"id"});
  }
  EXPECT_EQ(store->erase_by_file("file-2").value, 0U);
  EXPECT_EQ(store->erase_by_file("file-1").value, 1U);
}

TEST_P(StoreContract, GetOfAnUnknownIdIsRecordNotFound) {
  EXPECT_EQ(store->get("absent").status.code, errc::record_not_found);
  EXPECT_EQ(store->get("").status.code, errc::record_not_found);
}

TEST_P(StoreContract, EraseRemovesTheRecordAndItsIndexRows) {
  ASSERT_TRUE(store->put(lease_record("id")).ok());

  ASSERT_TRUE(store->erase("id").ok());

  EXPECT_EQ(store->get("id").status.code, errc::record_not_found);
  EXPECT_EQ(listed(*store, by_file("file-1")), ids{});
  EXPECT_EQ(listed(*store), ids{});
}

TEST_P(StoreContract, EraseOfAnUnknownIdIsRecordNotFound) {
  ASSERT_TRUE(store->put(lease_record("id")).ok());

  EXPECT_EQ(store->erase("i").code, errc::record_not_found);
  EXPECT_EQ(store->erase("").code, errc::record_not_found);

  EXPECT_EQ(listed(*store), ids{"id"});
}

TEST_P(StoreContract, ListsByFileOwnerClientAndShare) {
  auto a = lease_record("a");
  auto b = lease_record("b");
  b.file_id = "file-2";
  b.client_id = "client-2";
  auto c = range_record("c");
  c.owner_id = "owner-2";
  c.share_name = "other";
  for (const auto& record : {c, a, b})
    ASSERT_TRUE(store->put(record).ok());

  EXPECT_EQ(listed(*store), (ids{"a", "b", "c"}));
  EXPECT_EQ(listed(*store, by_file("file-1")), (ids{"a", "c"}));
  EXPECT_EQ(listed(*store, by_owner("owner-1")), (ids{"a", "b"}));
  EXPECT_EQ(listed(*store, by_client("client-2")), (ids{"b"}));
  EXPECT_EQ(listed(*store, by_share("other")), (ids{"c"}));
  EXPECT_EQ(listed(*store, query_of("file-1", "owner-2")), (ids{"c"}));
  EXPECT_EQ(listed(*store, query_of("file-1", "", "client-2")), (ids{}));
  EXPECT_EQ(listed(*store, by_file("nowhere")), (ids{}));
}

TEST_P(StoreContract, IsLeaseFilterIsHonouredInEveryQuery) {
  ASSERT_TRUE(store->put(lease_record("lease")).ok());
  ASSERT_TRUE(store->put(range_record("range")).ok());

  for (lock_query query : {lock_query{}, by_file("file-1"), by_owner("owner-1"),
         by_client("client-1"), by_share("share")}) {
    query.is_lease = true;
    EXPECT_EQ(listed(*store, query), ids{"lease"});
    query.is_lease = false;
    EXPECT_EQ(listed(*store, query), ids{"range"});
  }
}

TEST_P(StoreContract, ListsInTheOrderOfTheBytesOfTheIds) {
  const ids ordered{"A"s, "a"s, "a\0"s, "a\0b"s, "aa"s, "b"s, "\x7f"s, "\x80"s, "\xff"s};
  for (auto id = ordered.rbegin(); id != ordered.rend(); ++id)
    ASSERT_TRUE(store->put(lease_record(*id)).ok());

  EXPECT_EQ(listed(*store), ordered);
  EXPECT_EQ(listed(*store, by_client("client-1")), ordered);
}

TEST_P(StoreContract, ListsMoreRecordsThanFitIntoOnePiece) {
  constexpr int count = 12'345;
  std::vector<record_change> changes;
  for (int i = 0; i < count; ++i) {
    auto record = lease_record("id" + std::to_string(100'000 + i));
    changes.push_back({record.id, record});
  }
  ASSERT_TRUE(store->apply(changes).ok());

  const auto found = listed(*store, by_file("file-1"));

  ASSERT_EQ(found.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  EXPECT_EQ(store->erase_by_client("client-1").value, static_cast<std::size_t>(count));
  EXPECT_EQ(listed(*store), ids{});
}

TEST_P(StoreContract, NoIdCanInjectIntoTheKeysOfAnother) {
  // Values that would collide if keys or statements were composed carelessly.
  const ids values{"a"s, "a:b"s, "a\0b"s, "a\0"s, "\0a"s, "'; DROP TABLE leasebreak_locks; --"s,
    "\\x61"s, "{a}"s, "\"a\""s, "a,b"s, "NULL"s, "\xff\xff"s,
    "\x00\x00\x00\x01"
    "a"s,
    "fa"s};
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto record = lease_record(values[i]);
    record.file_id = values[i];
    record.owner_id = values[i];
    record.client_id = values[i];
    ASSERT_TRUE(store->put(record).ok());
  }

  for (const auto& value : values) {
    EXPECT_EQ(store->get(value).value.id, value);
    EXPECT_EQ(listed(*store, by_file(value)), ids{value});
    EXPECT_EQ(listed(*store, by_owner(value)), ids{value});
    EXPECT_EQ(listed(*store, by_client(value)), ids{value});
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(store->erase_by_client(values[i]).value, 1U);
    EXPECT_EQ(listed(*store).size(), values.size() - i - 1);
  }
}

TEST_P(StoreContract, TakesIdsOfAnyLength) {
  auto record = lease_record(std::string(9000, 'i'));
  record.file_id = std::string(20'000, 'f');
  record.owner_id = std::string(20'000, 'o');
  record.client_id = std::string(20'000, 'c');
  auto other = record;
  other.id.back() = 'j';
  other.file_id.back() = 'g';

  ASSERT_TRUE(store->put(record).ok());
  ASSERT_TRUE(store->put(other).ok());

  EXPECT_EQ(store->get(record.id).value, record);
  EXPECT_EQ(listed(*store, by_file(record.file_id)), ids{record.id});
  EXPECT_EQ(listed(*store, by_client(record.client_id)), (ids{record.id, other.id}));
}

TEST_P(StoreContract, ErasesExactlyTheRecordsOfAClient) {
  auto other = lease_record("b");
  other.client_id = "client-2";
  for (const auto& record : {lease_record("a"), other, range_record("c")})
    ASSERT_TRUE(store->put(record).ok());

  const auto count = store->erase_by_client("client-1");

  EXPECT_TRUE(count.ok());
  EXPECT_EQ(count.value, 2U);
  EXPECT_EQ(listed(*store), ids{"b"});
  EXPECT_EQ(listed(*store, by_file("file-1")), ids{"b"});
}

TEST_P(StoreContract, ErasesExactlyTheRecordsOfAFile) {
  auto other = lease_record("b");
  other.file_id = "file-2";
  for (const auto& record : {lease_record("a"), other, range_record("c")})
    ASSERT_TRUE(store->put(record).ok());

  const auto count = store->erase_by_file("file-1");

  EXPECT_TRUE(count.ok());
  EXPECT_EQ(count.value, 2U);
  EXPECT_EQ(listed(*store), ids{"b"});
  EXPECT_EQ(listed(*store, by_client("client-1")), ids{"b"});
}

TEST_P(StoreContract, ErasingByAnEmptyIdErasesNothing) {
  auto record = lease_record("a");
  record.client_id = "";
  ASSERT_TRUE(store->put(record).ok());

  EXPECT_EQ(store->erase_by_client("").value, 0U);
  EXPECT_EQ(store->erase_by_file("").value, 0U);

  EXPECT_EQ(listed(*store), ids{"a"});
}

TEST_P(StoreContract, AppliesPutsAndErasesTogether) {
  ASSERT_TRUE(store->put(lease_record("old")).ok());
  const auto fresh = range_record("new");
  const std::vector<record_change> changes{{"old", {}}, {"new", fresh}, {"never-there", {}}};

  ASSERT_TRUE(store->apply(changes).ok());

  EXPECT_EQ(listed(*store), ids{"new"});
  EXPECT_EQ(store->get("new").value, fresh);
}

TEST_P(StoreContract, ApplyingNothingIsNoError) {
  EXPECT_TRUE(store->apply({}).ok());
}

TEST_P(StoreContract, LastChangeOfAnIdCounts) {
  auto second = lease_record("a");
  second.file_id = "file-2";
  const auto b = lease_record("b");
  const std::vector<record_change> changes{
    {"a", lease_record("a")}, {"b", b}, {"a", {}}, {"b", {}}, {"a", second}};

  ASSERT_TRUE(store->apply(changes).ok());

  EXPECT_EQ(listed(*store), ids{"a"});
  EXPECT_EQ(store->get("a").value, second);
  EXPECT_EQ(listed(*store, by_file("file-1")), ids{});
}

TEST_P(StoreContract, OneMalformedRecordOfABatchChangesNothing) {
  ASSERT_TRUE(store->put(lease_record("kept")).ok());
  auto bad = lease_record("bad");
  bad.lease_key.pop_back();
  const std::vector<record_change> changes{
    {"kept", {}}, {"good", lease_record("good")}, {"bad", bad}};

  const auto status = store->apply(changes);

  EXPECT_EQ(status.code, errc::record_malformed);
  EXPECT_THAT(status.detail, testing::HasSubstr("\"bad\", field \"lease_key\""));
  EXPECT_EQ(listed(*store), ids{"kept"});
}

TEST_P(StoreContract, RefusesAChangeWhoseRecordHasAnotherId) {
  const std::vector<record_change> changes{{"a", lease_record("b")}};

  EXPECT_EQ(store->apply(changes).code, errc::record_malformed);

  EXPECT_EQ(listed(*store), ids{});
}

TEST_P(StoreContract, RefusesMalformedRecords) {
  EXPECT_EQ(store->put(lease_record("")).code, errc::record_malformed);
  auto no_file = lease_record("id");
  no_file.file_id = "";
  EXPECT_EQ(store->put(no_file).code, errc::record_malformed);
  auto wrong_type = lease_record("id");
  wrong_type.lock_type = 2;
  EXPECT_EQ(store->put(wrong_type).code, errc::record_malformed);

  EXPECT_EQ(listed(*store), ids{});
}

TEST_P(StoreContract, ServerEpochCountsUpIndependentlyOfTheMarker) {
  EXPECT_EQ(store->increment_server_epoch().value, 1U);
  ASSERT_TRUE(store->set_clean_shutdown(true).ok());
  EXPECT_EQ(store->increment_server_epoch().value, 2U);
  EXPECT_EQ(store->server_epoch().value, 2U);
  EXPECT_TRUE(store->clean_shutdown().value);
  ASSERT_TRUE(store->set_clean_shutdown(false).ok());
  EXPECT_FALSE(store->clean_shutdown().value);
  EXPECT_EQ(store->server_epoch().value, 2U);
}

TEST_P(StoreContract, B24ReclaimChecksTheClient) {
  ASSERT_TRUE(store->put(lease_record("id")).ok());

  const auto own = store->reclaim("file-1", key_of(0x11), "client-1");
  const auto stolen = store->reclaim("file-1", key_of(0x11), "client-2");

  EXPECT_TRUE(own.ok());
  EXPECT_EQ(own.value, lease_record("id"));
  EXPECT_EQ(stolen.status.code, errc::wrong_owner);
  EXPECT_EQ(stolen.value, persisted_lock{});
}

TEST_P(StoreContract, ReclaimWithoutANameHasTheWrongOwner) {
  auto record = lease_record("id");
  record.client_id = "";
  ASSERT_TRUE(store->put(record).ok());

  EXPECT_EQ(store->reclaim("file-1", key_of(0x11), "").status.code, errc::wrong_owner);
}

TEST_P(StoreContract, ReclaimFindsTheClientsOwnLeaseAmongOthersWithTheSameKey) {
  auto other = lease_record("a");
  other.client_id = "client-2";
  ASSERT_TRUE(store->put(other).ok());
  ASSERT_TRUE(store->put(lease_record("b")).ok());

  EXPECT_EQ(store->reclaim("file-1", key_of(0x11), "client-1").value.id, "b");
  EXPECT_EQ(store->reclaim("file-1", key_of(0x11), "client-2").value.id, "a");
  EXPECT_EQ(store->reclaim("file-1", key_of(0x11), "client-3").status.code, errc::wrong_owner);
}

TEST_P(StoreContract, ReclaimOfWhatIsNotThereIsRecordNotFound) {
  ASSERT_TRUE(store->put(lease_record("lease")).ok());
  ASSERT_TRUE(store->put(range_record("range")).ok());

  EXPECT_EQ(store->reclaim("file-2", key_of(0x11), "client-1").status.code, errc::record_not_found);
  EXPECT_EQ(store->reclaim("file-1", key_of(0x12), "client-1").status.code, errc::record_not_found);
  EXPECT_EQ(store->reclaim("file-1", {}, "client-1").status.code, errc::record_not_found);
  EXPECT_EQ(store->reclaim("", key_of(0x11), "client-1").status.code, errc::record_not_found);
}

TEST_P(StoreContract, AfterCloseEveryCallSaysSo) {
  ASSERT_TRUE(store->put(lease_record("id")).ok());

  store->close();
  store->close();

  EXPECT_EQ(store->put(lease_record("id")).code, errc::store_closed);
  EXPECT_EQ(store->put(lease_record("")).code, errc::store_closed);
  EXPECT_EQ(store->get("id").status.code, errc::store_closed);
  EXPECT_EQ(store->erase("id").code, errc::store_closed);
  EXPECT_EQ(store->list({}).status.code, errc::store_closed);
  EXPECT_EQ(store->erase_by_client("").status.code, errc::store_closed);
  EXPECT_EQ(store->erase_by_file("file-1").status.code, errc::store_closed);
  EXPECT_EQ(store->apply({}).code, errc::store_closed);
  EXPECT_EQ(store->server_epoch().status.code, errc::store_closed);
  EXPECT_EQ(store->increment_server_epoch().status.code, errc::store_closed);
  EXPECT_EQ(store->clean_shutdown().status.code, errc::store_closed);
  EXPECT_EQ(store->set_clean_shutdown(true).code, errc::store_closed);
  EXPECT_EQ(store->reclaim("", {}, "").status.code, errc::store_closed);
}

TEST_P(StoreContract, NextUserFindsWhatTheLastOneLeft) {
  if (!site->keeps())
    return;
  ASSERT_TRUE(store->put(full_record("id")).ok());
  ASSERT_TRUE(store->put(lease_record("gone")).ok());
  ASSERT_TRUE(store->erase("gone").ok());
  ASSERT_EQ(store->increment_server_epoch().value, 1U);
  ASSERT_TRUE(store->set_clean_shutdown(true).ok());
  store->close();

  const auto next = site->open();

  EXPECT_EQ(next->list({}).value.records, std::vector{full_record("id")});
  EXPECT_EQ(next->server_epoch().value, 1U);
  EXPECT_EQ(next->increment_server_epoch().value, 2U);
  EXPECT_TRUE(next->clean_shutdown().value);
}

TEST_P(StoreContract, DurableModeDoesTheSame) {
  store->close();
  const auto durable = site->open(true);

  ASSERT_TRUE(durable->put(lease_record("a")).ok());
  ASSERT_TRUE(durable->apply(std::vector<record_change>{{"a", {}}, {"b", range_record("b")}}).ok());

  EXPECT_EQ(listed(*durable), ids{"b"});
  EXPECT_EQ(durable->increment_server_epoch().value, 1U);
}

TEST_P(StoreContract, DescriptionNamesTheKind) {
  EXPECT_THAT(store->description(), testing::StartsWith(GetParam().name));
}

// Each thread uses its own records, and one record that all share.
TEST_P(StoreContract, ServesSeveralThreadsAtOnce) {
  constexpr int threads = 4;
  constexpr int rounds = 25;
  std::atomic<int> failures = 0;
  const auto work = [&](int thread) {
    const auto own = "client-" + std::to_string(thread);
    for (int round = 0; round < rounds; ++round) {
      auto mine = lease_record(own + "/" + std::to_string(round));
      mine.client_id = own;
      auto shared = lease_record("shared");
      shared.client_id = own;
      const std::vector<record_change> changes{{mine.id, mine}, {shared.id, shared}};
      failures += !store->apply(changes).ok();
      failures += store->get(mine.id).value != mine;
      failures += store->list(by_file("file-1")).value.records.empty();
      failures += !store->increment_server_epoch().ok();
      if (round % 2 == 1)
        failures += !store->erase(mine.id).ok();
    }
  };

  std::vector<std::thread> running;
  for (int thread = 0; thread < threads; ++thread)
    running.emplace_back(work, thread);
  for (auto& thread : running)
    thread.join();

  EXPECT_EQ(failures, 0);
  EXPECT_EQ(store->server_epoch().value, static_cast<std::uint64_t>(threads * rounds));
  const auto owner = store->get("shared").value.client_id;
  std::size_t total = 0;
  for (int thread = 0; thread < threads; ++thread) {
    const auto own = "client-" + std::to_string(thread);
    const auto expected = static_cast<std::size_t>((rounds + 1) / 2 + (own == owner ? 1 : 0));
    EXPECT_EQ(listed(*store, by_client(own)).size(), expected) << own;
    total += expected;
  }
  EXPECT_EQ(listed(*store).size(), total);
}

} // namespace
} // namespace leasebreak::test

// Properties of the RocksDB store only: its keys, its errors, its cost.
#include <leasebreak/persistence/rocksdb_store.hpp>

#include "records.hpp"
#include "rocksdb_database.hpp"
#include "rocksdb_faults.hpp"
#include "rocksdb_keys.hpp"
#include "store_site.hpp"

#include <leasebreak/persistence/record_json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

namespace leasebreak::test {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

class RocksDbStore : public testing::Test {
protected:
  std::unique_ptr<lock_store> open(const rocksdb_store_options& options = {}) {
    auto opened = open_rocksdb_store(path, options);
    EXPECT_TRUE(opened.ok()) << opened.status.detail;
    return std::move(opened.value);
  }

  std::unique_ptr<lock_store> open_with_faults(bool durable) {
    auto opened = detail::open_rocksdb_store(path, {.durable = durable}, env.get());
    EXPECT_TRUE(opened.ok()) << opened.status.detail;
    return std::move(opened.value);
  }

  store_status failure_to_open() {
    auto opened = open_rocksdb_store(path);
    EXPECT_EQ(opened.value, nullptr);
    return opened.status;
  }

  // Accesses the database directly, while no store has it open.
  void raw(const std::function<void(rocksdb::DB&)>& work) {
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::Open(options, path, &db);
    ASSERT_TRUE(status.ok()) << status.ToString();
    const std::unique_ptr<rocksdb::DB> owner(db);
    work(*db);
  }

  std::vector<std::string> raw_keys() {
    std::vector<std::string> keys;
    raw([&](rocksdb::DB& db) {
      const std::unique_ptr<rocksdb::Iterator> all(db.NewIterator({}));
      for (all->SeekToFirst(); all->Valid(); all->Next())
        keys.push_back(all->key().ToString());
    });
    return keys;
  }

  // Returns the first file of the database whose name contains this part.
  fs::path file_like(const std::string& part) const {
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.path().filename().string().find(part) != std::string::npos)
        return entry.path();
    ADD_FAILURE() << "no file like " << part;
    return {};
  }

  void make_store_with_a_record() { ASSERT_TRUE(open()->put(lease_record("id")).ok()); }

  temporary_directory directory;
  std::string path = directory.path() + "/db";
  rocksdb_faults faults;
  std::unique_ptr<rocksdb::Env> env = faulty_env(faults);
};

TEST_F(RocksDbStore, KeepsARecordUnderItsIdAndThreeIndexRows) {
  make_store_with_a_record();

  EXPECT_THAT(raw_keys(),
    testing::UnorderedElementsAre(
      "lid", "f\0\0\0\6file-1id"s, "o\0\0\0\7owner-1id"s, "c\0\0\0\10client-1id"s, "mversion"));
  raw([](rocksdb::DB& db) {
    std::string value;
    ASSERT_TRUE(db.Get({}, "lid", &value).ok());
    EXPECT_EQ(value, to_json(lease_record("id")));
    ASSERT_TRUE(db.Get({}, "mversion", &value).ok());
    EXPECT_EQ(value, "1");
  });
}

TEST_F(RocksDbStore, LeavesNoStaleIndexRowsAfterRandomChanges) {
  random_source random(test_seed());
  std::size_t count = 0;
  {
    const auto store = open();
    for (int i = 0; i < 500; ++i) {
      const auto id = "id" + std::to_string(below(random, 30));
      if (below(random, 4) == 0)
        static_cast<void>(store->erase(id).ok());
      else if (below(random, 20) == 0)
        ASSERT_TRUE(store->erase_by_file(random_file(random)).ok());
      else
        ASSERT_TRUE(store->put(random_record(random, id)).ok());
    }
    count = store->list({}).value.records.size();
  }

  EXPECT_EQ(raw_keys().size(), 4 * count + 1);
}

TEST_F(RocksDbStore, OneBadRecordDoesNotStopTheOthersFromLoading) {
  make_store_with_a_record();
  raw([](rocksdb::DB& db) {
    auto wrong_key = lease_record("key");
    wrong_key.lease_key.pop_back();
    db.Put({}, "lbroken", "{\"id\":");
    db.Put({}, "lkey", to_json(wrong_key));
    db.Put({}, "lother", to_json(lease_record("renamed")));
  });

  const auto store = open();
  const auto listing = store->list({});

  ASSERT_TRUE(listing.ok());
  EXPECT_EQ(listing.value.records, std::vector{lease_record("id")});
  ASSERT_EQ(listing.value.malformed.size(), 3U);
  EXPECT_EQ(listing.value.malformed[0].record, "broken");
  EXPECT_EQ(listing.value.malformed[1].record, "key");
  EXPECT_EQ(listing.value.malformed[1].field, "lease_key");
  EXPECT_EQ(listing.value.malformed[2].record, "other");
  EXPECT_EQ(listing.value.malformed[2].field, "id");
  const auto got = store->get("key");
  EXPECT_EQ(got.status.code, errc::record_malformed);
  EXPECT_THAT(got.status.detail, testing::HasSubstr("\"key\", field \"lease_key\""));
}

TEST_F(RocksDbStore, BadRecordCanBeReplacedAndErased) {
  make_store_with_a_record();
  raw([](rocksdb::DB& db) { db.Put({}, "lid", "rubbish"); });
  const auto store = open();
  auto moved = lease_record("id");
  moved.file_id = "file-2";

  EXPECT_TRUE(store->put(moved).ok());

  // The row of the old file still exists, and leads to a record that does not match.
  EXPECT_TRUE(store->list(by_file("file-1")).value.records.empty());
  EXPECT_EQ(store->erase_by_file("file-1").value, 0U);
  EXPECT_EQ(store->list(by_file("file-2")).value.records, std::vector{moved});
  EXPECT_TRUE(store->erase("id").ok());
  EXPECT_TRUE(store->list({}).value.records.empty());
}

TEST_F(RocksDbStore, QueriesByFileOwnerAndClientDoNotReadOtherRecords) {
  make_store_with_a_record();
  // A read of this record reports it.
  raw([](rocksdb::DB& db) { db.Put({}, "lbroken", "rubbish"); });

  const auto store = open();

  EXPECT_EQ(store->list({}).value.malformed.size(), 1U);
  for (const auto& query : {by_file("file-1"), by_owner("owner-1"), by_client("client-1")}) {
    EXPECT_TRUE(store->list(query).value.malformed.empty());
    EXPECT_EQ(store->list(query).value.records.size(), 1U);
  }
}

TEST_F(RocksDbStore, SecondOpenIsStoreLocked) {
  const auto first = open();

  const auto status = failure_to_open();

  EXPECT_EQ(status.code, errc::store_locked);
  EXPECT_THAT(status.detail, testing::HasSubstr(path));
  EXPECT_TRUE(first->put(lease_record("id")).ok());
}

TEST_F(RocksDbStore, CloseLetsTheNextOneIn) {
  const auto first = open();
  first->close();

  EXPECT_TRUE(open()->put(lease_record("id")).ok());
}

TEST_F(RocksDbStore, NewerFormatIsStoreVersion) {
  make_store_with_a_record();
  raw([](rocksdb::DB& db) { db.Put({}, "mversion", "2"); });

  const auto status = failure_to_open();

  EXPECT_EQ(status.code, errc::store_version);
  EXPECT_THAT(status.detail, testing::HasSubstr("format 2"));
  raw([](rocksdb::DB& db) {
    std::string value;
    EXPECT_TRUE(db.Get({}, "lid", &value).ok());
  });
}

TEST_F(RocksDbStore, UnreadableVersionIsStoreCorrupt) {
  make_store_with_a_record();
  for (const auto* text : {"", "0", "x", "1x", "-1"}) {
    raw([&](rocksdb::DB& db) { db.Put({}, "mversion", text); });

    EXPECT_EQ(failure_to_open().code, errc::store_corrupt) << text;
  }
}

TEST_F(RocksDbStore, DatabaseOfSomethingElseIsStoreCorrupt) {
  raw([](rocksdb::DB& db) { db.Put({}, "foreign", "data"); });

  EXPECT_EQ(failure_to_open().code, errc::store_corrupt);

  EXPECT_THAT(raw_keys(), testing::ElementsAre("foreign"));
}

TEST_F(RocksDbStore, UnreadableEpochIsStoreCorrupt) {
  make_store_with_a_record();
  raw([](rocksdb::DB& db) { db.Put({}, "mepoch", "many"); });

  const auto store = open();

  EXPECT_EQ(store->server_epoch().status.code, errc::store_corrupt);
  EXPECT_EQ(store->increment_server_epoch().status.code, errc::store_corrupt);
}

TEST_F(RocksDbStore, DamagedFilesAreStoreCorrupt) {
  make_store_with_a_record();
  std::ofstream(fs::path(path) / "CURRENT") << "rubbish";

  EXPECT_EQ(failure_to_open().code, errc::store_corrupt);
}

TEST_F(RocksDbStore, DamagedManifestIsStoreCorrupt) {
  make_store_with_a_record();
  const auto manifest = file_like("MANIFEST");
  std::ofstream(manifest) << std::string(fs::file_size(manifest), 'x');

  EXPECT_EQ(failure_to_open().code, errc::store_corrupt);
}

TEST_F(RocksDbStore, MissingManifestIsStoreCorrupt) {
  make_store_with_a_record();
  fs::remove(file_like("MANIFEST"));

  EXPECT_EQ(failure_to_open().code, errc::store_corrupt);
}

TEST_F(RocksDbStore, MissingCurrentIsStoreCorruptAndNotANewStore) {
  make_store_with_a_record();
  fs::remove(fs::path(path) / "CURRENT");

  EXPECT_EQ(failure_to_open().code, errc::store_corrupt);

  EXPECT_TRUE(fs::exists(file_like("MANIFEST")));
}

TEST_F(RocksDbStore, CreationThatWasInterruptedBeforeCurrentIsDoneAgain) {
  fs::create_directory(path);
  std::ofstream(fs::path(path) / "MANIFEST-000001") << "x";

  EXPECT_TRUE(open()->put(lease_record("id")).ok());
}

TEST_F(RocksDbStore, MissingTableIsStoreCorrupt) {
  make_store_with_a_record();
  raw([](rocksdb::DB& db) { db.Flush({}); });
  fs::remove(file_like(".sst"));

  EXPECT_EQ(failure_to_open().code, errc::store_corrupt);
}

TEST_F(RocksDbStore, DamagedTableIsStoreCorrupt) {
  make_store_with_a_record();
  raw([](rocksdb::DB& db) { db.Flush({}); });
  {
    std::fstream table(file_like(".sst"), std::ios::in | std::ios::out | std::ios::binary);
    table << std::string(64, 'x');
  }

  auto opened = open_rocksdb_store(path);
  const auto code = opened.ok() ? opened.value->list({}).status.code : opened.status.code;

  EXPECT_EQ(code, errc::store_corrupt);
}

TEST_F(RocksDbStore, DirectoryThatCannotBeMadeIsStoreUnavailable) {
  path = directory.path() + "/no/such/parent";
  EXPECT_EQ(failure_to_open().code, errc::store_unavailable);

  path = directory.path() + "/file";
  std::ofstream(path) << "x";
  EXPECT_EQ(failure_to_open().code, errc::store_unavailable);
}

TEST_F(RocksDbStore, GoneDirectoryIsStoreUnavailableUntilItIsBack) {
  const auto store = open();
  ASSERT_TRUE(store->put(lease_record("before")).ok());
  fs::rename(path, path + ".away");

  EXPECT_EQ(store->put(lease_record("lost")).code, errc::store_unavailable);
  EXPECT_EQ(store->list({}).status.code, errc::store_unavailable);
  EXPECT_FALSE(fs::exists(fs::path(path) / "CURRENT"));
  fs::remove_all(path);
  fs::rename(path + ".away", path);

  EXPECT_TRUE(store->put(lease_record("after")).ok());
  const auto records = store->list({}).value.records;
  EXPECT_EQ(records, (std::vector{lease_record("after"), lease_record("before")}));
}

TEST_F(RocksDbStore, FullDiskIsStoreFullAndTheStoreGoesOnWhenThereIsRoom) {
  for (const bool durable : {false, true}) {
    const auto store = open_with_faults(durable);
    ASSERT_TRUE(store->put(lease_record("before")).ok());
    faults.disk_full = true;

    const std::vector<record_change> changes{{"before", {}}, {"lost", lease_record("lost")}};
    EXPECT_EQ(store->apply(changes).code, errc::store_full);
    EXPECT_EQ(store->put(lease_record("lost")).code, errc::store_full);
    EXPECT_EQ(store->increment_server_epoch().status.code, errc::store_full);
    faults.disk_full = false;

    EXPECT_EQ(store->list({}).value.records, std::vector{lease_record("before")});
    EXPECT_TRUE(store->apply(changes).ok());
    EXPECT_EQ(store->list({}).value.records, std::vector{lease_record("lost")});
    ASSERT_TRUE(store->erase("lost").ok());
  }
}

TEST_F(RocksDbStore, StartOnAFullDiskIsStoreFullAndWorksWhenThereIsRoom) {
  ASSERT_TRUE(open_with_faults(false)->put(lease_record("before")).ok());
  faults.disk_full = true;

  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(detail::open_rocksdb_store(path, {}, env.get()).status.code, errc::store_full);
  faults.disk_full = false;

  EXPECT_EQ(open_with_faults(false)->list({}).value.records, std::vector{lease_record("before")});
}

TEST_F(RocksDbStore, LetsRocksDbWriteNoLogFile) {
  const auto store = open();
  ASSERT_TRUE(store->put(lease_record("id")).ok());

  EXPECT_FALSE(fs::exists(fs::path(path) / "LOG"));
}

TEST_F(RocksDbStore, FailedSyncIsStoreUnavailableAndTheStoreGoesOnAfterwards) {
  const auto store = open_with_faults(true);
  ASSERT_TRUE(store->put(lease_record("before")).ok());
  faults.sync_fails = true;

  EXPECT_EQ(store->put(lease_record("lost")).code, errc::store_unavailable);
  EXPECT_EQ(store->put(lease_record("lost")).code, errc::store_unavailable);
  faults.sync_fails = false;

  EXPECT_TRUE(store->put(lease_record("after")).ok());
  EXPECT_TRUE(store->get("before").ok());
  EXPECT_TRUE(store->get("after").ok());
}

TEST_F(RocksDbStore, DurableModeSyncsOnceForEachBatch) {
  const auto store = open_with_faults(true);
  std::vector<record_change> changes;
  for (int i = 0; i < 100; ++i) {
    const auto record = lease_record("id" + std::to_string(i));
    changes.push_back({record.id, record});
  }
  const int before = faults.log_syncs;

  ASSERT_TRUE(store->apply(changes).ok());

  EXPECT_EQ(faults.log_syncs - before, 1);
  ASSERT_TRUE(store->erase_by_client("client-1").ok());
  EXPECT_EQ(faults.log_syncs - before, 2);
}

TEST_F(RocksDbStore, OtherModeSyncsOnlyTheEpochAndTheMarker) {
  const auto store = open_with_faults(false);
  const int before = faults.log_syncs;

  ASSERT_TRUE(store->put(lease_record("id")).ok());
  ASSERT_TRUE(store->erase("id").ok());
  EXPECT_EQ(faults.log_syncs - before, 0);
  ASSERT_TRUE(store->increment_server_epoch().ok());
  EXPECT_EQ(faults.log_syncs - before, 1);
  ASSERT_TRUE(store->set_clean_shutdown(true).ok());
  EXPECT_EQ(faults.log_syncs - before, 2);
}

TEST_F(RocksDbStore, RunsAtMostThreeThreads) {
  const auto threads = [] {
    return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
  };
  std::thread([] {}).join(); // ThreadSanitizer starts a thread of its own with the first one.
  const auto before = threads();

  const auto store = open({.memory_bytes_max = 0});
  const std::string padding(20'000, 'x');
  for (int i = 0; i < 500; ++i) { // Enough to cause a flush.
    auto record = lease_record("id" + std::to_string(i));
    record.share_name = padding;
    ASSERT_TRUE(store->put(record).ok());
  }

  EXPECT_LE(threads() - before, 3);
}

TEST(RocksDbKeys, PrefixOfOneValueIsThatOfNoOther) {
  random_source random(test_seed());
  for (int i = 0; i < 2000; ++i) {
    const auto a = random_bytes(random, 4);
    const auto b = random_bytes(random, 4);
    const auto id = random_bytes(random, 4);

    const auto key = detail::index_prefix(detail::table::by_file, a) + id;

    EXPECT_EQ(key.starts_with(detail::index_prefix(detail::table::by_file, b)), a == b);
    EXPECT_LT(key, detail::after_prefix(detail::index_prefix(detail::table::by_file, a)));
  }
}

} // namespace
} // namespace leasebreak::test

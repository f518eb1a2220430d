// A RocksDB store on a failing disk: at each operation in the life of a store, one after the other,
// and on a real disk that is full.
#include "records.hpp"
#include "rocksdb_database.hpp"
#include "rocksdb_faults.hpp"
#include "store_site.hpp"
#include "support/effort.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

namespace fs = std::filesystem;

struct sweep {
  const char* name;
  bool io_errors;
  bool durable;
  int step; // The distance between the tested first failures, which limits the test to seconds.
};

void PrintTo(const sweep& value, std::ostream* out) {
  *out << value.name;
}

// The life of a store on a disk that fails from some operation on, and what was acknowledged.
class store_life {
public:
  explicit store_life(const sweep& kind) : kind_(kind) {
    faults_.syncs_do_nothing = true;
    faults_.io_errors = kind.io_errors;
  }

  // Runs all steps, including those after a failed one: a store is used again and again while its
  // disk is full.
  void run(int operations_max) {
    faults_.operations_max = operations_max;
    open();
    put({"a", "b"});
    put({"c"});
    erase("b");
    raise_epoch();
    reopen();
    put({"twin-1", "twin-2"});
    // Fills two write buffers, so that tables are written meanwhile.
    for (const auto* id : {"big-1", "big-2", "big-3", "big-4", "big-5"})
      put({id}, 600'000);
    erase("a");
    raise_epoch();
    mark_clean();
    reopen();
    put({"e"});
  }

  [[nodiscard]] int operations() const { return faults_.operations; }

  // Checks what must hold once the disk works again.
  void check_after_repair() {
    faults_.operations_max = std::numeric_limits<int>::max();
    if (!store_)
      open();
    ASSERT_TRUE(store_);
    // The first call may report an earlier write in the background that failed.
    if (!store_->put(lease_record("after")).ok()) {
      const auto status = store_->put(lease_record("after"));
      ASSERT_TRUE(status.ok()) << status.detail;
    }
    state_["after"] = true;
    check_content();
    reopen();
    ASSERT_TRUE(store_);
    check_content();
  }

private:
  // Returns whether the call succeeded. An error must name the disk. RocksDB reports corruption if
  // it cannot read a table on a broken disk.
  bool worked(const store_status& status) {
    if (status.ok())
      return true;
    const auto code = kind_.io_errors ? errc::store_corrupt : errc::store_full;
    const bool says_so = status.code == errc::store_unavailable || status.code == code;
    EXPECT_TRUE(says_so) << status.code.message() << ": " << status.detail;
    return false;
  }

  void open() {
    auto opened = detail::open_rocksdb_store(
      directory_.path() + "/db", {.durable = kind_.durable, .memory_bytes_max = 0}, env_.get());
    if (worked(opened.status))
      store_ = std::move(opened.value);
  }

  void reopen() {
    if (store_)
      store_->close();
    store_.reset();
    open();
  }

  void apply(const std::vector<record_change>& changes) {
    const bool acknowledged = store_ && worked(store_->apply(changes));
    for (const auto& change : changes)
      state_[change.id] = acknowledged ? std::optional(change.put.has_value()) : std::nullopt;
  }

  void put(const std::vector<std::string>& ids, std::size_t padding = 0) {
    std::vector<record_change> changes;
    for (const auto& id : ids) {
      auto record = lease_record(id);
      record.share_name = std::string(padding, 'x');
      changes.push_back({id, record});
    }
    apply(changes);
  }

  void erase(const std::string& id) { apply({{id, {}}}); }

  void raise_epoch() {
    if (!store_)
      return;
    const auto raised = store_->increment_server_epoch();
    if (worked(raised.status))
      epoch_ = raised.value;
  }

  void mark_clean() {
    if (store_)
      worked(store_->set_clean_shutdown(true));
  }

  void check_content() {
    const auto listed = store_->list({});
    ASSERT_TRUE(listed.ok()) << listed.status.detail;
    EXPECT_TRUE(listed.value.malformed.empty());
    std::set<std::string> found;
    for (const auto& record : listed.value.records)
      found.insert(record.id);
    for (const auto& [id, there] : state_) {
      EXPECT_TRUE(!there || found.contains(id) == *there) << id;
    }
    EXPECT_EQ(found.contains("twin-1"), found.contains("twin-2"));
    for (const auto& id : found)
      EXPECT_TRUE(state_.contains(id)) << id;
    const auto epoch = store_->server_epoch();
    ASSERT_TRUE(epoch.ok()) << epoch.status.detail;
    EXPECT_GE(epoch.value, epoch_);
  }

  const sweep kind_;
  rocksdb_faults faults_;
  std::unique_ptr<rocksdb::Env> env_ = faulty_env(faults_);
  temporary_directory directory_;
  std::unique_ptr<lock_store> store_;
  std::map<std::string, std::optional<bool>> state_; // Whether the record exists; empty: either.
  std::uint64_t epoch_ = 0;
};

class RocksDbOnAFailingDisk : public testing::TestWithParam<sweep> {};

TEST_P(RocksDbOnAFailingDisk, KeepsWhatItAcknowledgedAndGoesOnWhateverFailsFirst) {
  for (int operations_max = 0;; operations_max += slowness * GetParam().step) {
    SCOPED_TRACE("fails after " + std::to_string(operations_max) + " operations");
    store_life life(GetParam());

    life.run(operations_max);
    const bool all = life.operations() <= operations_max;
    life.check_after_repair();

    if (all || HasFailure()) {
      RecordProperty("operations", life.operations());
      break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, RocksDbOnAFailingDisk,
  testing::Values(sweep{"full", false, false, 1}, sweep{"full_durable", false, true, 3},
    sweep{"broken", true, true, 4}),
  [](const auto& tested) { return std::string(tested.param.name); });

// A small file system in memory, visible to the owner of this object, which ends with the process.
class small_disk {
public:
  small_disk() {
    const temporary_directory place;
    if (::mount("tmpfs", place.path().c_str(), "tmpfs", 0, "size=4m") != 0)
      return;
    descriptor_ = ::open(place.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ::umount2(place.path().c_str(), MNT_DETACH);
  }
  ~small_disk() {
    if (mounted())
      ::close(descriptor_);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  [[nodiscard]] bool mounted() const { return descriptor_ >= 0; }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

  void fill() const {
    std::ofstream file(path() + "/fill", std::ios::binary);
    const std::string page(4096, 'x');
    while (file.write(page.data(), 4096).flush()) {
    }
  }
  void make_room() const { fs::remove(path() + "/fill"); }

private:
  int descriptor_ = -1;
};

TEST(RocksDbOnAFullDisk, RefusesToWriteAndToStartUntilThereIsRoom) {
  const small_disk disk;
  if (!disk.mounted())
    GTEST_SKIP() << "mounting a small file system is not allowed here";
  const auto path = disk.path() + "/db";
  auto store = open_rocksdb_store(path).value;
  ASSERT_TRUE(store);
  disk.fill();

  int written = 0; // The space left in the log's last page.
  auto status = store->put(lease_record("id0"));
  while (status.ok())
    status = store->put(lease_record("id" + std::to_string(++written)));
  EXPECT_EQ(status.code, errc::store_full);
  EXPECT_EQ(store->put(lease_record("lost")).code, errc::store_full);
  EXPECT_EQ(store->increment_server_epoch().status.code, errc::store_full);
  store.reset();
  EXPECT_EQ(open_rocksdb_store(path).status.code, errc::store_full);
  disk.make_room();
  store = open_rocksdb_store(path).value;

  ASSERT_TRUE(store);
  EXPECT_EQ(store->list({}).value.records.size(), static_cast<std::size_t>(written));
  EXPECT_TRUE(store->put(lease_record("after")).ok());
}

} // namespace
} // namespace leasebreak::test

// Measures opens and closes with records in a store, compared with one fsync per grant.
#include "slow_disk.hpp"
#include "world.hpp"

#include <leasebreak/model/persisted_lock.hpp>
#include <leasebreak/persistence/store_uri.hpp>

#include <cstdlib>
#include <filesystem>

namespace leasebreak::bench {

namespace {

constexpr std::size_t persisted_files = 256;
constexpr std::size_t persists_in_flight = 256;

// A temporary directory, which is removed at the end.
class temporary_directory {
public:
  temporary_directory() {
    const char* base = std::getenv("LEASEBREAK_BENCH_DIR");
    auto pattern =
      (base != nullptr ? std::filesystem::path{base} : std::filesystem::temp_directory_path()) /
      "leasebreak-bench.XXXXXX";
    std::string name = pattern.string();
    if (mkdtemp(name.data()) == nullptr) {
      std::perror(name.c_str());
      std::abort();
    }
    path_ = name;
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string rocksdb() const { return "rocksdb:" + (path_ / "store").string(); }

private:
  std::filesystem::path path_;
};

std::shared_ptr<lock_store> opened(const std::string& uri, bool durable) {
  auto store = open_store(uri, {durable});
  if (!store.ok()) {
    std::fprintf(stderr, "%s: %s\n", uri.c_str(), store.status.detail.c_str());
    std::abort();
  }
  return std::move(store.value);
}

void open_close_with(benchmark::State& state, std::shared_ptr<lock_store> store, bool durable) {
  auto config = roomy();
  config.store = std::move(store);
  config.durable = durable;
  config.grace = duration::zero();
  world w{std::move(config)};
  w.enlist(persists_in_flight);
  countdown running;
  auto all = open_close_chains(w, running, persisted_files, persists_in_flight);
  run_chains(state, all, running, 2);
  const auto stats = w.coordinator().stats();
  state.counters["batches"] = static_cast<double>(stats.store_batches);
  state.counters["records"] = static_cast<double>(stats.records_written);
}

void persist_memory(benchmark::State& state) {
  open_close_with(state, opened("memory", false), false);
}

void persist_rocksdb(benchmark::State& state) {
  const temporary_directory directory;
  open_close_with(state, opened(directory.rocksdb(), false), false);
}

void persist_rocksdb_durable(benchmark::State& state) {
  const temporary_directory directory;
  open_close_with(state, opened(directory.rocksdb(), true), true);
}

// A disk that is slower than the one of this machine. The store itself does not call fsync.
void persist_slow_disk(benchmark::State& state) {
  const temporary_directory directory;
  const auto disk = std::make_shared<slow_disk>(
    opened(directory.rocksdb(), false), std::chrono::milliseconds{state.range(0)});
  open_close_with(state, disk, true);
  // An open and its close are two items, and one grant.
  const auto grants = static_cast<double>(state.items_processed()) / 2;
  state.counters["grants_per_fsync"] =
    benchmark::Counter{grants * disk->mean_fsync().count(), benchmark::Counter::kIsRate};
  // A busy machine makes the wait longer, which flatters the ratio.
  state.counters["fsync_ms"] = 1e3 * disk->mean_fsync().count();
  state.counters["grants_per_wanted_fsync"] = benchmark::Counter{
    grants * static_cast<double>(state.range(0)) / 1e3, benchmark::Counter::kIsRate};
}

// The cost of durable mode without batches: each grant's record is written on its own.
void fsync_per_grant(benchmark::State& state) {
  const temporary_directory directory;
  const auto store = opened(directory.rocksdb(), true);
  enhanced_lock lease;
  lease.owner = {"00000000000000010000000000000001", "00000000000000010000000000000001", "bench"};
  lease.exclusive = true;
  lease.lease.emplace();
  lease.lease->key = lease_key::of(1, 1);
  lease.lease->state = lease_state::rwh;
  std::size_t number = 0;
  for (auto _ : state) {
    lease.id = "lease-" + std::to_string(number);
    lease.file_id = file_name(number++ % persisted_files);
    const auto written = store->put(to_persisted_lock(lease, 1));
    if (!written.ok()) {
      state.SkipWithError(written.detail.c_str());
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
}

} // namespace

void register_persist() {
  const auto add = [](const char* name, void (*function)(benchmark::State&)) {
    benchmark::RegisterBenchmark(name, function)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  add("persist/memory", persist_memory);
  add("persist/rocksdb", persist_rocksdb);
  add("persist/rocksdb_durable", persist_rocksdb_durable);
  benchmark::RegisterBenchmark("persist/slow_disk", persist_slow_disk)
    ->Arg(1)
    ->Arg(5)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
  add("fsync_per_grant", fsync_per_grant);
}

} // namespace leasebreak::bench

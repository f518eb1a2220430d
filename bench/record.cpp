// Measures the conversion of a record to JSON and back.
#include "driver.hpp"

#include <leasebreak/model/persisted_lock.hpp>
#include <leasebreak/persistence/record_json.hpp>

#include <chrono>

namespace leasebreak::bench {

namespace {

void record_json(benchmark::State& state) {
  enhanced_lock lease;
  lease.id = "0001-lease-00000000000000010000000000000001";
  lease.owner = {"00000000000000010000000000000001", "00000000000000010000000000000001", "bench"};
  lease.file_id = "device 8, inode 1234567";
  lease.exclusive = true;
  lease.acquired_at = time_point{} + std::chrono::hours{24 * 20'000};
  lease.lease.emplace();
  lease.lease->key = lease_key::of(1, 1);
  lease.lease->state = lease_state::rwh;
  lease.lease->break_to = lease_state::rh;
  lease.lease->required = lease_state::rh;
  lease.lease->breaking = true;
  lease.lease->break_started = lease.acquired_at + std::chrono::seconds{1};
  const auto record = to_persisted_lock(lease, 1);
  std::size_t bytes = 0;
  for (auto _ : state) {
    const auto text = to_json(record);
    bytes += text.size();
    auto back = parse_record(text);
    if (!back.ok() || *back.record != record) {
      state.SkipWithError("the record came back changed");
      break;
    }
    benchmark::DoNotOptimize(back);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

} // namespace

void register_record() {
  benchmark::RegisterBenchmark("record_json", record_json)->UseRealTime();
}

} // namespace leasebreak::bench

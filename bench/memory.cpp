// Measures the memory of a file with one open and one RWH lease, over a million files.
#include "world.hpp"

#include <malloc.h>

namespace leasebreak::bench {

namespace {

void memory_per_file(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  constexpr std::uint64_t clients = 100;
  for (auto _ : state) {
    world w;
    w.enlist(clients);
    // Make everything that is allocated once before the first measurement.
    w.coordinator()
      .async_open(lease_open(count, 1, count + 1, lease_state::rwh), boost::asio::use_future)
      .get();
    const auto before = resident_bytes();
    countdown opened;
    std::size_t begun = 0;
    while (begun < count) {
      // Bounds the operations in flight, so that files rather than operations use the memory.
      constexpr std::size_t batch = 1'000;
      const auto end = std::min(begun + batch, count);
      opened.add(end - begun);
      for (; begun < end; ++begun)
        w.coordinator().async_open(
          lease_open(begun, 1 + begun % clients, begun + 1, lease_state::rwh),
          [&opened](error_code error, const open_result&) {
            require(error, "open");
            opened.done();
          });
      opened.wait();
    }
    const auto used = resident_bytes() - before;
    state.counters["bytes_per_file"] = static_cast<double>(used) / static_cast<double>(count);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  malloc_trim(0); // otherwise the next benchmark would pay for releasing a gigabyte
}

} // namespace

void register_memory() {
  benchmark::RegisterBenchmark("memory_per_file", memory_per_file)
    ->Arg(1'000'000)
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
}

} // namespace leasebreak::bench

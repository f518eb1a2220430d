// What a file with one open and one RWH lease costs in memory, over a million files.
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
    // Everything that is made once is there before the first figure is taken.
    w.coordinator()
      .async_open(lease_open(count, 1, count + 1, lease_state::rwh), boost::asio::use_future)
      .get();
    const auto before = resident_bytes();
    countdown opened;
    std::size_t begun = 0;
    while (begun < count) {
      // A bounded number in flight: it is files that shall fill the memory, not operations.
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
  malloc_trim(0); // or the next benchmark pays for giving a gigabyte back
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

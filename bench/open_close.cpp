// Measures an open that is granted an RWH lease, and its close: two operations.
#include "world.hpp"

namespace leasebreak::bench {

namespace {

void open_close_with(benchmark::State& state, leasebreak::coordinator_config config) {
  const auto files = static_cast<std::size_t>(state.range(0));
  const auto in_flight = static_cast<std::size_t>(state.range(1));
  world w{std::move(config)};
  w.enlist(in_flight);
  countdown running;
  auto all = open_close_chains(w, running, files, in_flight);
  run_chains(state, all, running, 2);
}

void open_close(benchmark::State& state) {
  open_close_with(state, roomy());
}

// The same with paths, as servers use them.
void open_close_paths(benchmark::State& state) {
  const auto files = static_cast<std::size_t>(state.range(0));
  const auto in_flight = static_cast<std::size_t>(state.range(1));
  world w{roomy()};
  w.enlist(in_flight);
  countdown running;
  auto all = open_close_chains(w, running, files, in_flight);
  for (const auto& each : all)
    static_cast<open_close_chain&>(*each).tell_paths();
  run_chains(state, all, running, 2);
}

// The same on CAF's own pool beside the io_context.
void open_close_caf_pool(benchmark::State& state) {
  auto config = roomy();
  config.scheduler = leasebreak::scheduler_kind::caf_stealing;
  open_close_with(state, std::move(config));
}

} // namespace

void register_open_close() {
  auto* own = benchmark::RegisterBenchmark("open_close", open_close);
  own->Args({1, 1})->Args({64, 1})->Args({64, 64})->Args({100'000, 1})->Args({100'000, 64});
  own->UseRealTime()->Unit(benchmark::kMillisecond)->Repetitions(repetitions);
  auto* paths = benchmark::RegisterBenchmark("open_close_paths", open_close_paths);
  paths->Args({1, 1})->Args({64, 64})->UseRealTime()->Unit(benchmark::kMillisecond);
  auto* pool = benchmark::RegisterBenchmark("open_close_caf_pool", open_close_caf_pool);
  pool->Args({64, 1})->Args({64, 64})->UseRealTime()->Unit(benchmark::kMillisecond);
}

} // namespace leasebreak::bench

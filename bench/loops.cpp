// Operations from several loops with one thread each, as fast servers have them: what it costs that
// the coordinator has another loop than an operation.
#include "world.hpp"

namespace leasebreak::bench {

namespace {

/// Runs operations on `loops`, with files of their own for each loop.
void run_on(benchmark::State& state, world& w, const std::vector<boost::asio::io_context*>& loops,
  std::size_t files, std::size_t in_flight) {
  w.enlist(loops.size() * in_flight);
  countdown running;
  chains all;
  for (std::size_t loop = 0; loop < loops.size(); ++loop)
    for (std::size_t i = 0; i < in_flight; ++i)
      all.push_back(std::make_unique<open_close_chain>(w.coordinator(), *loops[loop], running, i,
        in_flight, files, loop * in_flight + i + 1, loop * files));
  run_chains(state, all, running, 2);
}

// Operations come from the coordinator's own loop.
void own_loop(benchmark::State& state) {
  world w{roomy(), 1};
  run_on(state, w, {&w.context()}, static_cast<std::size_t>(state.range(0)),
    static_cast<std::size_t>(state.range(1)));
}

// Operations come from another loop than the coordinator's, which has nothing else to do.
void other_loop(benchmark::State& state) {
  world w{roomy(), 1};
  io_threads other{1};
  run_on(state, w, {&other.context()}, static_cast<std::size_t>(state.range(0)),
    static_cast<std::size_t>(state.range(1)));
}

// The first loop is the coordinator's.
void loop_per_core(benchmark::State& state) {
  world w{roomy(), 1};
  std::vector<std::unique_ptr<io_threads>> others;
  std::vector<boost::asio::io_context*> loops{&w.context()};
  while (loops.size() < static_cast<std::size_t>(state.range(0))) {
    others.push_back(std::make_unique<io_threads>(1));
    loops.push_back(&others.back()->context());
  }
  run_on(state, w, loops, 64, 64);
}

} // namespace

void register_loops() {
  for (auto* b : {benchmark::RegisterBenchmark("own_loop", own_loop),
         benchmark::RegisterBenchmark("other_loop", other_loop)})
    b->Args({64, 1})
      ->Args({64, 64})
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond)
      ->Repetitions(repetitions);
  auto* each = benchmark::RegisterBenchmark("loop_per_core", loop_per_core);
  each->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond)->Repetitions(repetitions);
}

} // namespace leasebreak::bench

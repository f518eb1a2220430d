// leasebreak_bench: measures the cost of the coordinator. Memory comes first, while the heap is
// fresh.
#include "driver.hpp"

int main(int argc, char** argv) {
  leasebreak::bench::register_memory();
  leasebreak::bench::register_floor();
  leasebreak::bench::register_open_close();
  leasebreak::bench::register_loops();
  leasebreak::bench::register_mutex_table();
  leasebreak::bench::register_breaks();
  leasebreak::bench::register_held();
  leasebreak::bench::register_listing();
  leasebreak::bench::register_persist();
  leasebreak::bench::register_record();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

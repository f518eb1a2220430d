#include "driver.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace leasebreak::bench {

io_threads::io_threads(int count) : io_(count) {
  for (int i = 0; i < count; ++i)
    threads_.emplace_back([this] { io_.run(); });
}

io_threads::~io_threads() {
  guard_.reset();
  for (auto& thread : threads_)
    thread.join();
}

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void run_chains(
  benchmark::State& state, chains& all, countdown& running, std::uint64_t items_per_round) {
  // Long enough that the start and the end of a batch are negligible.
  constexpr std::uint64_t batch = 16'384;
  const std::uint64_t rounds = std::max<std::uint64_t>(1, batch / all.size());
  const auto cpu_before = cpu_seconds();
  for (auto _ : state) {
    running.add(all.size());
    for (auto& one : all)
      one->start(rounds);
    running.wait();
  }
  const auto total = static_cast<std::uint64_t>(state.iterations()) * rounds * all.size();
  state.SetItemsProcessed(static_cast<std::int64_t>(total * items_per_round));
  // The processor time of all threads is more meaningful than elapsed time on a shared machine.
  state.counters["cpu_ns"] =
    1e9 * (cpu_seconds() - cpu_before) / static_cast<double>(total * items_per_round);
}

std::string file_name(std::size_t number) {
  std::string name(16, '\0');
  name[0] = 8; // the device
  for (std::size_t i = 0; i < 8; ++i)
    name[8 + i] = static_cast<char>(number >> (8 * i));
  return name;
}

leasebreak::open_request lease_open(
  std::size_t file, std::uint64_t client, std::uint64_t key, leasebreak::lease_state state) {
  leasebreak::open_request request;
  request.file = file_name(file);
  request.client = leasebreak::client_guid::of(client);
  request.share = "bench";
  request.access = leasebreak::access::read_data | leasebreak::access::write_data;
  request.lease.emplace();
  request.lease->key = leasebreak::lease_key::of(key, client);
  request.lease->state = state;
  return request;
}

std::size_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

} // namespace leasebreak::bench

// The lower bound: a request with a payload to a bare CAF actor on the library's Asio scheduler,
// and its completion on the caller's strand. Nothing that uses CAF and Asio can be faster.
#include "driver.hpp"

#include "runtime/asio_scheduler.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <array>

namespace leasebreak::bench {

// The receiver of the response.
struct requester {
  requester() = default;
  requester(const requester&) = delete;
  requester& operator=(const requester&) = delete;
  virtual ~requester() = default;
  virtual void complete(std::uint64_t answer) = 0;
};

struct floor_request {
  std::uint64_t argument = 0;
  std::array<std::uint64_t, 6> payload{};
  requester* from = nullptr;
};

} // namespace leasebreak::bench

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(leasebreak::bench::floor_request)

namespace leasebreak::bench {

namespace {

caf::behavior counting_actor(caf::event_based_actor*, std::uint64_t from) {
  return {[count = from](const floor_request& r) mutable { r.from->complete(++count); }};
}

class floor_chain final : public chain, public requester {
public:
  floor_chain(boost::asio::io_context& io, countdown& running, std::size_t first, std::size_t step,
    const std::vector<caf::actor>& files)
    : chain{io, running, first, step, files.size()}, files_{files} {}

  void complete(std::uint64_t) override {
    boost::asio::defer(strand(), [this] { next(); });
  }

private:
  void round(std::size_t file) override {
    caf::anon_send(files_[file], floor_request{file, {}, this});
  }

  const std::vector<caf::actor>& files_;
};

// Arguments: files, operations in flight.
void floor_round_trip(benchmark::State& state) {
  const auto file_count = static_cast<std::size_t>(state.range(0));
  const auto in_flight = static_cast<std::size_t>(state.range(1));
  caf::actor_system_config config;
  io_threads io;
  leasebreak::detail::asio_scheduler::load(config, io.context().get_executor());
  caf::actor_system system{config};
  std::vector<caf::actor> files;
  for (std::size_t i = 0; i < file_count; ++i)
    files.push_back(system.spawn(counting_actor, std::uint64_t{0}));
  countdown running;
  chains all;
  for (std::size_t i = 0; i < in_flight; ++i)
    all.push_back(std::make_unique<floor_chain>(
      io.context(), running, i % file_count, std::min(in_flight, file_count), files));
  run_chains(state, all, running, 1);
  for (auto& file : files)
    caf::anon_send_exit(file, caf::exit_reason::user_shutdown);
  // Actors of CAF's own kinds need their system until they have ended. CAF's own jobs must then end
  // on this thread, as when a coordinator stops.
  system.await_all_actors_done();
  dynamic_cast<leasebreak::detail::asio_scheduler&>(system.scheduler()).begin_stop();
}

} // namespace

void register_floor() {
  auto* b = benchmark::RegisterBenchmark("floor_round_trip", floor_round_trip);
  b->Args({1, 1})->Args({64, 1})->Args({64, 64})->Args({100'000, 1})->Args({100'000, 64});
  b->UseRealTime()->Unit(benchmark::kMillisecond)->Repetitions(repetitions);
}

} // namespace leasebreak::bench

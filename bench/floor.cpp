// The lower bound: a request with a payload to an empty actor on the library's Asio scheduler, and
// its completion on the caller's strand. No operation of the library can be faster.
#include "driver.hpp"

#include "runtime/asio_scheduler.hpp"
#include "runtime/turn_actor.hpp"

#include <array>

namespace leasebreak::bench {

namespace {

using leasebreak::detail::actor_ref;
using leasebreak::detail::message;
using leasebreak::detail::message_ptr;
using leasebreak::detail::turn_actor;
using leasebreak::detail::turn_scheduler;

// The receiver of the response.
struct requester {
  requester() = default;
  requester(const requester&) = delete;
  requester& operator=(const requester&) = delete;
  virtual ~requester() = default;
  virtual void complete(std::uint64_t answer) = 0;
};

struct floor_request final : message {
  floor_request(std::uint64_t a, requester* r) : argument(a), from(r) {}
  std::uint64_t argument;
  std::array<std::uint64_t, 6> payload{};
  requester* from;
};

class counting_actor final : public turn_actor {
public:
  counting_actor(caf::actor_config& config, turn_scheduler& scheduler)
    : turn_actor(config, scheduler) {}

private:
  void handle(message_ptr m) override {
    static_cast<const floor_request&>(*m).from->complete(++count_);
  }
  void timeout() override {}
  bool end_turn() override { return false; }
  void unused() override {}
  void stopped() override {}

  std::uint64_t count_ = 0;
};

using counting_ref = actor_ref<counting_actor>;

class floor_chain final : public chain, public requester {
public:
  floor_chain(boost::asio::io_context& io, countdown& running, std::size_t first, std::size_t step,
    const std::vector<counting_ref>& files)
    : chain{io, running, first, step, files.size()}, files_{files} {}

  void complete(std::uint64_t) override {
    boost::asio::defer(strand(), [this] { next(); });
  }

private:
  void round(std::size_t file) override {
    message_ptr m = std::make_unique<floor_request>(file, this);
    static_cast<void>(files_[file]->deliver(m));
  }

  const std::vector<counting_ref>& files_;
};

// Arguments: files, operations in flight.
void floor_round_trip(benchmark::State& state) {
  const auto file_count = static_cast<std::size_t>(state.range(0));
  const auto in_flight = static_cast<std::size_t>(state.range(1));
  io_threads io;
  leasebreak::detail::asio_scheduler scheduler{io.context().get_executor(), 100};
  std::vector<counting_ref> files;
  for (std::size_t i = 0; i < file_count; ++i)
    files.push_back(leasebreak::detail::make_turn_actor<counting_actor>(scheduler, scheduler));
  countdown running;
  chains all;
  for (std::size_t i = 0; i < in_flight; ++i)
    all.push_back(std::make_unique<floor_chain>(
      io.context(), running, i % file_count, std::min(in_flight, file_count), files));
  run_chains(state, all, running, 1);
  for (auto& file : files)
    file->stop();
}

} // namespace

void register_floor() {
  auto* b = benchmark::RegisterBenchmark("floor_round_trip", floor_round_trip);
  b->Args({1, 1})->Args({64, 1})->Args({64, 64})->Args({100'000, 1})->Args({100'000, 64});
  b->UseRealTime()->Unit(benchmark::kMillisecond)->Repetitions(repetitions);
}

} // namespace leasebreak::bench

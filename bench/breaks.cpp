// Benchmarks of breaks: one holder that acknowledges, and many readers that one overwrite breaks.
#include "world.hpp"

#include <chrono>

namespace leasebreak::bench {

namespace {

// A holds RWH; B's open breaks it to RH and waits, A acknowledges, B's open completes; both close.
class break_chain final : public chain {
public:
  static constexpr std::uint64_t holder = 1;
  static constexpr std::uint64_t opener = 2;

  break_chain(world& w, countdown& running, std::size_t files)
    : chain{w.context(), running, 0, 1, files}, coordinator_{w.coordinator()} {
    const auto acknowledge = [this](const break_notification& n, const auto&, const auto&) {
      coordinator_.async_acknowledge(lease_acknowledgement{n.client, n.key, n.to},
        boost::asio::bind_executor(
          strand(), [](error_code error, lease_state) { require(error, "acknowledge"); }));
    };
    require(coordinator_.register_client(client_guid::of(holder), acknowledge), "register");
    require(
      coordinator_.register_client(client_guid::of(opener), world::ignore_breaks()), "register");
  }

private:
  template <class Then>
  void open(std::size_t file, std::uint64_t client, Then then) {
    coordinator_.async_open(lease_open(file, client, file + 1, lease_state::rwh),
      boost::asio::bind_executor(
        strand(), [then = std::move(then)](error_code error, open_result granted) mutable {
          require(error, "open");
          then(granted.open);
        }));
  }

  template <class Then>
  void close(std::size_t file, open_id id, Then then) {
    coordinator_.async_close(close_request{file_name(file), id},
      boost::asio::bind_executor(
        strand(), [then = std::move(then)](error_code error, const close_result&) mutable {
          require(error, "close");
          then();
        }));
  }

  void round(std::size_t file) override {
    open(file, holder, [this, file](open_id first) {
      open(file, opener, [this, file, first](open_id second) {
        close(file, first, [this, file, second] { close(file, second, [this] { next(); }); });
      });
    });
  }

  leasebreak::coordinator& coordinator_;
};

void break_round(benchmark::State& state) {
  constexpr std::size_t files = 64;
  countdown running;
  world w;
  chains all;
  all.push_back(std::make_unique<break_chain>(w, running, files));
  run_chains(state, all, running, 1);
}

// Measures the time from the start of an overwriting open until every holder of R is notified.
void read_storm(benchmark::State& state) {
  const auto holders = static_cast<std::uint64_t>(state.range(0));
  const auto overwriter = holders + 1;
  countdown told;
  world w;
  w.enlist(holders, [&told](const auto&, const auto&, const auto&) { told.done(); });
  require(w.coordinator().register_client(client_guid::of(overwriter), world::ignore_breaks()),
    "register");
  auto& c = w.coordinator();
  const auto reader = [&](std::uint64_t client) {
    auto request = lease_open(0, client, 1, lease_state::r);
    request.access = access::read_data;
    return c.async_open(std::move(request), boost::asio::use_future).get().open;
  };
  for (auto _ : state) {
    std::vector<open_id> opens;
    for (std::uint64_t i = 1; i <= holders; ++i)
      opens.push_back(reader(i));
    auto request = lease_open(0, overwriter, 1, lease_state::none);
    request.overwrites = true;
    told.add(holders);

    const auto began = std::chrono::steady_clock::now();
    auto granted = c.async_open(std::move(request), boost::asio::use_future);
    told.wait();
    auto result = granted.get();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    state.SetIterationTime(took.count());

    result.hold.release();
    c.async_close(close_request{file_name(0), result.open}, boost::asio::use_future).get();
    for (const auto id : opens)
      c.async_close(close_request{file_name(0), id}, boost::asio::use_future).get();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

} // namespace

void register_breaks() {
  benchmark::RegisterBenchmark("break_round", break_round)
    ->Repetitions(repetitions)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("read_storm", read_storm)
    ->Arg(10)
    ->Arg(100)
    ->Arg(1'000)
    ->Arg(10'000)
    ->UseManualTime()
    ->MinTime(0.2)
    ->Unit(benchmark::kMillisecond);
}

} // namespace leasebreak::bench

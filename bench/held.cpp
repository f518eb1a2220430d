// Measures whether held leases of other files, or held locks of the same file, slow operations
// down.
#include "held.hpp"

#include <memory>

namespace leasebreak::bench {

namespace {

constexpr std::size_t files = held_world::files;
constexpr std::size_t in_flight = files;

// Opens files and leaves them open.
class opening_chain final : public chain {
public:
  opening_chain(world& w, countdown& running, std::size_t first, std::size_t step, std::size_t end,
    std::uint64_t client, bool with_paths)
    : chain{w.context(), running, first, step, end}, coordinator_{w.coordinator()}, client_{client},
      with_paths_{with_paths} {}

private:
  void round(std::size_t file) override {
    auto asked = lease_open(file, client_, file + 1, lease_state::rwh);
    if (with_paths_)
      asked.path = held_world::path_of(file);
    coordinator_.async_open(std::move(asked),
      boost::asio::bind_executor(strand(), [this](error_code error, const open_result&) {
        require(error, "open");
        next();
      }));
  }

  leasebreak::coordinator& coordinator_;
  std::uint64_t client_;
  bool with_paths_;
};

void held_leases(benchmark::State& state) {
  auto& shared = world_that_holds(static_cast<std::size_t>(state.range(0)));
  countdown running;
  auto all = open_close_chains(shared.w, running, files, in_flight);
  run_chains(state, all, running, 2);
  state.counters["held"] = static_cast<double>(shared.w.coordinator().stats().opens_now);
}

// Locks and unlocks a byte range between the locks that another client holds.
class lock_chain final : public chain {
public:
  lock_chain(world& w, countdown& running, std::uint64_t held, open_id open)
    : chain{w.context(), running, 0, 1, 1}, coordinator_{w.coordinator()}, held_{held}, open_{
                                                                                          open} {}

  static constexpr std::uint64_t spacing = 16;

private:
  void round(std::size_t) override {
    // A step that visits the whole file in no particular order.
    constexpr std::uint64_t step = 7'919;
    place_ = (place_ + step) % held_;
    const byte_range range{place_ * spacing + spacing / 2, 4};
    lock_request request;
    request.file = file_name(0);
    request.open = open_;
    request.elements.push_back({range, true});
    coordinator_.async_lock(std::move(request),
      boost::asio::bind_executor(strand(), [this, range](error_code error, std::size_t) {
        require(error, "lock");
        unlock(range);
      }));
  }

  void unlock(byte_range range) {
    unlock_request request;
    request.file = file_name(0);
    request.open = open_;
    request.ranges.push_back(range);
    coordinator_.async_unlock(std::move(request),
      boost::asio::bind_executor(strand(), [this](error_code error, std::size_t) {
        require(error, "unlock");
        next();
      }));
  }

  leasebreak::coordinator& coordinator_;
  std::uint64_t held_;
  open_id open_;
  std::uint64_t place_ = 0;
};

open_id plain_open(coordinator& c, std::uint64_t client) {
  auto request = lease_open(0, client, 1, lease_state::none);
  request.lease.reset();
  return c.async_open(std::move(request), boost::asio::use_future).get().open;
}

void held_locks(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  world w;
  w.enlist(2);
  const auto holder = plain_open(w.coordinator(), 1);
  const auto locker = plain_open(w.coordinator(), 2);
  for (std::uint64_t i = 0; i < count; ++i) {
    lock_request request;
    request.file = file_name(0);
    request.open = holder;
    request.elements.push_back({{i * lock_chain::spacing, 4}, true});
    w.coordinator().async_lock(std::move(request), boost::asio::use_future).get();
  }
  countdown running;
  chains all;
  all.push_back(std::make_unique<lock_chain>(w, running, count, locker));
  run_chains(state, all, running, 2);
}

} // namespace

held_world::held_world(bool with_paths) : with_paths_{with_paths} {
  w.enlist(files + holders);
}

std::string held_world::path_of(std::size_t file) {
  return "some/directory/" + std::to_string(file / 16) + "/file" + std::to_string(file);
}

void held_world::hold(std::size_t count) {
  countdown running;
  chains all;
  const auto per_holder = (count - held_) / holders;
  for (std::uint64_t i = 0; i < holders; ++i)
    all.push_back(std::make_unique<opening_chain>(
      w, running, files + held_ + i, holders, files + count + holders, files + 1 + i, with_paths_));
  running.add(all.size());
  for (auto& one : all)
    one->start(per_holder);
  running.wait();
  held_ += per_holder * holders;
}

held_world& world_that_holds(std::size_t count) {
  static std::unique_ptr<held_world> shared;
  static std::size_t held = 0;
  if (!shared || held > count) {
    shared.reset();
    shared = std::make_unique<held_world>();
    held = 0;
  }
  if (held < count)
    shared->hold(count);
  held = count;
  return *shared;
}

void register_held() {
  benchmark::RegisterBenchmark("held_leases", held_leases)
    ->Arg(1'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("held_locks", held_locks)
    ->Arg(10)
    ->Arg(1'000)
    ->Arg(10'000)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
}

} // namespace leasebreak::bench

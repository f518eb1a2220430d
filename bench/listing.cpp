// Measures what a listing of all opens costs the other operations, and how much memory it takes;
// and how long it takes to find a file by its path.
//
// Rounds with and without a listing alternate, so that both see the same machine. A round with a
// listing counts its processor time as the others' cost.
#include "held.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <malloc.h>
#include <vector>

namespace leasebreak::bench {

namespace {

/// Lists pages of a thousand entries, one after another and from the beginning again, as long as it
/// is told to.
class lister {
public:
  explicit lister(coordinator& c) : coordinator_(c) {}

  void start() {
    wanted_.store(true);
    running_.add(1);
    ask();
  }
  void stop() {
    wanted_.store(false);
    running_.wait();
  }
  [[nodiscard]] std::uint64_t entries() const noexcept { return entries_.load(); }

private:
  void ask() {
    list_request r;
    r.limit = 1'000;
    r.after = after_;
    coordinator_.async_list_page(std::move(r), [this](error_code error, const listed_page& page) {
      require(error, "list");
      entries_ += page.entries.size();
      after_ = page.next;
      if (wanted_.load())
        ask();
      else
        running_.done();
    });
  }

  coordinator& coordinator_;
  countdown running_;
  std::atomic<bool> wanted_{false};
  std::atomic<std::uint64_t> entries_{0};
  file_name_id after_; ///< Used by one handler at a time.
};

struct round_cost {
  double seconds = 0;
  double processor = 0;
};

/// Each round opens and closes so many times.
constexpr std::uint64_t pairs = 4'096;

round_cost one_round(chains& all, countdown& running) {
  const auto began = std::chrono::steady_clock::now();
  const auto processor = cpu_seconds();
  running.add(all.size());
  for (auto& one : all)
    one->start(pairs);
  running.wait();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(),
    cpu_seconds() - processor};
}

double median(std::vector<double> of) {
  std::sort(of.begin(), of.end());
  return of[of.size() / 2];
}

void beside_listing(benchmark::State& state) {
  auto& shared = world_that_holds(static_cast<std::size_t>(state.range(0)));
  countdown running;
  auto all = open_close_chains(shared.w, running, held_world::files, held_world::files);
  lister lists(shared.w.coordinator());
  one_round(all, running); // fills the caches
  std::vector<double> rates;
  std::vector<double> costs;
  double listing_s = 0;
  for (auto _ : state) {
    const auto alone = one_round(all, running);
    lists.start();
    const auto beside = one_round(all, running);
    lists.stop();
    rates.push_back(alone.seconds / beside.seconds);
    costs.push_back(alone.processor / beside.processor);
    listing_s += beside.seconds;
  }
  state.counters["rate_kept"] = median(rates);
  state.counters["rate_kept_by_cpu"] = median(costs);
  state.counters["listed_per_s"] = static_cast<double>(lists.entries()) / listing_s;
}

/// Lists some hundred pages, and samples the memory after each.
void listing_memory(benchmark::State& state) {
  auto& shared = world_that_holds(static_cast<std::size_t>(state.range(0)));
  auto& c = shared.w.coordinator();
  for (auto _ : state) {
    list_request r;
    r.limit = 1'000;
    // The first page allocates what all of them use.
    r.after = c.async_list_page(r, boost::asio::use_future).get().next;
    malloc_trim(0);
    const auto before = resident_bytes();
    std::size_t most = before;
    std::size_t entries = 0;
    for (int pages = 0; pages < 200 && !r.after.empty(); ++pages) {
      auto page = c.async_list_page(r, boost::asio::use_future).get();
      entries += page.entries.size();
      most = std::max(most, resident_bytes());
      r.after = std::move(page.next);
    }
    state.counters["page_bytes"] = static_cast<double>(most - before);
    state.counters["entries"] = static_cast<double>(entries);
  }
}

/// Returns how many seconds a listing of `files` files takes, of which each has an open and a
/// lease.
double listing_seconds(coordinator& c, list_request r, std::size_t files) {
  r.limit = 2 * files;
  const auto began = std::chrono::steady_clock::now();
  const auto page = c.async_list_page(r, boost::asio::use_future).get();
  const auto ended = std::chrono::steady_clock::now();
  if (page.entries.size() != r.limit)
    require(make_error_code(errc::unknown_open), "find");
  return std::chrono::duration<double>(ended - began).count();
}

/// Finds one file of many by the last component of its path, by its whole path, and by its
/// directory. For comparison, lists some files without a path: asking all takes as long for each.
void who(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  held_world shared(true);
  shared.hold(count);
  auto& c = shared.w.coordinator();
  const auto median_us = [&c](const list_request& r, std::size_t files) {
    std::vector<double> seconds;
    for (int i = 0; i < 15; ++i)
      seconds.push_back(listing_seconds(c, r, files));
    return median(std::move(seconds)) * 1e6;
  };
  for (auto _ : state) {
    const auto path = held_world::path_of(held_world::files + count / 2);
    list_request name;
    name.path_tail = path.substr(path.rfind('/') + 1);
    list_request whole;
    whole.path_tail = path;
    list_request directory;
    directory.path_prefix = path.substr(0, path.rfind('/') + 1);
    constexpr std::size_t some = 10'000;
    state.counters["name_us"] = median_us(name, 1);
    state.counters["path_us"] = median_us(whole, 1);
    state.counters["directory_us"] = median_us(directory, 16);
    state.counters["all_us"] =
      listing_seconds(c, {}, some) * 1e6 * (static_cast<double>(count) / static_cast<double>(some));
  }
}

} // namespace

void register_listing() {
  benchmark::RegisterBenchmark("beside_listing", beside_listing)
    ->Arg(1'000'000)
    ->Iterations(15)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("listing_memory", listing_memory)
    ->Arg(1'000'000)
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("who", who)
    ->Arg(1'000'000)
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
}

} // namespace leasebreak::bench

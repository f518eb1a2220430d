#include "simulation.hpp"

#include "client.hpp"
#include "local_process.hpp"

#include <leasebreak/persistence/store_uri.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace leasebreak::simulated {

namespace asio = boost::asio;

namespace {

constexpr std::size_t local_processes = 2;
// Time for all clients to finish, in addition to the waits that the configuration allows.
constexpr auto patience = std::chrono::seconds{20};
// How often a run with `settings::enough` calls it.
constexpr auto look_again = std::chrono::milliseconds{50};

// One simulation. Members are destroyed in reverse order, so that none outlives what it refers to.
class simulation {
public:
  explicit simulation(const settings& s);

  outcome run(const std::function<void(const progress&)>& show);

private:
  void make_clients();
  void launch(const asio::any_io_executor& strand, asio::awaitable<void> work);
  asio::awaitable<void> prepare();
  asio::awaitable<void> compare_clocks();
  void watch(const std::function<void(const progress&)>& show);
  [[nodiscard]] progress state() const;
  bool wait_for_the_end();
  void close(outcome& result);
  void check_store(outcome& result);
  void finish(outcome& result);

  settings settings_;
  std::shared_ptr<lock_store> store_;
  asio::io_context io_;
  sim_clock clock_;
  oracle judge_;
  server_disk disk_;
  operation_ledger ledger_;
  std::shared_ptr<tally> counts_ = std::make_shared<tally>();
  std::unique_ptr<coordinator> coordinator_;
  server server_;
  world world_;
  std::deque<client> clients_;
  std::deque<local_process> locals_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0; // coroutines of clients and local processes
  std::chrono::steady_clock::time_point began_;
};

std::shared_ptr<lock_store> opened(const std::string& uri) {
  auto store = open_store(uri);
  if (!store.ok())
    throw std::runtime_error{
      "store " + uri + ": " + store.status.code.message() + ": " + store.status.detail};
  return std::move(store.value);
}

coordinator_config config_of(const settings& s, std::shared_ptr<lock_store> store) {
  coordinator_config config;
  config.break_timeout = s.break_timeout;
  config.wait_max = 2 * s.break_timeout;
  config.grace = std::min<duration>(s.break_timeout, std::chrono::seconds{1});
  config.store = std::move(store);
  return config;
}

simulation::simulation(const settings& s)
  : settings_{s}, store_{opened(s.store)}, io_{static_cast<int>(s.threads)}, judge_{s.files,
                                                                               s.break_timeout},
    disk_{s.files, judge_, clock_}, coordinator_{std::make_unique<coordinator>(
                                      io_.get_executor(), config_of(s, store_))},
    server_{*coordinator_, disk_, ledger_, *counts_, clock_, s.files, s.injected},
    world_{server_, judge_, *counts_, s.files, s.break_timeout} {}

void simulation::make_clients() {
  random_source random{settings_.seed};
  const auto dealt = deal_traits(settings_.clients, settings_.unresponsive_percent, random);
  for (std::size_t i = 0; i < settings_.clients; ++i) {
    const auto& traits = dealt[i];
    clients_.emplace_back(
      world_, i, traits, random(), asio::any_io_executor{asio::make_strand(io_)});
    clients_.back().enlist();
    launch(clients_.back().strand(), clients_.back().work());
    if (traits.flaky)
      launch(clients_.back().strand(), clients_.back().lose_connections());
  }
  for (std::size_t i = 0; i < local_processes; ++i) {
    locals_.emplace_back(world_, settings_.clients + i, random());
    launch(asio::any_io_executor{asio::make_strand(io_)}, locals_.back().work());
  }
}

void simulation::launch(const asio::any_io_executor& strand, asio::awaitable<void> work) {
  {
    const std::scoped_lock lock{mutex_};
    ++running_;
  }
  asio::co_spawn(strand, std::move(work), [this](std::exception_ptr failure) {
    try {
      if (failure)
        std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      counts_->unexpected(std::string{"exception: "} + e.what());
    }
    const std::scoped_lock lock{mutex_};
    if (--running_ == 0)
      changed_.notify_all();
  });
}

// Determines the offset of the coordinator's clock, which was started at another time than ours.
asio::awaitable<void> simulation::compare_clocks() {
  constexpr int rounds = 64;
  const auto guid = client_guid::of(settings_.clients + 1);
  coordinator_->register_client(guid, [](const auto&, const auto&, auto) {});
  for (int i = 0; i < rounds; ++i) {
    open_request request;
    request.file = "clock";
    request.client = guid;
    const auto before = clock_.now();
    const auto granted = co_await coordinator_->async_open(std::move(request));
    const auto after = clock_.now();
    lock_query query;
    query.file_id = "clock";
    const auto entries = co_await coordinator_->async_list(query);
    for (const auto& entry : entries)
      if (entry.kind == entry_kind::open)
        clock_.compare(before, entry.since, after);
    close_request done{"clock", granted.open};
    co_await coordinator_->async_close(std::move(done));
  }
  coordinator_->unregister_client(guid);
  judge_.set_tolerance(clock_.tolerance());
}

asio::awaitable<void> simulation::prepare() {
  const auto found = co_await coordinator_->async_start();
  if (found.in_grace) // no client reclaims what an earlier run left in the store
    co_await pause(config_of(settings_, nullptr).grace + std::chrono::milliseconds{100});
  co_await compare_clocks();
}

progress simulation::state() const {
  progress p;
  p.elapsed = std::chrono::steady_clock::now() - began_;
  p.operations = ledger_.completed();
  p.judged = judge_.counts();
  p.coordinator = coordinator_->stats();
  p.counts = counts_;
  return p;
}

void simulation::watch(const std::function<void(const progress&)>& show) {
  const auto end = began_ + settings_.run_time;
  for (auto next = began_ + std::chrono::seconds{1}; next < end; next += std::chrono::seconds{1}) {
    std::this_thread::sleep_until(next);
    if (show)
      show(state());
  }
  std::this_thread::sleep_until(end);
  const auto latest = began_ + std::max(settings_.run_time_max, settings_.run_time);
  while (
    settings_.enough && !settings_.enough(state()) && std::chrono::steady_clock::now() < latest)
    std::this_thread::sleep_for(look_again);
}

bool simulation::wait_for_the_end() {
  world_.stopping = true;
  const auto until = std::chrono::steady_clock::now() + 4 * settings_.break_timeout + patience;
  std::unique_lock lock{mutex_};
  if (!changed_.wait_until(lock, until, [this] { return running_ == 0; }))
    return false;
  while (world_.answers_under_way != 0 && std::chrono::steady_clock::now() < until)
    changed_.wait_for(lock, std::chrono::milliseconds{5});
  return world_.answers_under_way == 0;
}

void simulation::close(outcome& result) {
  for (const auto& entry : coordinator_->async_list({}, asio::use_future).get())
    result.left_over.push_back(std::string{to_string(entry.kind)} + " of " + entry.file_id +
      " by client " + to_string(entry.client));
  result.coordinator = coordinator_->stats();
  const auto& now = result.coordinator;
  if (now.opens_now + now.locks_now + now.breaking_now + now.waiting_now != 0)
    result.left_over.push_back("by the statistics: " + std::to_string(now.opens_now) + " opens, " +
      std::to_string(now.locks_now) + " locks, " + std::to_string(now.breaking_now) + " breaks, " +
      std::to_string(now.waiting_now) + " waiting");
  coordinator_->async_shutdown(asio::use_future).get();
  result.coordinator.store_batches = coordinator_->stats().store_batches;
  result.coordinator.records_written = coordinator_->stats().records_written;
  check_store(result);
}

void simulation::check_store(outcome& result) {
  const auto records = store_->list({});
  if (!records.ok()) {
    // The coordinator's shutdown may have closed the store.
    return;
  }
  for (const auto& record : records.value.records)
    result.left_over.push_back("the record " + record.id + " of " + record.file_id);
}

void simulation::finish(outcome& result) {
  judge_.finish();
  result.judged = judge_.counts();
  result.stale = judge_.stale();
  result.operations_started = ledger_.started();
  result.operations_completed = ledger_.completed();
  result.completed_twice = ledger_.completed_twice();
  result.completed_inside = ledger_.completed_inside();
  result.outstanding = ledger_.outstanding();
  result.clock_tolerance = clock_.tolerance();
  result.counts = counts_;
  for (const auto& [what, times] : counts_->unexpected())
    result.trouble.push_back(what + " (" + std::to_string(times) + " times)");
}

outcome simulation::run(const std::function<void(const progress&)>& show) {
  outcome result;
  auto guard = asio::make_work_guard(io_);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < settings_.threads; ++i)
    threads.emplace_back([this] { io_.run(); });
  bool ended = false;
  try {
    asio::co_spawn(io_, prepare(), asio::use_future).get();
    began_ = std::chrono::steady_clock::now();
    make_clients();
    watch(show);
    result.took = std::chrono::steady_clock::now() - began_;
    ended = wait_for_the_end();
    if (ended)
      close(result);
  } catch (const std::exception& e) {
    result.trouble.push_back(std::string{"exception: "} + e.what());
  }
  guard.reset();
  if (!ended) {
    result.hangs = true;
    result.trouble.push_back("the clients did not finish");
    io_.stop();
  }
  for (auto& thread : threads)
    thread.join();
  finish(result);
  return result;
}

} // namespace

std::string settings::validate() const {
  if (clients == 0 || clients > 100'000)
    return "clients must be 1 to 100000";
  if (files == 0 || files > 1'000'000)
    return "files must be 1 to 1000000";
  if (threads == 0 || threads > 256)
    return "threads must be 1 to 256";
  if (unresponsive_percent > 100)
    return "unresponsive must be 0 to 100";
  if (run_time <= duration::zero())
    return "the run time must be positive";
  if (break_timeout < std::chrono::milliseconds{10})
    return "the break timeout must be at least 0.01 seconds";
  return {};
}

bool outcome::orderly() const {
  return operations_started == operations_completed && completed_twice == 0 &&
    completed_inside == 0 && left_over.empty() && trouble.empty();
}

outcome run(const settings& s, const std::function<void(const progress&)>& show) {
  if (const auto fault = s.validate(); !fault.empty())
    throw std::invalid_argument{fault};
  auto one = std::make_unique<simulation>(s);
  auto result = one->run(show);
  // Hanging coroutines refer to clients, and clients to the executor, so no order of destruction is
  // safe. Leak the simulation; the process is about to report a failure and to exit.
  if (result.hangs)
    static_cast<void>(one.release());
  return result;
}

} // namespace leasebreak::simulated

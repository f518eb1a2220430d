// The simulated server's start, stop, crash and end.
#include "coordinator_run.hpp"

#include "ask.hpp"
#include "numbers.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

namespace leasebreak::simulation {

using namespace std::chrono_literals;

namespace {

constexpr span endless = 24h * 365;

} // namespace

outcome run(const scene& s, bool keeps_history) {
  begin_numbers_anew();
  return coordinator_run(s, keeps_history).run();
}

simulation_kind coordinator_kind() {
  return {"coordinator_simulation", scene_of, run};
}

coordinator_run::coordinator_run(const scene& s, bool keeps_history)
  : scene_(s), keeps_history_(keeps_history), random_(s.seed ^ 0x5eed),
    ledger_([this](std::string what) { complain(std::move(what)); }), loop_(s.seed) {
  loop_.on_quiet([this] { check_quiet(); });
  loop_.on_stuck([this] { complain("the clock does not advance"); });
  config_.messages_per_turn = random_.one_in(2) ? 1 + random_.below(3) : 100;
  config_.idle_files_max = random_.below(4);
  if (!random_.one_in(4))
    store_ = std::make_shared<memory_store>();
  config_.durable = store_ != nullptr && random_.one_in(2);
  config_.store = store_;
  config_.on_open_lost = [this](open_lost lost) {
    note("open " + std::to_string(static_cast<std::uint64_t>(lost.open)) + " is lost");
    const auto found = opens_.find(lost.open);
    if (found == opens_.end()) { // the handler of the open may not have run yet
      lost_.insert(lost.open);
      return;
    }
    const auto [file, path] = std::pair(found->second.file, found->second.path);
    forget_open(lost.open);
    if (lost.hold)
      spawn(carry_out_deletion(
        file, path, std::move(lost.names), std::move(lost.hold), lost.parent_key));
  };
  holds_answers_ = random_.one_in(2);
  defers_sinks_ = random_.one_in(3);
  ledger_.set_bounds(
    config_.durable ? 2s : span{}, config_.wait_max + config_.answer_wait_max + 2s);
  clients_.resize(3);
  clients_[0].shares_session = true;
  clients_[2].has_sessions = false;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i].guid = client_guid::of(i + 1);
    clients_[i].links.resize(i == 2 ? 1 : 2);
    clients_[i].is_silent = random_.one_in(6);
  }
  start_server();
}

coordinator_run::~coordinator_run() {
  coordinator_.reset();
}

void coordinator_run::complain(std::string what) {
  note("PROBLEM: " + what);
  problems_.push_back(std::move(what));
}

void coordinator_run::note(const std::string& what) {
  loop_.hash().add(what);
  if (!keeps_history_)
    return;
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(loop_.now()).count();
  history_.push_back(std::to_string(us / 1'000) + "." +
    std::to_string(us % 1'000 + 1'000).substr(1) + " ms  " + what);
}

outcome coordinator_run::run() {
  span at{};
  for (const auto& s : scene_.steps) {
    at += s.gap;
    // Take a step when its time has come, whatever else is ready then.
    bool has_come = false;
    loop_.after(at - loop_.now(), [&has_come] { has_come = true; });
    while (problems_.empty() && !has_come && loop_.step())
      note_urgent_changes();
    if (!problems_.empty())
      break;
    perform(s);
  }
  if (problems_.empty())
    end();
  return {problems_.empty() ? "" : problems_.front(), std::move(history_), loop_.hash().value(),
    ledger_.count(), loop_.handlers_run()};
}

span coordinator_run::delay() {
  switch (random_.below(12)) {
  case 0:
    return std::chrono::milliseconds{random_.below(100)};
  case 1:
  case 2:
  case 3:
    return std::chrono::microseconds{random_.below(3'000)};
  case 4:
  case 5:
    return span{};
  default:
    return std::chrono::microseconds{100 * random_.below(5)};
  }
}

void coordinator_run::spawn(task<void> what) {
  ++tasks_;
  asio::co_spawn(
    asio::any_io_executor(loop_.get_executor()), std::move(what), [this](std::exception_ptr e) {
      --tasks_;
      try {
        if (e)
          std::rethrow_exception(e);
      } catch (const interrupted&) {
        // the server was restarted
      } catch (const std::exception& x) {
        complain(std::string("exception: ") + x.what());
      }
    });
}

coordinator_run::task<void> coordinator_run::sleep(span d) {
  const auto run = run_;
  co_await loop_.async_sleep(d, asio::use_awaitable);
  if (run != run_)
    throw interrupted{};
}

// -- the server

void coordinator_run::start_server() {
  ++run_;
  is_stopping_ = false;
  config_.store = store_;
  coordinator_ = loop_.make_coordinator(config_);
  for (std::size_t i = 0; i < clients_.size(); ++i)
    register_client(i);
  for (std::size_t i = 0; i < clients_.size(); ++i)
    for (std::size_t slot = 0; slot < clients_[i].links.size(); ++slot)
      connect(i, slot);
  is_started_ = store_ == nullptr;
  if (is_started_)
    return;
  spawn([](coordinator_run& w, std::uint64_t run) -> task<void> {
    if (run != w.run_)
      co_return;
    auto found = co_await w.ask<start_result>(detail::start_request{}, patience::bounded, "start");
    if (found.error != errc::success && !w.is_stopping_)
      w.complain("the server does not start: " + to_string(found.error));
    w.is_started_ = true;
    if (found.error == errc::success) // otherwise it was told to stop before it read the records
      w.take_back(found.value);
  }(*this, run_));
}

// Stops the server in order, or by a crash. After a crash, what the old server writes while it is
// destroyed is not in the store.
void coordinator_run::stop_server(bool in_order) {
  note(in_order ? "the server stops" : "the server crashes");
  auto left = in_order ? nullptr : copy_of_store();
  ++run_;
  for (const auto& l : links_) {
    l->is_up = l->is_known = false;
    l->under_way.clear();
  }
  for (auto& client : clients_)
    std::ranges::fill(client.links, nullptr);
  coordinator_.reset();
  for (std::size_t who = 0; who < clients_.size(); ++who)
    make_late_calls(who);
  if (left != nullptr)
    store_ = std::move(left);
  caches_.clear();
  known_.clear();
  names_.clear();
  answers_held_.clear();
  ended_connections_.clear();
  kept_.clear();
  lost_.clear();
  early_breaks_.clear();
  own_changes_.clear();
  changes_.clear();
  current_keys_.clear();
  for (inode i = 0; i < disk_.size(); ++i)
    disk_.at(i).newest = disk_.at(i).stored;
  std::erase_if(opens_, [&](const auto& o) {
    return !o.second.is_persistent || store_ == nullptr || o.second.is_closing ||
      !(o.second.is_told || o.second.is_detached);
  });
  for (auto& [id, h] : opens_) {
    if (h.is_told)
      known_.insert(h.name);
    h.is_detached = h.is_gone = true;
    h.locks.clear();
  }
  for (auto& client : clients_)
    client.is_registered = false;
}

std::shared_ptr<memory_store> coordinator_run::copy_of_store() const {
  if (store_ == nullptr)
    return nullptr;
  auto result = std::make_shared<memory_store>();
  const auto epochs = store_->server_epoch().value;
  for (std::uint64_t i = 0; i < epochs; ++i)
    static_cast<void>(result->increment_server_epoch());
  static_cast<void>(result->set_clean_shutdown(store_->clean_shutdown().value));
  for (const auto& record : store_->list({}).value.records)
    static_cast<void>(result->put(record));
  return result;
}

// In durable mode, all persistent opens that a client knows of must be restored.
void coordinator_run::take_back(const start_result& found) {
  std::set<open_id> there;
  for (const auto& each : found.opens)
    there.insert(each.open);
  for (auto it = opens_.begin(); it != opens_.end();) {
    const auto id = it->first;
    const bool is_lost = it->second.is_detached && it->second.is_persistent && !there.contains(id);
    ++it;
    if (!is_lost)
      continue;
    if (config_.durable && opens_.at(id).is_told)
      complain("persistent open " + std::to_string(static_cast<std::uint64_t>(id)) +
        " is not there after a restart");
    forget_open(id);
  }
  for (const auto& each : found.opens)
    if (const auto known = opens_.find(each.open); known == opens_.end())
      spawn([](coordinator_run& w, close_request r) -> task<void> {
        static_cast<void>(
          co_await w.ask<close_result>(std::move(r), patience::bounded, "close a lost one"));
      }(*this, close_request{each.file, each.open}));
    else
      c().place(each.file, each.open, "root", known->second.path);
}

// -- the end

void coordinator_run::end() {
  while (problems_.empty() && (!is_started_ || is_stopping_) && loop_.step()) {
    // until the start or stop in progress ends
  }
  is_ending_ = true;
  note("everything ends");
  for (const auto& l : links_) {
    l->is_up = l->is_known = false;
    l->under_way.clear();
  }
  lose_reach();
  for (std::size_t i = 0; i < clients_.size(); ++i)
    spawn(connection_lost(i, connection_id::none));
  const auto limit = loop_.now() + endless;
  while (problems_.empty() && loop_.now() < limit && loop_.step()) {
    // until nothing is pending
  }
  if (problems_.empty())
    check_nothing_is_left();
}

void coordinator_run::check_nothing_is_left() {
  ledger_.check_none_left();
  if (tasks_ != 0)
    complain(std::to_string(tasks_) + " tasks of the server never end");
  for (std::size_t i = 0; i < clients_.size(); ++i)
    if (clients_[i].is_registered)
      if (const auto error = c().unregister_client(clients_[i].guid); error)
        complain("client " + std::to_string(i) + " is not unregistered: " + error.message());
  const auto s = c().stats();
  const auto expect_none = [this](const char* what, std::uint64_t n) {
    if (n != 0)
      complain(std::string(what) + " left: " + std::to_string(n));
  };
  expect_none("opens", s.opens_now);
  expect_none("locks", s.locks_now);
  expect_none("breaks", s.breaking_now);
  expect_none("operations", s.waiting_now);
  expect_none("clients", s.clients);
  expect_none("records in the queue", s.store_backlog);
  if (store_ != nullptr)
    expect_none("records", store_->list({}).value.records.size());
  for (const auto& [id, h] : opens_)
    complain("the server still knows open " + std::to_string(static_cast<std::uint64_t>(id)));
  coordinator_.reset();
  while (loop_.step()) {
    // run the handlers that the destructor left
  }
}

} // namespace leasebreak::simulation

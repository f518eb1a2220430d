// Connections. Each keeps its order; different ones do not. Messages are delayed, and may be lost.
#include "ask.hpp"

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::simulation {

using namespace std::chrono_literals;

namespace {

/// The loop, as an executor that the coordinator does not recognize as its own. It may be late.
template <class Late>
class other_executor {
public:
  other_executor(loop& of, asio::execution_context& as, std::shared_ptr<Late> late) noexcept
    : loop_(&of), as_(&as), late_(std::move(late)) {}

  [[nodiscard]] asio::execution_context& query(asio::execution::context_t) const noexcept {
    return *as_;
  }
  [[nodiscard]] static constexpr asio::execution::blocking_t::never_t query(
    asio::execution::blocking_t) noexcept {
    return {};
  }
  template <class Function>
  void execute(Function f) const {
    if (!late_->are_held)
      return loop_->get_executor().execute(std::move(f));
    late_->calls.push_back(
      [call = std::make_shared<Function>(std::move(f))] { std::move (*call)(); });
  }
  friend bool operator==(const other_executor&, const other_executor&) noexcept = default;

private:
  loop* loop_;
  asio::execution_context* as_;
  std::shared_ptr<Late> late_;
};

} // namespace

// With another executor, a sink is called after the turn that breaks, and meanwhile its client may
// end.
asio::any_io_executor coordinator_run::executor_of_sinks(std::size_t who) {
  if (!defers_sinks_)
    return {};
  return other_executor<late_calls>(loop_, other_context_, clients_[who].late);
}

void coordinator_run::make_late_calls(std::size_t who) {
  auto& late = *clients_[who].late;
  late.are_held = false;
  for (auto& call : std::exchange(late.calls, {}))
    loop_.get_executor().execute(std::move(call));
}

break_sink coordinator_run::new_sink(std::size_t who) {
  return [this, who, number = ++clients_[who].sinks, run = run_](
           const break_notification& n, const file_name_id&, const break_report& report) {
    // While the coordinator stops, a sink may not have been replaced.
    const bool is_current = number == clients_[who].sinks || is_stopping_;
    if (run != run_ || !clients_[who].is_registered || !is_current)
      return complain("a sink is called after its end");
    on_break(who, n, report);
  };
}

void coordinator_run::register_client(std::size_t who) {
  auto& client = clients_[who];
  const auto error = c().register_client(
    client.guid, new_sink(who), "client " + std::to_string(who), executor_of_sinks(who));
  if (error && is_stopping_)
    return;
  if (error)
    return complain("a client is not registered: " + error.message());
  client.is_registered = true;
}

void coordinator_run::connect(std::size_t who, std::size_t slot) {
  auto& client = clients_[who];
  if (is_ending_ || is_stopping_ || !client.is_registered || client.links[slot] != nullptr ||
    client.late->are_held)
    return;
  auto l = std::make_unique<link>();
  l->id = static_cast<connection_id>(++last_connection_);
  l->client = who;
  if (client.has_sessions) {
    for (const auto* other : client.links)
      if (client.shares_session && other != nullptr && other->is_up && other->is_known)
        l->session = other->session;
    if (l->session == session_id::none)
      l->session = static_cast<session_id>(++last_session_);
    if (const auto error = c().add_channel(client.guid, {l->id, l->session}, 0x0311); error)
      return complain("a channel is refused: " + error.message());
  }
  note("client " + std::to_string(who) + " connects as " + std::to_string(last_connection_) +
    ", session " + std::to_string(static_cast<std::uint64_t>(l->session)));
  client.links[slot] = l.get();
  links_.push_back(std::move(l));
}

coordinator_run::link* coordinator_run::find(connection_id id) {
  const auto found =
    std::ranges::find_if(links_, [id](const auto& l) { return l->id == id && l->is_known; });
  return found == links_.end() ? nullptr : found->get();
}

// Returns whether the client can still use the open: on its connection, or on another one of its
// session.
bool coordinator_run::reaches(const handle& h) {
  return std::ranges::any_of(links_, [&](const auto& l) {
    return l->is_up && l->is_known && l->client == h.client &&
      (h.session == session_id::none ? l->id == h.connection : l->session == h.session);
  });
}

// A client forgets opens for which it has no connection.
void coordinator_run::lose_reach() {
  for (auto& [id, h] : opens_) {
    if (h.is_gone || reaches(h))
      continue;
    h.is_gone = true;
    h.locks.clear();
    forget(h.name);
  }
}

void coordinator_run::cut(link& l) {
  note("connection " + std::to_string(static_cast<std::uint64_t>(l.id)) + " is cut");
  l.is_up = false;
  for (const auto& m : std::exchange(l.under_way, {}))
    m.is_lost();
  for (auto& slot : clients_[l.client].links)
    if (slot == &l)
      slot = nullptr;
  lose_reach();
  spawn([](coordinator_run& w, std::size_t who, connection_id id) -> task<void> {
    co_await w.sleep(w.delay());
    if (auto* const known = w.find(id))
      known->is_known = false;
    co_await w.connection_lost(who, id);
  }(*this, l.client, l.id));
}

coordinator_run::task<void> coordinator_run::connection_lost(
  std::size_t who, connection_id connection) {
  disconnect_request r;
  r.client = clients_[who].guid;
  if (connection != connection_id::none)
    r.connection = connection;
  if (!clients_[who].is_registered)
    co_return;
  const bool all = connection == connection_id::none;
  auto done = co_await ask<disconnect_result>(r, patience::none, "disconnect");
  if (done.error == errc::not_started || done.error == errc::shutting_down)
    co_return; // no open exists
  if (done.error != errc::success)
    co_return complain("a disconnect fails: " + to_string(done.error));
  kept_.insert(done.value.kept.begin(), done.value.kept.end());
  for (const auto& l : links_)
    if (l->client == who && (all || l->id == connection))
      ended_connections_.insert(l->id);
  gone([&](const handle& h) { return h.client == who && (all || !reaches(h)); }, done.value);
  expect_again(who, connection);
  for (auto& each : done.value.to_delete)
    for (inode i = 0; i < disk_.size(); ++i)
      if (disk::id_of(i) == each.file)
        spawn(
          carry_out_deletion(i, {}, std::move(each.names), std::move(each.hold), each.parent_key));
}

// The server has noticed the loss: breaks that were lost on the connection must be sent on another
// one.
void coordinator_run::expect_again(std::size_t who, connection_id connection) {
  for (auto& [name, c] : caches_)
    if (name.client == who)
      for (const auto& [id, on] : c.lost)
        if (on == connection)
          c.expected.insert(id);
}

// Ends the matching opens, except those that are kept.
void coordinator_run::gone(
  const std::function<bool(const handle&)>& which, const disconnect_result& r) {
  std::vector<open_id> ended;
  for (auto& [id, h] : opens_) {
    if (!which(h) || h.is_detached || h.reconnects != 0)
      continue;
    if (std::ranges::find(r.kept, id) != r.kept.end()) {
      h.is_detached = h.is_gone = true;
      forget(h.name);
    } else {
      ended.push_back(id);
    }
  }
  for (const auto id : ended)
    forget_open(id);
}

void coordinator_run::put(link& l, std::function<void()> arrives, std::function<void()> is_lost) {
  if (!l.is_up)
    return is_lost();
  l.under_way.push_back({std::move(arrives), std::move(is_lost)});
  l.last_arrival = std::max(l.last_arrival, loop_.now() + delay());
  loop_.after(l.last_arrival - loop_.now(), [this, &l] { arrive(l); });
}

void coordinator_run::arrive(link& l) {
  if (!l.is_up || l.under_way.empty())
    return;
  const auto next = std::move(l.under_way.front());
  l.under_way.pop_front();
  next.arrives();
}

// -- breaks

coordinator_run::cache_name coordinator_run::name_of(
  std::size_t who, const break_notification& n) const {
  return n.is_oplock ? cache_name{who, {}, n.open} : cache_name{who, n.key, open_id::none};
}

void coordinator_run::on_break(
  std::size_t who, const break_notification& n, const break_report& report) {
  const auto name = name_of(who, n);
  note("break of " + describe(name) + " from " + std::string(to_string(n.from)) + " to " +
    std::string(to_string(n.to)) + (n.ack_required ? ", to be acknowledged" : ""));
  link* way = nullptr;
  for (const auto& channel : n.channels)
    if (way == nullptr)
      way = find(channel.connection);
  const auto found = caches_.find(name);
  if (way == nullptr) {
    if (found != caches_.end())
      found->second.is_excused = true;
    return report.undeliverable();
  }
  check_break(name, n);
  check_own_change(name, n);
  if (found == caches_.end() && n.ack_required)
    early_breaks_.try_emplace(name, loop_.now());
  if (found != caches_.end()) {
    auto& c = found->second;
    c.lost.erase(n.id);
    c.expected.erase(n.id);
    // A break that is repeated after an overdue answer began earlier.
    auto begun = c.is_excused && !c.breaks.empty() ? c.breaks.begin()->second.told : loop_.now();
    if (const auto early = early_breaks_.find(name); early != early_breaks_.end()) {
      begun = early->second;
      early_breaks_.erase(early);
    }
    if (n.ack_required)
      c.breaks.emplace(n.id, awaited{begun, held(c), n.to});
    c.told = c.told & n.to;
    if (c.is_v2)
      c.epoch = n.epoch;
    if (n.ack_required)
      loop_.after(begun + config_.break_timeout - loop_.now(),
        [this, name, id = n.id, told = begun] { break_expires(name, id, told); });
  }
  if (found != caches_.end() && !intersects(n.to, lease_state::read))
    ++found->second.drops;
  put(
    *way, [this, name, n, message = ++last_message_] { obey(name, n, message); },
    [this, name, id = n.id, on = way->id, ack = n.ack_required] {
      const auto c = caches_.find(name);
      if (c == caches_.end())
        return;
      c->second.is_excused = true;
      if (ack)
        c->second.lost[id] = on;
    });
}

} // namespace leasebreak::simulation

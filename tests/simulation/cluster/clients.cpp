// What clients do, and what they believe.
#include "cluster_run.hpp"

#include <algorithm>

namespace leasebreak::simulation {

using cluster::node_effects;
using std::chrono::milliseconds;

namespace {

constexpr std::uint32_t read_and_write = 0x3;

std::string name_of_file(std::size_t file) {
  return "file " + std::to_string(file);
}

} // namespace

std::string cluster_run::name_of(std::size_t who) {
  return "client " + std::to_string(who);
}

lease_key cluster_run::key_of(std::size_t who, std::size_t file) const {
  return lease_key::of(who * 100 + file + 1, clients_[who].life);
}

std::size_t cluster_run::client_of(const client_guid& guid) const {
  return static_cast<std::size_t>(guid.words()[0] - 1);
}

std::size_t cluster_run::file_of(const std::string& file_id) const {
  return std::stoul(file_id.substr(5));
}

std::size_t cluster_run::home_of(std::size_t who, std::size_t which) const {
  const auto& homes = clients_[who].homes;
  return std::next(homes.begin(), static_cast<std::ptrdiff_t>(which % homes.size()))->first;
}

void cluster_run::submit(std::size_t at, std::size_t file, const command& what, break_id about) {
  auto& m = *machines_[at];
  if (m.is_up())
    m.put(m.run(), [file, what, about](auto& n, time_point now, node_effects& out) {
      (void)n.submit(name_of_file(file), what, now, out, about);
    });
}

// Returns whether the node is a member.
bool cluster_run::is_served(std::size_t at) const {
  auto& m = *machines_[at];
  return m.is_up() && !m.is_busy() && m.node().stage() == cluster::node_stage::member;
}

// The client may be disconnected when this returns.
template <class Command>
void cluster_run::start(operation_kind kind, std::size_t who, std::size_t at, std::size_t file,
  Command what, break_id about) {
  what.operation = machines_[at]->node().new_operation();
  operations_[what.operation] = {kind, who, file, at};
  ++started_;
  submit(at, file, what, about);
}

void cluster_run::open(std::size_t who, std::size_t at, std::size_t file, lease_state state) {
  if (!is_served(at))
    return;
  const auto& c = clients_[who];
  open_file what;
  // Unique in the cluster: the upper bits are those of the run of the node.
  what.open = static_cast<open_id>(
    static_cast<std::uint64_t>(machines_[at]->run()) << 40U | ++last_connection_);
  what.client = c.guid;
  what.connection = c.homes.at(at);
  what.share = "share";
  what.access = read_and_write;
  // A new lease starts at the epoch that the client has reached.
  const auto epoch = c.epochs.find(file);
  what.lease = lease_request{
    key_of(who, file), state, 2, epoch != c.epochs.end() ? epoch->second : std::uint16_t{0}, {}};
  what.node = machines_[at]->run();
  note(name_of(who) + " opens " + name_of_file(file) + " on " + machines_[at]->name() + " for " +
    std::string(to_string(state)));
  start(operation_kind::open, who, at, file, what);
}

// Without an open, the client releases its caching.
void cluster_run::forget_if_unused(std::size_t who, std::size_t file) {
  auto& c = clients_[who];
  if (std::none_of(
        c.opens.begin(), c.opens.end(), [&](const auto& each) { return each.file == file; }))
    c.believes.erase(file);
}

// The client releases its caching before it sends the request.
void cluster_run::close(std::size_t who, std::size_t which) {
  auto& c = clients_[who];
  if (c.opens.empty())
    return;
  const auto at = c.opens.begin() + static_cast<std::ptrdiff_t>(which % c.opens.size());
  const auto o = *at;
  if (!is_served(o.at))
    return;
  close_open what;
  what.open = o.id;
  what.node = machines_[o.at]->run();
  c.opens.erase(at);
  forget_if_unused(who, o.file);
  note(name_of(who) + " closes " + name_of_file(o.file) + " on " + machines_[o.at]->name());
  start(operation_kind::close, who, o.at, o.file, what);
}

void cluster_run::write(std::size_t who, std::size_t which) {
  const auto& c = clients_[who];
  if (c.opens.empty())
    return;
  const auto o = c.opens[which % c.opens.size()];
  if (!is_served(o.at))
    return;
  access_file what;
  what.kind = access_kind::write;
  what.open = o.id;
  what.client = c.guid;
  what.connection = c.homes.at(o.at);
  what.node = machines_[o.at]->run();
  note(name_of(who) + " writes to " + name_of_file(o.file));
  start(operation_kind::access, who, o.at, o.file, what);
}

void cluster_run::end_hold_later(std::size_t at, std::size_t file, hold_id hold) {
  loop_.after(milliseconds{random_.below(60)}, [this, at, file, hold, run = machines_[at]->run()] {
    if (machines_[at]->run() == run)
      submit(at, file, end_hold{hold});
  });
}

void cluster_run::abandon(std::size_t which) {
  std::vector<operation_id> all;
  for (const auto& [id, o] : operations_)
    if (o.kind == operation_kind::open || o.kind == operation_kind::access)
      all.push_back(id);
  if (all.empty())
    return;
  const auto id = all[which % all.size()];
  const auto o = operations_.at(id);
  auto& m = *machines_[o.at];
  if (!m.is_up() || m.is_busy())
    return;
  note(name_of(o.client) + " abandons an operation on " + name_of_file(o.file));
  operations_.erase(id);
  ended_operations_.insert(id);
  m.put(m.run(), [id](auto& n, time_point now, node_effects& out) { n.abandon(id, now, out); });
}

void cluster_run::acknowledge(
  std::size_t who, std::size_t at, std::size_t file, const break_notification& n) {
  if (!is_served(at) || n.key != key_of(who, file)) {
    is_break_ignored_ = true;
    return;
  }
  acknowledge_lease what;
  what.client = clients_[who].guid;
  what.key = n.key;
  what.state = n.to;
  note(name_of(who) + " acknowledges " + std::string(to_string(n.to)) + " of " +
    name_of_file(file) + " on " + machines_[at]->name());
  clients_[who].acknowledged.insert({file, at});
  start(operation_kind::acknowledge, who, at, file, what, n.id);
}

// -- what clients are told
// -------------------------------------------------------------------------

void cluster_run::tell(std::size_t from, const cluster::node_effect& what) {
  if (const auto* const c = std::get_if<cluster::operation_completed>(&what))
    return completed(from, *c);
  if (const auto* const b = std::get_if<cluster::break_arrived>(&what))
    return broken(from, *b);
  if (const auto* const p = std::get_if<cluster::part_changed>(&what))
    return check_part(from, *p);
  if (const auto* const l = std::get_if<cluster::opens_lost>(&what))
    return lost(from, *l);
  const auto& down = std::get<cluster::stepped_down>(what);
  ++cluster_totals().steps_down;
  note(machines_[from]->name() + " steps down: " + std::string(to_string(down.cause)));
  check_step_down(from, down.cause);
  boot_later(from);
}

// All connections to the machine end. Operations through it have no result.
void cluster_run::disconnect(std::size_t index) {
  std::erase_if(operations_, [&](const auto& o) { return o.second.at == index; });
  for (std::size_t who = 0; who < clients_.size(); ++who) {
    auto& c = clients_[who];
    const auto home = c.homes.find(index);
    if (home == c.homes.end())
      continue;
    home->second = connection_id{++last_connection_};
    std::erase_if(c.opens, [&](const auto& o) { return o.at == index; });
    for (std::size_t file = 0; file < file_count; ++file)
      forget_if_unused(who, file);
    const bool has_operations = std::any_of(operations_.begin(), operations_.end(),
      [&](const auto& o) { return o.second.client == who; });
    if (c.opens.empty() && !has_operations) {
      ++c.life;
      c.epochs.clear();
    }
  }
}

void cluster_run::completed(std::size_t from, const cluster::operation_completed& c) {
  check_term("a completion", c.slot, c.term);
  const auto id = c.what.operation;
  if (!ended_operations_.insert(id).second)
    complain("an operation completes twice, or after it was abandoned");
  const auto found = operations_.find(id);
  if (found == operations_.end())
    return;
  const auto o = found->second;
  operations_.erase(found);
  if (const auto* const g = std::get_if<open_granted>(&c.what.result)) {
    const auto* const v = machines_[from]->node().current_view();
    granted(o, *g, v != nullptr && v->slots[c.slot].node != machines_[from]->run());
  } else if (const auto* const a = std::get_if<access_granted>(&c.what.result)) {
    if (a->hold != hold_id::none)
      end_hold_later(o.at, o.file, a->hold);
  } else if (c.what.error != errc::success) {
    note(name_of(o.client) + " fails: " + leasebreak::to_string(c.what.error));
  }
}

// Returns whether what the client is told is not older than what it knows. Messages through two
// nodes may overtake each other.
bool cluster_run::takes_epoch(std::size_t who, std::size_t file, std::uint16_t epoch) {
  auto& epochs = clients_[who].epochs;
  const auto known = epochs.find(file);
  if (known != epochs.end() && static_cast<std::int16_t>(epoch - known->second) < 0)
    return false;
  epochs[file] = epoch;
  return true;
}

void cluster_run::granted(const operation& o, const open_granted& g, bool is_remote) {
  auto& c = clients_[o.client];
  c.opens.push_back({g.open, o.file, o.at});
  ++cluster_totals().grants;
  cluster_totals().remote_grants += is_remote ? 1 : 0;
  note(name_of(o.client) + " is granted " + std::string(to_string(g.state)) + " of " +
    name_of_file(o.file) + " on " + machines_[o.at]->name() + ", epoch " + std::to_string(g.epoch) +
    (g.break_in_progress ? ", breaking" : ""));
  // The client has released what the break takes away.
  if (takes_epoch(o.client, o.file, g.epoch) && !g.break_in_progress)
    c.believes[o.file] = g.state;
  check_pairs(o.client, o.file);
}

void cluster_run::broken(std::size_t from, const cluster::break_arrived& b) {
  check_term("a break", b.slot, b.term);
  const auto& n = b.what;
  const auto who = client_of(n.client);
  const auto file = file_of(b.file_id);
  auto& c = clients_[who];
  if (n.key != key_of(who, file))
    return;
  ++cluster_totals().breaks;
  note(name_of(who) + " is told to break " + name_of_file(file) + " to " +
    std::string(to_string(n.to)) + " on " + machines_[from]->name() + ", epoch " +
    std::to_string(n.epoch));
  const auto belief = c.believes.find(file);
  if (takes_epoch(who, file, n.epoch) && belief != c.believes.end())
    belief->second = belief->second & n.to;
  is_break_ignored_ = is_break_ignored_ || (n.ack_required && c.is_silent);
  if (!n.ack_required || c.is_silent)
    return;
  const auto delay =
    random_.one_in(4) ? milliseconds{random_.below(1'500)} : milliseconds{random_.below(10)};
  loop_.after(delay, [this, who, from, file, n, run = machines_[from]->run()] {
    if (machines_[from]->run() == run)
      acknowledge(who, from, file, n);
    else
      is_break_ignored_ = true;
  });
}

// The node of a client's open does not know of an acknowledgement through another node, if that one
// and the owner have failed.
bool cluster_run::has_acknowledged_elsewhere(std::size_t at, std::size_t file) const {
  return std::any_of(clients_.begin(), clients_.end(), [&](const auto& c) {
    const auto is_open = std::any_of(
      c.opens.begin(), c.opens.end(), [&](const auto& o) { return o.file == file && o.at == at; });
    return is_open && std::any_of(c.acknowledged.begin(), c.acknowledged.end(), [&](const auto& a) {
      return a.first == file && a.second != at;
    });
  });
}

void cluster_run::lost(std::size_t from, const cluster::opens_lost& l) {
  const auto file = file_of(l.file_id);
  ++cluster_totals().lost;
  // A release that was executed must not be forgotten.
  if (!is_break_ignored_ && !has_acknowledged_elsewhere(from, file))
    complain("opens are lost although all breaks were acknowledged");
  const auto who = client_of(l.client);
  note(machines_[from]->name() + " has lost the opens of " + name_of(who) + " of " + l.file_id);
  std::erase_if(clients_[who].opens, [&](const auto& o) { return o.file == file && o.at == from; });
  forget_if_unused(who, file);
}

} // namespace leasebreak::simulation

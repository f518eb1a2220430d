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

std::string cluster_run::name_of(std::size_t who) const {
  return "client " + std::to_string(who) + " on " + machines_[clients_[who].at]->name();
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

void cluster_run::submit(std::size_t who, std::size_t file, const command& what) {
  auto& m = *machines_[clients_[who].at];
  if (m.is_up())
    m.put(m.run(), [file, what](auto& n, time_point now, node_effects& out) {
      (void)n.submit(name_of_file(file), what, now, out);
    });
}

// Returns whether the client's node is a member.
bool cluster_run::is_served(std::size_t who) const {
  auto& m = *machines_[clients_[who].at];
  return m.is_up() && !m.is_paused() && m.node().stage() == cluster::node_stage::member;
}

// The client may be disconnected when this returns.
template <class Command>
void cluster_run::start(operation_kind kind, std::size_t who, std::size_t file, Command what) {
  auto& m = *machines_[clients_[who].at];
  what.operation = m.node().new_operation();
  operations_[what.operation] = {kind, who, file, m.run(), loop_.now()};
  ++started_;
  submit(who, file, what);
}

void cluster_run::open(std::size_t who, std::size_t file, lease_state state) {
  if (!is_served(who))
    return;
  const auto& c = clients_[who];
  open_file what;
  // Unique in the cluster: the upper bits are those of the run of the node.
  what.open = static_cast<open_id>(
    static_cast<std::uint64_t>(machines_[c.at]->run()) << 40U | ++last_connection_);
  what.client = c.guid;
  what.connection = c.connection;
  what.share = "share";
  what.access = read_and_write;
  what.lease = lease_request{key_of(who, file), state, 2, 0, std::nullopt};
  what.node = machines_[c.at]->run();
  note(name_of(who) + " opens " + name_of_file(file) + " for " + std::string(to_string(state)));
  start(operation_kind::open, who, file, what);
}

// The client releases its caching before it sends the request.
void cluster_run::close(std::size_t who, std::size_t which) {
  auto& c = clients_[who];
  if (c.opens.empty())
    return;
  const auto at = c.opens.begin() + static_cast<std::ptrdiff_t>(which % c.opens.size());
  const auto o = *at;
  close_open what;
  what.open = o.id;
  what.node = machines_[c.at]->run();
  if (!is_served(who))
    return;
  c.opens.erase(at);
  if (std::none_of(
        c.opens.begin(), c.opens.end(), [&](const auto& each) { return each.file == o.file; }))
    c.believes.erase(o.file);
  note(name_of(who) + " closes " + name_of_file(o.file));
  start(operation_kind::close, who, o.file, what);
}

void cluster_run::write(std::size_t who, std::size_t which) {
  const auto& c = clients_[who];
  if (c.opens.empty() || !is_served(who))
    return;
  const auto o = c.opens[which % c.opens.size()];
  access_file what;
  what.kind = access_kind::write;
  what.open = o.id;
  what.client = c.guid;
  what.connection = c.connection;
  what.node = machines_[c.at]->run();
  note(name_of(who) + " writes to " + name_of_file(o.file));
  start(operation_kind::access, who, o.file, what);
}

void cluster_run::end_hold_later(std::size_t who, std::size_t file, hold_id hold) {
  loop_.after(milliseconds{random_.below(60)}, [this, who, file, hold, life = clients_[who].life] {
    if (clients_[who].life == life)
      submit(who, file, end_hold{hold});
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
  auto& m = *machines_[clients_[o.client].at];
  if (!m.is_up() || m.is_paused())
    return;
  note(name_of(o.client) + " abandons an operation on " + name_of_file(o.file));
  operations_.erase(id);
  ended_operations_.insert(id);
  m.put(o.run, [id](auto& n, time_point now, node_effects& out) { n.abandon(id, now, out); });
}

void cluster_run::acknowledge(
  std::size_t who, std::size_t file, lease_key key, lease_state state, std::uint64_t life) {
  if (clients_[who].life != life || !is_served(who))
    return;
  acknowledge_lease what;
  what.client = clients_[who].guid;
  what.key = key;
  what.state = state;
  note(
    name_of(who) + " acknowledges " + std::string(to_string(state)) + " of " + name_of_file(file));
  start(operation_kind::acknowledge, who, file, what);
}

// -- what clients are told
// -------------------------------------------------------------------------

void cluster_run::tell(std::size_t from, const cluster::node_effect& what) {
  if (const auto* const c = std::get_if<cluster::operation_completed>(&what))
    return completed(from, *c);
  if (const auto* const b = std::get_if<cluster::break_arrived>(&what))
    return broken(from, *b);
  if (const auto* const l = std::get_if<cluster::opens_lost>(&what))
    return lost(from, *l);
  const auto& down = std::get<cluster::stepped_down>(what);
  ++cluster_totals().steps_down;
  note(machines_[from]->name() + " steps down: " + std::string(to_string(down.cause)));
  boot_later(from);
}

// All connections of the machine's clients end. Their operations have no result.
void cluster_run::disconnect(std::size_t index) {
  for (auto& c : clients_)
    if (c.at == index) {
      ++c.life;
      c.opens.clear();
      c.believes.clear();
      c.connection = connection_id{++last_connection_};
    }
  std::erase_if(operations_, [&](const auto& o) { return clients_[o.second.client].at == index; });
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
      end_hold_later(o.client, o.file, a->hold);
  } else if (c.what.error != errc::success) {
    note(name_of(o.client) + " fails: " + leasebreak::to_string(c.what.error));
  }
}

void cluster_run::granted(const operation& o, const open_granted& g, bool is_remote) {
  auto& c = clients_[o.client];
  c.opens.push_back({g.open, o.file});
  ++cluster_totals().grants;
  cluster_totals().remote_grants += is_remote ? 1 : 0;
  note(name_of(o.client) + " is granted " + std::string(to_string(g.state)) + " of " +
    name_of_file(o.file) + (g.break_in_progress ? ", breaking" : ""));
  // The client has released what the break takes away.
  if (!g.break_in_progress)
    c.believes[o.file] = g.state;
  check_pairs(o.client, o.file);
}

void cluster_run::broken(std::size_t from, const cluster::break_arrived& b) {
  check_term("a break", b.slot, b.term);
  const auto who = client_of(b.what.client);
  const auto file = file_of(b.file_id);
  auto& c = clients_[who];
  ++cluster_totals().breaks;
  note(name_of(who) + " is told to break " + name_of_file(file) + " to " +
    std::string(to_string(b.what.to)));
  if (c.at != from || b.what.key != key_of(who, file))
    return;
  if (const auto belief = c.believes.find(file); belief != c.believes.end())
    belief->second = belief->second & b.what.to;
  if (!b.what.ack_required || c.is_silent)
    return;
  const auto delay =
    random_.one_in(4) ? milliseconds{random_.below(1'500)} : milliseconds{random_.below(10)};
  loop_.after(delay, [this, who, file, key = b.what.key, to = b.what.to, life = c.life] {
    acknowledge(who, file, key, to, life);
  });
}

void cluster_run::lost(std::size_t from, const cluster::opens_lost& l) {
  const auto file = file_of(l.file_id);
  ++cluster_totals().lost;
  note(machines_[from]->name() + " has lost its opens of " + l.file_id);
  for (auto& c : clients_)
    if (c.at == from) {
      std::erase_if(c.opens, [&](const auto& o) { return o.file == file; });
      c.believes.erase(file);
    }
}

} // namespace leasebreak::simulation

// What must always hold, and what must hold when the faults have ended.
#include "cluster_run.hpp"

#include <algorithm>

namespace leasebreak::simulation {

using std::chrono::seconds;

// A later owner has opened the slot with the reports of all members.
void cluster_run::check_term(
  const std::string& what, cluster::slot_number slot, std::uint64_t term) {
  const auto served = served_.find(slot);
  if (served != served_.end() && term < served->second)
    complain(what + " of a former owner is accepted");
}

// A holder that may cache writes must be the only one.
void cluster_run::check_pairs(std::size_t who, std::size_t file) {
  const auto mine = clients_[who].believes.find(file);
  if (mine == clients_[who].believes.end())
    return;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const auto other = clients_[i].believes.find(file);
    if (i == who || other == clients_[i].believes.end())
      continue;
    const auto excludes = [](lease_state a, lease_state b) {
      return intersects(a, lease_state::write) && intersects(b, lease_state::rw);
    };
    if (excludes(mine->second, other->second) || excludes(other->second, mine->second))
      complain(name_of(who) + " may cache " + std::string(to_string(mine->second)) + ", and " +
        name_of(i) + " " + std::string(to_string(other->second)));
  }
}

void cluster_run::check_executed_once(node_id origin, std::uint64_t number, std::uint64_t term) {
  if (!executed_.insert({origin, number, term}).second)
    complain("a request is executed twice by one owner");
}

void cluster_run::executing(const cluster::files_request& what) {
  if (const auto* const opening = std::get_if<cluster::open_slot>(&what)) {
    for (const auto& report : opening->reports)
      cluster_totals().moved_opens += report.files.size();
    note("slot " + std::to_string(opening->slot) + " is opened in term " +
      std::to_string(opening->term) + " with " + std::to_string(opening->reports.size()) +
      " reports");
  }
}

void cluster_run::executed(const cluster::files_result& what) {
  if (const auto* const turn = std::get_if<cluster::file_turn>(&what)) {
    if (turn->number != 0)
      check_executed_once(turn->origin, turn->number, turn->term);
  } else if (const auto* const opened = std::get_if<cluster::slot_opened>(&what)) {
    auto& served = served_[opened->slot];
    served = std::max(served, opened->term);
  }
}

// Each open of a client is in the part of its node.
void cluster_run::check_part(std::size_t from, const cluster::part_changed& p) {
  for (const auto& [client, part] : p.parts) {
    if (!part || client.is_zero())
      continue; // the node may be about to be told that its opens are lost
    file_state file(policy_, p.file_id);
    const auto done =
      file.replace_client(machines_[from]->run(), client, &*part, machines_[from]->clock());
    if (!done.problem.empty())
      return complain("a part of a file is refused: " + done.problem);
    for (const auto& o : clients_[client_of(client)].opens)
      if (o.at == from && o.file == file_of(p.file_id) && !file.has_open(o.id))
        complain("an open of a client is not in the part of its node");
  }
}

// A node that hears all others, and is heard, goes on when one of them dies.
void cluster_run::check_step_down(std::size_t at, cluster::step_down_cause cause) {
  const auto remembered =
    2 * settings_.peer_timeout + settings_.lease.length + std::chrono::seconds{2};
  if (cause == cluster::step_down_cause::suspected && !network_.was_bad_around(at, remembered))
    complain(machines_[at]->name() + " had to step down, although its links are good");
}

// -- when the faults have ended
// --------------------------------------------------------------------

void cluster_run::check_everything_works() {
  for (const auto& m : machines_) {
    if (!m->is_up() || m->node().stage() != cluster::node_stage::member)
      return complain(m->name() + " is not a member although the faults have ended");
    const auto& v = *m->node().current_view();
    if (v.members.size() != machines_.size() || !v.unfenced.empty() || v != engine_.read().current)
      return complain(m->name() + " is in an old view although the faults have ended");
  }
  for (const auto& [id, o] : operations_)
    return complain("an operation of " + name_of(o.client) + " does not end");
  while (problems_.empty() &&
    std::any_of(clients_.begin(), clients_.end(), [](const auto& c) { return !c.opens.empty(); })) {
    for (std::size_t i = 0; i < clients_.size(); ++i)
      close(i, 0);
    wait(seconds{1});
  }
  for (std::size_t file = 0; file < file_count; ++file)
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      open(i, home_of(i, 0), file, lease_state::rwh);
      wait(seconds{1});
      if (clients_[i].opens.empty() || clients_[i].believes[file] != lease_state::rwh)
        return complain(
          name_of(i) + " is not granted RWH of a file without other opens: " + state_of(file));
      close(i, 0);
      wait(seconds{1});
    }
  check_nothing_is_left();
}

// Describes the owner of the file, and the content of the file there.
std::string cluster_run::state_of(std::size_t file) const {
  const auto file_id = "file " + std::to_string(file);
  std::string text;
  for (const auto& m : machines_) {
    const auto* const v = m->node().current_view();
    const auto slot = cluster::slot_of(file_id, v->slots.size());
    const auto& owner = v->slots[slot];
    text += m->name() + ": view " + std::to_string(v->number) + ", slot " + std::to_string(slot) +
      " of run " + std::to_string(static_cast<std::uint32_t>(owner.node)) + " in term " +
      std::to_string(owner.term) + (m->node().serves(slot) ? ", served here" : "") + ", " +
      std::to_string(m->node().pending()) + " pending";
    if (const auto* const f = m->files().find(slot, file_id))
      for (const auto& entry : f->list({}))
        text += "; " + std::string(to_string(entry.kind)) + " of client " +
          std::to_string(client_of(entry.client)) + " " + entry.reason;
    text += ". ";
  }
  return text;
}

// A machine dies, and nothing else fails. When its lease has expired, the others serve all slots
// soon, although it does not come back.
void cluster_run::check_takeover() {
  const auto dead = random_.below(machines_.size());
  note(machines_[dead]->name() + " dies for good");
  machines_[dead]->crash();
  wait(settings_.lease.length + seconds{1});
  const auto is_alive = [](const auto& m) { return m->is_up(); };
  const auto& some = *std::find_if(machines_.begin(), machines_.end(), is_alive);
  const auto slots = some->node().current_view()->slots.size();
  for (std::size_t slot = 0; slot != slots; ++slot) {
    const auto serves = [slot](const auto& m) {
      return m->is_up() && m->node().serves(static_cast<cluster::slot_number>(slot));
    };
    if (std::none_of(machines_.begin(), machines_.end(), serves))
      return complain("slot " + std::to_string(slot) + " is not served although only " +
        machines_[dead]->name() + " has died");
  }
}

void cluster_run::check_nothing_is_left() {
  for (const auto& m : machines_) {
    m->files().for_each([&](const file_state& file) {
      complain(m->name() + " still has an open of " + file.file_id());
    });
    if (m->node().pending() != 0)
      complain(m->name() + " has a request without an answer");
    if (m->node().mirrored() != 0)
      complain(m->name() + " knows of opens that do not exist");
  }
}

} // namespace leasebreak::simulation

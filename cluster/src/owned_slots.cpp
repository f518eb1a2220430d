// Collects reports, opens slots, and queues requests meanwhile.
#include "owned_slots.hpp"

#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace {

// Members that joined in this term or later have accepted nothing from an earlier owner.
std::set<node_id> members_before(const view& v, std::uint64_t term) {
  std::set<node_id> nodes;
  if (LEASEBREAK_MUTANT(no_flush))
    return nodes;
  for (const auto& m : v.members)
    if (m.joined < term)
      nodes.insert(m.node);
  return nodes;
}

} // namespace

std::vector<slot_number> owned_slots::install(const view& v, node_effects& out) {
  members_.clear();
  for (const auto& m : v.members)
    members_.insert(m.node);
  std::vector<slot_number> released;
  for (std::size_t i = 0; i < v.slots.size(); ++i) {
    const auto slot = static_cast<slot_number>(i);
    const auto& owner = v.slots[i];
    const auto found = slots_.find(slot);
    if (found != slots_.end() && owner.node == self_ && owner.term == found->second.term) {
      std::erase_if(found->second.missing, [&](node_id n) { return v.find(n) == nullptr; });
      continue;
    }
    if (found != slots_.end()) {
      if (found->second.at != phase::collecting) {
        released.push_back(slot);
        out.emplace_back(std::in_place_type<files_request>, release_slot{slot, found->second.term});
      }
      forget_queue(found->second);
      slots_.erase(found);
    }
    if (owner.node == self_)
      slots_[slot] = {owner.term, phase::collecting, members_before(v, owner.term), {}, {}, {}, {}};
  }
  return released;
}

void owned_slots::fences_changed(
  const view& v, const std::set<node_id>& fenced, node_effects& out) {
  are_all_fenced_ = LEASEBREAK_MUTANT(no_fence) ||
    std::all_of(
      v.unfenced.begin(), v.unfenced.end(), [&](node_id n) { return fenced.contains(n); });
  for (auto& [slot, o] : slots_)
    open_if_ready(slot, o, out);
}

void owned_slots::open_if_ready(slot_number slot, owned& o, node_effects& out) {
  if (o.at != phase::collecting || !o.missing.empty() || !are_all_fenced_)
    return;
  o.at = phase::opening;
  out.emplace_back(std::in_place_type<files_request>, open_slot{slot, o.term, o.reports});
}

void owned_slots::take(slot_report report, node_effects& out) {
  const auto found = slots_.find(report.slot);
  if (found == slots_.end() || found->second.term != report.term)
    return;
  auto& o = found->second;
  if (o.at != phase::collecting || !o.reported.insert(report.from).second)
    return;
  o.missing.erase(report.from);
  o.reports.push_back(std::move(report));
  open_if_ready(found->first, o, out);
}

void owned_slots::take(node_id from, request r, node_effects& out) {
  const auto found = slots_.find(r.slot);
  if (found == slots_.end())
    return;
  auto& o = found->second;
  if (LEASEBREAK_MUTANT(terms_not_checked))
    r.term = o.term;
  if (r.term != o.term)
    return;
  if (o.at == phase::open) {
    out.emplace_back(std::in_place_type<files_request>, execute_request{std::move(r), from});
    return;
  }
  // A node with more requests in the queues than it may have without an answer does not follow the
  // protocol.
  auto& queued = queued_[from];
  if (queued >= requests_max_)
    return;
  ++queued;
  o.queue.emplace_back(from, std::move(r));
}

void owned_slots::forget_queue(const owned& o) {
  for (const auto& [from, r] : o.queue)
    if (const auto found = queued_.find(from); --found->second == 0)
      queued_.erase(found);
}

// The node may have failed since it sent the request; its opens have ended already.
void owned_slots::execute(const request& r, node_id from, node_effects& out) const {
  if (members_.contains(from) || LEASEBREAK_MUTANT(failed_nodes_go_on))
    out.emplace_back(std::in_place_type<files_request>, execute_request{r, from});
}

// Requests of the reports come before those that arrived later.
std::set<node_id> owned_slots::take(const slot_opened& opened, node_effects& out) {
  std::set<node_id> nodes;
  const auto found = slots_.find(opened.slot);
  if (found == slots_.end() || found->second.term != opened.term)
    return nodes;
  auto& o = found->second;
  o.at = phase::open;
  for (const auto& report : o.reports)
    for (const auto& f : report.files)
      nodes.insert(f.node);
  for (const auto& report : o.reports)
    for (const auto& r : report.pending)
      if (!o.done.contains({report.from, r.number}))
        execute(r, report.from, out);
  for (const auto& [from, r] : o.queue)
    execute(r, from, out);
  forget_queue(o);
  o.reports.clear();
  o.queue.clear();
  o.done.clear();
  return nodes;
}

bool owned_slots::take(const file_turn& turn) {
  const auto found = slots_.find(turn.slot);
  if (found == slots_.end() || found->second.term != turn.term)
    return false;
  if (found->second.at == phase::opening && turn.number != 0)
    found->second.done.emplace(turn.origin, turn.number);
  return true;
}

bool owned_slots::serves(slot_number slot) const {
  const auto found = slots_.find(slot);
  return found != slots_.end() && found->second.at == phase::open;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

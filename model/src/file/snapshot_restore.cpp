// Restores a file from bytes. Computes counts and deadlines from the rest instead of reading them,
// so that they cannot be wrong.
#include "file/snapshot_restore.hpp"

#include <leasebreak/model/file_state.hpp>

#include "file/snapshot_visit.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

std::string file_state::impl::restoration::complete() {
  count_uses();
  if (!find_first_opens())
    return "a lease whose first open is not one of its opens";
  if (!count_channels())
    return "a lease whose channels are not those of its opens";
  count_all();
  const bool was_contended = s.rare != nullptr;
  set_deadlines();
  const bool needs_it = s.rare != nullptr &&
    !(s.rare->waiting.empty() && s.rare->holds.empty() && s.rare->recovered_locks.empty() &&
      s.rare->deadlines.empty());
  if (merged == nullptr && was_contended != needs_it)
    return "nothing is pending in a contended file, or something in another one";
  if (merged != nullptr)
    follow_missing();
  return s.check_restored();
}

void file_state::impl::restoration::count_uses() {
  for (const auto& open : s.opens) {
    auto* const lease = open->lease;
    if (lease == nullptr)
      continue;
    ++lease->opens;
    lease->detached += open->is_detached() ? 1U : 0U;
    lease->persistent += open->is_persistent() ? 1U : 0U;
    lease->resilient += open->is_resilient() ? 1U : 0U;
    lease->unanswered += open->unanswered != 0 ? 1U : 0U;
    lease->unknown += open->unknown ? 1U : 0U;
  }
}

// The first open of a merged lease may have gone with its node.
bool file_state::impl::restoration::find_first_opens() {
  const auto is_right = [this](const lease_entry& l) {
    if (l.opens == 0)
      return l.first_open == open_id::none;
    const auto* const open = s.find_open(l.first_open);
    return open != nullptr && open->lease == &l;
  };
  if (merged == nullptr)
    return std::all_of(
      s.leases.begin(), s.leases.end(), [&](const auto& l) { return is_right(*l); });
  for (const auto& l : s.leases)
    if (!is_right(*l))
      l->first_open = open_id::none;
  for (const auto& open : s.opens)
    if (open->lease != nullptr && open->lease->first_open == open_id::none)
      open->lease->first_open = open->id;
  return true;
}

namespace {

using detail::channel_list;

/// Moves the channel to the end of `to`. Returns false if it is not in `from`, which is ordered.
bool take_channel(const channel_id& channel, std::vector<channel_list::entry>& from,
  std::vector<channel_list::entry>& to) {
  const auto at = std::lower_bound(from.begin(), from.end(), channel,
    [](const auto& entry, const channel_id& c) { return entry.channel < c; });
  if (at == from.end() || at->channel != channel || at->opens == 0)
    return false;
  to.push_back({channel, std::exchange(at->opens, 0U)});
  return true;
}

} // namespace

bool file_state::impl::restoration::count_channels() {
  std::vector<std::pair<const lease_entry*, channel_id>> used;
  for (const auto& open : s.opens)
    if (open->lease != nullptr && !open->is_detached())
      used.emplace_back(open->lease, open->channel);
  std::sort(used.begin(), used.end());
  std::vector<channel_list::entry> here;
  std::vector<channel_list::entry> ordered;
  for (std::size_t i = 0; i < s.leases.size(); ++i) {
    here.clear();
    ordered.clear();
    const std::pair<const lease_entry*, channel_id> least{s.leases[i].get(), {}};
    for (auto at = std::lower_bound(used.begin(), used.end(), least);
         at != used.end() && at->first == least.first; ++at)
      if (here.empty() || here.back().channel != at->second)
        here.push_back({at->second, 1});
      else
        ++here.back().opens;
    for (const auto& channel : orders[i])
      if (!take_channel(channel, here, ordered) && merged == nullptr)
        return false;
    for (const auto& rest : here)
      if (rest.opens != 0 && merged == nullptr)
        return false;
      else if (rest.opens != 0)
        ordered.push_back(rest);
    s.leases[i]->channels = channel_list::of(ordered);
  }
  return true;
}

void file_state::impl::restoration::count_all() {
  for (const auto& open : s.opens)
    s.count_open(*open, 1);
  for (const auto& lease : s.leases) {
    if (s.policy->keep_records)
      lease->stored = lease->info.state != lease_state::none;
    s.count_lease(*lease, 1);
  }
}

void file_state::impl::restoration::set_deadlines() {
  using detail::deadline_entry;
  for (const auto& l : s.leases) {
    if (l->info.breaking)
      s.push_deadline(deadline_entry::for_break(l->break_due, l->name()));
    if (l->held != nullptr && l->held->overdue != time_point{})
      s.push_deadline(deadline_entry::for_answer(l->held->overdue, l->name()));
  }
  for (const auto& open : s.opens) {
    if (open->held != nullptr && open->held->overdue != time_point{})
      s.push_deadline(deadline_entry::for_answer(open->held->overdue, open->id));
    if (open->is_detached())
      s.push_deadline(deadline_entry::for_open(open->durable->expires, open->id));
  }
  if (!s.rare)
    return;
  for (const auto& w : s.rare->waiting)
    if (w.deadline)
      s.push_deadline(deadline_entry::for_waiting(*w.deadline, w.id));
}

// Opens with outstanding responses may be missing, and connected opens of leases with others that
// are disconnected.
void file_state::impl::restoration::follow_missing() {
  for (const auto& l : s.leases)
    if (l->held != nullptr && l->unanswered == 0 && !l->is_behind_change())
      s.tell_held(*l, now, *merged);
  s.detached_may_end = true;
  s.follow_unattended(now, *merged);
  s.end_step(now, *merged);
}

std::variant<file_state, snapshot_error> file_state::import_state(
  const file_policy& policy, const file_snapshot& from, time_point now) {
  auto state = std::make_unique<impl>(policy, std::string());
  detail::snapshot_reader a(from.bytes, now, state->held_back);
  detail::read_head(a, detail::snapshot_kind::state);
  impl::visit(a, *state);
  if (!a.failed() && !a.at_end())
    a.fail("bytes after the end");
  if (a.failed())
    return snapshot_error{0, a.position(), a.problem()};
  impl::restoration restored{*state, a.take_channels()};
  if (auto problem = restored.complete(); !problem.empty())
    return snapshot_error{0, a.position(), std::move(problem)};
  return file_state(std::move(state));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

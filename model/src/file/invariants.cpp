// Checks the invariants that must hold after every command. For tests.
#include "file/impl.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

std::string describe_lease(const detail::lease_entry& l) {
  return (l.info.is_oplock ? "oplock " : "lease ") + to_string(l.info.key) + " of " +
    to_string(l.client) + ": ";
}

} // namespace

std::string detail::check_lease(const lease_entry& l) {
  const auto& i = l.info;
  if (!is_valid(i.state, i.is_directory))
    return describe_lease(l) + "its state is invalid";
  if (l.opens == 0 && !l.recovered)
    return describe_lease(l) + "no open uses it";
  if (i.is_oplock && i.state == lease_state::none)
    return describe_lease(l) + "an oplock that caches nothing still exists";
  if (i.is_oplock && i.state == lease_state::rh)
    return describe_lease(l) + "no oplock has this state";
  if (!i.breaking)
    return i.break_started == time_point{} ? ""
                                           : describe_lease(l) + "a start time without a break";
  if (!is_subset(i.break_to, i.state) || !is_subset(i.required, i.break_to))
    return describe_lease(l) + "the break's targets are not within each other";
  if (i.state == i.required)
    return describe_lease(l) + "the break has reached its target but continues";
  return "";
}

// Returns whether the channels of the lease are those of its opens, each once.
bool file_state::impl::knows_channels(const lease_entry& l) const {
  std::set<channel_id> used;
  for (const auto& open : opens)
    if (open->lease == &l && !open->is_detached())
      used.insert(open->channel);
  const auto known = l.channels.all();
  return std::set<channel_id>(known.begin(), known.end()) == used && known.size() == used.size() &&
    l.channels.opens() == l.opens - l.detached;
}

std::string file_state::impl::check_invariants() const {
  std::map<const lease_entry*, std::uint32_t> uses;
  std::map<const lease_entry*, std::uint32_t> detached_uses;
  std::map<const lease_entry*, std::uint32_t> persistent_uses;
  std::map<const lease_entry*, std::uint32_t> resilient_uses;
  std::map<const lease_entry*, std::uint32_t> unanswered;
  std::map<const lease_entry*, std::uint32_t> unknown;
  impl recount(*policy, file_id);
  for (const auto& open : opens) {
    recount.count_open(*open, 1);
    if (open->lease != nullptr)
      ++uses[open->lease];
    if (open->lease != nullptr && open->unanswered != 0)
      ++unanswered[open->lease];
    if (open->lease != nullptr && open->unknown)
      ++unknown[open->lease];
    if (open->held != nullptr && !open->unanswered)
      return "a notification is held back without an outstanding response";
    if (open->lease != nullptr && open->is_persistent())
      ++persistent_uses[open->lease];
    if (open->lease != nullptr && open->is_resilient())
      ++resilient_uses[open->lease];
    if (open->lease != nullptr && open->is_detached())
      ++detached_uses[open->lease];
    if (open->stream && (!open->of_stream || open->stream->file.empty()))
      return "an open stands for a stream and is none";
    if (open->is_detached() && !may_remain(*open))
      return "a disconnected open stays without a reason";
  }
  const auto behind = std::count_if(
    leases.begin(), leases.end(), [](const auto& l) { return l->is_behind_change(); });
  if (held_back.behind_changes != behind)
    return "the count of notifications held back for changes is wrong";
  if (behind != 0 && rare && !rare->waiting.empty())
    return "an operation is pending while a break is held back for the response to a change";
  for (const auto& l : leases) {
    recount.count_lease(*l, 1);
    if (auto problem = detail::check_lease(*l); !problem.empty())
      return problem;
    if (l->opens != uses[l.get()] || l->detached != detached_uses[l.get()] ||
      l->persistent != persistent_uses[l.get()] || l->resilient != resilient_uses[l.get()])
      return describe_lease(*l) + "its counts of opens are wrong";
    if (l->info.breaking && is_let_go(*l))
      return describe_lease(*l) + "a break is in progress that cannot be acknowledged";
    if (l->unanswered != unanswered[l.get()])
      return describe_lease(*l) + "its count of outstanding responses is wrong";
    if (l->unknown != unknown[l.get()])
      return describe_lease(*l) + "its count of opens without a response is wrong";
    if (l->held != nullptr && l->unanswered == 0 && !l->is_behind_change())
      return describe_lease(*l) + "a notification is held back without an outstanding response";
    if (is_untold(*l) && !l->info.breaking)
      return describe_lease(*l) + "a break that has ended is to be sent";
    if (l->opens != 0 &&
      (find_open(l->first_open) == nullptr || find_open(l->first_open)->lease != l.get()))
      return describe_lease(*l) + "its first open is not one of its opens";
    if (!knows_channels(*l))
      return describe_lease(*l) + "its channels are not those of its opens";
    if (is_directory != l->info.is_directory && !l->info.is_oplock)
      return describe_lease(*l) + "it does not fit the kind of file";
    if (policy->keep_records && l->stored != (l->info.state != lease_state::none))
      return describe_lease(*l) + "its record is missing, or should not be there";
  }
  if (auto problem = check_caching(); !problem.empty())
    return problem;
  if (recount.count != count)
    return "the counts are wrong";
  if (!std::is_sorted(
        opens.begin(), opens.end(), [](const auto& a, const auto& b) { return a->id < b->id; }))
    return "the opens are out of order";
  if (!rare)
    return count.breaking == 0 ? "" : "a break without a deadline";
  if (rare->deadlines.size() > deadlines_max())
    return "outdated deadlines are left";
  if (!rare->deadlines.is_ordered())
    return "the deadlines are not a heap";
  for (const auto& l : leases) {
    if (!l->info.breaking)
      continue;
    const auto& due = rare->deadlines;
    if (std::none_of(due.begin(), due.end(), [&](const auto& d) {
          return d.of == detail::deadline_entry::kind::lease_break && d.lease == l->name() &&
            d.at == l->break_due;
        }))
      return describe_lease(*l) + "its break has no deadline";
  }
  return check_waiting();
}

// Checks that a lease with Write is the only one that caches anything.
std::string file_state::impl::check_caching() const {
  const lease_entry* writer = nullptr;
  std::uint32_t caching = 0;
  for (const auto& l : leases) {
    caching += l->info.state != lease_state::none ? 1U : 0U;
    if (!intersects(l->info.state, lease_state::write))
      continue;
    if (writer != nullptr)
      return describe_lease(*l) + "two leases hold Write";
    writer = l.get();
  }
  if (writer != nullptr && caching > 1)
    return describe_lease(*writer) + "it holds Write while others cache";
  if (writer != nullptr && !writer->recovered)
    for (const auto& open : opens)
      if (open->lease != writer && !is_stat_access_for_leases(open->access))
        return describe_lease(*writer) + "it holds Write while the file has other opens";
  return "";
}

std::string file_state::impl::check_waiting() const {
  if (!rare)
    return "";
  for (const auto& w : rare->waiting) {
    if (!w.deadline && !std::holds_alternative<lock_ranges>(w.what))
      return "an operation waits without a deadline";
    if (w.open != open_id::none && find_open(w.open) == nullptr)
      return "an operation waits through an open that has ended";
    if (auto problem = check_held_up(w); !problem.empty())
      return problem;
    const auto* open = std::get_if<open_file>(&w.what);
    const auto* access = std::get_if<access_file>(&w.what);
    const bool waits_for_deletion = open != nullptr && is_being_deleted(*open);
    const bool waits_for_tree =
      access != nullptr && access->kind == access_kind::enter_tree && is_tree_renamed();
    if (count.breaking == 0 && !waits_for_deletion && !waits_for_tree && !waits_for_streams(w) &&
      !std::holds_alternative<lock_ranges>(w.what))
      return "an operation waits while nothing is breaking or being deleted";
  }
  return "";
}

// Checks that an operation that is skipped as blocked would indeed have to wait or fail.
std::string file_state::impl::check_held_up(const waiting_operation& w) const {
  if (!is_held_up(w))
    return "";
  break_plan plan;
  if (const auto* open = std::get_if<open_file>(&w.what)) {
    if (is_being_deleted(*open) || is_held_by_streams(*open, w))
      return "";
    plan = plan_open(*open, violates_any(*open), attempt::again);
  } else if (const auto* lock = std::get_if<lock_ranges>(&w.what)) {
    if (is_range_taken(*lock))
      return "";
    plan = plan_lock(*lock);
  } else if (const auto* access = std::get_if<access_file>(&w.what)) {
    plan = plan_access(*access);
    if (access->kind == access_kind::rename_into)
      plan.wait = after_breaks(*access, opens_giving_way(plan)) != errc::success;
  } else {
    const auto* const own = w.spared ? find_lease(*w.spared) : nullptr;
    plan = plan_without(lease_state::handle, own, break_cause::remove);
  }
  return plan.wait || plan.meets_recovered ? "" : "an operation waits for nothing";
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

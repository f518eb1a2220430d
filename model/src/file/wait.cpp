// Pending operations and deadlines. Waiting is data; nothing sleeps.
#include "file/impl.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <tuple>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

bool file_state::impl::waiting_is_full() const noexcept {
  return !may_wait || (rare ? rare->waiting.size() : 0) >= limit(&limits::waiting_per_file);
}

std::string_view file_state::impl::share_of(const command& c) const noexcept {
  if (const auto* const open = std::get_if<open_file>(&c))
    return open->share;
  const auto* const access = std::get_if<access_file>(&c);
  return access != nullptr ? share_of(access->open) : std::string_view();
}

detail::waiting_operation& file_state::impl::wait(command what, operation_id id,
  const client_guid& client, open_id open, bool bounded, time_point now,
  const std::optional<lease_name>& spared) {
  waiting_operation w;
  w.id = id;
  w.channel.node = node_of(what);
  w.what = std::move(what);
  w.client = client;
  w.open = open;
  w.since = now;
  w.spared = spared;
  if (bounded) {
    w.deadline = after(now, setting(&file_policy::wait_max, share_of(w.what)));
    push_deadline(detail::deadline_entry::for_waiting(*w.deadline, id));
  }
  w.held_up_by = choose_obstacle(w);
  return contended().waiting.add(std::move(w));
}

detail::awaited_breaks file_state::impl::awaited_by(const waiting_operation& w) const {
  if (const auto* open = std::get_if<open_file>(&w.what))
    return awaited_by(*open);
  if (const auto* lock = std::get_if<lock_ranges>(&w.what))
    return awaited_by(*lock);
  if (const auto* access = std::get_if<access_file>(&w.what))
    return awaited_by(*access);
  if (std::holds_alternative<close_open>(w.what)) {
    const auto* const own = w.spared ? find_lease(*w.spared) : nullptr;
    return {own, lease_state::handle, lease_state::handle, false};
  }
  return {}; // Forced breaks: these are rare.
}

// Returns whether an operation is known to be still blocked. Avoids a new plan, which would scan
// all leases.
bool file_state::impl::is_held_up(const waiting_operation& w) const {
  if (const auto* open = std::get_if<open_file>(&w.what)) {
    if (is_pending_deletion() || check_open(*open) != errc::success)
      return false;
    if (is_being_deleted(*open) || is_held_by_streams(*open, w))
      return true;
  }
  if (const auto* lock = std::get_if<lock_ranges>(&w.what);
      lock != nullptr && !lock->fail_immediately && is_range_taken(*lock))
    return true;
  if (!w.held_up_by)
    return false;
  const auto* const lease = find_lease(w.held_up_by->lease);
  return lease != nullptr && lease->current_break == w.held_up_by->id &&
    awaited_by(w).include(*lease);
}

// Chooses one of the breaks that block an operation. The operations are spread evenly over the
// breaks, so that the end of any break causes few operations to be planned again.
std::optional<detail::obstacle> file_state::impl::choose_obstacle(const waiting_operation& w) {
  const auto awaited = awaited_by(w);
  const auto is_one = [&awaited](const auto& l) { return awaited.include(*l); };
  const auto found =
    static_cast<std::uint64_t>(std::count_if(leases.begin(), leases.end(), is_one));
  if (found == 0)
    return std::nullopt;
  // Multiples of the golden ratio, modulo one, are evenly spread.
  constexpr std::uint32_t golden = 0x9e37'79b9;
  const std::uint64_t share = contended().choices++ * golden;
  auto chosen = std::find_if(leases.begin(), leases.end(), is_one);
  for (auto before = share * found >> 32U; before != 0; --before)
    chosen = std::find_if(std::next(chosen), leases.end(), is_one);
  return obstacle{(*chosen)->name(), (*chosen)->current_break};
}

// Returns whether the operation has completed.
bool file_state::impl::attempt_again(
  waiting_operation& w, attempt a, time_point now, effects& out) {
  if (const auto* open = std::get_if<open_file>(&w.what))
    return attempt_open(*open, a, now, out, &w);
  if (const auto* lock = std::get_if<lock_ranges>(&w.what))
    return attempt_lock(*lock, a, now, out);
  if (const auto* access = std::get_if<access_file>(&w.what))
    return attempt_access(*access, a, now, out, &w);
  if (const auto* closing = std::get_if<close_open>(&w.what))
    return attempt_close(*closing, w.spared, a, now, out, &w);
  return attempt_force(std::get<force_break>(w.what), a, now, out);
}

// Completes operations first come, first served. A completed operation may release something in
// turn, so repeat until nothing more is released.
void file_state::impl::wake(time_point now, effects& out) {
  while (waiters_may_go && rare && !rare->waiting.empty()) {
    waiters_may_go = false;
    auto& waiting = rare->waiting;
    for (auto w = waiting.begin(); w != waiting.end();) {
      if (is_held_up(*w)) {
        ++w;
      } else if (attempt_again(*w, attempt::again, now, out)) {
        w = waiting.erase(w);
      } else {
        w->held_up_by = choose_obstacle(*w);
        ++w;
      }
    }
  }
  waiters_may_go = false;
}

// Completes a pending operation with an error.
void file_state::impl::give_up(const waiting_operation& w, errc error, effects& out) {
  operation_result result;
  if (std::holds_alternative<open_file>(w.what))
    result = open_refused{true};
  complete(out, w.id, error, std::move(result));
}

void file_state::impl::cancel(const cancel_operation& c, effects& out) {
  const auto* const waiting = find_waiting(c.target);
  if (waiting == nullptr)
    return; // it has completed already, and its result stands
  if (!LEASEBREAK_MUTANT(cancelled_never_ends))
    give_up(*waiting, errc::cancelled, out);
  rare->waiting.erase(c.target);
}

void file_state::impl::stop(effects& out) {
  if (!rare)
    return;
  for (const auto& w : rare->waiting)
    give_up(w, errc::shutting_down, out);
  rare->waiting.clear();
}

// Expire breaks first: if an operation expires at the same time as the break for which it waits, it
// proceeds instead of failing needlessly.
void file_state::impl::reach_deadlines(time_point now, effects& out) {
  if (!rare || LEASEBREAK_MUTANT(deadlines_pass))
    return;
  std::vector<operation_id> out_of_time;
  auto& deadlines = rare->deadlines;
  while (!deadlines.empty() && deadlines.front().at <= now) {
    const auto due = deadlines.pop();
    if (!is_current(due))
      continue;
    switch (due.of) {
    case detail::deadline_entry::kind::answer:
      answer_is_overdue(due, now, out);
      break;
    case detail::deadline_entry::kind::lease_break:
      give_up(*find_lease(due.lease), break_outcome::timed_out, now, out);
      break;
    case detail::deadline_entry::kind::detached_open:
      reach_expiry(due.open, now, out);
      break;
    case detail::deadline_entry::kind::waiting_operation:
      out_of_time.push_back(due.waiting);
      break;
    }
  }
  wake(now, out);
  for (const auto id : out_of_time) {
    if (auto* w = find_waiting(id); w != nullptr) {
      attempt_again(*w, attempt::last, now, out);
      rare->waiting.erase(id);
    }
  }
}

void file_state::impl::push_deadline(detail::deadline_entry entry) {
  contended().deadlines.push(std::move(entry));
}

// Returns the size at which the heap is cleaned up. Cancelled deadlines stay in it until then. The
// cost of a cleanup is spread over at least as many commands as there are current deadlines.
std::size_t file_state::impl::deadlines_max() const noexcept {
  constexpr std::size_t few = 64;
  return few + 2 * (rare->waiting.size() + count.breaking + count.detached + held_back.notices);
}

// Removes outdated entries from the top, so that the next deadline is a current one.
void file_state::impl::forget_past_deadlines() {
  if (!rare)
    return;
  auto& deadlines = rare->deadlines;
  if (count.breaking == 0 && count.detached == 0 && held_back.notices == 0 && rare->waiting.empty())
    deadlines.clear();
  const auto current = [this](const detail::deadline_entry& e) { return is_current(e); };
  if (deadlines.size() > deadlines_max())
    deadlines.drop_outdated(current);
  deadlines.drop_outdated_front(current);
  if (deadlines.empty() && rare->waiting.empty() && rare->holds.empty() &&
    rare->recovered_locks.empty())
    rare.reset();
}

bool file_state::impl::is_current(const detail::deadline_entry& entry) const noexcept {
  if (entry.of == detail::deadline_entry::kind::waiting_operation)
    return find_waiting(entry.waiting) != nullptr;
  if (entry.of == detail::deadline_entry::kind::answer) {
    const auto* const open = find_open(entry.open);
    const auto* const leased = entry.open == open_id::none ? find_lease(entry.lease) : nullptr;
    const auto* const held = open != nullptr ? open->held.get()
      : leased != nullptr                    ? leased->held.get()
                                             : nullptr;
    return held != nullptr && held->overdue == entry.at;
  }
  if (entry.of == detail::deadline_entry::kind::detached_open) {
    const auto* open = find_open(entry.open);
    return open != nullptr && open->is_detached() && open->durable->expires == entry.at;
  }
  const auto* lease = find_lease(entry.lease);
  return lease != nullptr && lease->info.breaking && lease->break_due == entry.at;
}

detail::waiting_operation* file_state::impl::find_waiting(operation_id id) const noexcept {
  return rare ? rare->waiting.find(id) : nullptr;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// Byte-range locks (MS-FSA 2.1.5.8, MS-SMB2 3.3.5.14).
#include "file/impl.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

// MS-FSA 2.1.5.8: a lock beyond the allocation breaks nothing, because there is nothing to cache.
bool is_within_allocation(const lock_ranges& c) {
  return std::any_of(c.elements.begin(), c.elements.end(),
    [end = detail::locks_count_below(c.allocation_size)](
      const auto& e) { return e.range.offset < end; });
}

} // namespace

namespace detail {

bool lock_sequences::is_replay(const lock_sequence& s) noexcept {
  if (!is_valid(s))
    return false;
  auto& last = done_[s.index - 1];
  if (last == s.number && last != unknown)
    return true;
  last = unknown;
  return false;
}

void lock_sequences::done(const lock_sequence& s) noexcept {
  if (is_valid(s))
    done_[s.index - 1] = s.number <= 15 ? s.number : unknown;
}

} // namespace detail

// MS-SMB2 3.3.5.14: the same number at the same index is the same request, whatever its content.
bool file_state::impl::is_replayed_lock(open_id id, const std::optional<lock_sequence>& s) {
  auto* open = find_open(id);
  return s && open != nullptr && open->sequences && open->sequences->is_replay(*s);
}

void file_state::impl::note_lock(open_id id, const std::optional<lock_sequence>& s) {
  auto* open = find_open(id);
  if (!s || open == nullptr)
    return;
  if (!open->sequences)
    open->sequences = std::make_unique<detail::lock_sequences>();
  open->sequences->done(*s);
}

errc file_state::impl::check_lock(const lock_ranges& c) const {
  const auto* const open = find_connected(c.open);
  if (open == nullptr)
    return errc::unknown_open;
  if (is_directory) // MS-FSA 2.1.5.8
    return errc::locks_on_directory;
  if (c.elements.empty() || c.elements.size() > limit(&limits::ranges_per_lock))
    return errc::invalid_argument;
  // MS-SMB2 3.3.5.14.2: only a single lock may wait.
  if (c.elements.size() > 1 && !c.fail_immediately)
    return errc::invalid_argument;
  if (locks.size() + c.elements.size() > limit(&limits::locks_per_file, open->share))
    return errc::too_many_locks_on_file;
  return errc::success;
}

bool file_state::impl::attempt_lock(const lock_ranges& c, attempt a, time_point now, effects& out) {
  const auto fail = [&](errc error) {
    complete(out, c.operation, error);
    return true;
  };
  if (a == attempt::first && is_replayed_lock(c.open, c.sequence)) {
    complete(out, c.operation, errc::success, lock_replayed{});
    return true;
  }
  if (const auto error = check_lock(c); error != errc::success)
    return fail(error);
  const auto& open = *find_open(c.open);
  const auto plan = plan_lock(c);
  const auto ending = opens_giving_way(plan);
  auto error = check_ranges(c, ending);
  if (error == errc::success && plan.meets_recovered)
    error = errc::reclaim_needed;
  const bool must_wait =
    error == errc::lock_not_granted ? !c.fail_immediately : error == errc::success && plan.wait;
  if (must_wait && a == attempt::first && waiting_is_full())
    return fail(errc::too_many_waiting);
  if (must_wait) {
    if (error == errc::success)
      begin_breaks(plan, now, out); // another holder must write its data back first
    if (a == attempt::first)
      // A lock waits without limit, because applications rely on it.
      wait(c, c.operation, open.client, open.id, false, now).channel.connection = c.connection;
    return false;
  }
  if (error != errc::success)
    return fail(error);
  // MS-FSA 2.1.4.12, LOCK_CONTROL: reads from caches would bypass the lock.
  begin_breaks(plan, now, out);
  end_purged(ending, now, out);
  for (const auto& element : c.elements)
    store_lock(locks.add(c.open, element.range, element.exclusive, now), out);
  note_lock(c.open, c.sequence);
  complete(out, c.operation, errc::success);
  return true;
}

// Checks all elements as if they were locked in order: the error of an element counts only if all
// elements before it can be locked.
errc file_state::impl::check_ranges(
  const lock_ranges& c, const std::vector<open_id>& ending) const {
  const auto& client = find_open(c.open)->client;
  for (auto element = c.elements.begin(); element != c.elements.end(); ++element) {
    if (!element->well_formed)
      return errc::invalid_argument;
    if (!element->range.is_valid())
      return errc::invalid_lock_range;
    if (meets_recovered_lock(client, *element))
      return errc::reclaim_needed;
    const auto is_met = [&](const lock_element& before) {
      return range_conflict(
        before.range, before.exclusive, element->range, element->exclusive, true);
    };
    if (is_locked(c.open, *element, ending) || std::any_of(c.elements.begin(), element, is_met))
      return errc::lock_not_granted;
  }
  return errc::success;
}

// Returns whether a lock conflicts that is not released with one of the opens in `ending`.
bool file_state::impl::is_locked(
  open_id open, const lock_element& element, const std::vector<open_id>& ending) const {
  const auto* const found = locks.conflict(open, element.range, element.exclusive);
  if (LEASEBREAK_MUTANT(locks_exclude_nobody))
    return false;
  if (found == nullptr || ending.empty())
    return found != nullptr;
  bool meets = false;
  locks.for_each([&](const auto& held) {
    const bool goes = std::binary_search(ending.begin(), ending.end(), held.open);
    meets = meets ||
      (!goes &&
        range_conflict(
          held.range, held.exclusive, element.range, element.exclusive, held.open == open));
  });
  return meets;
}

// Returns whether a pending request, which has a single element, still has to wait for a lock. A
// lock of a disconnected open does not count, because it may be purged.
bool file_state::impl::is_range_taken(const lock_ranges& c) const {
  const auto& element = c.elements.front();
  const auto* const held = locks.conflict(c.open, element.range, element.exclusive);
  const auto* const holder = held != nullptr ? find_open(held->open) : nullptr;
  return holder != nullptr && holder->takes_part();
}

bool file_state::impl::any_lock_below(std::uint64_t offset) const {
  return locks.any_below(offset) ||
    (rare &&
      std::any_of(rare->recovered_locks.begin(), rare->recovered_locks.end(),
        [offset](const auto& r) { return r.record.offset < offset; }));
}

file_state::impl::break_plan file_state::impl::plan_lock(const lock_ranges& c) const {
  if (!is_within_allocation(c))
    return {};
  return plan_data_change(find_open(c.open)->lease, break_cause::lock);
}

// Returns the breaks in progress for which the plan has to wait. None if the request fails because
// of another lock.
detail::awaited_breaks file_state::impl::awaited_by(const lock_ranges& c) const {
  if (!is_within_allocation(c))
    return {};
  if (c.fail_immediately && std::any_of(c.elements.begin(), c.elements.end(), [&](const auto& e) {
        return locks.conflict(c.open, e.range, e.exclusive) != nullptr;
      }))
    return {};
  return awaited_by_data_change(find_open(c.open)->lease);
}

// MS-SMB2 3.3.5.14.1: in order. The first range that is not locked stops the request; the ranges
// before it stay unlocked.
void file_state::impl::unlock(const unlock_ranges& c, effects& out) {
  if (find_open(c.open) == nullptr)
    return complete(out, c.operation, errc::unknown_open, ranges_unlocked{});
  if (is_directory) // MS-FSA 2.1.5.9
    return complete(out, c.operation, errc::locks_on_directory, ranges_unlocked{});
  if (is_replayed_lock(c.open, c.sequence))
    return complete(out, c.operation, errc::success, ranges_unlocked{});
  if (c.ranges.empty())
    return complete(out, c.operation, errc::invalid_argument, ranges_unlocked{});
  std::size_t count_unlocked = 0;
  for (const auto& range : c.ranges) {
    const auto* entry = locks.find_exact(c.open, range);
    if (entry == nullptr)
      break;
    unstore_lock(*entry, out);
    locks.erase(entry);
    ++count_unlocked;
    waiters_may_go = true;
  }
  const bool all = count_unlocked == c.ranges.size();
  if (all)
    note_lock(c.open, c.sequence);
  complete(out, c.operation, all ? errc::success : errc::range_not_locked,
    ranges_unlocked{count_unlocked});
}

// Fails the pending operations of an open that ends.
void file_state::impl::fail_waiting_of(open_id open, effects& out) {
  if (!rare)
    return;
  auto& waiting = rare->waiting;
  for (const auto& w : waiting)
    if (w.open == open)
      complete(out, w.id,
        std::holds_alternative<lock_ranges>(w.what) ? errc::range_not_locked : errc::unknown_open);
  waiting.erase_if([open](const auto& w) { return w.open == open; });
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

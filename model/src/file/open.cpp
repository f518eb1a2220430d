// Opens the file: share modes, the breaks that an open needs, delete pending (MS-FSA 2.1.5.1.2).
#include "file/impl.hpp"

#include <leasebreak/model/persisted_lock.hpp>

#include <algorithm>
#include <chrono>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

// Rejects timeouts that have expired from the start or that a record cannot hold.
bool is_valid(const durable_request& d) {
  constexpr std::chrono::milliseconds most{persisted_timeout_max_ms};
  return d.timeout > duration::zero() && d.timeout <= most;
}

// MS-FSA 2.1.4.12: a truncating disposition counts as write access, whatever access is requested.
std::uint32_t effective_access(const open_file& c) {
  return c.overwrites ? c.access | access::write_data : c.access;
}

} // namespace

errc file_state::impl::check_open(const open_file& c) const {
  if (c.lease && c.lease->key.is_zero())
    return errc::zero_lease_key;
  if (c.lease && (c.lease->version < 1 || c.lease->version > 2 || bits(c.lease->state) > 7))
    return errc::invalid_argument;
  if (c.open == open_id::none || c.access == 0 || (c.share_access & ~share::all) != 0)
    return errc::invalid_argument;
  if (!is_valid(c.caching_max, false))
    return errc::invalid_lease_state;
  if (c.is_directory && c.overwrites)
    return errc::invalid_argument;
  if (c.of_stream && (c.overwrites || c.durable || !is_stat_access_for_oplocks(c.access)))
    return errc::invalid_argument;
  if (!c.of_stream && !c.stream.empty())
    return errc::invalid_argument;
  if (c.is_directory != is_directory && !opens.empty())
    return errc::invalid_argument;
  if (c.durable &&
    (!is_valid(*c.durable) || c.durable->server_state.size() > limit(&limits::server_state_bytes)))
    return errc::invalid_argument;
  if (c.instance && c.instance->id.is_zero())
    return errc::invalid_argument;
  if (find_open(c.open) != nullptr)
    return errc::open_exists;
  if (opens.size() >= limit(&limits::opens_per_file, c.share))
    return errc::too_many_opens_on_file;
  return errc::success;
}

bool file_state::impl::attempt_open(
  const open_file& c, attempt a, time_point now, effects& out, waiting_operation* w) {
  const bool waited = c.has_waited || a != attempt::first;
  const auto fail = [&](errc error) {
    operation_result refused;
    if (waited)
      refused = open_refused{true};
    complete(out, c.operation, error, std::move(refused));
    return true;
  };
  auto error = check_open(c);
  if (error == errc::success && w != nullptr && w->streams)
    error = w->streams->error;
  if (error != errc::success)
    return fail(error);

  // Opens that the same application has left behind end before anything else is checked. But a new
  // open that is refused must not end them, so that until then they are only excluded from the
  // counts.
  const auto earlier = a == attempt::first ? find_earlier(c) : earlier_opens{};
  const auto& before = earlier.ending;
  if (earlier.is_newer)
    return fail(errc::newer_instance);
  // An open that waited for a deletion keeps waiting until the deletion is done.
  const bool goes_with_earlier = is_pending_deletion() && !any_stays_with_deletion(before);
  if ((is_pending_deletion() && (before.empty() || !goes_with_earlier)) ||
    (a == attempt::first && is_refused_by_deletion(c)))
    return fail(errc::delete_pending);
  const auto* own = own_lease(c);
  if (c.reclaim && (own == nullptr || !own->recovered))
    return fail(errc::nothing_to_reclaim);

  count_apart(before, static_cast<std::uint32_t>(-1));
  auto in_the_way = find_in_the_way(c, before);
  const bool violation = in_the_way.violation || violates_sharing(c);
  auto plan = plan_open(c, violation, a);
  const auto streams = plan_streams(c, violation, plan.wait, w);
  count_apart(before, 1);
  if (in_the_way.keeps_off)
    return fail(errc::reclaim_needed);
  const auto refused = in_the_way.violation ? errc::reclaim_needed : errc::sharing_violation;
  if (plan.meets_recovered)
    return fail(errc::reclaim_needed);
  const bool deleted_before = is_being_deleted(c);
  const bool must_wait = plan.wait || deleted_before || streams.wait || is_kept_out(c);
  if (violation && !must_wait)
    return fail(refused);
  // The purge of disconnected opens may delete the file. This open then waits only for the
  // deletion.
  std::vector<open_id> ending;
  if (!must_wait)
    ending = opens_giving_way(plan, std::move(in_the_way.ending));
  const bool deletes = any_deletes(ending) || any_deletes(before) || goes_with_earlier;
  if (deletes && any_stays_with_deletion(before))
    return fail(errc::delete_pending);
  const bool waits = must_wait || deletes;
  if (waits && a == attempt::first && waiting_is_full())
    return fail(errc::too_many_waiting);
  if (waits && a == attempt::last)
    return fail(deleted_before || deletes ? errc::delete_pending : refused);

  if (!before.empty()) {
    end_superseded(before, now, out);
    plan =
      plan_open(c, violates_any(c), a); // the same plan without the leases that ended with them
  }
  begin_breaks(plan, now, out);
  end_purged(ending, now, out);
  if (waits) {
    if (w == nullptr) {
      w = &wait(c, c.operation, c.client, open_id::none, true, now);
      w->channel = {c.connection, c.session, c.node};
      w->tree = c.tree;
    }
    ask_streams(streams, w, c.client, out);
    return false;
  }
  grant_open(c, waited, now, out);
  return true;
}

bool file_state::impl::is_pending_deletion() const noexcept {
  return delete_pending && !opens.empty();
}

// Returns whether the file has no opens, and its name is being removed or given to another file.
bool file_state::impl::is_being_deleted() const noexcept {
  return rare && std::any_of(rare->holds.begin(), rare->holds.end(), [](const auto& hold) {
    return hold.deleting;
  });
}

bool file_state::impl::is_being_deleted(const open_file& c) const noexcept {
  // A new file may have the identity of the deleted one.
  return !c.created && is_being_deleted();
}

// Returns whether the open fails because of a deletion. If the name is being given to another file,
// or the file is removed while unopened, the open waits instead.
bool file_state::impl::is_refused_by_deletion(const open_file& c) const noexcept {
  return is_being_deleted(c) &&
    std::any_of(rare->holds.begin(), rare->holds.end(),
      [](const auto& hold) { return hold.deleting && !hold.has_successor; });
}

// Returns the lease that the open will share or reclaim. Oplocks cannot be shared, but a client can
// reclaim its recovered oplock.
detail::lease_entry* file_state::impl::own_lease(const open_file& c) const noexcept {
  if (c.lease)
    return find_lease(c.client, c.lease->key);
  if (!c.reclaim || c.client.is_zero())
    return nullptr;
  for (const auto& l : leases)
    if (l->recovered && l->info.is_oplock && l->client == c.client)
      return l.get();
  return nullptr;
}

// MS-FSA 2.1.5.1.2.2
bool file_state::impl::violates_sharing(const open_file& c) const noexcept {
  return count.sharing.conflict_with({effective_access(c), c.share_access, c.of_stream});
}

// Includes disconnected persistent opens, which are not in the counts.
bool file_state::impl::violates_any(const open_file& c) const {
  return violates_sharing(c) || find_in_the_way(c).violation;
}

file_state::impl::break_plan file_state::impl::plan_open(
  const open_file& c, bool violation, attempt a) const {
  break_plan plan;
  plan.cause = violation ? break_cause::sharing_violation
    : c.overwrites       ? break_cause::overwrite
                         : break_cause::open;
  const auto mask = effective_access(c);
  // Opens for attributes only break nothing and wait for nothing (MS-FSA 2.1.4.12), unless they
  // stand for a stream.
  if (leases.empty() || (is_stat_access_for_oplocks(mask) && !violation))
    return plan;
  // On a directory, an open only needs Handle breaks.
  if (is_directory && !violation)
    return plan;
  const bool spares_leases = is_stat_access_for_leases(mask) && !violation;
  const bool overwrite = c.overwrites && !violation;
  const auto delaying = violation ? lease_state::handle : lease_state::write;
  if (!overwrite && count.breaking == 0 && !any_with(delaying))
    return plan;

  const auto* own = own_lease(c);
  for (const auto& entry : leases) {
    lease_entry& l = *entry;
    const bool is_apart = l.opens == 0 && !l.recovered;
    if (&l == own || (spares_leases && !l.info.is_oplock) || is_apart)
      continue;
    auto to = overwrite ? lease_state::none : l.info.state - delaying;
    if (to == l.info.state) {
      plan.wait = plan.wait || (l.info.breaking && !l.info.is_oplock);
      continue;
    }
    if (must_be_left(l)) {
      plan.meets_recovered = true;
      return plan;
    }
    if (yields(plan, l))
      continue;
    // An oplock can only be broken to level II or none (MS-SMB2 3.3.4.6).
    if (l.info.is_oplock)
      to = to & lease_state::read;
    // Wait for breaks that this operation began or found. But a new open does not wait for an RH
    // lease that others are breaking, unless its holder was told that it keeps Read and this open
    // overwrites (as in `plan_data_change`).
    plan.wait = plan.wait || intersects(l.info.state, delaying) ||
      (overwrite && l.is_left_read()) ||
      (l.info.breaking && !l.info.is_oplock && a != attempt::first);
    plan.steps.push_back({&l, to});
  }
  return plan;
}

// Returns the breaks in progress for which a pending open has to wait.
detail::awaited_breaks file_state::impl::awaited_by(const open_file& c) const {
  const auto mask = effective_access(c);
  const bool violation = violates_any(c);
  if ((is_stat_access_for_oplocks(mask) || is_directory) && !violation)
    return {};
  // Every breaking lease has Read.
  const bool spares_leases = is_stat_access_for_leases(mask) && !violation;
  const auto of_leases = spares_leases ? lease_state::none : lease_state::read;
  const auto* own = c.lease ? find_lease(c.client, c.lease->key) : nullptr;
  return {own, of_leases, violation ? lease_state::handle : lease_state::write, false};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

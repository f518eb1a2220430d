// Opens that outlive their connection (MS-SMB2 3.3.5.9.6, 3.3.5.9.7, 3.3.5.9.10, 3.3.5.9.12,
// 3.3.7.1).
//
// A disconnected open keeps its lease and its locks, but is purged on conflicts: an operation that
// would have to break its lease, or that conflicts with its share mode, ends it, because no
// notification can be sent. It ends only when the operation proceeds. An operation that fails or
// waits ends nothing.
//
// - A persistent open is not purged. If it has Handle caching, its break begins, and its client is
//   notified when it reconnects. Otherwise conflicting operations fail and must be retried.
// - A resilient open is not purged either. It keeps its locks and its share mode as if it were
//   connected, and only its lease is broken.
#include "file/impl.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

bool caches_handles(const detail::open_entry& open) {
  return open.lease != nullptr && intersects(open.lease->info.state, lease_state::handle);
}

} // namespace

// MS-SMB2 3.3.5.9.6, 3.3.5.9.10: an open is durable only with Handle caching, or if it is
// persistent, which the share allows regardless of caching.
void file_state::impl::grant_durability(
  const open_file& c, open_entry& open, open_granted& granted, effects& out) {
  if (!c.durable || c.is_directory || (!c.durable->persistent && !caches_handles(open)))
    return;
  count_open(open, static_cast<std::uint32_t>(-1));
  open.durable = std::make_unique<detail::durability>();
  open.durable->timeout = c.durable->timeout;
  open.durable->persistent = c.durable->persistent;
  open.durable->guid = c.durable->guid;
  if (c.durable->persistent)
    open.durable->server_state = c.durable->server_state;
  count_open(open, 1);
  if (open.is_persistent() && open.lease != nullptr)
    ++open.lease->persistent;
  granted.durable = true;
  granted.persistent = c.durable->persistent;
  store_open(open, out);
}

// MS-SMB2 3.3.7.1. A breaking lease no longer counts as held. Locks require Write: locks of a
// client that cannot be asked to write back would block others needlessly. A persistent open always
// stays. If it has delete-on-close, the file is deleted when it ends.
bool file_state::impl::may_stay(const open_entry& open) const {
  if (open.is_persistent() || open.is_resilient())
    return true;
  if (!open.durable || delete_pending)
    return false;
  if (!caches_handles(open) || open.lease->info.breaking)
    return false;
  return locks.count_of(open.id) == 0 || intersects(open.lease->info.state, lease_state::write);
}

void file_state::impl::lose_connection(open_entry& open, time_point now, effects& out) {
  fail_waiting_of(open.id, out);
  count_open(open, static_cast<std::uint32_t>(-1));
  auto& durable = *open.durable;
  durable.detached = true;
  durable.expires = after(now,
    durable.persistent      ? std::max(durable.timeout, durable.resilience)
      : open.is_resilient() ? durable.resilience
                            : durable.timeout);
  const auto lost =
    std::exchange(open.channel, {connection_id::none, session_id::none, open.channel.node});
  open.tree = tree_id::none;
  count_open(open, 1);
  if (auto* lease = open.lease; lease != nullptr) {
    ++lease->detached;
    lease->maybe_unheard = true;
    note_stranded(*lease);
    lease->channels.leave(lost);
  }
  // They will not be sent. Breaks that were held back go to other channels.
  settle_answers(open, now, out);
  push_deadline(detail::deadline_entry::for_open(open.durable->expires, open.id));
}

// Like `may_stay`, for an open that is disconnected already. Other opens of its lease may be
// connected, and acknowledge a break for it. MS-SMB2 3.3.4.7, 3.3.5.22.2: without Handle it is
// closed.
bool file_state::impl::may_remain(const open_entry& open) const {
  if (open.is_persistent() || open.is_resilient())
    return true;
  return !delete_pending && caches_handles(open) && !open.lease->is_unanswerable();
}

void file_state::impl::reconnect(const reconnect_open& c, time_point now, effects& out) {
  auto* open = find_open(c.open);
  const bool has_lease = open != nullptr && open->lease != nullptr && !open->lease->info.is_oplock;
  // Use one error for every mismatch, so that other clients learn nothing about existing opens.
  if (open == nullptr || !open->is_detached() || c.key.has_value() != has_lease ||
    (has_lease && (open->lease->info.key != *c.key || open->client != c.client)) ||
    (c.guid && open->durable->guid != *c.guid))
    return complete(out, c.operation, errc::nothing_to_reclaim);
  if (open->durable->lapsed)
    set_resilience(*open, open->durable->resilience, false);
  count_open(*open, static_cast<std::uint32_t>(-1));
  open->durable->detached = false;
  open->channel = {c.connection, c.session, c.node};
  open->tree = c.tree;
  count_open(*open, 1);
  if (open->client != c.client)
    take_over(*open, c.client, out);
  auto held = held_by(*open);
  if (auto* lease = open->lease; lease != nullptr) {
    --lease->detached;
    if (c.answer_follows)
      expect_answer(*open, held);
    lease->channels.join(open->channel);
    notify_again(*lease, now, out);
  }
  complete(out, c.operation, errc::success, std::move(held));
}

// Stores the record even if it has not changed, because the completion must wait until it is
// stored.
void file_state::impl::set_state(const set_server_state& c, effects& out) {
  auto* open = find_open(c.open);
  if (open == nullptr)
    return complete(out, c.operation, errc::unknown_open);
  if (!open->is_persistent() || c.server_state.size() > limit(&limits::server_state_bytes))
    return complete(out, c.operation, errc::invalid_argument);
  open->durable->server_state = c.server_state;
  store_open(*open, out);
  complete(out, c.operation, errc::success);
}

// MS-SMB2 3.3.5.15.9
void file_state::impl::make_open_resilient(const make_resilient& c, effects& out) {
  auto* const open = find_connected(c.open);
  if (open == nullptr)
    return complete(out, c.operation, errc::unknown_open);
  // An open that stands for a stream ends with the open of the stream, which is another file.
  if (c.timeout <= duration::zero() || c.timeout > limit(&limits::resilience_max) ||
    open->of_stream)
    return complete(out, c.operation, errc::invalid_argument);
  if (!open->durable)
    open->durable = std::make_unique<detail::durability>();
  set_resilience(*open, c.timeout, false);
  complete(out, c.operation, errc::success);
}

void file_state::impl::set_resilience(open_entry& open, duration time, bool lapsed) {
  const auto count_it = [&](std::uint32_t by) {
    count_open(open, by);
    if (open.is_resilient() && open.lease != nullptr)
      open.lease->resilient += by;
  };
  count_it(static_cast<std::uint32_t>(-1));
  open.durable->resilience = time;
  open.durable->lapsed = lapsed;
  count_it(1);
}

// A disconnected open expires. If it is resilient, and durable for longer, it stays as a durable
// open.
void file_state::impl::reach_expiry(open_id id, time_point now, effects& out) {
  auto& open = *find_open(id);
  auto& durable = *open.durable;
  const bool stays =
    durable.timeout > durable.resilience && !delete_pending && caches_handles(open);
  if (!open.is_resilient() || durable.persistent || !stays)
    return end_unattended(id, end_cause::expired, now, out);
  set_resilience(open, durable.resilience, true);
  durable.expires = after(durable.expires, durable.timeout - durable.resilience);
  push_deadline(detail::deadline_entry::for_open(durable.expires, id));
  waiters_may_go = true;
}

// MS-SMB2 3.3.5.9.7 requires the same ClientGuid only with a lease, because a client may have been
// restarted. The open belongs to the new client from now on, and so do its records.
void file_state::impl::take_over(open_entry& open, const client_guid& client, effects& out) {
  open.client = client;
  if (open.lease != nullptr) {
    auto entry = take_lease(*open.lease);
    entry->client = client;
    auto& oplock = add_lease(std::move(entry));
    if (oplock.info.breaking)
      push_deadline(detail::deadline_entry::for_break(oplock.break_due, oplock.name()));
    store_lease(oplock, out);
  }
  locks.for_each_of(open.id, [&](const auto& lock) { store_lock(lock, out); });
  store_open(open, out);
}

// Returns whether the lease blocks others, because no notification can be sent and it is not
// purged. MS-SMB2 3.3.5.9: a persistent open does so unless it has Handle caching. With Handle, its
// lease is broken as if it were connected, and its client is notified when it reconnects.
bool file_state::impl::must_be_left(const lease_entry& l) const {
  return l.recovered ||
    (l.is_unattended() && l.persistent != 0 && !intersects(l.info.state, lease_state::handle));
}

// Returns whether no notification can be sent and the lease is purged with its opens.
bool file_state::impl::gives_way(const lease_entry& l) const {
  return l.is_unattended() && l.persistent == 0 && l.resilient == 0 && !l.recovered;
}

// Returns whether no notification can be sent and some of the lease's opens stay. A break that
// cannot be sent leaves nothing (MS-SMB2 3.3.4.6, 3.3.4.7).
bool file_state::impl::is_let_go(const lease_entry& l) noexcept {
  return l.is_unattended() && l.persistent == 0 && l.resilient != 0;
}

// Returns whether the lease is disconnected and not broken by a notification. Adds it to the plan:
// it is purged with its opens, or loses all caching.
bool file_state::impl::yields(break_plan& plan, lease_entry& l) const {
  if (gives_way(l))
    plan.giving_way.push_back(&l);
  else if (is_let_go(l))
    plan.let_go.push_back(&l);
  else
    return false;
  return true;
}

void file_state::impl::let_go(lease_entry& l, break_cause cause, time_point now, effects& out) {
  l.current_break = break_id{++last_break};
  l.cause = cause;
  l.break_from = l.info.state;
  l.break_begun = now;
  ++l.info.epoch;
  out.facts.emplace_back(
    break_begun{l.current_break, l.client, l.info.is_oplock ? lease_key{} : l.info.key,
      l.first_open, cause, l.info.state, lease_state::none});
  end_break(l, lease_state::none, break_outcome::undeliverable, now, out);
}

// Ends breaks in progress whose holders have been disconnected meanwhile.
void file_state::impl::end_unanswerable(time_point now, effects& out) {
  std::vector<lease_name> of;
  for (const auto& l : leases)
    if (l->info.breaking && is_let_go(*l))
      of.push_back(l->name());
  for (const auto& name : of)
    end_break(*find_lease(name), lease_state::none, break_outcome::disconnected, now, out);
}

// Returns the disconnected opens that end if an operation with this plan proceeds: those of purged
// leases and `and_these`. Ordered by id. Nothing ends here, because an operation that fails or
// waits must not end them.
std::vector<open_id> file_state::impl::opens_giving_way(
  const break_plan& plan, std::vector<open_id> and_these) const {
  auto& ending = and_these;
  if (!plan.giving_way.empty()) {
    auto leases_of = plan.giving_way;
    std::sort(leases_of.begin(), leases_of.end(), std::less<>{});
    for (const auto& open : opens)
      if (open->lease != nullptr &&
        std::binary_search(leases_of.begin(), leases_of.end(), open->lease, std::less<>{}))
        ending.push_back(open->id);
    std::sort(ending.begin(), ending.end());
    ending.erase(std::unique(ending.begin(), ending.end()), ending.end());
  }
  return std::move(ending);
}

// Finds the disconnected opens that conflict with a new open.
file_state::impl::detached_obstacles file_state::impl::find_in_the_way(
  const open_file& c, const std::vector<open_id>& before) const {
  detached_obstacles found;
  if (count.detached == 0)
    return found;
  const auto mask = c.overwrites ? c.access | access::write_data : c.access;
  for (const auto& open : opens) {
    if (open->takes_part() || is_among(before, open->id))
      continue;
    const bool is_own = c.lease && open->lease != nullptr && open->client == c.client &&
      open->lease->info.key == c.lease->key;
    // MS-FSA 2.1.5.1.2: an open of a stream conflicts only with the deletion of its file.
    const bool conflicts = c.of_stream
      ? (c.share_access & share::delete_file) == 0 && (open->access & access::delete_file) != 0
      : share_conflict(mask, c.share_access, open->access, open->share_access);
    // MS-SMB2 3.3.5.9: a persistent open without Handle caching blocks all opens. Every persistent
    // open blocks its own client under the same lease: the client must reconnect, because a new
    // open under that lease would leave the old one orphaned.
    if (open->durable->persistent && (is_own || !caches_handles(*open)))
      found.keeps_off = true;
    else if (conflicts && open->durable->persistent)
      found.violation = true;
    else if (conflicts)
      found.ending.push_back(open->id);
  }
  return found;
}

bool file_state::impl::any_deletes(const std::vector<open_id>& ending) const {
  return std::any_of(
    ending.begin(), ending.end(), [this](open_id id) { return find_open(id)->delete_on_close; });
}

// Returns whether any open remains after disconnected opens and those in `before` have ended, if
// one of them deletes the file. The deletion ends all other disconnected opens, except persistent
// and resilient ones.
bool file_state::impl::any_stays_with_deletion(const std::vector<open_id>& before) const {
  return std::any_of(opens.begin(), opens.end(),
    [&](const auto& open) { return !open->gives_way() && !is_among(before, open->id); });
}

// Ends the disconnected opens that have no reason to stay. If one of them deletes the file, others
// may have to end, too.
void file_state::impl::end_stranded(time_point now, effects& out) {
  while (std::exchange(detached_may_end, false) && count.detached != 0) {
    end_unanswerable(now, out);
    std::vector<open_id> ending;
    for (const auto& open : opens)
      if (open->is_detached() && !may_remain(*open))
        ending.push_back(open->id);
    for (auto id = ending.rbegin(); id != ending.rend(); ++id)
      end_open(*id, end_cause::purged, now, out);
  }
}

// Ends an open that no command closes, unless it has ended together with another one.
void file_state::impl::end_unattended(open_id id, end_cause cause, time_point now, effects& out) {
  if (find_open(id) == nullptr)
    return;
  end_open(id, cause, now, out);
  follow_end(now, out);
  report_if_deleted(out);
}

// Ends the opens that conflict with an operation. `ending` is ordered by id.
void file_state::impl::end_purged(
  const std::vector<open_id>& ending, time_point now, effects& out) {
  for (auto id = ending.rbegin(); id != ending.rend(); ++id)
    end_unattended(*id, end_cause::purged, now, out);
}

// Ends disconnected opens that another command made untenable. If the last open of a delete-pending
// file ends, reports the deletion in `open_ended::hold`.
void file_state::impl::follow_unattended(time_point now, effects& out) {
  const auto before = out.ended.size();
  follow_end(now, out);
  if (out.ended.size() != before)
    report_if_deleted(out);
}

void file_state::impl::report_if_deleted(effects& out) {
  const auto deleted = delete_if_last();
  out.ended.back().hold = deleted.hold;
  out.ended.back().parent_key = deleted.parent_key;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

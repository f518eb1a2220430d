// How breaks begin and end (MS-SMB2 3.3.4.6, 3.3.4.7, 3.3.6.1, 3.3.6.5).
//
// The one place where an epoch is counted up for a break: `begin_break`, once for each break.
// Merged breaks, the follow-ups that an acknowledgement leads to, and acknowledgements do not
// count.
#include "file/impl.hpp"
#include "mutant.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace leasebreak {

// If a `changer` is given, it hears of the breaks of its own leases behind the answer to its
// change.
void file_state::impl::begin_breaks(
  const break_plan& plan, time_point now, effects& out, const client_guid* changer) {
  const auto change = changer != nullptr ? std::max(last_change + 1, 1U) : 0U;
  for (const auto& step : plan.steps) {
    const bool is_own = changer != nullptr && step.lease->client == *changer;
    begin_break(*step.lease, step.to, plan.cause, now, out, is_own ? change : 0U);
  }
  for (auto* const lease : plan.let_go)
    let_go(*lease, plan.cause, now, out);
  if (!plan.let_go.empty())
    follow_unattended(now, out); // other opens of theirs may need what they had
}

void file_state::impl::begin_break(lease_entry& l, lease_state to, break_cause cause,
  time_point now, effects& out, std::uint32_t behind) {
  to = to & l.info.state;
  if (is_untold(l)) {
    // One notification will tell all.
    if ((l.info.required & to) != l.info.required) {
      l.info.required = l.info.required & to;
      l.info.break_to = l.info.required;
      store_lease(l, out);
    }
    if (behind == 0 && l.is_behind_change())
      tell_behind(l, now, out);
    return;
  }
  if (l.info.breaking) {
    // A second break of the same lease joins the first: no notification, no epoch. The holder is
    // told of the rest when it acknowledges. An oplock knows no second step: who needs more asks
    // again after the first.
    if (!l.info.is_oplock && (l.info.required & to) != l.info.required) {
      l.info.required = l.info.required & to;
      store_lease(l, out);
    }
    return;
  }
  if (to == l.info.state || lower_untold_grants(l, to, out))
    return;
  if (behind != 0 && !l.info.is_oplock && !l.late) {
    notice_of(l, now).stay_behind(behind);
    last_change = behind;
  }
  l.current_break = break_id{++last_break};
  l.offers = 0;
  l.cause = cause;
  l.break_from = l.info.state;
  l.break_begun = now;
  if (tells_now(l))
    ++l.info.epoch;
  out.facts.emplace_back(break_begun{cause, l.info.state, to});
  // MS-SMB2 3.3.4.6, 3.3.4.7: who caches nothing but reads has nothing to write back or to close;
  // it is told, and not waited for.
  if (l.info.state == lease_state::r) {
    notify(l, lease_state::none, false, now, out);
    const bool stays = !l.info.is_oplock; // an oplock is gone then, and `l` with it
    end_break(l, lease_state::none, break_outcome::immediate, now, out);
    if (stays)
      correct_untold_grants(l, out);
    return;
  }
  l.info.break_to = to;
  l.info.required = to;
  set_breaking(l, true);
  notify(l, to, true, now, out);
  if (is_untold(l))
    ++held_of(l)->epochs;
  start_break_timer(l, now);
  store_lease(l, out);
  if (!l.info.is_oplock)
    correct_untold_grants(l, out);
}

// One command may let in several who waited, and one of them needs what another has just been
// granted. Who has not been told of any open that uses the lease is granted less in the first
// place.
bool file_state::impl::lower_untold_grants(lease_entry& l, lease_state to, effects& out) {
  std::uint32_t untold = 0;
  for_each_untold(l, out, [&](open_entry&, open_granted&) { ++untold; });
  if (untold != l.opens || untold == 0)
    return false;
  set_state(l, to);
  store_lease(l, out);
  waiters_may_go = true;
  for_each_untold(l, out, [&](open_entry& open, open_granted& granted) {
    if (l.info.is_oplock) {
      granted.state = to;
      granted.oplock = oplock_of(to);
    } else {
      tell(l, granted);
    }
    // Without Handle it is not durable either, unless the share promised that.
    if (!granted.durable || granted.persistent || intersects(to, lease_state::handle))
      return;
    count_open(open, static_cast<std::uint32_t>(-1));
    open.durable.reset();
    count_open(open, 1);
    granted.durable = false;
  });
  if (l.info.is_oplock && to == lease_state::none) {
    detach(*find_open(l.first_open));
    remove_lease(l);
  }
  return true;
}

// Who knows the lease is notified, which comes before the answers to what has just been granted:
// they must not say more than is left, or they would seem to be the newer of the two.
void file_state::impl::correct_untold_grants(lease_entry& l, effects& out) {
  for_each_untold(l, out, [&](open_entry&, open_granted& granted) { tell(l, granted); });
}

// Calls `f` for each open of the lease whose grant is among `out`.
template <class Function>
void file_state::impl::for_each_untold(const lease_entry& l, effects& out, const Function& f) {
  for (auto& c : out.completions) {
    auto* const granted = std::get_if<open_granted>(&c.result);
    auto* const open = granted != nullptr ? find_open(granted->open) : nullptr;
    if (open != nullptr && open->lease == &l)
      f(*open, *granted);
  }
}

// Ends the break, if there is one in progress, with `left` for the holder. An oplock that is left
// nothing is gone: `l` is then no more.
void file_state::impl::end_break(
  lease_entry& l, lease_state left, break_outcome how, time_point now, effects& out) {
  break_ended ended;
  ended.client = l.client;
  ended.key = l.info.is_oplock ? lease_key{} : l.info.key;
  ended.open = l.first_open;
  ended.cause = l.cause;
  ended.outcome = how;
  ended.from = l.break_from;
  ended.to = l.info.breaking ? l.info.break_to : left;
  ended.left = left;
  ended.age = l.info.breaking ? now - l.break_begun : duration::zero();
  ended.waiting = rare ? rare->waiting.size() : 0;
  out.facts.emplace_back(std::move(ended));

  if (l.info.breaking) {
    waiters_may_go = true;
    if (std::as_const(*this).held_of(l) != nullptr)
      end_held_break(l, how, now, out);
  }
  set_breaking(l, false);
  set_state(l, left);
  l.info.break_to = left;
  l.info.required = left;
  l.info.break_started = time_point{};
  store_lease(l, out);
  if (!l.info.is_oplock || left != lease_state::none)
    return;
  if (auto* open = find_open(l.first_open); open != nullptr && open->lease == &l) {
    open->oplock_timed_out = how == break_outcome::timed_out;
    detach(*open);
  }
  remove_lease(l);
}

// MS-SMB2 3.3.6.1, 3.3.6.5: after the deadline the holder has nothing, whatever it was asked for;
// the same if it could not be told (3.3.4.7). Its opens stay good.
void file_state::impl::give_up(lease_entry& l, break_outcome how, time_point now, effects& out) {
  if (l.recovered)
    return drop_recovered(l, out);
  l.info.timed_out = how == break_outcome::timed_out;
  end_break(l, lease_state::none, how, now, out);
  follow_unattended(now, out);
}

// A report about a break that has ended meanwhile, or was followed by another, says nothing.
void file_state::impl::cannot_deliver(const break_undeliverable& c, time_point now, effects& out) {
  const auto found = std::find_if(leases.begin(), leases.end(),
    [&c](const auto& l) { return l->info.breaking && l->current_break == c.id; });
  if (found == leases.end() || (*found)->offers != c.offer)
    return;
  lease_entry& lease = **found;
  lease.maybe_unheard = true;
  // MS-SMB2 3.3.4.7: the holder of a persistent open is told when it is back, if it is in time.
  if (lease.persistent == 0)
    give_up(lease, break_outcome::undeliverable, now, out);
}

void file_state::impl::notify(
  lease_entry& l, lease_state to, bool ack, time_point now, effects& out) {
  l.maybe_unheard = l.is_unattended();
  l.told_on = l.channels.newest();
  break_notification n;
  n.id = l.current_break;
  n.offer = l.offers;
  n.client = l.client;
  n.channels = l.channels.all();
  n.is_oplock = l.info.is_oplock;
  n.open = l.first_open;
  if (!l.info.is_oplock)
    n.key = l.info.key;
  n.from = l.info.state;
  n.to = to;
  n.epoch = told_epoch(l);
  n.ack_required = ack;
  n.cause = l.cause;
  n.issued = now;
  const bool is_told = tells_now(l);
  if (is_told) {
    out.notifications.push_back(n);
    n.ack_required = false;
  }
  if (l.unanswered != 0 || !is_told)
    hold_back(l, std::move(n), now);
}

// MS-SMB2 3.3.4.7 leaves the choice among the connections of the lease's opens. A client that has
// opened the file on several connections expects its leases' breaks on the first of them
// (smb2.lease.v2_complex1), also where only another of its leases has been asked for.
void file_state::impl::tell_on_oldest(effects& out) {
  const client_guid* of = nullptr;
  std::optional<channel_id> oldest;
  for (auto& n : out.notifications) {
    if (n.is_oplock || n.channels.empty())
      continue;
    if (of == nullptr || *of != n.client)
      oldest = oldest_channel_of(n.client);
    of = &n.client;
    if (!oldest || n.channels.front() == *oldest)
      continue;
    std::erase(n.channels, *oldest);
    n.channels.insert(n.channels.begin(), *oldest);
    if (auto* const lease = find_lease(n.client, n.key); lease != nullptr)
      lease->told_on = oldest->connection;
  }
}

// Of the opens that use leases; without those whose connection is lost.
std::optional<channel_id> file_state::impl::oldest_channel_of(const client_guid& client) const {
  const open_entry* oldest = nullptr;
  const auto first = std::lower_bound(leases.begin(), leases.end(), client,
    [](const auto& l, const client_guid& c) { return !l->info.is_oplock && l->client < c; });
  for (auto l = first; l != leases.end() && (*l)->client == client && !(*l)->info.is_oplock; ++l) {
    const auto* const open = (*l)->opens != 0 ? find_open((*l)->first_open) : nullptr;
    if (open != nullptr && !open->is_detached() && (oldest == nullptr || open->id < oldest->id))
      oldest = open;
  }
  return oldest != nullptr ? std::optional(oldest->channel) : std::nullopt;
}

// MS-SMB2 2.2.23.2: NewEpoch is for V2 leases; others get 0.
std::uint16_t file_state::impl::told_epoch(const lease_entry& l) noexcept {
  return !l.info.is_oplock && l.info.version == 2 ? l.info.epoch : std::uint16_t{0};
}

// MS-SMB2 3.3.4.6, 3.3.4.7: what could not be sent is sent on another channel, or when the client
// is back. It hears of the same break, and has no more time: others have been waiting all the
// while.
void file_state::impl::notify_again(lease_entry& l, time_point now, effects& out) {
  if (!l.info.breaking || !l.maybe_unheard || is_untold(l) || LEASEBREAK_MUTANT(break_told_once))
    return;
  if (l.current_break == break_id::none)
    l.current_break = break_id{++last_break}; // It began before a restart.
  ++l.offers;
  notify(l, l.info.break_to, true, now, out);
  if (!tells_now(l))
    held_of(l)->keeps_time = true;
  if (l.unanswered != 0)
    store_lease(l, out); // it will be told once more, with an epoch of its own
}

// MS-SMB2 3.3.4.7: the time runs from each notification that has to be acknowledged.
void file_state::impl::start_break_timer(lease_entry& l, time_point now) {
  l.info.break_started = now;
  push_deadline(detail::deadline_entry::for_break(break_deadline(l), l.name()));
}

time_point file_state::impl::break_deadline(const lease_entry& l) const noexcept {
  return after(l.info.break_started,
    LEASEBREAK_MUTANT(break_ends_early) ? policy->break_timeout / 2 : policy->break_timeout);
}

} // namespace leasebreak

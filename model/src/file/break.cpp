// Begins and ends breaks (MS-SMB2 3.3.4.6, 3.3.4.7, 3.3.6.1, 3.3.6.5).
//
// A break increments the epoch once, and again if its notification is repeated after a response
// (answer.cpp). Merged breaks, the further stages after an acknowledgement, and acknowledgements do
// not increment it.
#include "file/impl.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

// If `changer` is given, it is notified of breaks of its own leases after the response to its
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
    follow_unattended(now, out); // other opens of these leases may have needed the caching
}

void file_state::impl::begin_break(lease_entry& l, lease_state to, break_cause cause,
  time_point now, effects& out, std::uint32_t behind) {
  to = to & l.info.state;
  if (is_untold(l)) {
    // The notification that is held back will include this break.
    if ((l.info.required & to) != l.info.required) {
      l.info.required = l.info.required & to;
      l.info.break_to = l.info.required;
      store_lease(l, out);
    }
    if (behind == 0 && l.is_behind_change())
      tell_behind(l, now, out);
    else if (behind == 0)
      tell_known(l, now, out); // if it must not wait for the responses any more
    return;
  }
  if (l.info.breaking) {
    // A further break of the same lease is merged into the first, without a notification or an
    // epoch. The holder is notified of the rest when it acknowledges. An oplock has no second
    // stage: operations that need more break it again afterwards.
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
  out.facts.emplace_back(break_begun{l.current_break, l.client,
    l.info.is_oplock ? lease_key{} : l.info.key, l.first_open, cause, l.info.state, to});
  // MS-SMB2 3.3.4.6, 3.3.4.7: a holder with Read alone has nothing to write back or to close.
  // Notify it without waiting.
  if (l.info.state == lease_state::r) {
    if (tells_now(l))
      ++l.info.epoch;
    notify(l, lease_state::none, false, now, out);
    const bool stays = !l.info.is_oplock; // an oplock is removed, and `l` is invalid then
    end_break(l, lease_state::none, break_outcome::immediate, now, out);
    if (stays)
      correct_untold_grants(l, out);
    return;
  }
  l.info.break_to = to;
  l.info.required = to;
  set_breaking(l, true);
  if (tells_now(l))
    ++l.info.epoch;
  notify(l, to, true, now, out);
  if (is_untold(l))
    ++held_of(l)->epochs;
  start_break_timer(l, now);
  store_lease(l, out);
  if (!l.info.is_oplock)
    correct_untold_grants(l, out);
}

// One command may complete several pending opens, of which one needs what another has just been
// granted. If no response about the lease has been sent for any open, lower the grant instead of
// breaking it.
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
    // Without Handle it is not durable, unless it is persistent.
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

// The client is sent the break before the pending CREATE responses. Lower those responses to the
// post-break state; otherwise the client would take them as newer than the break.
void file_state::impl::correct_untold_grants(lease_entry& l, effects& out) {
  for_each_untold(l, out, [&](open_entry&, open_granted& granted) { tell(l, granted); });
}

// Calls `f` for each open of the lease whose grant is in `out`.
template <class Function>
void file_state::impl::for_each_untold(const lease_entry& l, effects& out, const Function& f) {
  for (auto& c : out.completions) {
    auto* const granted = std::get_if<open_granted>(&c.result);
    auto* const open = granted != nullptr ? find_open(granted->open) : nullptr;
    if (open != nullptr && open->lease == &l)
      f(*open, *granted);
  }
}

// Ends the break in progress, if there is one, and leaves the holder `left`. An oplock that is left
// none is removed, which invalidates `l`.
void file_state::impl::end_break(
  lease_entry& l, lease_state left, break_outcome how, time_point now, effects& out) {
  break_ended ended;
  ended.id = l.current_break;
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
  l.break_due = time_point{};
  store_lease(l, out);
  if (!l.info.is_oplock || left != lease_state::none)
    return;
  if (auto* open = find_open(l.first_open); open != nullptr && open->lease == &l) {
    open->oplock_timed_out = how == break_outcome::timed_out;
    detach(*open);
  }
  remove_lease(l);
}

// MS-SMB2 3.3.6.1, 3.3.6.5: an expired break leaves the holder nothing, whatever the target was.
// The same holds if the notification could not be sent (3.3.4.7). The opens stay valid.
void file_state::impl::give_up(lease_entry& l, break_outcome how, time_point now, effects& out) {
  if (l.recovered)
    return drop_recovered(l, out);
  l.info.timed_out = how == break_outcome::timed_out;
  end_break(l, lease_state::none, how, now, out);
  follow_unattended(now, out);
}

// Ignores reports about a break that has ended or was sent again.
void file_state::impl::cannot_deliver(const break_undeliverable& c, time_point now, effects& out) {
  const auto found = std::find_if(leases.begin(), leases.end(),
    [&c](const auto& l) { return l->info.breaking && l->current_break == c.id; });
  if (found == leases.end() || (*found)->offers != c.offer)
    return;
  lease_entry& lease = **found;
  lease.maybe_unheard = true;
  // MS-SMB2 3.3.4.7: the holder of a persistent open is notified when it reconnects before the
  // deadline.
  if (lease.persistent == 0)
    give_up(lease, break_outcome::undeliverable, now, out);
}

void file_state::impl::notify(
  lease_entry& l, lease_state to, bool ack, time_point now, effects& out) {
  l.maybe_unheard = l.is_unattended();
  l.note_told_on(l.channels.newest());
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

// MS-SMB2 3.3.4.7 does not say which connection of the lease's opens to use. A client that has
// opened the file on several connections expects breaks of all its leases on the first of them
// (smb2.lease.v2_complex1), even if that connection was used for another lease.
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
      lease->note_told_on(*oldest);
  }
}

// Considers connected opens that use leases.
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

// MS-SMB2 2.2.23.2: NewEpoch is for V2 leases, and otherwise 0.
std::uint16_t file_state::impl::told_epoch(const lease_entry& l) noexcept {
  return !l.info.is_oplock && l.info.version == 2 ? l.info.epoch : std::uint16_t{0};
}

// MS-SMB2 3.3.4.6, 3.3.4.7: a notification that could not be sent is sent on another channel, or
// when the client reconnects. It is the same break with the same deadline, because other operations
// have been waiting.
void file_state::impl::notify_again(lease_entry& l, time_point now, effects& out) {
  if (!l.info.breaking || !l.maybe_unheard || is_untold(l) || LEASEBREAK_MUTANT(break_told_once))
    return;
  if (l.current_break == break_id::none)
    l.current_break = break_id{++last_break}; // it began before a restart
  ++l.offers;
  notify(l, l.info.break_to, true, now, out);
  if (!tells_now(l))
    held_of(l)->keeps_time = true;
  if (l.unanswered != 0)
    store_lease(l, out); // the second notification will have another epoch
}

// MS-SMB2 3.3.4.7: the timeout starts with each notification that requires an acknowledgement.
void file_state::impl::start_break_timer(lease_entry& l, time_point now) {
  l.info.break_started = now;
  l.break_due = after(now, break_timeout_of(l));
  push_deadline(detail::deadline_entry::for_break(l.break_due, l.name()));
}

duration file_state::impl::break_timeout_of(const lease_entry& l) const noexcept {
  const auto timeout = setting(&file_policy::break_timeout, share_of(l.first_open));
  return LEASEBREAK_MUTANT(break_ends_early) ? timeout / 2 : timeout;
}

duration file_state::impl::setting(
  duration file_policy::*which, std::string_view share) const noexcept {
  return policy->live != nullptr ? policy->live->get(which, share) : policy->*which;
}

std::string_view file_state::impl::share_of(open_id open) const noexcept {
  const auto* const found = find_open(open);
  return found != nullptr ? std::string_view(found->share) : std::string_view();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// Responses that have not been sent yet (MS-SMB2 3.3.4.6, 3.3.4.7).
//
// A client must not be notified of a break before the response with the grant that is broken: a V1
// lease and an oplock have no epoch from which the client could tell the order. While the response
// to an open of a lease is outstanding, the notifications of the lease are held back. After the
// last response, one notification reports all breaks together, and the holder's deadline starts.
//
// A client that changes a directory without a key, or under another key, breaks its own lease of
// the directory. No operation waits for that break, so that the client is notified after the
// response to the change (smb2.dirlease.rename). As soon as another operation needs the break, the
// client is notified immediately.
#include "file/impl.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

// Counts a response about the lease or oplock of `open` as outstanding.
void file_state::impl::expect_answer(open_entry& open, open_granted& granted) {
  if (open.lease == nullptr)
    return;
  granted.answer = ++open.answers;
  if (open.unanswered++ == 0)
    ++open.lease->unanswered;
}

void file_state::impl::expect_first_answer(open_entry& open, open_granted& granted) {
  expect_answer(open, granted);
  open.unknown = true;
  ++open.lease->unknown;
}

void file_state::impl::answer(const answer_sent& c, time_point now, effects& out) {
  if (c.open == open_id::none)
    return answer_change(c.answer, now, out);
  auto* const open = find_open(c.open);
  if (open == nullptr || open->unanswered == 0 || c.answer <= open->settled)
    return;
  if (open->unanswered == 1)
    settle_answers(*open, now, out);
  else
    --open->unanswered;
  learn(*open, now, out);
}

// A response of the open was sent. Without an epoch, the client takes it as the newest state,
// whatever it was told before.
void file_state::impl::learn(open_entry& open, time_point now, effects& out) {
  auto* const lease = open.lease;
  const bool is_first = std::exchange(open.unknown, false);
  if (lease == nullptr)
    return;
  if (is_first)
    --lease->unknown;
  if (lease->unanswered != 0 && (is_first || lease->info.version != 2))
    tell_known(*lease, now, out);
}

// The open's responses no longer count as outstanding: all are sent, or its connection is lost.
void file_state::impl::settle_answers(open_entry& open, time_point now, effects& out) {
  if (std::exchange(open.unanswered, 0) == 0)
    return;
  open.settled = open.answers;
  if (open.lease == nullptr)
    return tell_gone_oplock(open, out);
  if (--open.lease->unanswered == 0)
    tell_held(*open.lease, now, out);
}

// An oplock that was broken to none is removed; only its notification is left.
void file_state::impl::tell_gone_oplock(open_entry& open, effects& out) {
  open.unknown = false;
  const auto held = std::move(open.held);
  if (held == nullptr || !held->immediate)
    return;
  held->immediate->to = lease_state::none;
  held->immediate->channels = {open.channel};
  out.notifications.push_back(std::move(*held->immediate));
}

std::unique_ptr<detail::held_notice>& file_state::impl::held_of(lease_entry& l) const {
  return l.info.is_oplock ? find_open(l.first_open)->held : l.held;
}

const detail::held_notice* file_state::impl::held_of(const lease_entry& l) const noexcept {
  if (!l.info.is_oplock)
    return l.held.get();
  return l.unanswered != 0 ? find_open(l.first_open)->held.get() : nullptr;
}

bool file_state::impl::is_untold(const lease_entry& l) const noexcept {
  const auto* const held = held_of(l);
  return held != nullptr && held->breaking && !held->keeps_time;
}

// If the lease has Write, all conflicting operations wait for its holder, so that the notification
// can wait for the responses. Without Write, they proceed, and a client that knows the lease must
// stop using its cache immediately. Notify it now, and again after the responses, which still state
// the original grant.
//
// An operation that needs Handle waits as well. To a client that knows the order by the epoch, tell
// it now. Another one would acknowledge both notifications, and its first acknowledgement, if it is
// late, would end the wait while the response has just granted Handle again.
bool file_state::impl::tells_now(const lease_entry& l) noexcept {
  if (LEASEBREAK_MUTANT(break_before_answer))
    return true;
  const bool takes_handle_only =
    l.info.breaking && (bits(l.info.state) & ~bits(l.info.break_to)) == bits(lease_state::handle);
  const bool is_waited_for =
    intersects(l.info.state, lease_state::write) || (takes_handle_only && l.info.version != 2);
  return (!l.is_behind_change() || LEASEBREAK_MUTANT(own_changes_told_first)) &&
    (l.unanswered == 0 || l.late || (l.opens > l.unknown && !is_waited_for));
}

detail::held_notice& file_state::impl::notice_of(lease_entry& l, time_point now) {
  auto& held = held_of(l);
  if (held == nullptr) {
    held = std::make_unique<detail::held_notice>(held_back);
    // Prevents a server that never sends the response from blocking the break forever.
    held->overdue =
      after(now, std::min(setting(&file_policy::answer_wait_max), break_timeout_of(l)));
    push_deadline(l.info.is_oplock ? detail::deadline_entry::for_answer(held->overdue, l.first_open)
                                   : detail::deadline_entry::for_answer(held->overdue, l.name()));
  }
  return *held;
}

void file_state::impl::hold_back(lease_entry& l, break_notification n, time_point now) {
  auto& held = notice_of(l, now);
  if (n.ack_required) {
    if (!std::exchange(held.breaking, true))
      held.begun = now;
    return;
  }
  if (held.immediate) {
    n.from = held.immediate->from | n.from;
    n.to = held.immediate->to & n.to;
    n.issued = held.immediate->issued;
  }
  held.immediate = std::move(n);
  ++held.epochs;
}

// Meanwhile the holder may have acknowledged a lower state, and opens may have ended.
break_notification file_state::impl::as_it_is_now(break_notification n, const lease_entry& l) {
  n.epoch = told_epoch(l);
  n.to = n.to & l.info.state;
  n.channels = l.channels.all();
  n.open = l.first_open;
  return n;
}

// The lease was promoted while the notification of an earlier break is held back. Raise the target
// of the notification to the new state, or drop it if nothing is lost.
void file_state::impl::note_promotion(lease_entry& l) {
  auto& held = held_of(l);
  if (held == nullptr || !held->immediate)
    return;
  held->immediate->to = l.info.state;
  if (is_subset(held->immediate->from, l.info.state))
    held.reset();
}

// A break that is sent only now gets its full timeout.
void file_state::impl::tell_held(lease_entry& l, time_point now, effects& out) {
  l.late = false;
  if (l.is_behind_change())
    return;
  const auto held = std::exchange(held_of(l), nullptr);
  if (held == nullptr)
    return;
  const auto count_epoch = [&] {
    if (held->epochs != 0) {
      --held->epochs;
      ++l.info.epoch;
    }
  };
  if (held->immediate) {
    count_epoch();
    auto n = as_it_is_now(*held->immediate, l);
    // The client may have ignored the earlier notification, because it did not know the lease
    // before the response, or not any more: it may forget what it had with a lost connection.
    n.ack_required = l.info.breaking && !held->breaking;
    if (n.ack_required) {
      l.maybe_unheard = l.is_unattended();
      l.note_told_on(l.channels.newest());
    }
    out.notifications.push_back(std::move(n));
  }
  if (held->breaking) {
    count_epoch();
    notify(l, l.info.break_to, true, now, out);
    out.notifications.back().issued = held->begun;
    if (!held->keeps_time)
      start_break_timer(l, now);
  }
  store_lease(l, out);
}

// A break ends while its notification is held back. If it expired, notify the client that it has
// lost what the response still grants.
void file_state::impl::end_held_break(
  lease_entry& l, break_outcome how, time_point now, effects& out) {
  auto& held = held_of(l);
  if (std::exchange(held->breaking, false) && how == break_outcome::timed_out)
    notify(l, lease_state::none, false, now, out);
  if (!held->immediate)
    held.reset(); // nothing is left to send
}

// The client knows the lease from now on, while other responses are outstanding. See `tells_now`.
void file_state::impl::tell_known(lease_entry& l, time_point now, effects& out) {
  auto& held = held_of(l);
  if (held == nullptr || !tells_now(l))
    return;
  if (held->immediate) {
    ++l.info.epoch;
    out.notifications.push_back(as_it_is_now(*held->immediate, l));
  }
  if (std::exchange(held->breaking, false)) {
    ++l.info.epoch;
    notify(l, l.info.break_to, true, now, out);
    out.notifications.back().issued = held->begun;
    if (!std::exchange(held->keeps_time, false))
      start_break_timer(l, now);
  }
  store_lease(l, out);
}

// The server has exceeded the time for the response. Notify the client now, and again after the
// response, which still states the original grant.
void file_state::impl::answer_is_overdue(
  const detail::deadline_entry& due, time_point now, effects& out) {
  auto* const first = due.open != open_id::none ? find_open(due.open) : nullptr;
  auto* const lease = first != nullptr ? first->lease : find_lease(due.lease);
  out.facts.emplace_back(answer_overdue{first != nullptr ? first->client : lease->client,
    lease != nullptr && !lease->info.is_oplock ? lease->info.key : lease_key{},
    first != nullptr ? first->id : lease->first_open});
  if (lease == nullptr) {
    first->held->overdue = {};
    out.notifications.push_back(*first->held->immediate);
    return;
  }
  held_of(*lease)->overdue = {};
  lease->late = lease->unanswered != 0;
  if (lease->is_behind_change())
    tell_behind(*lease, now, out);
  else
    tell_known(*lease, now, out);
}

// The response to a directory change was sent.
void file_state::impl::answer_change(std::uint32_t change, time_point now, effects& out) {
  if (held_back.behind_changes == 0)
    return;
  for (const auto& l : leases)
    if (l->is_behind_change() && l->held->behind == change)
      tell_behind(*l, now, out);
}

void file_state::impl::tell_behind(lease_entry& l, time_point now, effects& out) {
  l.held->go_ahead();
  if (l.unanswered == 0)
    tell_held(l, now, out);
  else
    tell_known(l, now, out);
}

// Another client has changed the directory, too.
void file_state::impl::tell_all_but(const client_guid& changer, time_point now, effects& out) {
  for (const auto& l : leases)
    if (l->is_behind_change() && l->client != changer)
      tell_behind(*l, now, out);
}

// Any pending operation may wait for one of these breaks.
void file_state::impl::tell_who_is_waited_for(time_point now, effects& out) {
  if (rare && !rare->waiting.empty())
    tell_all_but({}, now, out);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

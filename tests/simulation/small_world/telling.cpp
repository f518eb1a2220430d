// The effects of a step from the clients' view.
#include "ids.hpp"
#include "scene.hpp"

#include <algorithm>
#include <sstream>

namespace leasebreak::small_world {

using enum lease_state;

namespace {

std::string story_of(const break_notification& n, const std::string& holder) {
  std::ostringstream text;
  text << "    " << holder << " is broken from " << n.from << " to " << n.to;
  if (n.epoch != 0)
    text << ", epoch " << n.epoch;
  if (n.ack_required)
    text << ", acknowledgement required";
  text << " (connection " << static_cast<std::uint64_t>(n.connection()) << ")";
  return text.str();
}

std::string story_of(const completion& c, const std::string& step) {
  std::ostringstream text;
  text << "    completed: " << step << ": " << to_string(c.error);
  if (const auto* g = std::get_if<open_granted>(&c.result)) {
    text << ", " << g->state << " as " << g->oplock;
    if (g->epoch != 0)
      text << ", epoch " << g->epoch;
    if (g->break_in_progress)
      text << ", breaking";
  }
  return text.str();
}

} // namespace

void scene::take(const effects& out) {
  completions_ = out.completions;
  for (const auto& n : out.notifications)
    take(n);
  for (const auto& e : out.ended)
    take(e);
  for (const auto& c : out.completions)
    take(c);
}

// -- notifications --------------------------------------------------------------------------------

std::uint8_t scene::holder_of(const break_notification& n) const {
  if (!n.is_oplock)
    return small_world::holder_of(n.client, n.key);
  for (std::uint8_t s = 0; s < slot_count; ++s)
    if (ledger_.slots[s].id == n.open && ledger_.slots[s].is != slot::status::free)
      return static_cast<std::uint8_t>(lease_count + s);
  return nothing;
}

// A notification may follow the answer that is sent now, or precede an overdue one.
bool scene::is_new_answer_for(std::uint8_t holder) const {
  if (now_.what == verb::answer)
    return ledger_.holder_of(now_.slot) == holder;
  for (std::size_t s = 0; s < slot_count; ++s) {
    const auto& at = ledger_.slots[s];
    if (at.answer.number != 0 && ledger_.holder_of(s) == holder &&
      at.answer.since + ledger_.policy->answer_wait_max <= ledger_.now)
      return true;
  }
  return false;
}

void scene::take(const break_notification& n) {
  const auto holder = holder_of(n);
  if (holder == nothing)
    return fail("a notification for an oplock that does not exist");
  const auto name = name_of_holder(holder);
  auto& v = ledger_.views[holder];
  if (story_ != nullptr)
    say(story_of(n, name));
  notices_.push_back({holder, n.from, n.to, n.ack_required});
  check_epoch(holder, n);
  // MS-SMB2 3.3.4.7: a holder of Read alone need not acknowledge.
  if (!ledger_.world->answers && n.ack_required != intersects(n.from, write | handle))
    fail(name + " is asked for a needless acknowledgement, or not for a needed one");
  if (!is_subset(n.to, n.from) || !is_valid(n.to, false))
    fail(name + " is broken to an invalid state");
  check_connection(holder, n);
  const bool is_promoted = ledger_.has_lost(holder) && promotions_of(holder) != 0;
  if (!v.heard && !is_new_answer_for(holder) && n.connection() != connection_id::none &&
    !is_promoted && !v.is_overdue)
    return fail(name + " receives a break before the answer that grants what it breaks");
  if (v.must_answer && n.ack_required && !v.may_be_told_again && !is_new_answer_for(holder))
    fail(name + " receives one break twice");
  if (v.heard && !is_stale_ && !is_subset(v.uses, n.from))
    fail(name + " receives a break from less than it has");
  if (n.ack_required) {
    if (!v.time_runs)
      v.told_at = ledger_.now;
    v.time_runs = true;
    v.told_from = n.from;
    v.told_to = n.to;
    v.told_on = n.connection();
    // A notification may be repeated if it was sent while an answer was lost, or after one.
    v.may_be_told_again = v.may_be_told_again && ledger_.world->answers;
  }
  v.is_overdue = !v.heard || (v.is_overdue && ledger_.has_answer_in_flight(holder)) ||
    (now_.what == verb::pass_time && is_new_answer_for(holder));
  if (!v.heard)
    return; // The client knows no such lease, and ignores the break.
  if (n.ack_required)
    v.must_answer = true;
  // The notification contains a state that the client learns with the next answer.
  if (promotions_of(holder) != 0)
    v.uses = v.uses | n.from;
  // Reading from the cache ends at once, writing and the use of handles with the acknowledgement.
  // If the break followed the answer immediately, nothing has been cached yet.
  const bool may_finish = (n.ack_required || v.must_answer) && !is_stale_;
  v.uses = v.uses & (may_finish ? n.to | write | handle : n.to);
}

// MS-SMB2 3.3.4.7: a lease break uses a connection of the client's opens with a lease, preferably
// of this lease. An oplock break uses the connection of its open (3.3.4.6).
void scene::check_connection(std::uint8_t holder, const break_notification& n) {
  bool is_open = false;
  bool is_connection = false;
  bool any = false;
  for (std::size_t s = 0; s < slot_count; ++s) {
    const auto& at = ledger_.slots[s];
    if (at.is == slot::status::free)
      continue;
    const bool is_own = ledger_.holder_of(s) == holder;
    const bool is_clients = !ledger::is_oplock(holder) && s / 2 == holder / 2U &&
      !ledger::is_oplock(ledger_.holder_of(s));
    if (!is_own && !is_clients)
      continue;
    is_open = is_open || (is_own && at.id == n.open && at.is != slot::status::closing);
    const bool is_connected = at.is == slot::status::open ||
      (now_.what == verb::reconnect && now_.slot == s) || at.is == slot::status::opening;
    any = any || (is_own && at.is == slot::status::open);
    is_connection = is_connection || (is_connected && n.connection() == connection_of_slot(s));
  }
  if (!is_open || (any ? !is_connection : n.connection() != connection_id::none && !is_connection))
    fail(name_of_holder(holder) + " receives a break on a wrong connection");
}

// Counts the promotions of a lease in this step. A lease may be promoted and broken in one step,
// and the answer with the promotion follows.
std::ptrdiff_t scene::promotions_of(std::uint8_t holder) const {
  return std::ranges::count_if(completions_, [&](const completion& c) {
    const auto* const g = std::get_if<open_granted>(&c.result);
    if (g == nullptr || g->version == 0)
      return false;
    return std::ranges::any_of(ledger_.slots, [&](const slot& s) {
      return s.id == g->open &&
        ledger_.holder_of(static_cast<std::size_t>(&s - ledger_.slots.data())) == holder;
    });
  });
}

// MS-SMB2 3.3.4.7: each notification increments the epoch, except those that continue a break that
// the client already knows.
void scene::check_epoch(std::uint8_t holder, const break_notification& n) {
  auto& v = ledger_.views[holder];
  if (v.version != 2) {
    if (n.epoch != 0)
      fail(name_of_holder(holder) + " has no epoch, but receives one");
    return;
  }
  const auto steps = static_cast<std::uint16_t>(n.epoch - v.server_epoch);
  const bool goes_on =
    v.may_be_told_again || (now_.what == verb::acknowledge && now_.slot == holder);
  if ((steps < 1 || steps > 1 + promotions_of(holder)) && !(steps == 0 && goes_on))
    fail(name_of_holder(holder) + ": a notification does not increment the epoch by one");
  v.server_epoch = n.epoch;
  if (v.heard)
    v.epoch = n.epoch;
}

// -- ends of opens --------------------------------------------------------------------------------

void scene::take(const open_ended& e) {
  for (std::uint8_t s = 0; s < slot_count; ++s) {
    auto& at = ledger_.slots[s];
    if (at.id != e.open || at.is == slot::status::free)
      continue;
    say(
      "    an open ended, " + std::string(e.cause == end_cause::purged ? "purged" : "as expected"));
    const bool is_lost = at.is == slot::status::lost;
    const bool is_in_time = ledger_.now < at.lost_at + std::chrono::seconds{60};
    if ((e.cause == end_cause::closed && at.is != slot::status::closing) ||
      (e.cause == end_cause::disconnected && (now_.what != verb::lose || now_.slot != s)) ||
      (e.cause == end_cause::purged && (!is_lost || !at.durable)) ||
      (e.cause == end_cause::expired && (!is_lost || is_in_time)))
      fail("an open ended without a reason");
    ledger_.doomed = ledger_.doomed || ledger_.choice_of(s).delete_on_close;
    if (e.cause == end_cause::disconnected)
      at.is = slot::status::free;
    at.gone = true;
    end_slot(s);
    if (e.cause == end_cause::disconnected)
      forget(ledger_.holder_of(s));
    if (e.hold != hold_id::none)
      announce(change::kind::deletion, e.hold, nothing);
    return;
  }
  fail("an open ended that does not exist");
}

// A client that knows no open of the lease may take an older answer for the newest.
void scene::forget(std::uint8_t holder) {
  auto& v = ledger_.views[holder];
  if (!v.heard || ledger_.is_known(holder))
    return;
  v.heard = false;
  v.uses = none;
  v.may_know_less = ledger_.is_there(holder);
}

void scene::end_slot(std::uint8_t s) {
  auto& at = ledger_.slots[s];
  at.exclusive_lock = false;
  at.shared_locks = 0;
  at.answer = {};
  const auto holder = ledger_.holder_of(s);
  if (ledger_.is_there(holder))
    return;
  ledger_.views[holder] = {};
  for (auto& c : ledger_.changes)
    if (c.holder == holder && ledger::is_oplock(holder))
      c.holder = nothing;
}

// -- completions ----------------------------------------------------------------------------------

void scene::take(const completion& c) {
  const auto found = std::ranges::find(ledger_.operations, c.operation, &operation::id);
  if (found == ledger_.operations.end())
    return fail("an operation ended twice, or never began");
  const auto o = *found;
  if (story_ != nullptr)
    say(story_of(c, describe(*ledger_.world, o.what)));
  ledger_.operations.erase(found);
  const bool says_itself = o.what.what == verb::acknowledge || o.what.what == verb::reconnect;
  if (checks_ && before_ != nullptr && c.error != errc::success && !says_itself &&
    !may_fail(*before_, ledger_, o, c.error, now_))
    fail(describe(*ledger_.world, o.what) + ": fails without a reason: " + to_string(c.error));
  switch (o.what.what) {
  case verb::open:
    return take_open(o, c);
  case verb::close:
    return take_closed(o, c);
  case verb::access:
  case verb::local_access:
    return take_access(o, c);
  case verb::lock:
  case verb::unlock:
    return take_lock(o, c);
  case verb::acknowledge:
    return take_acknowledged(o, c);
  case verb::lose:
    return take_lost(o, c);
  case verb::reconnect:
    return take_reconnected(o, c);
  default:
    return;
  }
}

void scene::announce(change::kind is, hold_id id, std::uint8_t holder) {
  if (id == hold_id::none)
    return fail("a change is announced without a hold");
  if (is == change::kind::deletion)
    ledger_.doomed = false;
  ledger_.changes.push_back({id, is, holder});
}

void scene::take_open(const operation& o, const completion& c) {
  const auto* const granted = std::get_if<open_granted>(&c.result);
  if (c.error != errc::success || granted == nullptr) {
    ledger_.slots[o.what.slot].is = slot::status::free;
    return;
  }
  take_grant(o, *granted);
}

void scene::take_grant(const operation& o, const open_granted& g) {
  auto& at = ledger_.slots[o.what.slot];
  const auto& choice = ledger_.choice_of(o.what.slot);
  const auto holder = ledger_.holder_of(o.what.slot);
  auto& v = ledger_.views[holder];
  if (checks_ && conflicts(ledger_, o.what.slot, choice, true))
    fail("an open is granted although another one excludes it");
  if (checks_ && ((ledger_.doomed && ledger_.any_open()) || ledger_.is_being_deleted()))
    fail("a file that is marked for deletion is opened");
  if (checks_)
    check_grant(o, g);
  const bool is_new = !ledger_.is_there(holder);
  if (is_new) {
    v = {};
    v.version = g.version;
  }
  at.is = slot::status::open;
  at.durable = g.durable;
  if (g.durable != (choice.durable && intersects(g.state, handle)))
    fail("an open is durable without Handle, or not durable with it");
  if (v.version == 2)
    v.server_epoch = g.epoch;
  const answer_in_flight answer{g.answer, g.state, g.epoch, g.break_in_progress, ledger_.now};
  if (g.answer != 0) {
    at.answer = answer;
  } else {
    at.told = true;
    at.was_told = true;
    learn(v, answer, is_new);
  }
  if (choice.overwrites)
    announce(change::kind::data, g.hold, holder);
}

// Checks the state and epoch of a grant, except where the reference cannot predict them: several
// operations complete at once, or clients do not know all grants.
void scene::check_grant(const operation& o, const open_granted& g) {
  const auto& choice = ledger_.choice_of(o.what.slot);
  const auto holder = ledger_.holder_of(o.what.slot);
  const auto& v = ledger_.views[holder];
  const auto others = std::ranges::count_if(completions_, [](const completion& c) {
    return !std::get_if<break_acknowledged>(&c.result) && !std::get_if<open_closed>(&c.result) &&
      !std::get_if<client_removed>(&c.result);
  });
  const bool all_know = std::ranges::none_of(ledger_.slots,
    [](const slot& s) { return s.answer.number != 0 || (s.is == slot::status::lost && !s.told); });
  if (others != 1 || !all_know || ledger_.may_be_behind())
    return;
  if (choice.has_lease() && ledger_.is_there(holder) && v.must_answer) {
    if (!g.break_in_progress)
      fail("an open of a breaking lease does not report the break");
    return;
  }
  const auto expected = granted_to(ledger_, o.what.slot, choice);
  if (g.state != expected) {
    std::ostringstream text;
    text << "expected a grant of " << expected << ", was " << g.state;
    fail(text.str());
  }
  if (g.version != 2)
    return;
  const bool is_new = !ledger_.is_there(holder);
  const auto last = is_new ? std::uint16_t{0xfffe} : v.server_epoch;
  const bool changed = g.state != (is_new ? none : v.uses);
  if (static_cast<std::uint16_t>(g.epoch - last) != (changed ? 1 : 0))
    fail("a grant does not increment the epoch by one, or increments it without a change");
}

// MS-SMB2 3.3.1.12: with epochs, the client ignores an older answer; without, the latest answer
// counts. MS-SMB2 2.2.14.2.10: an answer that reports a break in progress tells nothing new to a
// client that has received or ended the break.
void scene::learn(view& v, const answer_in_flight& a, bool is_new) {
  const bool is_first = !v.heard || is_new;
  const bool is_newer =
    is_first || v.version != 2 || static_cast<std::int16_t>(a.epoch - v.epoch) > 0;
  const bool is_marked = a.breaking && !(is_first && v.time_runs);
  if (is_newer && !is_marked && !(v.version == 2 && v.must_answer))
    v.uses = a.state;
  if (is_newer && v.version == 2)
    v.epoch = a.epoch;
  v.heard = true;
}

void scene::take_closed(const operation& o, const completion& c) {
  const auto* const closed = std::get_if<open_closed>(&c.result);
  auto& at = ledger_.slots[o.what.slot];
  if (!at.gone)
    fail("a close does not end the open");
  at.is = slot::status::free;
  if (closed == nullptr || c.error != errc::success)
    return;
  const bool deletes = ledger_.doomed && !ledger_.any_open();
  if (closed->delete_file)
    announce(change::kind::deletion, closed->hold, nothing);
  if (now_.what == verb::close && now_.slot == o.what.slot && closed->delete_file != deletes)
    fail("the last close does not delete the file, or an earlier one does");
}

// MS-SMB2 3.3.7.1: checks which opens are kept without a connection.
void scene::take_lost(const operation& o, const completion& c) {
  auto& at = ledger_.slots[o.what.slot];
  const auto* const removed = std::get_if<client_removed>(&c.result);
  if (removed == nullptr)
    return;
  const bool deletes = ledger_.doomed && !ledger_.any_open();
  if (removed->delete_file)
    announce(change::kind::deletion, removed->hold, nothing);
  if (removed->delete_file != deletes)
    fail("the end of the last open does not delete the file, or an earlier one does");
  if (at.is == slot::status::free || at.is == slot::status::opening)
    return;
  if (removed->kept != std::vector{at.id})
    return fail("an open is neither kept nor ended with its connection");
  if (!at.durable || before_ == nullptr)
    return;
  const auto& was = before_->views[before_->holder_of(o.what.slot)];
  const bool is_known =
    !was.may_know_less && !before_->has_answer_in_flight(before_->holder_of(o.what.slot));
  if (before_->doomed || was.must_answer || (is_known && !intersects(was.uses, handle)))
    fail("an open is kept without a connection, but must not be");
}

void scene::take_acknowledged(const operation& o, const completion& c) {
  auto& v = ledger_.views[o.what.slot];
  const bool is_oplock = ledger::is_oplock(o.what.slot);
  const bool is_too_much = acknowledged_ == acknowledgement::everything;
  auto expected = errc::success;
  if (is_oplock) {
    const bool has_oplock =
      before_ == nullptr || before_->views[o.what.slot].uses != none || was_acknowledgeable_;
    if (!has_oplock || is_too_much)
      expected = errc::invalid_oplock_ack;
    else if (!was_acknowledgeable_)
      expected = errc::oplock_not_breaking;
  } else if (!was_acknowledgeable_) {
    expected = errc::lease_not_breaking;
  } else if (is_too_much) {
    expected = errc::ack_exceeds_break;
  }
  const auto* const left = std::get_if<break_acknowledged>(&c.result);
  if (checks_ && c.error != expected)
    fail("acknowledgement: expected: " + to_string(expected) + "; was: " + to_string(c.error));
  if (c.error != errc::success || left == nullptr)
    return;
  if (!is_subset(left->state, acknowledged_state_))
    fail("an acknowledgement leaves more than was acknowledged");
  if (is_too_much)
    v.uses = left->state;
}

void scene::take_access(const operation& o, const completion& c) {
  if (c.error != errc::success)
    return;
  const auto* const granted = std::get_if<access_granted>(&c.result);
  const bool is_local = o.what.what == verb::local_access;
  const auto kind =
    is_local ? ledger_.world->local[o.what.which] : ledger_.world->accesses[o.what.which];
  const auto own = is_local ? nothing : ledger_.holder_of(o.what.slot);
  const auto hold = granted != nullptr ? granted->hold : hold_id::none;
  switch (kind) {
  case access_kind::write:
    return announce(change::kind::data, hold, own);
  case access_kind::rename:
  case access_kind::unlink:
    return announce(change::kind::name, hold, own);
  case access_kind::set_delete:
    ledger_.doomed = true;
    return;
  case access_kind::clear_delete:
    ledger_.doomed = false;
    return;
  default:
    return;
  }
}

void scene::take_lock(const operation& o, const completion& c) {
  auto& at = ledger_.slots[o.what.slot];
  if (c.error != errc::success)
    return;
  if (o.what.what == verb::unlock) {
    if (at.exclusive_lock)
      at.exclusive_lock = false;
    else if (at.shared_locks != 0)
      --at.shared_locks;
    else
      fail("a lock is released that does not exist");
  } else if (ledger_.world->locks[o.what.which].exclusive) {
    at.exclusive_lock = true;
  } else {
    ++at.shared_locks;
  }
}

void scene::take_reconnected(const operation& o, const completion& c) {
  auto& at = ledger_.slots[o.what.slot];
  const auto* const held = std::get_if<open_granted>(&c.result);
  const bool is_back = c.error == errc::success && held != nullptr;
  if (is_back == at.gone)
    return fail(
      at.gone ? "an open is reconnected that has ended" : "a durable open is not reconnected");
  if (!is_back) {
    at.is = slot::status::free;
    return;
  }
  at.is = slot::status::open;
  auto& v = ledger_.views[ledger_.holder_of(o.what.slot)];
  const answer_in_flight answer{
    held->answer, held->state, held->epoch, held->break_in_progress, ledger_.now};
  at.told = held->answer == 0;
  if (at.told)
    learn(v, answer, !v.heard);
  else
    at.answer = answer;
}

} // namespace leasebreak::small_world

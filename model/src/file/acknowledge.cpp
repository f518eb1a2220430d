// Acknowledgements of breaks (MS-SMB2 3.3.5.22).
#include "file/impl.hpp"

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

// Checks the acknowledged level against the oplock, which is null if the open has none (MS-SMB2
// 3.3.5.22.1).
errc check_level(oplock_level level, const detail::lease_entry* oplock) {
  if (level == oplock_level::lease)
    return errc::invalid_oplock_level;
  if (oplock == nullptr)
    return errc::invalid_oplock_ack;
  if (level == oplock_level::none)
    return errc::success;
  const bool is_below =
    level == oplock_level::level_ii && intersects(oplock->info.state, lease_state::write);
  return is_below ? errc::success : errc::invalid_oplock_ack;
}

} // namespace

// MS-SMB2 3.3.5.22.2, with the checks in its order. A refused acknowledgement changes nothing: the
// break continues with its deadline.
void file_state::impl::acknowledge(const acknowledge_lease& c, time_point now, effects& out) {
  auto* lease = find_lease(c.client, c.key);
  auto error = errc::success;
  if (lease == nullptr || lease->recovered)
    error = errc::unknown_lease;
  else if (!lease->info.breaking || is_untold(*lease))
    error = errc::lease_not_breaking;
  else if (!is_valid(c.state, is_directory) || !is_subset(c.state, lease->info.break_to))
    error = errc::ack_exceeds_break;
  if (error != errc::success) {
    const bool late = lease != nullptr && lease->info.timed_out;
    out.facts.emplace_back(acknowledgement_refused{c.client, c.key, error, late});
    return complete(out, c.operation, error);
  }
  complete(out, c.operation, errc::success, break_acknowledged{c.state});
  if (is_subset(c.state, lease->info.required)) {
    end_break(*lease, c.state, break_outcome::acknowledged, now, out);
  } else {
    set_state(*lease, c.state);
    waiters_may_go = true;
    next_stage(*lease, now, out);
  }
  follow_unattended(now, out);
}

// Other operations have required more since the notification. Windows breaks in two steps: first
// everything except Read, then Read.
void file_state::impl::next_stage(lease_entry& l, time_point now, effects& out) {
  if (l.info.state == lease_state::r) {
    notify(l, lease_state::none, false, now, out);
    return end_break(l, lease_state::none, break_outcome::acknowledged, now, out);
  }
  const auto to = l.info.required | lease_state::read;
  l.info.break_to = to;
  notify(l, to, true, now, out);
  start_break_timer(l, now);
  store_lease(l, out);
}

// MS-SMB2 3.3.5.22.1, with the checks in its order. A wrong level ends a break in progress and
// leaves nothing, because the client evidently does not know the state of its oplock.
void file_state::impl::acknowledge(const acknowledge_oplock& c, time_point now, effects& out) {
  const auto* open = find_open(c.open);
  auto* const oplock = open != nullptr && open->lease != nullptr && open->lease->info.is_oplock
    ? open->lease
    : nullptr;
  const bool is_breaking = oplock != nullptr && oplock->info.breaking && !is_untold(*oplock);
  auto error = errc::success;
  if (open == nullptr)
    error = errc::unknown_open;
  else if (open->client != c.client)
    error = errc::wrong_owner;
  else
    error = check_level(c.level, oplock);
  const bool ends_break = is_breaking && error != errc::wrong_owner;
  if (error == errc::success && !is_breaking)
    error = errc::oplock_not_breaking;
  if (error != errc::success) {
    const bool late = open != nullptr && open->oplock_timed_out;
    out.facts.emplace_back(acknowledgement_refused{c.client, {}, error, late});
    complete(out, c.operation, error);
    if (!ends_break)
      return;
    end_break(*oplock, lease_state::none, break_outcome::acknowledged, now, out);
    return follow_unattended(now, out);
  }
  // A target of none stays none, because a client may acknowledge level II even then.
  const auto left = state_of(c.level) & oplock->info.break_to;
  complete(out, c.operation, errc::success, break_acknowledged{left});
  end_break(*oplock, left, break_outcome::acknowledged, now, out);
  follow_unattended(now, out);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

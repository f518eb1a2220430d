// Closes, lost connections, and deletion at the last close (MS-FSA 2.1.5.4, MS-SMB2 3.3.7.1).
#include "file/impl.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

void file_state::impl::close(const close_open& c, time_point now, effects& out) {
  auto* open = find_open(c.open);
  if (open == nullptr)
    return complete(out, c.operation, errc::unknown_open);
  open_closed closed;
  if (c.keep_if_durable && may_stay(*open)) {
    if (!open->is_detached())
      lose_connection(*open, now, out);
    follow_unattended(now, out);
    closed.kept = true;
    return complete(out, c.operation, errc::success, closed);
  }
  if (c.keep_file)
    open->delete_on_close = false;
  const bool deletes = open->delete_on_close;
  std::optional<lease_name> own;
  if (open->lease != nullptr)
    own = open->lease->name();
  end_open(c.open, c.keep_if_durable ? end_cause::disconnected : end_cause::closed, now, out);
  follow_end(now, out, !deletes);
  const auto deleted = delete_if_last(c.node);
  closed.hold = deleted.hold;
  closed.parent_key = deleted.parent_key;
  closed.delete_file = closed.hold != hold_id::none;
  if (!deletes || opens.empty())
    return complete(out, c.operation, errc::success, closed);
  // Other clients cache handles that their applications have closed. Break these before the close
  // completes, so that the file is deleted now.
  attempt_close(c, own, attempt::first, now, out);
}

// MS-SMB2 3.3.1.4: the operations of a client do not break its own lease. The lease of the closed
// open, `own`, may have other opens; it is not broken.
bool file_state::impl::attempt_close(const close_open& c, const std::optional<lease_name>& own,
  attempt a, time_point now, effects& out, waiting_operation* w) {
  auto plan =
    plan_without(lease_state::handle, own ? find_lease(*own) : nullptr, break_cause::remove);
  const auto streams = plan_streams(access_kind::remove_base, w);
  const bool are_asked = w == nullptr || !w->streams || w->streams->error == errc::success;
  plan.wait = plan.wait || (streams.wait && are_asked);
  if (a == attempt::last || (a == attempt::first && waiting_is_full()))
    plan.wait = false; // a close does not fail
  begin_breaks(plan, now, out);
  if (plan.wait && w == nullptr)
    w = &wait(c, c.operation, {}, open_id::none, true, now, own);
  if (a != attempt::last)
    ask_streams(streams, plan.wait ? w : nullptr, {}, out);
  if (plan.wait)
    return false;
  end_purged(opens_giving_way(plan), now, out);
  complete(out, c.operation, errc::success, open_closed{});
  return true;
}

namespace {

const channel_id* heir_of(const client_gone& c, session_id session) {
  const auto found = std::find_if(
    c.heirs.begin(), c.heirs.end(), [session](const auto& h) { return h.session == session; });
  return session == session_id::none || found == c.heirs.end() ? nullptr : &*found;
}

bool has_ended(const client_gone& c, session_id session, tree_id tree) {
  return c.session == session && (c.tree == tree_id::none || c.tree == tree);
}

} // namespace

// Returns whether a connected open ends with `c`.
bool file_state::impl::is_gone(const client_gone& c, const open_entry& open) const {
  if (open.client != c.client || open.channel.node != c.node || open.is_detached())
    return false;
  if (c.session != session_id::none)
    return has_ended(c, open.channel.session, open.tree);
  return !c.connection ||
    (*c.connection == open.channel.connection && heir_of(c, open.channel.session) == nullptr);
}

// Completes pending operations before the end of the opens could grant them. A lock fails at the
// end of its session as at the close of its open.
void file_state::impl::end_waits(const client_gone& c, effects& out) {
  if (!rare || LEASEBREAK_MUTANT(waits_outlive_client))
    return;
  const auto ends = [&](waiting_operation& w) {
    if (w.client != c.client || w.channel.node != c.node)
      return false;
    const auto* const open = find_open(w.open);
    if (c.session != session_id::none)
      return has_ended(c, w.channel.session, w.tree) || (open != nullptr && is_gone(c, *open));
    if (!c.connection)
      return true;
    if (w.channel.connection != *c.connection)
      return w.channel.connection == connection_id::none && open != nullptr && is_gone(c, *open);
    auto* const opening = std::get_if<open_file>(&w.what);
    const auto* const entering = std::get_if<access_file>(&w.what);
    const bool comes_again = opening != nullptr ? can_come_again(*opening)
                                                : entering != nullptr && entering->can_come_again;
    const auto* const heir = heir_of(c, w.channel.session);
    if (heir == nullptr || !comes_again)
      return true;
    if (opening != nullptr)
      opening->connection = heir->connection;
    w.channel = {heir->connection, heir->session, c.node};
    return false;
  };
  rare->waiting.erase_if([&](auto& w) {
    if (!ends(w))
      return false;
    const bool is_lock = std::holds_alternative<lock_ranges>(w.what);
    give_up(w,
      is_lock && c.session != session_id::none ? errc::range_not_locked : errc::client_gone, out);
    return true;
  });
}

void file_state::impl::move_opens(const client_gone& c) {
  if (c.heirs.empty())
    return;
  for (const auto& open : opens) {
    if (open->client != c.client || open->channel.node != c.node ||
      open->channel.connection != c.connection)
      continue;
    if (const auto* const heir = heir_of(c, open->channel.session); heir != nullptr)
      move_open(*open, {heir->connection, heir->session, c.node});
  }
}

// MS-SMB2 3.3.4.6, 3.3.4.7: a break that was sent on the lost connection may not have arrived; send
// it again on another one.
void file_state::impl::offer_again(const client_gone& c, time_point now, effects& out) {
  if (!c.connection)
    return;
  for (const auto& l : leases)
    if (l->client == c.client && l->told_node == c.node && l->told_on == *c.connection)
      lose_notification(*l, now, out);
}

void file_state::impl::lose_notification(lease_entry& l, time_point now, effects& out) {
  if (l.is_unattended())
    return;
  if (l.info.timed_out)
    return tell_of_timeout(l, now, out);
  if (!l.info.breaking)
    return;
  l.maybe_unheard = true;
  notify_again(l, now, out);
}

// MS-SMB2 3.3.6.5: the holder has lost what it did not acknowledge in time. If the notification was
// lost, it does not know that anything was broken.
void file_state::impl::tell_of_timeout(lease_entry& l, time_point now, effects& out) {
  ++l.info.epoch;
  notify(l, lease_state::none, false, now, out);
  store_lease(l, out);
}

void file_state::impl::remove_client(const client_gone& c, time_point now, effects& out) {
  end_waits(c, out);
  move_opens(c);
  gone_opens gone;
  for (const auto& open : opens)
    if (is_gone(c, *open))
      gone.opens.push_back(open.get());
  gone.keeps_durable = c.tree == tree_id::none;
  auto removed = end_gone(gone, now, out);
  offer_again(c, now, out);
  complete_removal(std::move(removed), c.operation, c.node, out);
}

// Ends opens whose client, session or node has gone, or disconnects them if they are durable.
client_removed file_state::impl::end_gone(const gone_opens& gone, time_point now, effects& out) {
  const auto stays = [&](const open_entry& open) { return gone.keeps_durable && may_stay(open); };
  const auto cause = gone.keeps_durable ? end_cause::disconnected : end_cause::closed;
  client_removed removed;
  const auto end_all = [&](const std::vector<open_id>& ending) {
    for (auto id = ending.rbegin(); id != ending.rend(); ++id)
      end_open(*id, cause, now, out);
    removed.opens += ending.size();
  };
  // End delete-on-close opens first, because no durable open stays if the file is to be deleted.
  std::vector<open_id> deleting;
  std::vector<open_entry*> others;
  for (auto* const open : gone.opens)
    if (open->delete_on_close && !stays(*open))
      deleting.push_back(open->id);
    else
      others.push_back(open);
  end_all(deleting);
  std::vector<open_id> ending;
  for (auto* const open : others) {
    if (stays(*open)) {
      lose_connection(*open, now, out);
      removed.kept.push_back(open->id);
    } else {
      ending.push_back(open->id);
    }
  }
  end_all(ending);
  follow_end(now, out);
  return removed;
}

void file_state::impl::complete_removal(
  client_removed removed, operation_id operation, node_id node, effects& out) {
  if (removed.opens != 0) {
    const auto deleted = delete_if_last(node);
    removed.hold = deleted.hold;
    removed.parent_key = deleted.parent_key;
  }
  removed.delete_file = removed.hold != hold_id::none;
  complete(out, operation, errc::success, std::move(removed));
}

// Ends an open with everything that belongs to it. A close is a full acknowledgement of a break
// (MS-FSA 2.1.5.4).
void file_state::impl::end_open(open_id id, end_cause cause, time_point now, effects& out) {
  const bool is_closed = cause == end_cause::closed || cause == end_cause::superseded;
  const auto how = is_closed ? break_outcome::closed : break_outcome::disconnected;
  fail_waiting_of(id, out);
  const auto gone = locks.erase_all_of(id);
  for (const auto& lock : gone)
    unstore_lock(lock, out);

  open_entry& open = *find_open(id);
  open_ended ended{id, cause, open.client, {}, gone.size(), open.is_persistent(), {}, {}, false};
  if (open.delete_on_close)
    note_deletion(open, out);
  ended.deletes = delete_pending && open.asks_deletion;
  // Spare the directory's lease only if the last open has its key, too.
  if (opens.size() == 1 && open.parent_key != deletion_key)
    deletion_key = {};
  if (lease_entry* lease = open.lease; lease != nullptr) {
    if (!lease->info.is_oplock)
      ended.key = lease->info.key;
    if (lease->opens > 1) {
      lease->maybe_unheard = lease->maybe_unheard || cause == end_cause::disconnected;
      detach(open);
      if (lease->unanswered == 0)
        tell_held(*lease, now, out); // its response will not be sent
    } else if (lease->info.is_oplock) {
      if (lease->info.breaking) {
        end_break(*lease, lease_state::none, how, now, out);
      } else {
        unstore_lease(*lease, out);
        detach(open);
        remove_lease(*lease);
      }
    } else {
      if (lease->info.breaking)
        end_break(*lease, lease_state::none, how, now, out);
      else
        unstore_lease(*lease, out);
      detach(open);
      remove_lease(*lease);
    }
  }
  unstore_open(open, out);
  take_open(id);
  out.ended.push_back(ended);
  waiters_may_go = true;
}

// A delete-on-close open ends. Spare its lease, whose holder knows of the deletion. If opens of
// different leases end together, spare none, because each deletion is news to the other lease.
void file_state::impl::note_deletion(open_entry& open, effects& out) {
  if (!deletion_is_untold)
    deletion_spares = open.lease;
  else if (deletion_spares != open.lease)
    deletion_spares = nullptr;
  deletion_is_untold = true;
  detached_may_end = true;
  const bool is_new = !delete_pending;
  set_delete_pending(open);
  if (is_new)
    store_persistent(out);
}

// MS-FSA 2.1.4.12: a directory lease is spared if the operation names its key. A deletion consists
// of several operations: those that ask for it, and the close that carries it out.
void file_state::impl::set_delete_pending(open_entry& open) {
  if (!delete_pending)
    deletion_key = open.parent_key;
  else if (deletion_key != open.parent_key)
    deletion_key = {};
  if (!delete_pending)
    for (const auto& each : opens)
      each->asks_deletion = false; // left over from an earlier deletion that was cleared
  open.asks_deletion = true;
  delete_pending = true;
}

// Derives the effects of ended opens, after all of them have ended: purges disconnected opens that
// cannot stay, and if the file is to be deleted, breaks Handle caching of the remaining leases. The
// named streams are not asked if the caller does that, and waits for them.
void file_state::impl::follow_end(time_point now, effects& out, bool asks_streams) {
  end_stranded(now, out);
  const auto* const spared = std::exchange(deletion_spares, nullptr);
  if (!std::exchange(deletion_is_untold, false) || opens.empty())
    return;
  begin_breaks(plan_without(lease_state::handle, spared, break_cause::remove), now, out);
  if (asks_streams)
    ask_for_deletion(out);
}

detail::deletion file_state::impl::delete_if_last(node_id node) {
  if (!delete_pending || !opens.empty())
    return {};
  delete_pending = false;
  detail::deletion deleted;
  deleted.hold = add_hold(lease_state::rwh, true, {}, {}, node);
  if (!deletion_key.is_zero())
    deleted.parent_key = deletion_key;
  return deleted;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// Breaks that accesses other than opens cause (MS-FSA 2.1.4.12), and the change holds that prevent
// caching meanwhile.
#include "file/impl.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

constexpr auto handle_and_write = lease_state::handle | lease_state::write;

// Returns whether accesses of this kind use an open of this file, if they use an open at all.
bool is_through_open(access_kind kind) {
  switch (kind) {
  case access_kind::read:
  case access_kind::write:
  case access_kind::rename:
  case access_kind::link:
  case access_kind::set_security:
  case access_kind::prepare_delete:
  case access_kind::set_delete:
  case access_kind::clear_delete:
  case access_kind::unlink:
    return true;
  default:
    return false;
  }
}

errc late_error(access_kind kind) {
  switch (kind) {
  case access_kind::read:
  case access_kind::write:
  case access_kind::unlink:
    return errc::break_timed_out;
  case access_kind::enter_tree:
    return errc::sharing_violation;
  default:
    return errc::access_denied;
  }
}

} // namespace

bool file_state::impl::is_tree_renamed() const noexcept {
  return rare && std::any_of(rare->holds.begin(), rare->holds.end(), [](const auto& hold) {
    return hold.of_tree;
  });
}

errc file_state::impl::check_access(const access_file& c) const {
  const bool needs_open = c.kind == access_kind::prepare_delete ||
    c.kind == access_kind::set_delete || c.kind == access_kind::clear_delete;
  if (!is_through_open(c.kind) || (c.open == open_id::none && !needs_open))
    return errc::success;
  const auto* open = find_connected(c.open);
  if (open == nullptr)
    return errc::unknown_open;
  // MS-SMB2 3.3.5.21.1: the access that the open must have.
  constexpr auto for_rename = access::delete_file | access::write_attributes;
  if (c.kind == access_kind::rename && (open->access & for_rename) == 0)
    return errc::access_denied;
  if (needs_open && (open->access & access::delete_file) == 0)
    return errc::access_denied;
  return errc::success;
}

bool file_state::impl::attempt_access(
  const access_file& c, attempt a, time_point now, effects& out, waiting_operation* w) {
  const auto fail = [&](errc error) {
    complete(out, c.operation, error);
    return true;
  };
  if (const auto error = check_access(c); error != errc::success)
    return fail(error);
  if (w != nullptr && w->streams && w->streams->error != errc::success)
    return fail(w->streams->error);
  if (c.kind == access_kind::change_children)
    drop_recovered_leases(out);
  auto plan = plan_access(c);
  const auto streams = plan_streams(c, w);
  plan.wait = plan.wait || streams.wait;
  if (plan.meets_recovered)
    return fail(errc::reclaim_needed);
  if (plan.wait && a == attempt::first && waiting_is_full())
    return fail(errc::too_many_waiting);
  if (plan.wait && a == attempt::last)
    return fail(late_error(c.kind));

  const auto ending = plan.wait ? std::vector<open_id>{} : opens_giving_way(plan);
  const auto error = plan.wait ? errc::success : after_breaks(c, ending);
  if (error != errc::success)
    return fail(error);
  const auto change_before = last_change;
  if (c.kind == access_kind::change_children && held_back.behind_changes != 0)
    // a response to another client does not delay their notifications
    tell_all_but(c.client, now, out);
  if (!plan.steps.empty() || !plan.let_go.empty())
    begin_breaks(plan, now, out, changer_of(c));
  if (plan.wait && w == nullptr)
    w = &wait_for_access(c, now);
  ask_streams(streams, plan.wait ? w : nullptr, c.client, out);
  if (plan.wait)
    return false;
  end_purged(ending, now, out);
  auto granted = carry_out(c, spared_by(c));
  if (last_change != change_before) // a notification is held back for its response
    granted.answer = last_change;
  complete(out, c.operation, errc::success, granted);
  if (c.kind == access_kind::set_delete || c.kind == access_kind::clear_delete)
    store_persistent(out);
  follow_unattended(now, out);
  return true;
}

detail::waiting_operation& file_state::impl::wait_for_access(const access_file& c, time_point now) {
  const auto* open = is_through_open(c.kind) ? find_open(c.open) : nullptr;
  auto& w = wait(c, c.operation, open != nullptr ? open->client : c.client,
    open != nullptr ? open->id : open_id::none, true, now);
  w.channel = {c.connection, c.session, c.node};
  w.tree = c.tree;
  return w;
}

// Returns the client that is notified of breaks of its own leases only after the response. Other
// clients are notified immediately, and so is this one if an operation waits for the break.
const client_guid* file_state::impl::changer_of(const access_file& c) noexcept {
  const bool is_told_later =
    c.kind == access_kind::change_children && c.answer_follows && !c.client.is_zero();
  return is_told_later ? &c.client : nullptr;
}

// Returns the caching that all leases except the spared one lose. The access waits for these
// breaks.
lease_state file_state::impl::taken_by(const access_file& c) const {
  const bool has_open = is_through_open(c.kind) && find_open(c.open) != nullptr;
  switch (c.kind) {
  case access_kind::read:
    return has_open ? lease_state::none : lease_state::write;
  case access_kind::rename:
  case access_kind::replace:
  case access_kind::unlink:
    // Without an open, nothing has broken Write yet. A caller that is not an SMB client is not
    // refused because of other opens either (see `after_breaks`), so that Write must be broken
    // here.
    return !has_open && c.client.is_zero() ? handle_and_write : lease_state::handle;
  case access_kind::link:
  case access_kind::set_security:
  case access_kind::rename_ancestor:
  case access_kind::prepare_delete:
  case access_kind::set_delete:
  case access_kind::remove_base:
    return lease_state::handle;
  default:
    return lease_state::none;
  }
}

const detail::lease_entry* file_state::impl::spared_by(const access_file& c) const {
  const auto* open = is_through_open(c.kind) ? find_open(c.open) : nullptr;
  return open != nullptr ? open->lease : nullptr;
}

file_state::impl::break_plan file_state::impl::plan_access(const access_file& c) const {
  switch (c.kind) {
  case access_kind::read:
    return plan_without(taken_by(c), spared_by(c), break_cause::read);
  case access_kind::write:
    return plan_data_change(spared_by(c), break_cause::write);
  case access_kind::rename:
  case access_kind::link:
  // Also breaks the renaming client's own leases: the path of the file changes.
  case access_kind::rename_ancestor:
    return without_batch(plan_without(taken_by(c), spared_by(c), break_cause::rename));
  case access_kind::replace:
    return plan_without(taken_by(c), spared_by(c), break_cause::rename);
  case access_kind::set_security:
    return plan_without(taken_by(c), spared_by(c), break_cause::security);
  case access_kind::rename_into:
    return plan_rename_into();
  case access_kind::prepare_delete:
  case access_kind::set_delete:
  case access_kind::unlink:
  case access_kind::remove_base:
    return plan_without(taken_by(c), spared_by(c), break_cause::remove);
  case access_kind::overwrite_base:
    return plan_data_change(nullptr, break_cause::overwrite);
  case access_kind::enter_tree: {
    break_plan plan;
    plan.wait = is_tree_renamed();
    return plan;
  }
  case access_kind::clear_delete:
  case access_kind::remove_unopened:
  case access_kind::rename_tree:
    return {};
  case access_kind::change_children:
    return plan_child_change(c.parent_key);
  }
  return {};
}

// Plans breaks of `taken` for all leases except `own`, and waits for them.
file_state::impl::break_plan file_state::impl::plan_without(
  lease_state taken, const lease_entry* own, break_cause cause) const {
  break_plan plan;
  plan.cause = cause;
  if (!any_with(taken))
    return plan;
  for (const auto& entry : leases) {
    lease_entry& l = *entry;
    if (&l == own || !intersects(l.info.state, taken))
      continue;
    if (must_be_left(l)) {
      plan.meets_recovered = true;
      continue; // A deletion that has begun breaks the other leases regardless.
    }
    if (yields(plan, l))
      continue;
    auto to = l.info.state - taken;
    if (l.info.is_oplock)
      to = to & lease_state::read;
    plan.steps.push_back({&l, to});
    plan.wait = true;
  }
  return plan;
}

// MS-FSA 2.1.4.12, SET_INFORMATION: a new name breaks a batch oplock to none, not to level II.
file_state::impl::break_plan file_state::impl::without_batch(break_plan plan) {
  for (auto& step : plan.steps)
    if (step.lease->info.is_oplock && intersects(step.lease->info.state, lease_state::handle))
      step.to = lease_state::none;
  return plan;
}

// MS-FSA 2.1.4.12, cases WRITE and LOCK_CONTROL: data cached by others becomes stale. Wait only for
// a holder with Write, which must write its data back. A writer with Write is the only holder. A
// level II oplock does not belong to the writer alone, so that its own is broken, too.
//
// Implementation specific: MS-FSA does not wait for a holder whose Handle is being broken either.
// But this holder was told that it keeps Read, and is notified of the rest only when it
// acknowledges. Wait for it, because it would read stale data until then.
file_state::impl::break_plan file_state::impl::plan_data_change(
  const lease_entry* own, break_cause cause) const {
  break_plan plan;
  plan.cause = cause;
  if (leases.empty() || (own != nullptr && intersects(own->info.state, lease_state::write)))
    return plan;
  for (const auto& entry : leases) {
    lease_entry& l = *entry;
    if ((&l == own && !l.info.is_oplock) || !intersects(l.info.state, lease_state::read) ||
      (LEASEBREAK_MUTANT(writes_break_nobody) && l.info.state == lease_state::r))
      continue;
    if (must_be_left(l)) {
      plan.meets_recovered = true;
      return plan;
    }
    if (yields(plan, l))
      continue;
    plan.steps.push_back({&l, lease_state::none});
    plan.wait = plan.wait || intersects(l.info.state, lease_state::write) || l.is_left_read();
  }
  return plan;
}

detail::awaited_breaks file_state::impl::awaited_by_data_change(const lease_entry* own) {
  if (own != nullptr && intersects(own->info.state, lease_state::write))
    return {};
  const bool is_spared = own != nullptr && !own->info.is_oplock;
  return {is_spared ? own : nullptr, lease_state::write, lease_state::write, true};
}

// MS-FSA 2.1.5.15.11: a rename opens the target's directory for writing, and shares reading and
// writing. Opens of the directory conflict with it if they have delete access or do not share
// writing.
file_state::impl::break_plan file_state::impl::plan_rename_into() const {
  break_plan plan;
  plan.cause = break_cause::rename;
  if (!count.sharing.conflict_with_rename_into())
    return plan;
  for (const auto& open : opens) {
    lease_entry* l = open->lease;
    if (!share_conflict(
          access::write_data, share::read | share::write, open->access, open->share_access) ||
      l == nullptr || !intersects(l->info.state, lease_state::handle))
      continue;
    if (is_let_go(*l)) // its opens stay, and conflict
      continue;
    plan.meets_recovered = plan.meets_recovered || must_be_left(*l);
    plan.steps.push_back({l, l->info.state - lease_state::handle});
    plan.wait = true;
  }
  return plan;
}

// MS-FSA 2.1.4.12, PARENT_OBJECT: directory leases are broken to none, without waiting. Only keys
// are compared: a change under the directory's lease key is known to the holder, whichever client
// made it.
file_state::impl::break_plan file_state::impl::plan_child_change(
  const std::optional<lease_key>& parent_key) const {
  break_plan plan;
  plan.cause = break_cause::child_change;
  const bool has_key = parent_key && !parent_key->is_zero();
  for (const auto& entry : leases)
    if (!(has_key && entry->info.key == *parent_key) &&
      intersects(entry->info.state, lease_state::read))
      plan.steps.push_back({entry.get(), lease_state::none});
  return plan;
}

// Returns the breaks in progress for which the plan has to wait.
detail::awaited_breaks file_state::impl::awaited_by(const access_file& c) const {
  switch (c.kind) {
  case access_kind::write:
  case access_kind::overwrite_base: // through no open of this file
    return awaited_by_data_change(spared_by(c));
  case access_kind::rename_into:
    // Do not search for the conflicting opens of each holder: without its acknowledgement, the
    // rename would be refused anyway.
    if (!count.sharing.conflict_with_rename_into())
      return {};
    return {nullptr, lease_state::handle, lease_state::handle, false};
  default:
    return {spared_by(c), taken_by(c), taken_by(c), false};
  }
}

// Checks the remaining conditions, once all breaks have ended and as if the opens in `ending` had.
errc file_state::impl::after_breaks(
  const access_file& c, const std::vector<open_id>& ending) const {
  const bool none_stays = opens.size() == ending.size();
  switch (c.kind) {
  case access_kind::replace:
    // Handles of other clients would silently refer to a file without a name.
    return none_stays || c.client.is_zero() ? errc::success : errc::access_denied;
  case access_kind::remove_unopened:
  case access_kind::rename_ancestor:
    return none_stays ? errc::success : errc::access_denied;
  case access_kind::rename_into:
    return count.sharing.conflict_with_rename_into() ? errc::sharing_violation : errc::success;
  default:
    return errc::success;
  }
}

access_granted file_state::impl::carry_out(const access_file& c, const lease_entry* own) {
  const auto key = own != nullptr && !own->info.is_oplock ? own->info.key : lease_key{};
  const auto client = own != nullptr ? own->client : client_guid{};
  switch (c.kind) {
  case access_kind::write:
    // Also needed if the writer has Write: its lease can be broken, and that break can end, before
    // the write is done.
    return {add_hold(lease_state::rwh, false, client, key, c.node)};
  case access_kind::rename:
  case access_kind::link:
  case access_kind::set_security:
  case access_kind::rename_ancestor:
  case access_kind::unlink:
    return {add_hold(lease_state::handle, false, client, key, c.node)};
  case access_kind::prepare_delete: {
    const access_granted granted{add_hold(lease_state::handle, false, client, key, c.node)};
    rare->holds.back().prepares_deletion = true;
    return granted;
  }
  case access_kind::replace:
  case access_kind::remove_unopened: {
    const access_granted granted{add_hold(lease_state::rwh, true, client, key, c.node)};
    rare->holds.back().has_successor = true;
    return granted;
  }
  case access_kind::rename_tree: {
    const access_granted granted{add_hold(lease_state::none, false, client, key, c.node)};
    rare->holds.back().of_tree = true;
    return granted;
  }
  case access_kind::set_delete:
    set_delete_pending(*find_open(c.open));
    detached_may_end = true;
    return {};
  case access_kind::clear_delete:
    delete_pending = false;
    return {};
  default:
    return {};
  }
}

namespace {

bool is_meant(const force_break& c, const detail::lease_entry& l) {
  return (!c.client || *c.client == l.client) && (!c.key || *c.key == l.info.key) && !l.recovered &&
    !is_subset(l.info.state, c.keep);
}

} // namespace

// A holder that has not been notified, because the response of its open is not sent yet, is not
// late.
bool file_state::impl::ends_with(const force_break& c, const lease_entry& l) const noexcept {
  return c.ends_running && l.info.breaking && is_meant(c, l) && held_of(l) == nullptr;
}

// Collected first: an oplock that is left nothing is removed from the leases.
void file_state::impl::end_running(const force_break& c, time_point now, effects& out) {
  std::vector<lease_name> running;
  for (const auto& l : leases)
    if (ends_with(c, *l))
      running.push_back(l->name());
  for (const auto& name : running)
    if (auto* const l = find_lease(name); l != nullptr && l->info.breaking)
      give_up(*l, break_outcome::timed_out, now, out);
}

// Without the breaks that `end_running` ends.
file_state::impl::break_plan file_state::impl::plan_force(const force_break& c, attempt a) const {
  break_plan plan;
  plan.cause = break_cause::forced;
  for (const auto& entry : leases) {
    lease_entry& l = *entry;
    if (!is_meant(c, l) || (a == attempt::first && ends_with(c, l)) || yields(plan, l))
      continue;
    plan.wait = plan.wait || l.info.state != lease_state::r;
    plan.steps.push_back(
      {&l, l.info.is_oplock ? l.info.state & c.keep & lease_state::read : l.info.state & c.keep});
  }
  return plan;
}

bool file_state::impl::attempt_force(
  const force_break& c, attempt a, time_point now, effects& out) {
  auto plan = plan_force(c, a);
  auto error = errc::success;
  if (!is_valid(c.keep, false))
    error = errc::invalid_lease_state;
  else if (plan.wait && a == attempt::first && waiting_is_full())
    error = errc::too_many_waiting;
  else if (plan.wait && a == attempt::last)
    error = errc::break_timed_out;
  if (error != errc::success) {
    complete(out, c.operation, error);
    return true;
  }
  if (c.ends_running && a == attempt::first) {
    end_running(c, now, out);
    plan = plan_force(c, a); // leases may have gone with their breaks
  }
  // The command is accepted: purge disconnected opens at once, as the breaks of the others begin.
  begin_breaks(plan, now, out);
  end_purged(opens_giving_way(plan), now, out);
  follow_unattended(now, out);
  if (!plan.wait) {
    complete(out, c.operation, errc::success);
    return true;
  }
  if (a == attempt::first)
    wait(c, c.operation, {}, open_id::none, true, now);
  return false;
}

hold_id file_state::impl::add_hold(lease_state withheld, bool deleting, const client_guid& client,
  const lease_key& key, node_id node) {
  const hold_id id{++last_hold};
  if (LEASEBREAK_MUTANT(holds_hold_nothing))
    withheld = lease_state::none;
  hold_entry hold;
  hold.id = id;
  hold.withheld = withheld;
  hold.deleting = deleting;
  hold.client = client;
  hold.key = key;
  hold.node = node;
  contended().holds.push_back(hold);
  return id;
}

void file_state::impl::end(const end_hold& c) {
  if (!rare)
    return;
  auto& holds = rare->holds; // Ordered by id.
  const auto ended = std::lower_bound(
    holds.begin(), holds.end(), c.hold, [](const auto& hold, hold_id id) { return hold.id < id; });
  if (ended == holds.end() || ended->id != c.hold)
    return;
  // Only holds of deletions, tree renames and overwriting opens block operations; other holds just
  // reduce what is granted.
  waiters_may_go = ended->deleting || ended->of_tree || ended->keeps_streams_out;
  holds.erase(ended);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// Decides what an open may cache (MS-FSA 2.1.5.18, MS-SMB2 3.3.5.9.8, 3.3.5.9.11).
#include "file/impl.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

void file_state::impl::grant_open(const open_file& c, bool waited, time_point now, effects& out) {
  if (auto* own = own_lease(c); own != nullptr && own->info.is_oplock)
    drop_recovered(*own, out); // reclaimed: granted again below
  if (opens.empty()) {
    is_directory = c.is_directory;
    delete_pending = false;
  }
  auto entry = std::make_unique<open_entry>();
  entry->id = c.open;
  entry->client = c.client;
  entry->channel = {c.connection, c.session, c.node};
  entry->tree = c.tree;
  entry->access = c.access;
  entry->share_access = c.share_access;
  entry->delete_on_close = c.delete_on_close;
  entry->of_stream = c.of_stream;
  if (!c.stream.empty())
    entry->stream = std::make_unique<detail::stream_link>(detail::stream_link{c.stream});
  if (c.lease && c.lease->version == 2)
    entry->parent_key = c.lease->parent_key.value_or(lease_key{});
  entry->opened_at = now;
  entry->share = c.share;
  if (c.instance && !c.of_stream)
    entry->instance = std::make_unique<app_instance>(*c.instance);

  open_granted granted;
  granted.open = c.open;
  granted.waited = waited && !LEASEBREAK_MUTANT(wait_not_told);
  // Decide this before the open is added, because it depends on the other opens.
  const auto* own = c.lease ? find_lease(c.client, c.lease->key) : nullptr;
  const auto wanted = c.lease ? c.lease->state : state_of(c.oplock);
  auto state = grantable(c, wanted, own);
  // The file may have grown during the wait, so that any lock may be below its allocation by now.
  if (waited && !c.overwrites && any_lock_below(unknown_allocation))
    state = lease_state::none;
  auto& open = add_open(std::move(entry));
  granted.state = state;
  if (c.lease)
    grant_lease(c, open, granted, now, out);
  else
    grant_oplock(c, open, granted, now, out);
  grant_durability(c, open, granted, out);
  if (c.overwrites) {
    // The caller truncates later, and removes the named streams. Opens in the meantime may read but
    // not cache the old data; those of streams wait.
    granted.hold =
      add_hold(lease_state::rwh, false, c.client, c.lease ? c.lease->key : lease_key{}, c.node);
    rare->holds.back().keeps_streams_out = true;
  }
  complete(out, c.operation, errc::success, std::move(granted));
}

lease_state file_state::impl::grantable(
  const open_file& c, lease_state wanted, const lease_entry* own) const noexcept {
  // MS-SMB2 3.3.5.9.8, 3.3.5.9.11: remove Write on directories, which have no oplocks and no V1
  // leases.
  if (c.is_directory && (!c.lease || c.lease->version == 1))
    return lease_state::none;
  auto state = wanted & c.caching_max;
  if (c.is_directory)
    state = state - lease_state::write;
  if (!intersects(state, lease_state::read))
    return lease_state::none;
  // An oplock of an open for attributes only would block others for no benefit.
  if (!c.lease && is_stat_access_for_oplocks(c.access) && !c.overwrites && !c.created)
    return lease_state::none;
  // MS-FSA 2.1.5.18.2: no caching with byte-range locks below AllocationSize, except if the file is
  // truncated, because the locks protect no data then.
  if (!c.overwrites && any_lock_below(detail::locks_count_below(c.allocation_size)))
    state = state - lease_state::rh;
  const auto key = c.lease ? c.lease->key : lease_key{};
  state = state - withheld_from(c.client, key);
  // MS-FSA 2.1.5.18.1: Write only for a sole open, not counting opens for attributes.
  const auto of_own = own != nullptr ? own->opens : 0;
  // MS-FSA 2.1.5.18.2: no caching besides a writer. Only an open for attributes gets here without
  // having broken Write.
  if (any_with(lease_state::write) &&
    std::any_of(leases.begin(), leases.end(), [own](const auto& l) {
      return l.get() != own && intersects(l->info.state, lease_state::write);
    }))
    return lease_state::none;
  if (count.keeping_write > of_own ||
    count.recovered > (own != nullptr && own->recovered ? 1U : 0U))
    state = state - lease_state::write;
  if (c.lease) {
    // An oplock has no Handle break, so that its holder would not close cached handles.
    if (count.oplocks != 0)
      state = state - lease_state::handle;
  } else if (count.leases_with_handle != 0) {
    // MS-FSA 2.1.5.18.2: level II excludes RH.
    return lease_state::none;
  }
  return is_valid(state, c.is_directory) ? state : lease_state::none;
}

lease_state file_state::impl::withheld_from(const client_guid& client, const lease_key& key) const {
  auto withheld = lease_state::none;
  if (!rare)
    return withheld;
  for (const auto& hold : rare->holds) {
    const bool is_own = !key.is_zero() && hold.key == key && hold.client == client;
    if (!is_own)
      withheld = withheld | hold.withheld;
  }
  return withheld;
}

// MS-SMB2 3.3.5.9.8 and 3.3.5.9.11: an existing lease is kept. It is promoted if the whole
// requested state can be granted, and never lowered.
void file_state::impl::grant_lease(
  const open_file& c, open_entry& open, open_granted& granted, time_point now, effects& out) {
  const auto& request = *c.lease;
  const auto state = granted.state;
  auto* lease = find_lease(c.client, request.key);
  bool changed = false;
  if (lease == nullptr) {
    auto entry = std::make_unique<lease_entry>();
    entry->client = c.client;
    entry->info.key = request.key;
    entry->info.version = request.version;
    entry->info.epoch = request.version == 2 ? request.epoch : std::uint16_t{0};
    entry->info.is_directory = c.is_directory;
    entry->info.parent_key = request.parent_key.value_or(lease_key{});
    entry->acquired_at = now;
    lease = &add_lease(std::move(entry));
    changed = state != lease_state::none;
  } else {
    auto wanted = request.state & c.caching_max;
    if (c.is_directory)
      wanted = wanted - lease_state::write;
    const bool all_granted = state == wanted;
    if (lease->is_behind_change()) // the grant refers to the state after that break
      tell_behind(*lease, now, out);
    changed = !lease->info.breaking && all_granted && state != lease->info.state &&
      is_subset(lease->info.state, wanted) &&
      (LEASEBREAK_MUTANT(shared_leases_are_promoted) || !is_used_elsewhere(*lease, c.node));
  }
  attach(open, *lease);
  if (c.answer_follows)
    expect_first_answer(open, granted);
  notify_again(*lease, now, out);
  if (changed) {
    set_state(*lease, state);
    ++lease->info.epoch;
    lease->info.timed_out = false;
    note_promotion(*lease);
    out.facts.emplace_back(caching_granted{state, false});
    store_lease(*lease, out);
  }
  tell(*lease, granted);
  if (lease->info.version == 2)
    granted.parent_key = request.parent_key;
}

// MS-SMB2 2.2.14.2.10, 2.2.14.2.11
void file_state::impl::tell(const lease_entry& l, open_granted& granted) const {
  const auto& lease = l.info;
  granted.oplock = oplock_level::lease;
  granted.key = lease.key;
  granted.state = lease.state;
  granted.version = lease.version;
  granted.epoch = lease.version == 2 ? lease.epoch : std::uint16_t{0};
  granted.break_in_progress = lease.breaking && !is_untold(l);
}

void file_state::impl::grant_oplock(
  const open_file& c, open_entry& open, open_granted& granted, time_point now, effects& out) {
  granted.oplock = oplock_of(granted.state);
  granted.state = state_of(granted.oplock);
  if (granted.oplock == oplock_level::none)
    return;
  auto entry = std::make_unique<lease_entry>();
  entry->client = c.client;
  entry->info.key = lease_key::of(static_cast<std::uint64_t>(c.open));
  entry->info.is_oplock = true;
  entry->info.state = granted.state;
  entry->acquired_at = now;
  auto& oplock = add_lease(std::move(entry));
  attach(open, oplock);
  if (c.answer_follows)
    expect_first_answer(open, granted);
  out.facts.emplace_back(caching_granted{granted.state, true});
  store_lease(oplock, out);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

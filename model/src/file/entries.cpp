// Finds, adds and removes opens and leases. Only functions in this file change the counts in
// `impl`.
#include "file/impl.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

constexpr std::uint32_t minus_one = static_cast<std::uint32_t>(-1);

bool is_before(const detail::open_entry& o, open_id id) {
  return o.id < id;
}

// The order of `lease_name`, without constructing one for each compared element.
bool is_before(const detail::lease_entry& l, const detail::lease_name& name) {
  if (l.info.is_oplock != name.is_oplock)
    return name.is_oplock;
  if (l.client != name.client)
    return l.client < name.client;
  return l.info.key < name.key;
}

template <class Entries, class Key>
auto position(Entries& entries, const Key& key) {
  return std::lower_bound(entries.begin(), entries.end(), key,
    [](const auto& entry, const Key& k) { return is_before(*entry, k); });
}

} // namespace

detail::open_entry* file_state::impl::find_open(open_id id) const noexcept {
  const auto at = position(opens, id);
  return at != opens.end() && (*at)->id == id ? at->get() : nullptr;
}

detail::open_entry* file_state::impl::find_connected(open_id id) const noexcept {
  auto* const open = find_open(id);
  return open != nullptr && !open->is_detached() ? open : nullptr;
}

detail::lease_entry* file_state::impl::find_lease(const lease_name& name) const noexcept {
  const auto at = position(leases, name);
  return at != leases.end() && (*at)->name() == name ? at->get() : nullptr;
}

detail::lease_entry* file_state::impl::find_lease(
  const client_guid& c, const lease_key& k) const noexcept {
  return find_lease({false, c, k});
}

detail::open_entry& file_state::impl::add_open(std::unique_ptr<open_entry> entry) {
  count_open(*entry, 1);
  const auto at = position(opens, entry->id);
  return **opens.insert(at, std::move(entry));
}

std::unique_ptr<detail::open_entry> file_state::impl::take_open(open_id id) {
  const auto at = position(opens, id);
  auto entry = std::move(*at);
  opens.erase(at);
  count_open(*entry, minus_one);
  return entry;
}

detail::lease_entry& file_state::impl::add_lease(std::unique_ptr<lease_entry> entry) {
  count_lease(*entry, 1);
  const auto at = position(leases, entry->name());
  return **leases.insert(at, std::move(entry));
}

std::unique_ptr<detail::lease_entry> file_state::impl::take_lease(lease_entry& lease) {
  if (deletion_spares == &lease)
    deletion_spares = nullptr;
  count_lease(lease, minus_one);
  const auto at = position(leases, lease.name());
  auto entry = std::move(*at);
  leases.erase(at);
  return entry;
}

void file_state::impl::remove_lease(lease_entry& lease) {
  take_lease(lease);
}

void file_state::impl::attach(open_entry& open, lease_entry& lease) {
  count_open(open, minus_one);
  count_lease(lease, minus_one);
  open.lease = &lease;
  if (lease.opens++ == 0) {
    lease.first_open = open.id;
    lease.recovered = false;
  }
  if (!open.is_detached())
    lease.channels.join(open.channel);
  if (open.is_persistent())
    ++lease.persistent;
  if (open.is_resilient())
    ++lease.resilient;
  count_lease(lease, 1);
  count_open(open, 1);
}

void file_state::impl::detach(open_entry& open) {
  lease_entry& lease = *open.lease;
  count_open(open, minus_one);
  open.lease = nullptr;
  count_open(open, 1);
  if (open.is_detached())
    --lease.detached;
  else
    lease.channels.leave(open.channel);
  if (open.is_persistent())
    --lease.persistent;
  if (open.is_resilient())
    --lease.resilient;
  --lease.opens;
  if (open.unanswered != 0)
    --lease.unanswered;
  if (open.unknown)
    --lease.unknown;
  note_stranded(lease);
  if (lease.opens == 0)
    return;
  if (lease.first_open == open.id)
    lease.first_open = find_open_of(lease, open.id)->id;
}

// Returns the lease's next open after `from` by id, wrapping around after the last. Searching from
// the start each time would take quadratic time if many opens end.
detail::open_entry* file_state::impl::find_open_of(const lease_entry& lease, open_id from) const {
  const auto fits = [&](const auto& open) { return open->lease == &lease; };
  const auto start = position(opens, from);
  auto found = std::find_if(start, opens.end(), fits);
  if (found == opens.end())
    found = std::find_if(opens.begin(), start, fits);
  return found->get();
}

// Moves an open from a lost channel to another channel of its session.
void file_state::impl::move_open(open_entry& open, const channel_id& to) {
  if (open.lease != nullptr)
    open.lease->channels.move(open.channel, to);
  open.channel = to;
}

void file_state::impl::set_state(lease_entry& lease, lease_state state) {
  count_lease(lease, minus_one);
  lease.info.state = state;
  count_lease(lease, 1);
  note_stranded(lease);
}

// Only sets a flag, because nothing may end in the middle of a step. `end_stranded` runs at the end
// of the step.
void file_state::impl::note_stranded(const lease_entry& lease) {
  if (lease.detached != 0 &&
    (!intersects(lease.info.state, lease_state::handle) || lease.is_unanswerable()))
    detached_may_end = true;
}

void file_state::impl::set_breaking(lease_entry& lease, bool breaking) {
  count_lease(lease, minus_one);
  lease.info.breaking = breaking;
  count_lease(lease, 1);
  note_stranded(lease);
}

bool file_state::impl::any_with(lease_state some_of) const noexcept {
  for (std::uint8_t state = 1; state < count.by_state.size(); ++state)
    if (count.by_state[state] != 0 && intersects(static_cast<lease_state>(state), some_of))
      return true;
  return false;
}

file_state::impl::contention& file_state::impl::contended() {
  if (!rare) {
    rare = std::make_unique<contention>();
  }
  return *rare;
}

void file_state::impl::count_open(const open_entry& open, std::uint32_t by) {
  if (open.lease != nullptr || !is_stat_access_for_oplocks(open.access))
    count.keeping_write += by;
  if (open.is_persistent())
    count.persistent += by;
  if (open.stream)
    count.streams += by;
  if (open.is_detached())
    count.detached += by;
  if (!open.takes_part())
    return;
  const detail::share_counts::use use{open.access, open.share_access, open.of_stream};
  if (by == 1)
    count.sharing.add(use);
  else
    count.sharing.remove(use);
}

void file_state::impl::count_lease(const lease_entry& lease, std::uint32_t by) {
  count.by_state[bits(lease.info.state)] += by;
  if (lease.info.is_oplock)
    count.oplocks += by;
  else if (intersects(lease.info.state, lease_state::handle))
    count.leases_with_handle += by;
  if (lease.info.breaking)
    count.breaking += by;
  if (lease.recovered)
    count.recovered += by;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// What a restart found, and the grace period in which its holders may have it back.
//
// A recovered lease stands where a held one would, without an open: what would have to break it
// fails with `errc::reclaim_needed`, because nobody is there to be told.
#include "file/impl.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak {

namespace {

client_guid client_of(const persisted_lock& record) {
  const auto bytes = from_hex(record.client_id);
  return bytes ? client_guid{*bytes} : client_guid{};
}

} // namespace

void file_state::impl::load(const load_record& c, time_point, effects& out) {
  const auto& record = c.record;
  if (validate(record))
    return;
  const auto lock = to_enhanced_lock(record);
  const auto client = client_of(record);
  if (!lock.lease) {
    contended().recovered_locks.push_back({client, record});
    return;
  }
  const detail::lease_name name{lock.lease->is_oplock, client, lock.lease->key};
  if (lock.lease->state == lease_state::none || find_lease(name) != nullptr) {
    // It holds nothing, or the holder was faster than the recovery.
    if (policy->keep_records)
      out.records.push_back({record.id, std::nullopt});
    return;
  }
  if (opens.empty())
    is_directory = lock.lease->is_directory;
  auto entry = std::make_unique<lease_entry>();
  entry->client = client;
  entry->info = *lock.lease;
  entry->recovered = true;
  entry->stored = true;
  entry->acquired_at = lock.acquired_at;
  entry->record_id = record.id;
  auto& lease = add_lease(std::move(entry));
  lease.break_begun = lease.info.break_started;
  // Its break's time has been running all the while.
  if (lease.info.breaking)
    push_deadline(detail::deadline_entry::for_break(
      lease.info.break_started + policy->break_timeout, lease.name()));
}

void file_state::impl::reclaim(const reclaim_lock& c, time_point now, effects& out) {
  const auto* open = find_open(c.open);
  if (open == nullptr)
    return complete(out, c.operation, errc::unknown_open);
  if (!rare)
    return complete(out, c.operation, errc::nothing_to_reclaim);
  auto& recovered = rare->recovered_locks;
  const auto is_meant = [&](const detail::recovered_lock& r) {
    const auto lock = to_enhanced_lock(r.record);
    return c.record_id.empty() ? r.client == open->client && lock.range == c.element.range &&
        lock.exclusive == c.element.exclusive
                               : r.record.id == c.record_id;
  };
  const auto found = std::find_if(recovered.begin(), recovered.end(), is_meant);
  if (found == recovered.end())
    return complete(out, c.operation, errc::nothing_to_reclaim);
  if (found->client != open->client || open->client.is_zero())
    return complete(out, c.operation, errc::wrong_owner);
  if (locks.size() >= policy->limit.locks_per_file)
    return complete(out, c.operation, errc::too_many_locks_on_file);
  const auto lock = to_enhanced_lock(found->record);
  const auto& entry = locks.add(c.open, lock.range, lock.exclusive, now, found->record.id);
  recovered.erase(found);
  store_lock(entry, out);
  complete(out, c.operation, errc::success);
}

void file_state::impl::end_grace(effects& out) {
  drop_recovered_leases(out);
  if (rare) {
    for (const auto& r : rare->recovered_locks) {
      out.facts.emplace_back(record_dropped{r.record.id});
      if (policy->keep_records)
        out.records.push_back({r.record.id, std::nullopt});
    }
    rare->recovered_locks.clear();
  }
  waiters_may_go = true;
}

// A directory changes whether its lease's holder is back or not: what it had cached is stale.
void file_state::impl::drop_recovered_leases(effects& out) {
  if (count.recovered == 0)
    return;
  std::vector<lease_entry*> dropped;
  for (const auto& l : leases)
    if (l->recovered)
      dropped.push_back(l.get());
  for (auto* l : dropped)
    drop_recovered(*l, out);
}

bool file_state::impl::meets_recovered_lock(
  const client_guid& client, const lock_element& e) const {
  if (!rare)
    return false;
  return std::any_of(
    rare->recovered_locks.begin(), rare->recovered_locks.end(), [&](const auto& r) {
      const auto lock = to_enhanced_lock(r.record);
      return r.client != client &&
        range_conflict(lock.range, lock.exclusive, e.range, e.exclusive, false);
    });
}

void file_state::impl::drop_recovered(lease_entry& l, effects& out) {
  out.facts.emplace_back(record_dropped{l.record_id});
  unstore_lease(l, out);
  remove_lease(l);
  waiters_may_go = true;
}

} // namespace leasebreak

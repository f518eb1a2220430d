// Recovery of records after a restart, and the grace period for reclaiming them.
//
// A recovered lease has the effect of a held one, but has no open. An operation that would have to
// break it fails with `errc::reclaim_needed`, because no notification can be sent.
//
// A persistent open is recovered as a disconnected open with its lease and its locks. These need
// not be reclaimed, and the end of the grace period does not affect them (durable.cpp).
#include "file/impl.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <system_error>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

client_guid client_of(const persisted_lock& record) {
  const auto bytes = from_hex(record.client_id);
  return bytes ? client_guid{*bytes} : client_guid{};
}

// Returns the open whose hexadecimal digits are the owner id; none if the text is not such an id.
open_id open_of(const std::string& owner_id) {
  std::uint64_t id = 0;
  const auto* const end = owner_id.data() + owner_id.size();
  const auto read = std::from_chars(owner_id.data(), end, id, 16);
  return owner_id.size() == 16 && read.ec == std::errc{} && read.ptr == end ? open_id{id}
                                                                            : open_id::none;
}

} // namespace

void file_state::impl::load(const load_record& c, time_point now, effects& out) {
  if (validate(c.record))
    return;
  if (c.record.is_open())
    load_open(c.record, now, out);
  else if (c.record.is_lease())
    load_lease(c.record, now, out);
  else
    load_lock(c.record, out);
}

void file_state::impl::load_lease(const persisted_lock& record, time_point now, effects& out) {
  const auto lock = to_enhanced_lock(record);
  const auto client = client_of(record);
  const detail::lease_name name{lock.lease->is_oplock, client, lock.lease->key};
  if (lock.lease->state == lease_state::none || find_lease(name) != nullptr) {
    // The lease caches nothing, or its holder reopened the file before the recovery.
    if (policy->keep_records)
      out.records.push_back(record_change{record.id, std::nullopt});
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
  entry->record = make_record_name(record.id);
  auto& lease = add_lease(std::move(entry));
  if (!lease.info.breaking)
    return;
  // The break's deadline kept running during the restart. If the clock was set back, it starts now.
  lease.info.break_started = std::min(lease.info.break_started, now);
  lease.break_begun = lease.info.break_started;
  lease.maybe_unheard = true;
  lease.break_due = after(lease.info.break_started, break_timeout_of(lease));
  push_deadline(detail::deadline_entry::for_break(lease.break_due, lease.name()));
}

namespace {

std::unique_ptr<app_instance> instance_of(const persisted_open& kept) {
  if (kept.app_instance.empty())
    return nullptr;
  auto instance = std::make_unique<app_instance>();
  std::copy(kept.app_instance.begin(), kept.app_instance.end(), instance->id.bytes.begin());
  if (kept.app_versioned)
    instance->version = app_instance_version{kept.app_version_high, kept.app_version_low};
  return instance;
}

} // namespace

// Recovers the open as if it had just lost its connection.
void file_state::impl::load_open(const persisted_lock& record, time_point now, effects& out) {
  const auto& kept = *record.open;
  const open_id id{kept.id};
  if (find_open(id) != nullptr)
    return;
  auto entry = std::make_unique<open_entry>();
  entry->id = id;
  entry->client = client_of(record);
  entry->access = kept.access;
  entry->share_access = kept.share_access;
  entry->delete_on_close = kept.delete_on_close;
  entry->opened_at = record.acquired_at;
  entry->share = record.share_name;
  entry->instance = instance_of(kept);
  entry->durable = std::make_unique<detail::durability>();
  auto& durable = *entry->durable;
  durable.timeout = std::chrono::milliseconds{kept.timeout_ms};
  durable.persistent = true;
  std::copy(kept.create_guid.begin(), kept.create_guid.end(), durable.guid.bytes.begin());
  durable.server_state = kept.server_state;
  durable.detached = true;
  durable.expires = after(now, durable.timeout);
  push_deadline(detail::deadline_entry::for_open(durable.expires, id));
  if (opens.empty())
    is_directory = false;
  delete_pending = delete_pending || kept.delete_pending;
  auto* const lease = lease_to_load(record);
  auto& open = add_open(std::move(entry));
  if (lease != nullptr) {
    attach(open, *lease);
    ++lease->detached;
  }
  out.recovered.push_back({id, 0});
}

// Returns the lease or oplock of an open's record. A lease that caches nothing has no record of its
// own.
detail::lease_entry* file_state::impl::lease_to_load(const persisted_lock& record) {
  const auto client = client_of(record);
  const auto& bytes = record.open->lease_key;
  if (bytes.empty())
    return find_lease(lease_name{true, client, lease_key::of(record.open->id)});
  lease_key key;
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  if (auto* const lease = find_lease(client, key); lease != nullptr)
    return lease;
  auto entry = std::make_unique<lease_entry>();
  entry->client = client;
  entry->info.key = key;
  entry->info.version = record.lease_version == 0 ? std::uint8_t{2} : record.lease_version;
  entry->info.epoch = record.lease_epoch;
  entry->acquired_at = record.acquired_at;
  return &add_lease(std::move(entry));
}

// A lock of a recovered open is held; any other must be reclaimed.
void file_state::impl::load_lock(const persisted_lock& record, effects& out) {
  spare_record_of_lock(record.id);
  const auto lock = to_enhanced_lock(record);
  const auto client = client_of(record);
  const auto* const open = find_open(open_of(record.owner_id));
  if (open == nullptr || !open->is_persistent() || !open->is_detached() || open->client != client) {
    contended().recovered_locks.push_back({client, record});
    return;
  }
  locks.add(open->id, lock.range, lock.exclusive, lock.acquired_at, record.id);
  out.recovered.push_back({open->id, 1});
}

void file_state::impl::reclaim(const reclaim_lock& c, time_point now, effects& out) {
  const auto* open = find_connected(c.open);
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
  if (locks.size() >= limit(&limits::locks_per_file, open->share))
    return complete(out, c.operation, errc::too_many_locks_on_file);
  const auto lock = to_enhanced_lock(found->record);
  // The client may have locked the range again, because its own recovered locks do not block it.
  if (locks.conflict_of_old(c.open, lock.range, lock.exclusive) != nullptr)
    return complete(out, c.operation, errc::lock_not_granted);
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
        out.records.push_back(record_change{r.record.id, std::nullopt});
    }
    rare->recovered_locks.clear();
  }
  waiters_may_go = true;
}

// A directory can change before the holder of its lease has reconnected; the cached data is stale
// then.
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

// MS-FSA 2.1.4.10, like `lock_table::io_conflict` for held locks.
bool file_state::impl::io_meets_recovered_lock(
  const client_guid& client, const byte_range& range, bool is_write) const {
  if (!rare || range.length == 0)
    return false;
  return std::any_of(
    rare->recovered_locks.begin(), rare->recovered_locks.end(), [&](const auto& r) {
      const auto lock = to_enhanced_lock(r.record);
      return r.client != client && lock.range.length != 0 && overlap(lock.range, range) &&
        (is_write || lock.exclusive);
    });
}

void file_state::impl::drop_recovered(lease_entry& l, effects& out) {
  out.facts.emplace_back(record_dropped{lease_record_id(l)});
  unstore_lease(l, out);
  remove_lease(l);
  waiters_may_go = true;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

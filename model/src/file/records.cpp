// The records of a file: one for each lease and oplock that caches something, each byte-range lock,
// and each persistent open.
#include "file/impl.hpp"
#include <leasebreak/model/internal/fnv.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

std::string hex64(std::uint64_t value) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, value >>= 4)
    *at = digits[value & 0x0f];
  return text;
}

// Returns the part of a lease's record id that identifies the file. A lease key can be used for
// another file as soon as its last open here has ended. With the file in the id, the new record and
// the deletion of the old one are independent, in whichever order they are stored.
std::string file_mark(const std::string& file_id) {
  return hex64(detail::fnv(file_id));
}

std::string record_id_of(const detail::lock_table::entry& e) {
  return e.record_id.empty() ? "range:" + detail::to_hex(e.open) + ":" + std::to_string(e.id)
                             : e.record_id;
}

// Returns the number at the end of a lock's record id; 0 if there is none, or it is too large to be
// reached even with one lock per nanosecond.
std::uint64_t number_in(std::string_view record_id) {
  constexpr std::uint64_t out_of_reach = std::uint64_t{1} << 63;
  const auto digits = record_id.substr(record_id.rfind(':') + 1);
  const auto* const end = digits.data() + digits.size();
  std::uint64_t number = 0;
  const auto read = std::from_chars(digits.data(), end, number);
  return read.ec == std::errc{} && read.ptr == end && number < out_of_reach ? number : 0;
}

std::string record_id_of(const detail::open_entry& open) {
  return "open:" + detail::to_hex(open.id);
}

// Returns what the open denies to others, for systems that have share reservations but no
// persistent opens.
access_mode denied_by(const detail::open_entry& open) {
  const bool read = (open.share_access & share::read) == 0;
  const bool write = (open.share_access & share::write) == 0;
  return static_cast<access_mode>((read ? static_cast<int>(access_mode::deny_read) : 0) |
    (write ? static_cast<int>(access_mode::deny_write) : 0));
}

std::uint64_t to_ms(duration timeout) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return std::clamp<std::uint64_t>(
    ms < 1 ? 1 : static_cast<std::uint64_t>(ms), 1, persisted_timeout_max_ms);
}

} // namespace

std::string detail::to_hex(open_id id) {
  return hex64(static_cast<std::uint64_t>(id));
}

void file_state::impl::store_lease(lease_entry& l, effects& out) const {
  if (!policy->keep_records)
    return;
  if (l.info.state == lease_state::none) {
    unstore_lease(l, out);
    return store_persistent(out, &l); // their records hold its epoch
  }
  l.stored = true;
  out.records.emplace_back(lease_record(l), snapshot_of(l));
}

void file_state::impl::unstore_lease(lease_entry& l, effects& out) const {
  if (!policy->keep_records || !l.stored)
    return;
  l.stored = false;
  out.records.emplace_back(lease_record(l));
}

void file_state::impl::store_lock(const detail::lock_table::entry& e, effects& out) const {
  if (!policy->keep_records)
    return;
  auto record = to_persisted_lock(describe(e), policy->server_epoch);
  auto id = record.id;
  out.records.push_back(record_change{std::move(id), std::move(record)});
}

void file_state::impl::unstore_lock(const detail::lock_table::entry& e, effects& out) const {
  if (policy->keep_records)
    out.records.push_back(record_change{record_id_of(e), std::nullopt});
}

// A persistent open continues after a restart, and its future locks must not get the id of an
// existing record.
void file_state::impl::spare_record_of_lock(const std::string& record_id) {
  if (const auto number = number_in(record_id); number != 0)
    locks.keep_above(number);
}

void file_state::impl::store_open(const open_entry& open, effects& out) const {
  if (policy->keep_records && open.is_persistent())
    out.records.push_back(record_change{record_id_of(open), record_of(open)});
}

void file_state::impl::unstore_open(const open_entry& open, effects& out) const {
  if (policy->keep_records && open.is_persistent())
    out.records.push_back(record_change{record_id_of(open), std::nullopt});
}

// Stores all persistent opens after a change that is part of each of their records; with `of`, only
// those that use this lease.
void file_state::impl::store_persistent(effects& out, const lease_entry* of) const {
  if (!policy->keep_records || count.persistent == 0)
    return;
  for (const auto& open : opens)
    if (of == nullptr || open->lease == of)
      store_open(*open, out);
}

persisted_lock file_state::impl::record_of(const open_entry& open) const {
  enhanced_lock lock;
  lock.id = record_id_of(open);
  lock.owner = {detail::to_hex(open.id), to_string(open.client), open.share};
  lock.file_id = file_id;
  lock.denies = denied_by(open);
  lock.acquired_at = open.opened_at;
  auto record = to_persisted_lock(std::move(lock), policy->server_epoch);
  auto& kept = record.open.emplace();
  kept.id = static_cast<std::uint64_t>(open.id);
  kept.access = open.access;
  kept.share_access = open.share_access;
  kept.delete_on_close = open.delete_on_close;
  kept.delete_pending = delete_pending;
  if (const auto& guid = open.durable->guid; !guid.is_zero())
    kept.create_guid.assign(guid.bytes.begin(), guid.bytes.end());
  kept.timeout_ms = to_ms(open.durable->timeout);
  kept.server_state = open.durable->server_state;
  if (const auto* const instance = open.instance.get(); instance != nullptr) {
    kept.app_instance.assign(instance->id.bytes.begin(), instance->id.bytes.end());
    if (const auto& version = instance->version) {
      kept.app_versioned = true;
      kept.app_version_high = version->high;
      kept.app_version_low = version->low;
    }
  }
  if (open.lease != nullptr && !open.lease->info.is_oplock) {
    const auto lease = shown(*open.lease);
    kept.lease_key.assign(lease.key.bytes.begin(), lease.key.bytes.end());
    record.lease_version = lease.version;
    record.lease_epoch = lease.epoch;
  }
  return record;
}

// Returns the lease as it will be once its breaks are sent. A restart ends the wait for responses
// and sends the break again.
lease_info file_state::impl::shown(const lease_entry& l) const {
  auto info = l.info;
  if (const auto* const held = held_of(l))
    info.epoch = static_cast<std::uint16_t>(info.epoch + held->epochs);
  return info;
}

lease_snapshot file_state::impl::snapshot_of(const lease_entry& l) const {
  const auto* const open = find_open(l.first_open);
  return {shown(l), l.client, l.first_open, open != nullptr ? open->share : std::string(), file_id,
    l.acquired_at, policy->server_epoch};
}

enhanced_lock file_state::impl::describe(const lease_entry& l) const {
  return to_enhanced_lock(snapshot_of(l), lease_record_id(l));
}

std::string detail::made_record_id(const lease_entry& l, const std::string& file_id) {
  if (l.info.is_oplock)
    return "oplock:" + to_string(l.info.key);
  return "lease:" + to_string(l.client) + ":" + to_string(l.info.key) + ":" + file_mark(file_id);
}

std::string file_state::impl::lease_record_id(const lease_entry& l) const {
  return l.record != nullptr ? l.record->id() : detail::made_record_id(l, file_id);
}

const record_name_ptr& file_state::impl::lease_record(lease_entry& l) const {
  if (l.record == nullptr)
    l.record = make_record_name(lease_record_id(l));
  return l.record;
}

enhanced_lock file_state::impl::describe(const detail::lock_table::entry& e) const {
  enhanced_lock lock;
  lock.id = record_id_of(e);
  lock.owner.owner_id = detail::to_hex(e.open);
  if (const auto* open = find_open(e.open); open != nullptr) {
    lock.owner.client_id = to_string(open->client);
    lock.owner.share = open->share;
  }
  lock.file_id = file_id;
  lock.range = e.range;
  lock.exclusive = e.exclusive;
  lock.acquired_at = e.acquired_at;
  return lock;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// What is stored: a record for each lease and oplock that caches something, and for each byte-range
// lock.
#include "file/impl.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace leasebreak {

namespace {

std::string hex64(std::uint64_t value) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, value >>= 4)
    *at = digits[value & 0x0f];
  return text;
}

// FNV-1a. A key is free for another file as soon as its last open here is gone; the file in the id
// keeps the new record apart from the deletion of the old one, whichever reaches the store first.
std::string file_mark(const std::string& file_id) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : file_id)
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return hex64(hash);
}

std::string owner_of(const detail::lease_entry& l) {
  return l.info.is_oplock ? "smb:oplock:" + detail::to_hex(l.first_open)
                          : "smb:lease:" + to_string(l.info.key);
}

std::string record_id_of(const detail::lease_entry& l, const std::string& file_id) {
  if (!l.record_id.empty())
    return l.record_id;
  if (l.info.is_oplock)
    return "oplock:" + to_string(l.info.key);
  return "lease:" + to_string(l.client) + ":" + to_string(l.info.key) + ":" + file_mark(file_id);
}

std::string record_id_of(const detail::lock_table::entry& e) {
  return e.record_id.empty() ? "range:" + detail::to_hex(e.open) + ":" + std::to_string(e.id)
                             : e.record_id;
}

} // namespace

std::string detail::to_hex(open_id id) {
  return hex64(static_cast<std::uint64_t>(id));
}

void file_state::impl::store_lease(lease_entry& l, effects& out) const {
  if (!policy->keep_records)
    return;
  if (l.info.state == lease_state::none)
    return unstore_lease(l, out);
  l.stored = true;
  auto record = to_persisted_lock(describe(l), policy->server_epoch);
  auto id = record.id;
  out.records.push_back({std::move(id), std::move(record)});
}

void file_state::impl::unstore_lease(lease_entry& l, effects& out) const {
  if (!policy->keep_records || !l.stored)
    return;
  l.stored = false;
  out.records.push_back({record_id_of(l, file_id), std::nullopt});
}

void file_state::impl::store_lock(const detail::lock_table::entry& e, effects& out) const {
  if (!policy->keep_records)
    return;
  auto record = to_persisted_lock(describe(e), policy->server_epoch);
  auto id = record.id;
  out.records.push_back({std::move(id), std::move(record)});
}

void file_state::impl::unstore_lock(const detail::lock_table::entry& e, effects& out) const {
  if (policy->keep_records)
    out.records.push_back({record_id_of(e), std::nullopt});
}

enhanced_lock file_state::impl::describe(const lease_entry& l) const {
  enhanced_lock lock;
  lock.id = record_id_of(l, file_id);
  lock.owner.owner_id = owner_of(l);
  lock.owner.client_id = to_string(l.client);
  if (const auto* open = find_open(l.first_open); open != nullptr)
    lock.owner.share = open->share;
  lock.file_id = file_id;
  lock.exclusive = intersects(l.info.state, lease_state::write);
  lock.acquired_at = l.acquired_at;
  lock.lease = l.info;
  return lock;
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

} // namespace leasebreak

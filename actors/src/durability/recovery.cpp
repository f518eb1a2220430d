#include "recovery.hpp"

#include "store_result.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

std::vector<persisted_lock> in_order_of_loading(std::vector<persisted_lock> records) {
  const auto opens = std::stable_partition(
    records.begin(), records.end(), [](const persisted_lock& r) { return r.is_lease(); });
  std::stable_partition(opens, records.end(), [](const persisted_lock& r) { return r.is_open(); });
  return records;
}

recovered_open describe_open(const persisted_lock& record) {
  const auto& kept = *record.open;
  recovered_open o;
  o.file = record.file_id;
  o.open = open_id{kept.id};
  if (const auto client = from_hex(record.client_id))
    o.client.bytes = *client;
  o.share = record.share_name;
  o.access = kept.access;
  o.share_access = kept.share_access;
  o.delete_on_close = kept.delete_on_close;
  std::copy(kept.create_guid.begin(), kept.create_guid.end(), o.guid.bytes.begin());
  if (!kept.lease_key.empty()) {
    o.key.emplace();
    std::copy(kept.lease_key.begin(), kept.lease_key.end(), o.key->bytes.begin());
  }
  o.timeout = std::chrono::milliseconds{kept.timeout_ms};
  o.server_state = kept.server_state;
  return o;
}

} // namespace

store_content read_store(lock_store& store) {
  store_content c;
  c.status = guarded([&]() -> store_status {
    const auto before = store.server_epoch();
    if (!before.ok())
      return before.status;
    const auto clean = store.clean_shutdown();
    if (!clean.ok())
      return clean.status;
    auto listing = store.list({});
    if (!listing.ok())
      return listing.status;
    const auto epoch = store.increment_server_epoch();
    if (!epoch.ok())
      return epoch.status;
    c.clean = before.value == 0 || clean.value;
    c.epoch = epoch.value;
    c.listing = std::move(listing.value);
    return store.set_clean_shutdown(false);
  });
  return c;
}

recovery_plan plan_recovery(lock_listing listing, std::size_t file_id_bytes_max) {
  recovery_plan plan;
  plan.malformed = std::move(listing.malformed);
  for (auto& record : in_order_of_loading(std::move(listing.records))) {
    plan.known.push_back(record.id);
    if (!record.delegation_id.empty())
      continue; // of another system
    if (record.file_id.empty() || record.file_id.size() > file_id_bytes_max) {
      plan.malformed.push_back({record.id, "file_id", "is empty or too long"});
      continue;
    }
    if (record.is_open())
      plan.opens.push_back(describe_open(record));
    plan.records.push_back(std::move(record));
  }
  return plan;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

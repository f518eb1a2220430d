#include "crash_batches.hpp"

#include "records.hpp"

#include <iostream>
#include <map>
#include <string>

namespace leasebreak::test {

namespace {

persisted_lock shared_record(int k, std::uint64_t number) {
  auto record = lease_record("shared-" + std::to_string(k));
  record.server_epoch = number;
  // Moves between files, so that index rows change, too.
  record.file_id = "file-" + std::to_string(number % 3);
  return record;
}

persisted_lock batch_record(int k, std::uint64_t number) {
  auto record = lease_record("batch-" + std::to_string(number) + "-" + std::to_string(k));
  record.server_epoch = number;
  record.client_id = "batch-" + std::to_string(number);
  return record;
}

// Returns the records after the batches up to `number`.
std::map<std::string, persisted_lock> expected_after(std::uint64_t number) {
  std::map<std::string, persisted_lock> records;
  const auto add = [&](const persisted_lock& record) { records.emplace(record.id, record); };
  const std::uint64_t oldest = number < crash_kept ? 1 : number - crash_kept + 1;
  for (int k = 0; k < crash_records && number > 0; ++k) {
    add(shared_record(k, number));
    for (auto batch = oldest; batch <= number; ++batch)
      add(batch_record(k, batch));
  }
  return records;
}

} // namespace

std::vector<record_change> crash_batch(std::uint64_t number) {
  std::vector<record_change> changes;
  for (int k = 0; k < crash_records; ++k) {
    const auto shared = shared_record(k, number);
    const auto own = batch_record(k, number);
    changes.push_back({shared.id, shared});
    changes.push_back({own.id, own});
    if (number > crash_kept)
      changes.push_back({batch_record(k, number - crash_kept).id, {}});
  }
  return changes;
}

std::optional<std::uint64_t> newest_batch(lock_store& store) {
  const auto listing = store.list({});
  std::uint64_t newest = 0;
  std::map<std::string, persisted_lock> found;
  for (const auto& record : listing.value.records) {
    newest = std::max(newest, record.server_epoch);
    found.emplace(record.id, record);
  }
  if (listing.ok() && listing.value.malformed.empty() && found == expected_after(newest))
    return newest;
  std::cerr << "batch " << newest << " is not whole, or not alone: " << listing.status.detail
            << '\n';
  for (const auto& [id, record] : found)
    std::cerr << id << " of " << record.server_epoch << '\n';
  return std::nullopt;
}

} // namespace leasebreak::test

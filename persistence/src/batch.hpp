// What all stores do alike with their arguments.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <span>
#include <string>
#include <vector>

namespace leasebreak::detail {

[[nodiscard]] inline store_status failure(errc code, std::string detail) {
  return {make_error_code(code), std::move(detail)};
}

/// `errc::record_malformed` unless `validate` accepts the record.
store_status check(const persisted_lock& record);

/// The changes that count, ordered by id: of several for one id the last. Points into what it got.
/// An error if a record is malformed or its id is not that of its change.
store_result<std::vector<const record_change*>> effective(std::span<const record_change> changes);

/// Picks from the records of one file what `client_id` may have back of the lease `key`.
store_result<persisted_lock> pick_for_reclaim(
  std::vector<persisted_lock> of_file, const lease_key& key, std::string_view client_id);

} // namespace leasebreak::detail

// Functions that all stores use to process their arguments.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <span>
#include <string>
#include <vector>

// Visible, because each store is a shared library of its own.
namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT detail {

[[nodiscard]] inline store_status failure(errc code, std::string detail) {
  return {make_error_code(code), std::move(detail)};
}

/// Returns `errc::record_malformed` unless `validate` accepts the record.
store_status check(const persisted_lock& record);

/// Returns the effective changes, ordered by id: the last one of each id. The pointers refer to
/// elements of `changes`. Fails if a record is malformed or its id is not that of its change.
store_result<std::vector<const record_change*>> effective(std::span<const record_change> changes);

/// Returns the record among those of one file that `client_id` may reclaim for the lease `key`.
store_result<persisted_lock> pick_for_reclaim(
  std::vector<persisted_lock> of_file, const lease_key& key, std::string_view client_id);

} // namespace detail
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

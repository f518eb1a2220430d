// Reads a store after a start, and prepares its records for the files.
#pragma once

#include <leasebreak/coordinator.hpp>
#include <leasebreak/model/persisted_lock.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// The content of the store when it was opened.
struct store_content {
  store_status status; ///< If it is an error, the rest is not valid.
  std::uint64_t epoch = 0; ///< Of this run of the server.
  bool clean = false; ///< The last run ended in order, or there was none.
  lock_listing listing;
};

/// Reads everything, begins a new epoch, and marks the store as not closed. Blocks.
[[nodiscard]] store_content read_store(lock_store& store);

/// What a listing means for a start.
struct recovery_plan {
  /// For the files, in the order that `load_record` requires: leases, opens, byte-range locks.
  std::vector<persisted_lock> records;
  std::vector<recovered_open> opens; ///< Described for the server.
  std::vector<std::string> known; ///< The ids of all records, also of those that are not loaded.
  std::vector<record_error> malformed;
};

/// Skips records of other systems, and those whose file id is empty or longer than
/// `file_id_bytes_max`; the latter are malformed.
[[nodiscard]] recovery_plan plan_recovery(lock_listing listing, std::size_t file_id_bytes_max);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

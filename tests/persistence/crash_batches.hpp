// Batches from whose records one can tell whether the batches are complete.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace leasebreak::test {

/// The number of records that a batch adds, and of older batches that are kept.
inline constexpr int crash_records = 5;
inline constexpr std::uint64_t crash_kept = 20;

/// Returns batch `number`, from 1: it adds its records, writes its number into records that all
/// batches share, and deletes the records of the batch `crash_kept` before it.
[[nodiscard]] std::vector<record_change> crash_batch(std::uint64_t number);

/// Returns the number of the newest batch in the store; 0 if there is none. Returns nothing, and
/// adds a test failure, if the content is not exactly what the batches up to one number leave.
[[nodiscard]] std::optional<std::uint64_t> newest_batch(lock_store& store);

} // namespace leasebreak::test

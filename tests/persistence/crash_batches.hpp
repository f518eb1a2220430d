// Batches that show, when they are found again, whether they are whole.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace leasebreak::test {

/// How many records a batch adds, and how many older batches are kept.
inline constexpr int crash_records = 5;
inline constexpr std::uint64_t crash_kept = 20;

/// Batch `number`, from 1: adds its records, writes its number into records that all batches share,
/// and erases the records of the batch `crash_kept` before it.
[[nodiscard]] std::vector<record_change> crash_batch(std::uint64_t number);

/// The newest batch in the store, 0 if there is none. Nothing if the store holds anything but
/// exactly what the batches up to one number leave behind; then a test failure says what.
[[nodiscard]] std::optional<std::uint64_t> newest_batch(lock_store& store);

} // namespace leasebreak::test

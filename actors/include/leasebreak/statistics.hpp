// The counters and gauges of a coordinator.
#pragma once

#include <leasebreak/model/break_notification.hpp>
#include <leasebreak/model/export.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Counts durations in buckets of doubling size: bucket i counts those below 2^i microseconds that
/// did not fit into bucket i - 1. The last bucket takes the rest.
struct latency_histogram {
  static constexpr std::size_t buckets = 32; ///< The number of buckets.
  std::array<std::uint64_t, buckets> count{}; ///< The number of durations in each bucket.
  std::uint64_t sum_us = 0; ///< Of all durations, in microseconds.

  /// Returns the number of durations.
  [[nodiscard]] std::uint64_t total() const noexcept;

  /// Returns the upper bound, in microseconds, of the bucket that contains the quantile `q`, which
  /// is from 0 to 1; 0 if the histogram is empty.
  [[nodiscard]] std::uint64_t quantile_us(double q) const noexcept;
};

/// The kind of an operation that waited.
enum class wait_kind : std::uint8_t {
  open, ///< An open.
  close, ///< A close that deletes the file.
  lock, ///< A byte-range lock.
  read, ///< A read without an open.
  write, ///< A change of data or size.
  rename, ///< A rename of the file, onto it, into it, or of a directory above it.
  remove, ///< A deletion, or its preparation.
  other, ///< Another access, such as a hard link or a security descriptor.
  forced, ///< `async_force_break`.
};

/// The number of kinds.
inline constexpr std::size_t wait_kinds = 9;

[[nodiscard]] std::string_view to_string(wait_kind kind) noexcept; ///< Such as "open".

/// A snapshot. Counters only grow; gauges are current values. Members are read one after the other,
/// so that they may be slightly inconsistent.
struct statistics {
  // Counters
  std::uint64_t opens = 0; ///< Granted opens.
  std::uint64_t opens_refused = 0; ///< Refused opens.
  std::uint64_t closes = 0; ///< Opens that have ended.
  /// Granted leases and oplocks; the index is the bits of the state.
  std::array<std::uint64_t, 8> grants_by_state{};
  std::array<std::uint64_t, 11> breaks_by_cause{}; ///< Index: `break_cause`.
  std::array<std::uint64_t, 6> breaks_by_outcome{}; ///< Index: `break_outcome`.
  std::uint64_t acknowledgements_late = 0; ///< Acknowledgements after the deadline of their break.
  std::uint64_t acknowledgements_refused = 0; ///< All refused ones, including the late ones.
  std::uint64_t operations_cancelled = 0; ///< Pending operations that were cancelled.
  std::uint64_t sink_failures = 0; ///< Reports that a break notification could not be sent.
  std::uint64_t forced_breaks = 0; ///< Completed `async_force_break`s.
  std::uint64_t store_batches = 0; ///< Batches written to the store.
  std::uint64_t store_failures = 0; ///< Failed attempts to write to the store.
  std::uint64_t records_written = 0; ///< Puts and deletes that were written to the store.

  // Gauges
  std::uint64_t opens_now = 0; ///< Opens, connected or not.
  std::uint64_t locks_now = 0; ///< Byte-range locks.
  std::uint64_t breaking_now = 0; ///< Breaks in progress.
  /// Breaks in progress of which more than half of the holder's time was over when it was checked.
  std::uint64_t breaks_overdue = 0;
  /// Clients that let three breaks expire within the last hour; at most 1,024 are remembered.
  std::uint64_t clients_unresponsive = 0;
  std::uint64_t waiting_now = 0; ///< Pending operations, without those below.
  std::uint64_t waiting_most = 0; ///< The maximum of `waiting_now`.
  std::uint64_t waiting_for_guards_now = 0; ///< Pending `async_guard_entry`s.
  std::uint64_t waiting_for_guards_most = 0; ///< The maximum of `waiting_for_guards_now`.
  std::uint64_t files_alive = 0; ///< File actors, including idle ones.
  std::uint64_t clients = 0; ///< Registered clients.
  std::uint64_t store_backlog = 0; ///< Unwritten records.
  std::uint64_t store_lag_us = 0; ///< Age of the oldest unwritten record.
  bool store_failing = false; ///< Whether the last attempt to write failed.
  bool in_grace = false; ///< State is reserved for its holders after an unclean stop.

  // Latencies
  latency_histogram break_latency; ///< From a break's start to its end.
  /// From the start of a wait to its end, of operations that waited. Index: `wait_kind`.
  std::array<latency_histogram, wait_kinds> wait_latency;
};

/// Returns the index of the cause in `statistics::breaks_by_cause`.
[[nodiscard]] constexpr std::size_t index_of(break_cause c) noexcept {
  return static_cast<std::size_t>(c);
}
/// Returns the index of the outcome in `statistics::breaks_by_outcome`.
[[nodiscard]] constexpr std::size_t index_of(break_outcome o) noexcept {
  return static_cast<std::size_t>(o);
}

[[nodiscard]] constexpr std::size_t index_of(wait_kind k) noexcept { ///< In `wait_latency`.
  return static_cast<std::size_t>(k);
}

/// Returns the snapshot as a JSON object with one member per line.
[[nodiscard]] std::string to_json(const statistics& s);

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

// What a coordinator has done and holds, in numbers.
#pragma once

#include <leasebreak/model/effects.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace leasebreak {

/// Counts of durations in buckets that double: bucket i counts those below 2^i microseconds that
/// did not fit into bucket i - 1. The last takes all the rest.
struct latency_histogram {
  static constexpr std::size_t buckets = 32;
  std::array<std::uint64_t, buckets> count{};

  [[nodiscard]] std::uint64_t total() const noexcept;

  /// The upper bound, in microseconds, of the bucket in which the fraction `q` of all lies; 0 if
  /// there are none. `q` from 0 to 1.
  [[nodiscard]] std::uint64_t quantile_us(double q) const noexcept;
};

/// A snapshot. Counters only grow; gauges say what is now. Members are read one after the other, so
/// they may disagree by what went on meanwhile.
struct statistics {
  // Counters
  std::uint64_t opens = 0; ///< Granted.
  std::uint64_t opens_refused = 0;
  std::uint64_t closes = 0;
  std::array<std::uint64_t, 8> grants_by_state{}; ///< Leases and oplocks, index: the state's bits.
  std::array<std::uint64_t, 11> breaks_by_cause{}; ///< Index: `break_cause`.
  std::array<std::uint64_t, 6> breaks_by_outcome{}; ///< Index: `break_outcome`.
  std::uint64_t acknowledgements_late = 0;
  std::uint64_t acknowledgements_refused = 0; ///< All refused ones, the late ones among them.
  std::uint64_t operations_cancelled = 0;
  std::uint64_t store_batches = 0;
  std::uint64_t store_failures = 0;
  std::uint64_t records_written = 0; ///< Puts and deletes that reached the store.

  // Gauges
  std::uint64_t opens_now = 0;
  std::uint64_t locks_now = 0; ///< Byte-range locks.
  std::uint64_t breaking_now = 0;
  std::uint64_t waiting_now = 0; ///< Parked operations.
  std::uint64_t waiting_most = 0;
  std::uint64_t waiting_for_guards_now = 0; ///< `async_guard_entry`s that wait; not among those.
  std::uint64_t waiting_for_guards_most = 0;
  std::uint64_t files_alive = 0; ///< File actors, idle ones among them.
  std::uint64_t clients = 0;
  std::uint64_t store_backlog = 0; ///< Records that wait for the store.
  std::uint64_t store_lag_us = 0; ///< Age of the oldest of them.
  bool store_failing = false;

  // Latencies, from a break's start to its end
  latency_histogram break_latency;
};

[[nodiscard]] constexpr std::size_t index_of(break_cause c) noexcept {
  return static_cast<std::size_t>(c);
}
[[nodiscard]] constexpr std::size_t index_of(break_outcome o) noexcept {
  return static_cast<std::size_t>(o);
}

/// The snapshot as a JSON object, one member a line.
[[nodiscard]] std::string to_json(const statistics& s);

} // namespace leasebreak

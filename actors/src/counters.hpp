// What `coordinator::stats` reads: counters that any thread adds to without waiting for another.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/statistics.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace leasebreak::detail {

/// Counters, spread over threads. A gauge is the sum of what was added and taken away.
class counters {
public:
  enum id : std::size_t {
    opens,
    opens_refused,
    closes,
    acknowledgements_late,
    acknowledgements_refused,
    operations_cancelled,
    store_batches,
    store_failures,
    records_written,
    breaking_now,
    waiting_now,
    grants_by_state,
    breaks_by_cause = grants_by_state + 8,
    breaks_by_outcome = breaks_by_cause + 10,
    latency = breaks_by_outcome + 6,
    count = latency + latency_histogram::buckets,
  };

  void add(std::size_t which, std::int64_t n = 1) noexcept;
  void add_latency(duration age) noexcept;
  [[nodiscard]] std::uint64_t get(std::size_t which) const noexcept;

  /// All that is kept here.
  [[nodiscard]] statistics snapshot() const;

private:
  struct alignas(64) cell {
    std::array<std::atomic<std::int64_t>, count> values{};
  };
  std::array<cell, 8> cells_;
};

/// A total with an upper bound, such as all opens. Exact, so all threads share it.
class bounded_total {
public:
  /// Adds `n` if the sum does not pass `most`.
  [[nodiscard]] bool reserve(std::size_t n, std::size_t most) noexcept {
    if (value_.fetch_add(n, std::memory_order_relaxed) + n <= most)
      return true;
    release(n);
    return false;
  }
  /// Adds `n`, whatever the sum: what was admitted before.
  void add(std::size_t n) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  void release(std::size_t n) noexcept { value_.fetch_sub(n, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  alignas(64) std::atomic<std::size_t> value_{0};
};

} // namespace leasebreak::detail

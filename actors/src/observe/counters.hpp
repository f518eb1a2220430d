// The counters behind `coordinator::stats`, which any thread can increment without contention.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/statistics.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Counters that are spread over threads. A gauge is the sum of all increments and decrements.
class counters {
public:
  enum id : std::size_t {
    opens,
    opens_refused,
    closes,
    acknowledgements_late,
    acknowledgements_refused,
    operations_cancelled,
    sink_failures,
    forced_breaks,
    store_batches,
    store_failures,
    records_written,
    breaking_now,
    breaks_overdue,
    grants_by_state,
    breaks_by_cause = grants_by_state + 8,
    breaks_by_outcome = breaks_by_cause + 11,
    latency = breaks_by_outcome + 6,
    latency_sum_us = latency + latency_histogram::buckets,
    waits,
    count = waits + wait_kinds * (latency_histogram::buckets + 1),
  };

  void add(std::size_t which, std::int64_t n = 1) noexcept;
  void add_latency(duration age) noexcept { add_latency(latency, age); }
  void add_wait(wait_kind kind, duration age) noexcept { add_latency(wait_histogram(kind), age); }
  [[nodiscard]] std::uint64_t get(std::size_t which) const noexcept;

  /// Returns the statistics that are kept here.
  [[nodiscard]] statistics snapshot() const;

private:
  /// The buckets, and the sum behind them.
  [[nodiscard]] static constexpr std::size_t wait_histogram(wait_kind kind) noexcept {
    return waits + index_of(kind) * (latency_histogram::buckets + 1);
  }
  void add_latency(std::size_t histogram, duration age) noexcept;
  [[nodiscard]] latency_histogram histogram_at(std::size_t first) const noexcept;

  struct alignas(64) cell {
    std::array<std::atomic<std::int64_t>, count> values{};
  };
  std::array<cell, 8> cells_;
};

/// A current number and its maximum so far. Thread-safe.
class peak_gauge {
public:
  void add(std::int64_t change) noexcept {
    const auto now = now_.fetch_add(change, std::memory_order_relaxed) + change;
    auto most = most_.load(std::memory_order_relaxed);
    while (now > most && !most_.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
      // `most` was reloaded
    }
  }
  [[nodiscard]] std::uint64_t now() const noexcept {
    return static_cast<std::uint64_t>(now_.load(std::memory_order_relaxed));
  }
  [[nodiscard]] std::uint64_t most() const noexcept {
    return static_cast<std::uint64_t>(most_.load(std::memory_order_relaxed));
  }

private:
  std::atomic<std::int64_t> now_{0};
  std::atomic<std::int64_t> most_{0};
};

/// A total with an upper bound, for example of all opens. Thread-safe.
///
/// The bound is exact: it is never exceeded, and nothing is refused below it. To avoid contention,
/// each thread has a cell with some reserved room, and only a thread whose cell has too little
/// looks at all cells.
class bounded_total {
public:
  /// Adds `n` if the sum does not exceed `most`, which must be the same in all calls until
  /// `change_bound` is called with another.
  [[nodiscard]] bool reserve(std::size_t n, std::size_t most) noexcept;
  /// Adds `n` regardless of the bound, for what was admitted before.
  void add(std::size_t n) noexcept;
  void release(std::size_t n) noexcept;
  /// The bound is now `most`. What exceeds it stays, and room that is released is not used again
  /// until the sum is within the bound. A concurrent `reserve` may still use the old one.
  void change_bound(std::size_t most) noexcept;
  /// Exact if there are no concurrent changes.
  [[nodiscard]] std::size_t get() const noexcept;

private:
  struct alignas(64) cell {
    std::atomic<std::size_t> spare{0}; ///< Counted in `taken_` but not in use.
  };
  static constexpr std::size_t portion = 64; ///< How much a cell reserves at a time.

  [[nodiscard]] cell& own_cell() noexcept;
  [[nodiscard]] static bool take(cell& c, std::size_t n) noexcept;
  [[nodiscard]] bool release_excess(std::size_t n) noexcept;

  std::array<cell, 8> cells_;
  mutable std::mutex mutex_; ///< Protects `taken_` and `bound_`.
  std::size_t taken_ = 0; ///< What is in use, plus the spare room of the cells.
  std::size_t bound_ = 0; ///< With `exceeds_`.
  std::atomic<bool> exceeds_{false}; ///< The bound was lowered beneath what is in use.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

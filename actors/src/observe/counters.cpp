#include "counters.hpp"

#include "runtime/thread_slot.hpp"

#include <algorithm>
#include <bit>
#include <chrono>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

void counters::add(std::size_t which, std::int64_t n) noexcept {
  cells_[thread_slot() % cells_.size()].values[which].fetch_add(n, std::memory_order_relaxed);
}

void counters::add_latency(std::size_t histogram, duration age) noexcept {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(age).count();
  add(histogram + latency_histogram::buckets, std::max<std::int64_t>(us, 0));
  const auto bucket = us <= 0 ? 0 : std::bit_width(static_cast<std::uint64_t>(us));
  add(histogram +
    std::min<std::size_t>(static_cast<std::size_t>(bucket), latency_histogram::buckets - 1));
}

std::uint64_t counters::get(std::size_t which) const noexcept {
  std::int64_t sum = 0;
  for (const auto& c : cells_)
    sum += c.values[which].load(std::memory_order_relaxed);
  // A gauge can be read as negative, because increments and decrements of different threads are
  // read at different times.
  return static_cast<std::uint64_t>(std::max<std::int64_t>(sum, 0));
}

latency_histogram counters::histogram_at(std::size_t first) const noexcept {
  latency_histogram h;
  for (std::size_t i = 0; i < latency_histogram::buckets; ++i)
    h.count[i] = get(first + i);
  h.sum_us = get(first + latency_histogram::buckets);
  return h;
}

statistics counters::snapshot() const {
  statistics s;
  s.opens = get(opens);
  s.opens_refused = get(opens_refused);
  s.closes = get(closes);
  s.acknowledgements_late = get(acknowledgements_late);
  s.acknowledgements_refused = get(acknowledgements_refused);
  s.operations_cancelled = get(operations_cancelled);
  s.store_batches = get(store_batches);
  s.store_failures = get(store_failures);
  s.records_written = get(records_written);
  s.breaking_now = get(breaking_now);
  for (std::size_t i = 0; i < s.grants_by_state.size(); ++i)
    s.grants_by_state[i] = get(grants_by_state + i);
  for (std::size_t i = 0; i < s.breaks_by_cause.size(); ++i)
    s.breaks_by_cause[i] = get(breaks_by_cause + i);
  for (std::size_t i = 0; i < s.breaks_by_outcome.size(); ++i)
    s.breaks_by_outcome[i] = get(breaks_by_outcome + i);
  s.sink_failures = get(sink_failures);
  s.forced_breaks = get(forced_breaks);
  s.breaks_overdue = get(breaks_overdue);
  s.break_latency = histogram_at(latency);
  for (std::size_t i = 0; i < wait_kinds; ++i)
    s.wait_latency[i] = histogram_at(wait_histogram(static_cast<wait_kind>(i)));
  return s;
}

bounded_total::cell& bounded_total::own_cell() noexcept {
  return cells_[thread_slot() % cells_.size()];
}

bool bounded_total::take(cell& c, std::size_t n) noexcept {
  auto spare = c.spare.load(std::memory_order_relaxed);
  while (spare >= n)
    if (c.spare.compare_exchange_weak(spare, spare - n, std::memory_order_relaxed))
      return true;
  return false;
}

bool bounded_total::reserve(std::size_t n, std::size_t most) noexcept {
  auto& own = own_cell();
  if (take(own, n))
    return true;
  const std::lock_guard lock(mutex_);
  if (n <= most && taken_ <= most - n) {
    const auto extra = std::min(portion, most - n - taken_);
    taken_ += n + extra;
    own.spare.fetch_add(extra, std::memory_order_relaxed);
    return true;
  }
  for (auto& c : cells_)
    taken_ -= c.spare.exchange(0, std::memory_order_relaxed);
  if (n > most || taken_ > most - n)
    return false;
  taken_ += n;
  return true;
}

void bounded_total::add(std::size_t n) noexcept {
  const std::lock_guard lock(mutex_);
  taken_ += n;
}

void bounded_total::change_bound(std::size_t most) noexcept {
  const std::lock_guard lock(mutex_);
  for (auto& c : cells_)
    taken_ -= c.spare.exchange(0, std::memory_order_relaxed);
  bound_ = most;
  exceeds_.store(taken_ > most, std::memory_order_relaxed);
}

bool bounded_total::release_excess(std::size_t n) noexcept {
  const std::lock_guard lock(mutex_);
  if (!exceeds_.load(std::memory_order_relaxed))
    return false;
  taken_ -= n;
  exceeds_.store(taken_ > bound_, std::memory_order_relaxed);
  return true;
}

void bounded_total::release(std::size_t n) noexcept {
  if (exceeds_.load(std::memory_order_relaxed) && release_excess(n))
    return;
  auto& own = own_cell();
  const auto spare = own.spare.fetch_add(n, std::memory_order_relaxed) + n;
  if (spare <= 2 * portion || !take(own, spare - portion))
    return;
  const std::lock_guard lock(mutex_);
  taken_ -= spare - portion;
}

std::size_t bounded_total::get() const noexcept {
  const std::lock_guard lock(mutex_);
  std::size_t spare = 0;
  for (const auto& c : cells_)
    spare += c.spare.load(std::memory_order_relaxed);
  return taken_ - std::min(spare, taken_);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

// Numbers that are unique within the process.
#pragma once

#include <leasebreak/model/export.hpp>

#include <atomic>
#include <cstdint>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// The source of numbers of one kind. Each thread takes a block at a time.
template <class Tag>
struct number_blocks {
  static constexpr std::uint64_t size = 4096;
  static inline std::atomic<std::uint64_t> next{1};
  /// The block of this thread: the next number, and the end of the block.
  static inline constinit thread_local std::uint64_t own_next = 0;
  static inline constinit thread_local std::uint64_t own_end = 0;

  /// Returns a number above all numbers so far.
  [[nodiscard]] static std::uint64_t end() noexcept {
    return next.load(std::memory_order_relaxed) * size;
  }

  /// Restarts the numbering. For simulations on one thread, so that a seed leads to the same
  /// numbers; no earlier number may be in use.
  static void begin_anew() noexcept {
    next.store(1);
    own_next = own_end = 0;
  }
};

/// Returns a new number of the kind `Tag`; not zero. Threads take blocks, so that they do not share
/// a cache line. Numbers are only ordered within a thread.
template <class Tag>
[[nodiscard]] std::uint64_t unique_number() noexcept {
  using blocks = number_blocks<Tag>;
  if (blocks::own_next == blocks::own_end) {
    blocks::own_next = blocks::next.fetch_add(1, std::memory_order_relaxed) * blocks::size;
    blocks::own_end = blocks::own_next + blocks::size;
  }
  return blocks::own_next++;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

// Numbers that are not used twice in this process.
#pragma once

#include <atomic>
#include <cstdint>

namespace leasebreak::detail {

/// Where numbers of one kind come from. Each thread takes a block of them at a time.
template <class Tag>
struct number_blocks {
  static constexpr std::uint64_t size = 4096;
  static inline std::atomic<std::uint64_t> next{1};
  /// This thread's block: the next number, and the first that is not in it.
  static inline constinit thread_local std::uint64_t own_next = 0;
  static inline constinit thread_local std::uint64_t own_end = 0;

  /// All numbers so far are below this.
  [[nodiscard]] static std::uint64_t end() noexcept {
    return next.load(std::memory_order_relaxed) * size;
  }

  /// All numbers may be used again. For simulations on one thread, so that a seed leads to the same
  /// numbers; nobody may know one from before.
  static void begin_anew() noexcept {
    next.store(1);
    own_next = own_end = 0;
  }
};

/// One more number of the kind `Tag`; not zero. Since threads take blocks, no cache line goes back
/// and forth, and numbers are in order within a thread only.
template <class Tag>
[[nodiscard]] std::uint64_t unique_number() noexcept {
  using blocks = number_blocks<Tag>;
  if (blocks::own_next == blocks::own_end) {
    blocks::own_next = blocks::next.fetch_add(1, std::memory_order_relaxed) * blocks::size;
    blocks::own_end = blocks::own_next + blocks::size;
  }
  return blocks::own_next++;
}

} // namespace leasebreak::detail

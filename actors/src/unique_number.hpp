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

  /// All numbers so far are below this.
  [[nodiscard]] static std::uint64_t end() noexcept {
    return next.load(std::memory_order_relaxed) * size;
  }
};

/// One more number of the kind `Tag`; not zero. Since threads take blocks, no cache line goes back
/// and forth, and numbers are in order within a thread only.
template <class Tag>
[[nodiscard]] std::uint64_t unique_number() noexcept {
  using blocks = number_blocks<Tag>;
  thread_local std::uint64_t next = 0;
  thread_local std::uint64_t end = 0;
  if (next == end) {
    next = blocks::next.fetch_add(1, std::memory_order_relaxed) * blocks::size;
    end = next + blocks::size;
  }
  return next++;
}

} // namespace leasebreak::detail

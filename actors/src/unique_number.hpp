// Numbers that are not used twice in this process.
#pragma once

#include <atomic>
#include <cstdint>

namespace leasebreak::detail {

/// One more number of the kind `Tag`; not zero. Each thread takes a block of them at a time, so
/// that no cache line goes back and forth: they are in order within a thread only.
template <class Tag>
[[nodiscard]] std::uint64_t unique_number() noexcept {
  constexpr std::uint64_t block = 4096;
  static std::atomic<std::uint64_t> next_block{1};
  thread_local std::uint64_t next = 0;
  thread_local std::uint64_t end = 0;
  if (next == end) {
    next = next_block.fetch_add(1, std::memory_order_relaxed) * block;
    end = next + block;
  }
  return next++;
}

} // namespace leasebreak::detail

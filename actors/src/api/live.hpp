// Access to settings that one thread changes while others read them.
#pragma once

#include <leasebreak/model/export.hpp>

#include <atomic>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Reads a member that another thread may be changing with `set_live`. Costs as much as a plain
/// read. Two reads may see different values.
template <class T>
[[nodiscard]] T live(const T& member) noexcept {
  static_assert(std::atomic_ref<T>::is_always_lock_free);
  return std::atomic_ref<T>(const_cast<T&>(member)).load(std::memory_order_relaxed);
}

/// Changes a member that other threads read with `live`.
template <class T>
void set_live(T& member, T value) noexcept {
  std::atomic_ref<T>(member).store(value, std::memory_order_relaxed);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

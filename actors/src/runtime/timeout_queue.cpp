#include "timeout_queue.hpp"

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

// If memory is exhausted, the earlier timeout stays.
void timeout_queue::set(turn_actor& to, time_point t) {
  const auto added = due_.emplace(t, actor(to));
  try {
    const auto [entry, is_new] = entries_.try_emplace(&to, added);
    if (!is_new)
      due_.erase(std::exchange(entry->second, added));
  } catch (...) {
    due_.erase(added);
    throw;
  }
}

timeout_queue::actor timeout_queue::remove(turn_actor& of) {
  const auto entry = entries_.find(&of);
  if (entry == entries_.end())
    return {};
  auto result = std::move(entry->second->second);
  due_.erase(entry->second);
  entries_.erase(entry);
  return result;
}

timeout_queue::actor timeout_queue::next_due(time_point now) {
  if (due_.empty() || due_.begin()->first > now)
    return {};
  return remove(*due_.begin()->second);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

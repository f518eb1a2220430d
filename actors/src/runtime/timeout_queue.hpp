// The timeouts of actors in the order in which they are due; at most one for each actor.
#pragma once

#include "turn_actor.hpp"

#include <chrono>
#include <map>
#include <unordered_map>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Keeps a reference to each actor in it. Not thread-safe.
class timeout_queue {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using actor = actor_ref<turn_actor>;

  /// Sets the timeout of `to`, in place of an earlier one.
  void set(turn_actor& to, time_point t);

  /// Returns the actor if it had a timeout.
  [[nodiscard]] actor remove(turn_actor& of);

  /// Removes and returns an actor whose timeout is due at `now`; null if there is none.
  [[nodiscard]] actor next_due(time_point now);

  /// Returns the time of the first timeout. There must be one.
  [[nodiscard]] time_point first() const noexcept { return due_.begin()->first; }
  [[nodiscard]] bool empty() const noexcept { return due_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return due_.size(); }

  void swap(timeout_queue& other) noexcept {
    due_.swap(other.due_);
    entries_.swap(other.entries_);
  }

private:
  using queue = std::multimap<time_point, actor>;

  queue due_;
  std::unordered_map<const turn_actor*, queue::iterator> entries_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

// The interface of what runs the turns of actors and wakes them up: an executor, a thread pool of
// CAF, or a test.
#pragma once

#include <leasebreak/model/export.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class turn_actor;

/// Schedules turns and timeouts. Thread-safe. Must outlive the turns of its actors.
class turn_scheduler {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  explicit turn_scheduler(std::size_t messages_per_turn) : messages_per_turn_(messages_per_turn) {}
  turn_scheduler(const turn_scheduler&) = delete;
  turn_scheduler& operator=(const turn_scheduler&) = delete;
  virtual ~turn_scheduler() = default;

  /// Has `job` run a turn. Takes over one reference to it.
  virtual void enqueue(turn_actor* job) = 0;

  /// Never goes backwards.
  [[nodiscard]] virtual time_point now() const noexcept = 0;

  /// Delivers a timeout to `to` at `t`, in place of an earlier one, and keeps a reference until
  /// then.
  virtual void set_timeout(turn_actor& to, time_point t) = 0;

  /// Cancels the timeout of `of`, if there is one. It may already be in the mailbox.
  virtual void cancel_timeout(turn_actor& of) = 0;

  /// Drops all timeouts. From now on, turns need not run.
  virtual void begin_stop() = 0;

  /// Returns a number above those that earlier actors got.
  [[nodiscard]] std::uint64_t next_actor_id() noexcept {
    return actors_.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  [[nodiscard]] std::size_t messages_per_turn() const noexcept { return messages_per_turn_; }

private:
  const std::size_t messages_per_turn_;
  std::atomic<std::uint64_t> actors_{0};
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

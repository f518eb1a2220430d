// A lean kind of CAF actor: control block and identity are CAF's, but the mailbox and the turns are
// its own.
//
// An `event_based_actor` has 1 KB of state for behaviors, requests and streams, none of which a
// file needs, and each message needs an additional allocation. That matters with a million files.
//
// The actor can be stopped from outside: an executor that its owner has stopped runs nothing any
// more, but the operations in the mailbox must still be completed.
#pragma once

#include "caf_versions.hpp"
#include "message.hpp"
#include "turn_scheduler.hpp"

#include <caf/make_actor.hpp>

#include <atomic>
#include <cstddef>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// An actor that handles its messages in turns, in the order of delivery.
class turn_actor : public caf_actor {
public:
  turn_actor(caf::actor_config& config, turn_scheduler& scheduler);
  ~turn_actor() override;

  // -- thread-safe

  /// Puts `m` into the mailbox. Returns false, and leaves `m` unchanged, if the actor has ended.
  /// The coordinator must not be destroyed during the call.
  [[nodiscard]] bool deliver(message_ptr& m) noexcept;

  /// Ends the actor if it is idle and has no state. Returns whether this call ended it.
  [[nodiscard]] bool end_if_unused() noexcept;

  /// Ends the actor from outside, whether or not the executor runs: waits for the turn in progress,
  /// destroys the content of the mailbox, and calls `stopped`. Must not be called within a turn.
  void stop() noexcept;

  /// Puts a timeout into the mailbox. The coordinator must not be destroyed during the call.
  void deliver_timeout() final;

  // -- for the scheduler

  /// Handles up to `messages_max` messages. If memory is exhausted, the process ends; see
  /// out_of_memory.hpp.
  void take_turn(std::size_t messages_max);

  /// Gives back the reference that `turn_scheduler::enqueue` took over.
  static void give_back(turn_actor* job) noexcept;

  void run_on_pool(std::size_t messages_max) final { take_turn(messages_max); }
  void no_longer_referenced() noexcept final;
  void before_release() const noexcept final;

protected:
  /// Handles one message.
  virtual void handle(message_ptr m) = 0;

  /// Handles a timeout.
  virtual void timeout() = 0;

  /// Called when no message is left, or other actors are to run. Returns whether the actor has no
  /// state, so that it may be ended.
  virtual bool end_turn() = 0;

  /// Called when the actor became idle without state. Runs after the turn, and another turn may
  /// have begun; it may only use thread-safe members.
  virtual void unused() = 0;

  /// Handles a message that was in the mailbox when the actor was stopped. Runs on the stopping
  /// thread, in order.
  virtual void left_over(message_ptr m);

  /// Called once after the actor was stopped from outside, as the last call, on the stopping
  /// thread.
  virtual void stopped() = 0;

private:
  class timeout_message;

  [[nodiscard]] bool take_mail() noexcept;
  void queue(message* newest_first) noexcept;
  [[nodiscard]] message_ptr next_message() noexcept;
  void handle_mail(std::size_t messages_max);
  void leave_over();
  void schedule() noexcept;
  [[nodiscard]] static message* tag(std::uintptr_t value) noexcept {
    return reinterpret_cast<message*>(value);
  }
  [[nodiscard]] static bool is_tag(const message* m) noexcept {
    return reinterpret_cast<std::uintptr_t>(m) <= ended;
  }

  // Values of the head that are not a message. Null: scheduled or running, without new messages.
  static constexpr std::uintptr_t busy = 0;
  static constexpr std::uintptr_t idle = 1; ///< Not scheduled; has state.
  static constexpr std::uintptr_t idle_unused = 2; ///< Not scheduled; has no state.
  static constexpr std::uintptr_t ended = 3; ///< Accepts no messages.

  turn_scheduler& scheduler_;
  std::atomic<message*> head_; ///< Newest first.
  /// Taken from the mailbox but not handled, oldest first; only used in the turn.
  message* pending_ = nullptr;
  /// Threads in a turn: that of the turn, and possibly one that is just leaving the previous one.
  mutable std::atomic<int> inside_{0};
};

/// A counted reference to an actor of the type `T`.
template <class T>
class actor_ref {
public:
  actor_ref() = default;
  explicit actor_ref(T& actor) : ptr_(actor.ctrl()) {}
  explicit actor_ref(caf::strong_actor_ptr ptr) : ptr_(std::move(ptr)) {}

  [[nodiscard]] T* get() const noexcept { return ptr_ ? operator->() : nullptr; }
  [[nodiscard]] T& operator*() const noexcept { return *operator->(); }
  [[nodiscard]] T* operator->() const noexcept { return static_cast<T*>(ptr_->get()); }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(ptr_); }
  void reset() noexcept { ptr_.reset(); }

private:
  caf::strong_actor_ptr ptr_;
};

/// Makes an actor whose turns `scheduler` runs.
template <class T, class... Arguments>
[[nodiscard]] actor_ref<T> make_turn_actor(turn_scheduler& scheduler, Arguments&&... arguments) {
  caf::actor_config config;
  return actor_ref<T>(caf::make_actor<T, caf::strong_actor_ptr>(scheduler.next_actor_id(),
    caf::node_id{}, nullptr, config, std::forward<Arguments>(arguments)...));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

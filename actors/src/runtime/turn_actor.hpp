// A lean kind of CAF actor: control block, identity and scheduling are CAF's, but the mailbox is
// its own.
//
// An `event_based_actor` has 1 KB of state for behaviors, requests and streams, none of which a
// file needs, and each message needs an additional allocation. That matters with a million files.
//
// The actor can be stopped from outside: an executor that its owner has stopped runs nothing any
// more, but the operations in the mailbox must still be completed.
#pragma once

#include "message.hpp"

#include <caf/actor_config.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/resumable.hpp>

#include <atomic>
#include <cstddef>

namespace leasebreak::detail {

/// An actor that handles its messages in turns, in the order of delivery.
class turn_actor : public caf::monitorable_actor, public caf::resumable {
public:
  explicit turn_actor(caf::actor_config& config);
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

  /// Schedules a turn again, on the coordinator's executor: the executor that had it has ended
  /// without running it. Does nothing if the actor has ended.
  void come_home() noexcept;

  // -- CAF. If memory is exhausted in a turn, the process ends; see out_of_memory.hpp.

  using caf::abstract_actor::enqueue;
  /// Called before the destructor.
  void on_destroy() override;
  /// CAF's own entry point, which only timeouts use.
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  resume_result resume(caf::execution_unit* host, std::size_t messages_max) override;
  subtype_t subtype() const override;
  void intrusive_ptr_add_ref_impl() override;
  void intrusive_ptr_release_impl() override;

protected:
  /// Handles one message.
  virtual void handle(message_ptr m) = 0;

  /// Handles a timeout of CAF's clock.
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
  struct inside_guard;

  [[nodiscard]] bool take_mail() noexcept;
  void queue(message* newest_first) noexcept;
  [[nodiscard]] message_ptr next_message() noexcept;
  resume_result take_turn(std::size_t messages_max);
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

  std::atomic<message*> head_; ///< Newest first.
  /// Taken from the mailbox but not handled, oldest first; only used in the turn.
  message* pending_ = nullptr;
  /// Threads in `resume`: that of the turn, and possibly one that is just leaving the previous
  /// turn.
  std::atomic<int> inside_{0};
};

/// A counted reference to an actor of the type `T`.
template <class T>
class actor_ref {
public:
  actor_ref() = default;
  explicit actor_ref(T& actor) : ptr_(actor.ctrl()) {}
  explicit actor_ref(caf::strong_actor_ptr ptr) : ptr_(std::move(ptr)) {}

  [[nodiscard]] T* get() const noexcept { return ptr_ ? static_cast<T*>(ptr_->get()) : nullptr; }
  [[nodiscard]] T& operator*() const noexcept { return *get(); }
  [[nodiscard]] T* operator->() const noexcept { return get(); }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(ptr_); }
  void reset() noexcept { ptr_.reset(); }

private:
  caf::strong_actor_ptr ptr_;
};

} // namespace leasebreak::detail

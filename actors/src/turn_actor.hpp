// A lean kind of CAF actor: control block, identity and scheduling are CAF's; the mailbox is its
// own.
//
// Why not `event_based_actor`: that has 1 KB of state for behaviours, requests and streams, none of
// which a file needs, and each message to it costs an allocation besides the operation that it
// carries. A million files make the difference.
//
// Why it can be stopped from outside: an executor that its owner has stopped runs nothing any more,
// yet whatever waits in the mailbox must be completed.
#pragma once

#include "message.hpp"

#include <caf/actor_config.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/resumable.hpp>

#include <atomic>
#include <cstddef>

namespace leasebreak::detail {

/// An actor that handles its messages in turns, in the order in which they were delivered.
class turn_actor : public caf::monitorable_actor, public caf::resumable {
public:
  explicit turn_actor(caf::actor_config& config);
  ~turn_actor() override;

  // -- any thread

  /// Puts `m` into the mailbox. False if the actor has ended: then `m` is left as it is.
  /// The coordinator must not be destroyed meanwhile.
  [[nodiscard]] bool deliver(message_ptr& m) noexcept;

  /// Ends the actor if it is idle and owns nothing. True if this call did it.
  [[nodiscard]] bool end_if_unused() noexcept;

  /// Ends the actor from outside, whether or not anybody runs the executor: waits for the turn in
  /// progress, destroys what is in the mailbox, and calls `stopped`. Never from within a turn.
  void stop() noexcept;

  // -- CAF. Lack of memory in a turn ends the process; see out_of_memory.hpp.

  using caf::abstract_actor::enqueue;
  /// Before the destructor.
  void on_destroy() override;
  /// CAF's own door; only timeouts come through it.
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  resume_result resume(caf::execution_unit* host, std::size_t messages_max) override;
  subtype_t subtype() const override;
  void intrusive_ptr_add_ref_impl() override;
  void intrusive_ptr_release_impl() override;

protected:
  /// Handles one message.
  virtual void handle(message_ptr m) = 0;

  /// CAF's clock says that a timeout has come.
  virtual void timeout() = 0;

  /// Nothing is left to handle, or others are to have their turn. Returns whether the actor owns
  /// nothing, so that it may be ended.
  virtual bool end_turn() = 0;

  /// The actor became idle and owns nothing. Runs after the turn: another may have begun, so only
  /// what is thread-safe may be touched.
  virtual void unused() = 0;

  /// A message that was in the mailbox when the actor was stopped; on that thread, in their order.
  virtual void left_over(message_ptr m);

  /// The actor was stopped from outside; runs once, on that thread, last of all.
  virtual void stopped() = 0;

private:
  class timeout_message;

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

  // What the head is when it is no message. Null: scheduled or running, no news.
  static constexpr std::uintptr_t busy = 0;
  static constexpr std::uintptr_t idle = 1; ///< Not scheduled; owns something.
  static constexpr std::uintptr_t idle_unused = 2; ///< Not scheduled; owns nothing.
  static constexpr std::uintptr_t ended = 3; ///< Takes nothing any more.

  std::atomic<message*> head_; ///< Newest first.
  message* pending_ = nullptr; ///< Taken and not handled, oldest first; the turn's alone.
  std::atomic<int> inside_{0}; ///< Threads in `resume`: the turn, and the end of the one before.
};

/// A counted reference to an actor of the kind `T`.
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

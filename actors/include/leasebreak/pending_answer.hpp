// Keeps breaks from overtaking the answer that grants what they break.
#pragma once

#include <memory>
#include <utility>

namespace leasebreak {

namespace detail {
class answer_slot;
struct answer_slot_release {
  void operator()(answer_slot* slot) const noexcept;
};
} // namespace detail

/// Stands for the answer that tells a client what an open may cache (MS-SMB2 3.3.4.6, 3.3.4.7), or
/// that it has changed a directory. While it lives, the client's sink is told of no break of the
/// one, and of none that the other is the cause of; `sent`, or destroying it, says that the answer
/// is queued to the client's connection, behind everything that was queued before. What was held
/// back is told then, in one notification, and the holder's time begins.
///
/// A server that queues its answer within the handler of the operation need not do anything. One
/// that sends it later, such as with the other answers of a compound, keeps the object until then.
/// After `coordinator_config::answer_wait_max` the client is told all the same.
///
/// Movable only. An empty one does nothing. One object is for one thread at a time; distinct
/// objects are independent. `sent` never waits and calls nothing of the server's. Lifetime: it may
/// be used and destroyed at any time, also after the coordinator's destructor, when that does
/// nothing; it keeps some memory of its file alive.
class pending_answer {
public:
  pending_answer() noexcept = default;
  /// Of the library. Takes over one reference to the slot.
  explicit pending_answer(detail::answer_slot* slot) noexcept : slot_(slot) {}

  /// The answer is queued, or will never be sent. Repeating it has no effect.
  void sent() noexcept { slot_.reset(); }

  /// Whether an answer is outstanding.
  [[nodiscard]] explicit operator bool() const noexcept { return slot_ != nullptr; }

private:
  std::unique_ptr<detail::answer_slot, detail::answer_slot_release> slot_;
};

} // namespace leasebreak

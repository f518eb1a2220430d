// Keeps a break notification from overtaking the response that grants what it breaks.
#pragma once

#include <leasebreak/model/export.hpp>

#include <memory>
#include <utility>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

namespace detail {
class answer_slot;
struct answer_slot_release {
  void operator()(answer_slot* slot) const noexcept;
};
} // namespace detail

/// Stands for a response that tells a client what an open may cache (MS-SMB2 3.3.4.6, 3.3.4.7), or
/// that a directory change is made. While it lives, these breaks are not sent to the client's sink:
/// for an open, breaks of what it was granted; for a directory change, breaks that the change
/// caused. `sent`, or destroying the object, reports that the response is queued to the client's
/// connection behind everything that was queued before. Breaks that were held back are then sent in
/// one notification, and the holder's deadline starts.
///
/// If a server queues its response within the handler of the operation, it can ignore this object.
/// If it sends the response later, for example with the other responses of a compound, it must keep
/// the object until then. After `coordinator_config::answer_wait_max` the break is sent regardless.
///
/// Movable only. An empty object does nothing. One thread at a time may use an object; distinct
/// objects are independent. `sent` never waits and calls no code of the server. Lifetime: it may be
/// used and destroyed at any time. After the coordinator's destructor that does nothing. It keeps a
/// small part of its file's memory alive.
class pending_answer {
public:
  pending_answer() noexcept = default;
  /// For the library only. Takes ownership of one reference to the slot.
  explicit pending_answer(detail::answer_slot* slot) noexcept : slot_(slot) {}

  /// Reports that the response is queued or will never be sent. Idempotent.
  void sent() noexcept { slot_.reset(); }

  /// Returns whether a response is outstanding.
  [[nodiscard]] explicit operator bool() const noexcept { return slot_ != nullptr; }

private:
  std::unique_ptr<detail::answer_slot, detail::answer_slot_release> slot_;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

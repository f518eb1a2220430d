// The way back to a file, for holds and for reports of break sinks.
#pragma once

#include "file_actor.hpp"
#include "out_of_memory.hpp"

#include <memory>
#include <utility>

namespace leasebreak::detail {

class coordinator_impl;

/// A file. A hold of it keeps its actor from being ended for want of use; yet the actor may be
/// stopped, and the coordinator be gone. Thread-safe.
class file_link {
public:
  file_link(std::weak_ptr<coordinator_impl> owner, file_ref file)
    : owner_(std::move(owner)), file_(std::move(file)) {}

  void end(hold_id id) const noexcept { send(end_hold{id}); }

  void end(guard_id id) const noexcept;

  /// Repeating it does no harm: the ids of a break and of an offer are not used again.
  void cannot_deliver(const break_undeliverable& offer) const noexcept { send(offer); }

private:
  void send(command c) const noexcept {
    const auto alive = owner_.lock();
    if (!alive)
      return;
    message_ptr m =
      needs_memory("to end a hold", [&] { return std::make_unique<plain_command>(std::move(c)); });
    static_cast<void>(file_->deliver(m));
  }
  void send(message_ptr m) const noexcept {
    if (const auto alive = owner_.lock())
      static_cast<void>(file_->deliver(m));
  }

  std::weak_ptr<coordinator_impl> owner_;
  file_ref file_;
};

} // namespace leasebreak::detail

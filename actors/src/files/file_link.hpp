// The reference to a file in holds and in reports of break sinks.
#pragma once

#include "api/coordinator_impl.hpp"
#include "file_actor.hpp"
#include "runtime/out_of_memory.hpp"

#include <memory>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class coordinator_impl;

/// A reference to a file. A hold keeps the file's actor from being ended as unused. The actor may
/// be stopped, though, and the coordinator may be gone. Thread-safe.
class LEASEBREAK_HIDDEN file_link {
public:
  file_link(std::weak_ptr<coordinator_impl> owner, file_ref file)
    : owner_(std::move(owner)), file_(std::move(file)) {}

  void end(hold_id id) const noexcept { send("to end a hold", end_hold{id}); }

  void end(guard_id id) const noexcept;

  /// Idempotent, because ids of breaks and offers are not reused.
  void cannot_deliver(const break_undeliverable& offer) const noexcept {
    if (const auto alive = owner_.lock())
      alive->count().add(counters::sink_failures);
    send("to report a break that cannot be delivered", offer);
  }

private:
  /// `purpose` completes the line that a process without memory ends with.
  template <class Make>
  void send_made(const char* purpose, Make make) const noexcept {
    const auto alive = owner_.lock();
    if (!alive)
      return;
    message_ptr m = needs_memory(purpose, make);
    static_cast<void>(file_->deliver(m));
  }
  void send(const char* purpose, command c) const noexcept {
    send_made(purpose, [&] { return std::make_unique<plain_command>(std::move(c)); });
  }

  std::weak_ptr<coordinator_impl> owner_;
  file_ref file_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

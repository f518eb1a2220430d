// Converts what happens in a file's turn into events.
#pragma once

#include "event_sink.hpp"

#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>

#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class coordinator_impl;
class file_actor;
class operation;

/// Returns the kind under which the wait of such a command is counted.
[[nodiscard]] wait_kind wait_kind_of(const command& c) noexcept;

/// Reports the events of one turn of a file, in the order of the calls. Does nothing if the sink is
/// closed.
class turn_events {
public:
  turn_events(event_sink& to, const file_actor& file, coordinator_impl& owner);

  /// Breaks with their notifications, and refused acknowledgements. `out` must outlive the object.
  void breaks(const effects& out);
  /// Must be called before the open is forgotten.
  void ended(const open_ended& e);
  /// The end of an operation. A granted open must be known to the file.
  void completed(const operation& op, const completion& c);
  void overdue(const std::vector<overdue_break>& breaks);
  /// The operation begins to wait.
  void waits(const operation& op);

private:
  class facts;

  [[nodiscard]] event make(event_kind kind, const client_guid& client, open_id open) const;
  void tell(const event& e) const { turn_.tell(e); }
  void notified(const break_notification& n) const;
  void wait_ended(const operation& op, const completion& c) const;

  const event_sink::turn turn_;
  const file_actor& file_;
  coordinator_impl& owner_;
  const time_point now_;
};

/// Reports an event of a client, on any thread.
void tell_of_client(coordinator_impl& owner, event e);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

// What happens to files and clients, one event at a time. A host can turn them into traces.
#pragma once

#include <leasebreak/model/break_notification.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/end_cause.hpp>
#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>
#include <leasebreak/statistics.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The kind of an event. Members of `event` that a kind does not name are unset.
enum class event_kind : std::uint8_t {
  opened, ///< An open was granted: `operation`, `open`, `key`, `to`.
  open_refused, ///< An open failed: `operation`, `error`.
  granted, ///< After `opened`, if the open may cache something: `open`, `key`, `to`.
  closed, ///< An open ended: `open`, `key`, `ended_by`.
  /// A break began: `break_number`, `open`, `key`, `cause`, `from`, `to`.
  break_begun,
  /// A notification is queued for the client's sink; again for each further stage and each
  /// repetition of the same break: as `break_begun`, and `needs_acknowledgement`.
  break_notified,
  /// Half of the holder's time is over: as `break_begun`, and `lasted`, `waiting`.
  break_overdue,
  /// The holder's acknowledgement ended the break: as `break_begun`, and `left`, `outcome`,
  /// `lasted`, `waiting`.
  acknowledged,
  expired, ///< The break's deadline ended it: as `acknowledged`.
  /// The break ended in another way, which is `outcome`: as `acknowledged`.
  break_ended,
  acknowledgement_refused, ///< `key`, `error`.
  wait_began, ///< An operation waits: `operation`, `wait`.
  wait_ended, ///< Its end: `operation`, `wait`, `error`, `lasted`.
  client_lost, ///< A client lost one or all of its connections: `connection`.
  /// Three breaks of the client expired within an hour: `waiting` is their number.
  client_unresponsive,
};

/// Something that happened. Ids are unset where a kind does not name them.
struct event {
  event_kind kind{}; ///< What happened.
  time_point time{}; ///< By the coordinator's clock, which never runs backwards.
  std::string file_id; ///< Empty: it concerns no file.
  std::string path; ///< A path of the file, if the server has given one.
  client_guid client; ///< The holder or the caller. Zero: unknown, or not an SMB client.
  std::string label; ///< The label of `client`. Empty: none, or not registered.
  operation_id operation{}; ///< Unique within the process.
  /// The break. Unique among the breaks of a file that overlap in time; the first after the file
  /// had no opens may repeat an earlier number.
  break_id break_number{};
  open_id open{}; ///< The open; for a break, one of the holder's.
  lease_key key; ///< Zero: no lease.
  connection_id connection{}; ///< The lost connection; none: all.
  lease_state from{}; ///< Before the break.
  lease_state to{}; ///< What the holder may keep; `opened`, `granted`: what was granted.
  lease_state left{}; ///< After the break.
  break_cause cause{}; ///< Why the break began.
  break_outcome outcome{}; ///< How the break ended.
  end_cause ended_by{}; ///< Why the open ended.
  wait_kind wait{}; ///< The kind of the operation that waits.
  errc error = errc::success; ///< The error of an operation.
  bool needs_acknowledgement = false; ///< Whether the client must answer.
  duration lasted{}; ///< Since the begin of the break or of the wait.
  std::size_t waiting = 0; ///< The pending operations of the file.
};

/// Receives events; see `coordinator_config::on_event`.
using event_function = std::function<void(const event&)>;

[[nodiscard]] std::string_view to_string(event_kind kind) noexcept; ///< Such as "break_begun".
[[nodiscard]] std::string_view to_string(end_cause cause) noexcept; ///< Such as "expired".

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

// The results of a command: completions, break notifications, records to store, facts for the log.
#pragma once

#include <leasebreak/model/arguments.hpp>
#include <leasebreak/model/break_notification.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/end_cause.hpp>
#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_state.hpp>
#include <leasebreak/model/stored_change.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// What an open was granted.
struct open_granted {
  open_id open{}; ///< The id of the new open.
  oplock_level oplock =
    oplock_level::none; ///< `lease` if a lease was requested, whatever was granted.
  lease_key key; ///< The lease's key; zero without a lease.
  lease_state state = lease_state::none; ///< What may be cached, by lease or oplock.
  std::uint8_t version = 0; ///< The lease's version; 0 without a lease.
  std::uint16_t epoch = 0; ///< V2: the lease's epoch; V1: 0.
  bool break_in_progress = false; ///< MS-SMB2 2.2.14.2.10 SMB2_LEASE_FLAG_BREAK_IN_PROGRESS.
  std::optional<lease_key> parent_key; ///< V2: to be echoed with its flag, if the request had it.
  bool durable = false; ///< The open will be kept when it is disconnected.
  bool persistent = false; ///< The open will survive a restart.
  hold_id hold{}; ///< Set if the open overwrites; end it after truncating.
  /// The number of this response among those of the open, if `answer_sent` must follow; otherwise
  /// 0.
  std::uint32_t answer = 0;
  /// The open waited, so that the file may have been renamed or replaced meanwhile. The server must
  /// look the name up again (MS-FSA 2.1.5.1).
  bool waited = false;

  friend bool operator==(const open_granted&, const open_granted&) = default;
};

/// An open was refused.
struct open_refused {
  bool waited = false; ///< As in `open_granted`.

  friend bool operator==(const open_refused&, const open_refused&) = default;
};

/// The result of closing an open.
struct open_closed {
  bool kept = false; ///< The open is durable, and stays as a disconnected open.
  bool delete_file = false; ///< The last open is closed and the file must be deleted now.
  hold_id hold{}; ///< Set with `delete_file`: end it after deleting.
  /// With `delete_file`: the ParentLeaseKey of the opens that asked for the deletion and of the
  /// open that carries it out, if it is the same for all. Pass it to
  /// `access_kind::change_children`.
  std::optional<lease_key> parent_key{};

  friend bool operator==(const open_closed&, const open_closed&) = default;
};

/// The access may proceed.
struct access_granted {
  /// Set if the access changes data that others may cache; end it after the change.
  hold_id hold{};
  /// Set if a break of the client's own lease is held back; `answer_sent` must follow.
  std::uint32_t answer = 0;

  friend bool operator==(const access_granted&, const access_granted&) = default;
};

/// The state that an accepted acknowledgement left. The response echoes it.
struct break_acknowledged {
  lease_state state = lease_state::none; ///< The new state of the lease or oplock.

  friend bool operator==(const break_acknowledged&, const break_acknowledged&) = default;
};

/// The number of completed elements of an unlock request.
struct ranges_unlocked {
  std::size_t count = 0; ///< The number of ranges that were released.

  friend bool operator==(const ranges_unlocked&, const ranges_unlocked&) = default;
};

/// The lock request repeats the previous one; nothing was changed.
struct lock_replayed {
  friend bool operator==(const lock_replayed&, const lock_replayed&) = default;
};

/// The result of `client_gone` for this file. If the file must be deleted, `delete_file` and the
/// following members are as in `open_closed`.
struct client_removed {
  std::size_t opens = 0; ///< How many opens ended.
  std::vector<open_id> kept{}; ///< Durable opens that stay as disconnected opens.
  bool delete_file = false; ///< As in `open_closed`.
  hold_id hold{}; ///< As in `open_closed`.
  std::optional<lease_key> parent_key{}; ///< As in `open_closed`.

  friend bool operator==(const client_removed&, const client_removed&) = default;
};

/// The result of an operation. The command decides which alternative is set, and may set none.
using operation_result = std::variant<std::monostate, open_granted, open_refused, open_closed,
  access_granted, break_acknowledged, ranges_unlocked, lock_replayed, client_removed>;

/// The end of an operation. Every operation completes exactly once.
struct completion {
  operation_id operation{}; ///< The operation of the command.
  errc error = errc::success; ///< `success`, or why the operation failed.
  operation_result result; ///< The result of the command; none if it has none.
};

/// A break has begun. Reported once per break, not for further notifications of the same break.
struct break_begun {
  break_id id{}; ///< Its number.
  client_guid client; ///< The holder.
  lease_key key; ///< Zero for an oplock.
  open_id open{}; ///< One of the lease's opens, or the oplock's.
  break_cause cause{}; ///< Why it began.
  lease_state from{}; ///< The state before the break.
  lease_state to{}; ///< The state that the holder was asked to break to.
};

/// A break has ended.
struct break_ended {
  break_id id{}; ///< None: a break that began before a restart.
  client_guid client; ///< The holder.
  lease_key key; ///< Zero for an oplock.
  open_id open{}; ///< One of the lease's opens, or the oplock's.
  break_cause cause{}; ///< Why it began.
  break_outcome outcome{}; ///< How it ended.
  lease_state from{}; ///< The state before the break.
  lease_state to{}; ///< The state that the holder was asked to break to.
  lease_state left{}; ///< The state after the break.
  duration age{}; ///< The time since the break began.
  std::size_t waiting = 0; ///< The number of pending operations of this file when the break ended.
};

/// An acknowledgement was refused.
struct acknowledgement_refused {
  client_guid client; ///< The client that acknowledged.
  lease_key key; ///< The key of the lease; zero for an oplock.
  errc error{}; ///< Why it was refused.
  bool late = false; ///< It came after the break's deadline.
};

/// A lease or oplock was granted or upgraded.
struct caching_granted {
  lease_state state{}; ///< The granted state.
  bool is_oplock = false; ///< An oplock was granted, not a lease.
};

/// A recovered record was dropped, because its holder did not reclaim it or its break expired.
struct record_dropped {
  std::string id; ///< The id of the record.
};

/// A break was held back for a response that the server has not sent in time. The client is
/// notified now, even if it has not seen the response yet.
struct answer_overdue {
  client_guid client; ///< The holder.
  lease_key key; ///< Zero for an oplock.
  open_id open{}; ///< One of the lease's opens, or the oplock's.
};

/// An event for the log and the statistics.
using fact = std::variant<break_begun, break_ended, acknowledgement_refused, caching_granted,
  record_dropped, answer_overdue>;

/// An open has ended. Its locks and its open count are released from the limits.
struct open_ended {
  open_id open{}; ///< The open.
  end_cause cause{}; ///< Why it ended.
  client_guid client; ///< The client of the open.
  lease_key key; ///< The key of its lease request; zero without one.
  std::size_t locks = 0; ///< The number of byte-range locks that were released with it.
  bool persistent = false; ///< The open was persistent.
  /// Set if another command ended the open (`expired`, `purged`, `superseded`) and the file must be
  /// deleted now; end it after deleting.
  hold_id hold{};
  std::optional<lease_key> parent_key{}; ///< With `hold`, as in `open_closed`.
  /// The open asked for the deletion of the file, which is still pending. The name under which it
  /// was opened is deleted (MS-FSA 2.1.5.15.3).
  bool deletes = false;
};

/// A persistent open, or byte-range locks of one, were recovered from their records. From now on
/// they count against the limits.
struct open_recovered {
  open_id open{}; ///< The open.
  std::size_t locks = 0; ///< Zero: this reports the open itself.
};

/// Asks the files of named streams to have caching released, because an operation on their file
/// needs that (MS-FSA 2.1.5.1.2). Each of them must be given an `access_file` of this kind. When
/// all have completed, `streams_answered` must follow, if there is an operation.
struct streams_asked {
  operation_id operation{}; ///< The operation that waits for the answer; none: no operation waits.
  std::uint32_t round = 0; ///< Numbers the requests of one operation.
  access_kind kind = access_kind::remove_base; ///< `remove_base` or `overwrite_base`.
  client_guid client; ///< The client of the operation; zero if there is none.
  std::vector<std::string> streams; ///< The ids of the streams' files, each once.
};

/// The results of one or more commands. Each list is in order of occurrence. Notifications come
/// before the completions that follow from the same command.
struct effects {
  std::vector<break_notification> notifications; ///< Break notifications to send.
  std::vector<completion> completions; ///< Operations that have ended.
  std::vector<stored_change> records; ///< Changes to store.
  std::vector<open_ended> ended; ///< Opens that have ended.
  std::vector<fact> facts; ///< Events for the log and the statistics.
  std::vector<open_recovered> recovered; ///< Opens and locks that were recovered.
  std::vector<streams_asked> asked; ///< Requests to the files of named streams.

  /// Removes all elements. Keeps the memory of the lists for reuse.
  void clear() noexcept {
    notifications.clear();
    completions.clear();
    records.clear();
    ended.clear();
    facts.clear();
    recovered.clear();
    asked.clear();
  }

  /// Returns whether there are no effects.
  [[nodiscard]] bool empty() const noexcept {
    return notifications.empty() && completions.empty() && records.empty() && ended.empty() &&
      facts.empty() && recovered.empty() && asked.empty();
  }
};

/// A break in progress.
struct overdue_break {
  break_id id{}; ///< Its number.
  client_guid client; ///< The holder.
  lease_key key; ///< Zero for an oplock.
  open_id open{}; ///< One of the lease's opens, or the oplock's.
  break_cause cause{}; ///< Why it began.
  lease_state from{}; ///< The state before the break.
  lease_state to{}; ///< The state that the holder was asked to break to.
  time_point since{}; ///< When its last stage began.
  time_point deadline{}; ///< When it expires.
};

/// The breaks of a file of which half of the holder's time is over. Those that began before a
/// restart, or of which the holder has not been notified yet, do not count.
struct overdue_breaks {
  std::vector<overdue_break> breaks; ///< Those that are overdue.
  std::optional<time_point> next; ///< When the next one becomes overdue, if there is one.
};

/// A pending operation.
struct pending_wait {
  operation_id operation{}; ///< Its id.
  client_guid client; ///< The client that waits; zero if it is not an SMB client.
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

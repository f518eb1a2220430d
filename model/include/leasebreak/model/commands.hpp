// The commands of a file's state machine. Each is a plain value; the time is passed with the call.
#pragma once

#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/operation_arguments.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Opens the file (MS-FSA 2.1.5.1.2, MS-SMB2 3.3.5.9). Waits if a break must end first.
///
/// With `stream`, operations that delete, replace or overwrite this file first ask the stream's
/// file to have caching released (`effects::asked`). They wait until `stream_opened` has reported
/// the stream's open, and from `stream_closed` until this open is closed.
struct open_file : open_arguments {
  operation_id operation{}; ///< Returned with the completion.
  open_id open{}; ///< The id of the new open; unique.
  /// The server sends the response later and reports it with `answer_sent`. Until then, no break of
  /// what is granted here is sent to the client.
  bool answer_follows = false;
  bool has_waited = false; ///< It waited before it reached this file; see `open_granted::waited`.
  /// With `instance`: opens of the file that are known to be under another name.
  std::vector<open_id> elsewhere{};
  node_id node{}; ///< The node of the connection; none without a cluster.
};

/// Returns whether the client can replay the CREATE on another channel (MS-SMB2 3.3.5.9.10). Such
/// an operation survives the loss of its connection; the response to any other could not be
/// delivered.
[[nodiscard]] inline bool can_come_again(const open_file& c) noexcept {
  return c.durable && !c.durable->guid.is_zero();
}

/// Reports that the response which tells a client what an open may cache, or that a change of a
/// directory is made, is queued behind all that was sent to the client before. Also used if the
/// response will never be sent.
struct answer_sent {
  open_id open{}; ///< None: the response is to a directory change.
  std::uint32_t answer = 0; ///< `open_granted::answer` or `access_granted::answer`.
};

/// Closes an open. Its locks are released, and its lease ends if this was the lease's last open,
/// which is a full acknowledgement of a break. Waits only if it carries out a delete-on-close while
/// other leases cache handles.
struct close_open : close_arguments {
  operation_id operation{}; ///< Returned with the completion.
  node_id node{}; ///< The node that asks; none without a cluster.
};

/// Reconnects a durable open on a new connection (MS-SMB2 3.3.5.9.7, 3.3.5.9.12).
struct reconnect_open : reconnect_arguments {
  operation_id operation{}; ///< Returned with the completion.
  bool answer_follows = false; ///< As in `open_file`.
  node_id node{}; ///< As in `open_file`.
};

/// Replays a CREATE whose response the client has not seen (MS-SMB2 3.3.5.9.10). The result is the
/// current state of the open. The open moves to the connection of the replay; nothing else changes.
struct replay_open : replay_arguments {
  operation_id operation{}; ///< Returned with the completion.
  bool answer_follows = false; ///< As in `open_file`.
  node_id node{}; ///< As in `open_file`.
};

/// Makes an open resilient (MS-SMB2 3.3.5.15.9). While disconnected, the open and its locks are
/// kept for `timeout` regardless of its caching, and no conflict purges it. Its caching is broken
/// without a notification if another operation needs that, since no connection could carry one.
/// Resilience is not stored and ends with a restart. An open that is durable or persistent stays
/// so.
struct make_resilient : resilience_arguments {
  operation_id operation{}; ///< Returned with the completion.
};

/// Replaces the server's own bytes of a persistent open (`durable_request::server_state`).
struct set_server_state : server_state_arguments {
  operation_id operation{}; ///< Returned with the completion.
};

/// Takes byte-range locks, all or none (MS-FSA 2.1.5.8, MS-SMB2 3.3.5.14.2). If several elements
/// fail, the error is that of the first.
struct lock_ranges : lock_arguments {
  operation_id operation{}; ///< Returned with the completion.
  node_id node{}; ///< As in `open_file`.
};

/// Releases byte-range locks in order, up to the first range that is not locked (MS-SMB2
/// 3.3.5.14.1).
struct unlock_ranges : unlock_arguments {
  operation_id operation{}; ///< Returned with the completion.
};

/// Cancels a pending operation. A break that it caused continues.
struct cancel_operation {
  operation_id target{}; ///< The operation to cancel.
};

/// Acknowledges a lease break (MS-SMB2 3.3.5.22.2).
struct acknowledge_lease : lease_acknowledgement {
  operation_id operation{}; ///< Returned with the completion.
};

/// Acknowledges an oplock break (MS-SMB2 3.3.5.22.1). A level that the break does not allow ends
/// the break with no oplock left, and the operation fails.
struct acknowledge_oplock : oplock_acknowledgement_arguments {
  operation_id operation{}; ///< Returned with the completion.
};

/// Announces an access, so that conflicting caches are broken (MS-FSA 2.1.4.12). Waits where the
/// rules require it. Kinds that change the file return a change hold. While it lives, no caching is
/// granted that the change would make stale. The caller ends it with `end_hold` after the change.
struct access_file : access_arguments {
  operation_id operation{}; ///< Returned with the completion.
  /// enter_tree: the open can be replayed on another channel of the session. The wait then survives
  /// the loss of its connection.
  bool can_come_again = false;
  /// change_children: the server tells `client` later that the change is made, and reports that
  /// with `answer_sent`. Until then, breaks of the client's own leases that only this change
  /// requires are not sent to it.
  bool answer_follows = false;
  node_id node{}; ///< As in `open_file`.
};

/// Reports to a file that the open of its named stream is granted for which an open stands here.
struct stream_opened {
  open_id stand_in{}; ///< The open of this file; see `open_file::stream`.
};

/// Reports to a file that the open of its named stream has ended for which an open stands here. The
/// server is about to close that open.
struct stream_closed {
  open_id stand_in{}; ///< The open of this file; see `open_file::stream`.
};

/// All streams that one `streams_asked` names have answered.
struct streams_answered {
  operation_id target{}; ///< `streams_asked::operation`
  std::uint32_t round = 0; ///< `streams_asked::round`
  /// If not `success`, a stream's file could not be asked, and the operation fails with this error.
  errc error = errc::success;
};

/// The change that an access or an overwriting open announced is made or abandoned.
struct end_hold {
  hold_id hold{}; ///< The change hold to end.
};

/// The break notification could not be sent on any connection (MS-SMB2 3.3.4.7).
struct break_undeliverable {
  break_id id{}; ///< The break.
  std::uint32_t offer = 0; ///< `break_notification::offer`.
};

/// A client has lost one or all of its connections (MS-SMB2 3.3.7.1), or one of its sessions or
/// tree connects has ended (MS-SMB2 3.3.5.6, 3.3.5.8). All affected opens end at once. Leases end
/// before deletions require breaks, and this command does not wait for those breaks.
struct client_gone {
  operation_id operation{}; ///< Returned with the completion.
  client_guid client; ///< The client.
  std::optional<connection_id> connection; ///< If set, only this connection is lost.
  /// With `connection`: the sessions that have another channel, with that channel. Their opens
  /// continue on it.
  std::vector<channel_id> heirs{};
  session_id session{}; ///< If set, this session has ended, on all its connections.
  /// If set, only this tree connect of the session has ended. None of its opens is kept as durable.
  tree_id tree{};
  node_id node{}; ///< The node that had the connections or the session.
};

/// A node of the cluster has failed. Its clients have lost all of their connections to it, as with
/// `client_gone`. In addition, all pending operations that came from it fail, and its change holds
/// end, because it can no longer make the changes. The result is `client_removed`.
struct node_gone {
  operation_id operation{}; ///< Returned with the completion.
  node_id node{}; ///< The node; not none.
};

/// Breaks leases and oplocks at an operator's request, as if another operation needed the file.
/// Waits until the breaks end.
struct force_break : force_break_arguments {
  operation_id operation{}; ///< Returned with the completion.
  node_id node{}; ///< The node that asks; none without a cluster.
};

/// Recovers a record after a restart; see `grace_ended` for its end. Records of leases and
/// oplocks must come first, then those of opens, then those of byte-range locks.
struct load_record {
  persisted_lock record; ///< A valid record.
};

/// Reclaims a recovered byte-range lock for an open that its holder has reclaimed.
struct reclaim_lock : reclaim_lock_arguments {
  operation_id operation{}; ///< Returned with the completion.
};

/// Asks whether a read or write may proceed, as `file_state::check_io` does. It completes at once,
/// with `success` or the error. For a file whose state another node has.
struct check_range : io_arguments {
  operation_id operation{}; ///< Returned with the completion.
};

/// The grace period is over: drop all records that were not reclaimed.
struct grace_ended {};

/// The time that `next_deadline` returned has come.
struct deadline_reached {};

/// Completes all pending operations with `errc::shutting_down`. Nothing else changes.
struct stop_waiting {};

/// Begins with a type that is cheap to construct, for a command whose type is not decided yet.
using command = std::variant<stop_waiting, open_file, close_open, reconnect_open, lock_ranges,
  unlock_ranges, cancel_operation, acknowledge_lease, acknowledge_oplock, access_file, end_hold,
  break_undeliverable, client_gone, force_break, load_record, reclaim_lock, grace_ended,
  deadline_reached, set_server_state, replay_open, answer_sent, make_resilient, node_gone,
  stream_opened, stream_closed, streams_answered, check_range>;

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

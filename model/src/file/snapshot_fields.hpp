// Lists the members of all parts of a file's state, for everything that handles a state as a whole:
// the export, the import and the comparison. Internal to the model.
//
// As in value_fields.hpp, a new member does not compile until it is named. `a(...)` exports
// members; `a.derived(...)` names those that an import computes from the others. The order of the
// exported members is the format of docs/cluster.md: a change needs a new `snapshot_version`.
#pragma once

#include "file/impl.hpp"

#include <leasebreak/model/internal/value_fields.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

// -- the parts of the state

template <class A, part<lease_name> T>
void fields(A& a, T& x) {
  auto& [is_oplock, client, key] = x;
  a(is_oplock, client, key);
}

template <class A, part<held_notice> T>
void fields(A& a, T& x) {
  auto& [counted_in, overdue, behind, breaking, begun, keeps_time, immediate, epochs] = x;
  a.derived(counted_in.notices, counted_in.behind_changes);
  a(overdue, behind, breaking, begun, keeps_time, immediate, epochs);
}

template <class A, part<lease_entry> T>
void fields(A& a, T& x) {
  auto& [client, info, opens, detached, persistent, resilient, first_open, channels, current_break,
    offers, told_on, cause, break_from, told_node, break_begun, break_due, maybe_unheard, recovered,
    stored, unanswered, unknown, late, held, acquired_at, record] = x;
  a(client, info, first_open, current_break, offers, told_on, cause, break_from, told_node,
    break_begun, break_due, maybe_unheard, recovered, late, held, acquired_at);
  a.channels(x, channels);
  a.record(x, record);
  a.derived(opens, detached, persistent, resilient, stored, unanswered, unknown);
}

template <class A, part<durability> T>
void fields(A& a, T& x) {
  auto& [timeout, persistent, guid, server_state, resilience, lapsed, detached, expires] = x;
  a(timeout, persistent, guid, server_state, resilience, lapsed, detached, expires);
}

template <class A, part<stream_link> T>
void fields(A& a, T& x) {
  auto& [file, at] = x;
  a(file, at);
}

template <class A, part<asked_streams> T>
void fields(A& a, T& x) {
  auto& [kind, opens, first_round, last_round, unanswered, error] = x;
  a(kind, opens, first_round, last_round, unanswered, error);
}

template <class A, part<open_entry> T>
void fields(A& a, T& x) {
  auto& [id, client, channel, tree, access, share_access, delete_on_close, asks_deletion, of_stream,
    stream, oplock_timed_out, unknown, unanswered, answers, settled, lease, parent_key, durable,
    held, sequences, instance, opened_at, share] = x;
  a(id, client, channel, tree, access, share_access, delete_on_close, asks_deletion, of_stream,
    stream, oplock_timed_out, unknown, unanswered, answers, settled, parent_key, durable, held,
    sequences, instance, opened_at, share);
  a.lease(lease);
}

template <class A, part<lock_table::entry> T>
void fields(A& a, T& x) {
  auto& [id, open, range, exclusive, acquired_at, record_id] = x;
  a(id, open, range, exclusive, acquired_at, record_id);
}

template <class A, part<hold_entry> T>
void fields(A& a, T& x) {
  auto& [id, withheld, deleting, of_tree, has_successor, keeps_streams_out, prepares_deletion,
    client, key, node] = x;
  a(id, withheld, deleting, of_tree, has_successor, keeps_streams_out, prepares_deletion, client,
    key, node);
}

template <class A, part<recovered_lock> T>
void fields(A& a, T& x) {
  auto& [client, record] = x;
  a(client, record);
}

template <class A, part<obstacle> T>
void fields(A& a, T& x) {
  auto& [lease, id] = x;
  a(lease, id);
}

template <class A, part<waiting_operation> T>
void fields(A& a, T& x) {
  auto& [id, what, client, channel, tree, open, since, deadline, held_up_by, spared, streams] = x;
  a(id, client, channel, tree, open, since, deadline, held_up_by, spared, streams);
  a.pending(what);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

// Lists the members of all parts of a file's state, for everything that handles a state as a whole:
// the export, the import and the comparison. Internal to the model.
//
// Each function names all members of its part in a structured binding. A new member therefore does
// not compile until it is named here, too. `a(...)` exports members; `a.derived(...)` names those
// that an import computes from the others. The order of the exported members is the format of
// docs/cluster.md: a change needs a new `snapshot_version`.
#pragma once

#include "file/impl.hpp"

#include <concepts>
#include <type_traits>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// `T` or `const T`.
template <class T, class Part>
concept part = std::same_as<std::remove_const_t<T>, Part>;

// -- values of the public headers

template <class A, part<byte_range> T>
void fields(A& a, T& x) {
  auto& [offset, length] = x;
  a(offset, length);
}

template <class A, part<channel_id> T>
void fields(A& a, T& x) {
  auto& [connection, session, node] = x;
  a(connection, session, node);
}

template <class A, part<lease_info> T>
void fields(A& a, T& x) {
  auto& [key, state, break_to, required, breaking, is_directory, is_oplock, timed_out, version,
    epoch, break_started, parent_key] = x;
  a(key, state, break_to, required, breaking, is_directory, is_oplock, timed_out, version, epoch,
    break_started, parent_key);
}

template <class A, part<lease_request> T>
void fields(A& a, T& x) {
  auto& [key, state, version, epoch, parent_key] = x;
  a(key, state, version, epoch, parent_key);
}

template <class A, part<durable_request> T>
void fields(A& a, T& x) {
  auto& [timeout, persistent, guid, server_state] = x;
  a(timeout, persistent, guid, server_state);
}

template <class A, part<app_instance_version> T>
void fields(A& a, T& x) {
  auto& [high, low] = x;
  a(high, low);
}

template <class A, part<app_instance> T>
void fields(A& a, T& x) {
  auto& [id, version] = x;
  a(id, version);
}

template <class A, part<lock_element> T>
void fields(A& a, T& x) {
  auto& [range, exclusive, well_formed] = x;
  a(range, exclusive, well_formed);
}

template <class A, part<lock_sequence> T>
void fields(A& a, T& x) {
  auto& [index, number] = x;
  a(index, number);
}

template <class A, part<break_notification> T>
void fields(A& a, T& x) {
  auto& [id, offer, client, channels, is_oplock, open, key, from, to, epoch, ack_required, cause,
    issued] = x;
  a(id, offer, client, channels, is_oplock, open, key, from, to, epoch, ack_required, cause,
    issued);
}

template <class A, part<persisted_open> T>
void fields(A& a, T& x) {
  auto& [id, access, share_access, delete_on_close, delete_pending, create_guid, timeout_ms,
    lease_key, server_state, app_instance, app_versioned, app_version_high, app_version_low] = x;
  a(id, access, share_access, delete_on_close, delete_pending, create_guid, timeout_ms, lease_key,
    server_state, app_instance, app_versioned, app_version_high, app_version_low);
}

template <class A, part<persisted_lock> T>
void fields(A& a, T& x) {
  auto& [id, share_name, file_id, owner_id, client_id, lock_type, offset, length, is_zero_byte,
    is_legacy_byte_range, share_reservation, acquired_at, server_epoch, lease_key, lease_state,
    lease_epoch, break_to_state, breaking_to_required, breaking, break_started, parent_lease_key,
    is_directory, is_traditional_oplock, delegation_id, deleg_type, deleg_breaking, deleg_recalled,
    deleg_revoked, deleg_notification_mask, lease_version, broken_via_timeout, open] = x;
  a(id, share_name, file_id, owner_id, client_id, lock_type, offset, length, is_zero_byte,
    is_legacy_byte_range, share_reservation, acquired_at, server_epoch, lease_key, lease_state,
    lease_epoch, break_to_state, breaking_to_required, breaking, break_started, parent_lease_key,
    is_directory, is_traditional_oplock, delegation_id, deleg_type, deleg_breaking, deleg_recalled,
    deleg_revoked, deleg_notification_mask, lease_version, broken_via_timeout, open);
}

// -- the commands that may be pending

template <class A, part<open_file> T>
void fields(A& a, T& x) {
  auto& [operation, open, client, connection, share, access, share_access, overwrites, created,
    is_directory, delete_on_close, lease, oplock, caching_max, durable, reclaim, of_stream,
    allocation_size, answer_follows, session, tree, has_waited, instance, elsewhere, stream, node] =
    x;
  a(operation, open, client, connection, share, access, share_access, overwrites, created,
    is_directory, delete_on_close, lease, oplock, caching_max, durable, reclaim, of_stream,
    allocation_size, answer_follows, session, tree, has_waited, instance, elsewhere, stream, node);
}

template <class A, part<close_open> T>
void fields(A& a, T& x) {
  auto& [operation, open, keep_if_durable, keep_file, node] = x;
  a(operation, open, keep_if_durable, keep_file, node);
}

template <class A, part<lock_ranges> T>
void fields(A& a, T& x) {
  auto& [operation, open, elements, fail_immediately, sequence, allocation_size, connection, node] =
    x;
  a(operation, open, elements, fail_immediately, sequence, allocation_size, connection, node);
}

template <class A, part<access_file> T>
void fields(A& a, T& x) {
  auto& [operation, kind, open, client, parent_key, connection, session, tree, can_come_again,
    answer_follows, node] = x;
  a(operation, kind, open, client, parent_key, connection, session, tree, can_come_again,
    answer_follows, node);
}

template <class A, part<force_break> T>
void fields(A& a, T& x) {
  auto& [operation, client, key, keep, ends_running, node] = x;
  a(operation, client, key, keep, ends_running, node);
}

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

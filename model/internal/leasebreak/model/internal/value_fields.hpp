// Lists the members of the public values that are sent to another node, within the state of a file
// or by themselves.
//
// Each function names all members of its value in a structured binding. A new member therefore does
// not compile until it is named here, too. The order of the members is the format of
// docs/cluster.md: a change needs a new version of what is sent.
#pragma once

#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/lease_info.hpp>
#include <leasebreak/model/persisted_lock.hpp>

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

// -- the commands

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

template <class A, part<reconnect_open> T>
void fields(A& a, T& x) {
  auto& [operation, open, client, connection, key, guid, answer_follows, session, tree, node] = x;
  a(operation, open, client, connection, key, guid, answer_follows, session, tree, node);
}

template <class A, part<replay_open> T>
void fields(A& a, T& x) {
  auto& [operation, open, client, lease, oplock, answer_follows, connection, node] = x;
  a(operation, open, client, lease, oplock, answer_follows, connection, node);
}

template <class A, part<make_resilient> T>
void fields(A& a, T& x) {
  auto& [operation, open, timeout] = x;
  a(operation, open, timeout);
}

template <class A, part<set_server_state> T>
void fields(A& a, T& x) {
  auto& [operation, open, server_state] = x;
  a(operation, open, server_state);
}

template <class A, part<unlock_ranges> T>
void fields(A& a, T& x) {
  auto& [operation, open, ranges, sequence] = x;
  a(operation, open, ranges, sequence);
}

template <class A, part<cancel_operation> T>
void fields(A& a, T& x) {
  auto& [target] = x;
  a(target);
}

template <class A, part<acknowledge_lease> T>
void fields(A& a, T& x) {
  auto& [operation, client, key, state] = x;
  a(operation, client, key, state);
}

template <class A, part<acknowledge_oplock> T>
void fields(A& a, T& x) {
  auto& [operation, client, open, level] = x;
  a(operation, client, open, level);
}

template <class A, part<answer_sent> T>
void fields(A& a, T& x) {
  auto& [open, answer] = x;
  a(open, answer);
}

template <class A, part<stream_opened> T>
void fields(A& a, T& x) {
  auto& [stand_in] = x;
  a(stand_in);
}

template <class A, part<stream_closed> T>
void fields(A& a, T& x) {
  auto& [stand_in] = x;
  a(stand_in);
}

template <class A, part<streams_answered> T>
void fields(A& a, T& x) {
  auto& [target, round, error] = x;
  a(target, round, error);
}

template <class A, part<end_hold> T>
void fields(A& a, T& x) {
  auto& [hold] = x;
  a(hold);
}

template <class A, part<break_undeliverable> T>
void fields(A& a, T& x) {
  auto& [id, offer] = x;
  a(id, offer);
}

template <class A, part<client_gone> T>
void fields(A& a, T& x) {
  auto& [operation, client, connection, heirs, session, tree, node] = x;
  a(operation, client, connection, heirs, session, tree, node);
}

template <class A, part<node_gone> T>
void fields(A& a, T& x) {
  auto& [operation, node] = x;
  a(operation, node);
}

template <class A, part<load_record> T>
void fields(A& a, T& x) {
  auto& [record] = x;
  a(record);
}

template <class A, part<reclaim_lock> T>
void fields(A& a, T& x) {
  auto& [operation, open, record_id, element] = x;
  a(operation, open, record_id, element);
}

template <class A, part<check_range> T>
void fields(A& a, T& x) {
  auto& [operation, open, range, is_write] = x;
  a(operation, open, range, is_write);
}

template <class A, class T>
requires(part<T, stop_waiting> || part<T, grace_ended> || part<T, deadline_reached>) void fields(
  A&, T&) {}

// -- the results of commands

template <class A, part<open_granted> T>
void fields(A& a, T& x) {
  auto& [open, oplock, key, state, version, epoch, break_in_progress, parent_key, durable,
    persistent, hold, answer, waited] = x;
  a(open, oplock, key, state, version, epoch, break_in_progress, parent_key, durable, persistent,
    hold, answer, waited);
}

template <class A, part<open_refused> T>
void fields(A& a, T& x) {
  auto& [waited] = x;
  a(waited);
}

template <class A, part<open_closed> T>
void fields(A& a, T& x) {
  auto& [kept, delete_file, hold, parent_key] = x;
  a(kept, delete_file, hold, parent_key);
}

template <class A, part<access_granted> T>
void fields(A& a, T& x) {
  auto& [hold, answer] = x;
  a(hold, answer);
}

template <class A, part<break_acknowledged> T>
void fields(A& a, T& x) {
  auto& [state] = x;
  a(state);
}

template <class A, part<ranges_unlocked> T>
void fields(A& a, T& x) {
  auto& [count] = x;
  a(count);
}

template <class A, part<lock_replayed> T>
void fields(A&, T&) {}

template <class A, part<client_removed> T>
void fields(A& a, T& x) {
  auto& [opens, kept, delete_file, hold, parent_key] = x;
  a(opens, kept, delete_file, hold, parent_key);
}

template <class A, part<open_ended> T>
void fields(A& a, T& x) {
  auto& [open, cause, client, key, locks, persistent, hold, parent_key, deletes] = x;
  a(open, cause, client, key, locks, persistent, hold, parent_key, deletes);
}

template <class A, part<completion> T>
void fields(A& a, T& x) {
  auto& [operation, error, result] = x;
  a(operation, error, result);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

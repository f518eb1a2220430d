// Lists the members of the public values that are sent to another node, within the state of a file
// or by themselves.
//
// Each function names all members of its value, in a structured binding or for `pass_all`. A new
// member therefore does not compile until it is named here, too. The order of the members is the
// format of docs/cluster.md: a change needs a new version of what is sent.
#pragma once

#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/effects.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/lease_info.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// `T` or `const T`.
template <class T, class Part>
concept part = std::same_as<std::remove_const_t<T>, Part>;

/// Stands for any member in a list of initializers.
struct any_member {
  template <class T>
  operator T() const;
};

template <class T, class Indices>
struct takes_members;

template <class T, std::size_t... I>
struct takes_members<T, std::index_sequence<I...>> {
  template <std::size_t>
  using member = any_member;
  static constexpr bool value = requires { T{member<I>{}...}; };
};

/// Returns how many members an aggregate has. A base counts as one.
template <class T, std::size_t at_least = 0>
consteval std::size_t member_count() {
  if constexpr (takes_members<T, std::make_index_sequence<at_least + 1>>::value)
    return member_count<T, at_least + 1>();
  else
    return at_least;
}

/// Passes on the members of a `T` and of its base `Arguments`, which a structured binding cannot
/// name together. Does not compile if there are others.
template <class T, class Arguments, class A, class... Members>
void pass_all(A& a, Members&... members) {
  static_assert(sizeof...(members) == member_count<Arguments>() + member_count<T>() - 1);
  a(members...);
}

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
  pass_all<open_file, open_arguments>(a, x.operation, x.open, x.client, x.connection, x.share,
    x.access, x.share_access, x.overwrites, x.created, x.is_directory, x.delete_on_close, x.lease,
    x.oplock, x.caching_max, x.durable, x.reclaim, x.of_stream, x.allocation_size, x.answer_follows,
    x.session, x.tree, x.has_waited, x.instance, x.elsewhere, x.stream, x.node);
}

template <class A, part<close_open> T>
void fields(A& a, T& x) {
  pass_all<close_open, close_arguments>(
    a, x.operation, x.open, x.keep_if_durable, x.keep_file, x.node);
}

template <class A, part<lock_ranges> T>
void fields(A& a, T& x) {
  pass_all<lock_ranges, lock_arguments>(a, x.operation, x.open, x.elements, x.fail_immediately,
    x.sequence, x.allocation_size, x.connection, x.node);
}

template <class A, part<access_file> T>
void fields(A& a, T& x) {
  pass_all<access_file, access_arguments>(a, x.operation, x.kind, x.open, x.client, x.parent_key,
    x.connection, x.session, x.tree, x.can_come_again, x.answer_follows, x.node);
}

template <class A, part<force_break> T>
void fields(A& a, T& x) {
  pass_all<force_break, force_break_arguments>(
    a, x.operation, x.client, x.key, x.keep, x.ends_running, x.node);
}

template <class A, part<reconnect_open> T>
void fields(A& a, T& x) {
  pass_all<reconnect_open, reconnect_arguments>(a, x.operation, x.open, x.client, x.connection,
    x.key, x.guid, x.answer_follows, x.session, x.tree, x.node);
}

template <class A, part<replay_open> T>
void fields(A& a, T& x) {
  pass_all<replay_open, replay_arguments>(
    a, x.operation, x.open, x.client, x.lease, x.oplock, x.answer_follows, x.connection, x.node);
}

template <class A, part<make_resilient> T>
void fields(A& a, T& x) {
  pass_all<make_resilient, resilience_arguments>(a, x.operation, x.open, x.timeout);
}

template <class A, part<set_server_state> T>
void fields(A& a, T& x) {
  pass_all<set_server_state, server_state_arguments>(a, x.operation, x.open, x.server_state);
}

template <class A, part<unlock_ranges> T>
void fields(A& a, T& x) {
  pass_all<unlock_ranges, unlock_arguments>(a, x.operation, x.open, x.ranges, x.sequence);
}

template <class A, part<cancel_operation> T>
void fields(A& a, T& x) {
  auto& [target] = x;
  a(target);
}

template <class A, part<acknowledge_lease> T>
void fields(A& a, T& x) {
  pass_all<acknowledge_lease, lease_acknowledgement>(a, x.operation, x.client, x.key, x.state);
}

template <class A, part<acknowledge_oplock> T>
void fields(A& a, T& x) {
  pass_all<acknowledge_oplock, oplock_acknowledgement_arguments>(
    a, x.operation, x.client, x.open, x.level);
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
  pass_all<reclaim_lock, reclaim_lock_arguments>(a, x.operation, x.open, x.record_id, x.element);
}

template <class A, part<check_range> T>
void fields(A& a, T& x) {
  pass_all<check_range, io_arguments>(a, x.operation, x.open, x.range, x.is_write);
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

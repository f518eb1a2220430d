// The library's errors, their category, and the NTSTATUS that MS-SMB2 prescribes for each.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

namespace leasebreak {

/// Every way in which an operation can fail. `success` is zero, as `std::error_code` wants it.
enum class errc {
  success = 0,

  // Opens
  sharing_violation, ///< Another open's access or share mode does not allow this one.
  delete_pending, ///< The file is being deleted.
  lease_key_in_use, ///< The client uses this lease key for another file.
  unknown_open, ///< No such open, or it is closed already, or has no connection now.
  open_exists, ///< An open with this id exists already.
  reclaim_needed, ///< In grace after a restart, and what is asked conflicts with what was held.
  nothing_to_reclaim, ///< No record of what the client wants to have back.
  wrong_owner, ///< The record or open is another client's.
  access_denied, ///< The open lacks the access, or others still have the file open.
  newer_instance, ///< A newer instance of the application, or this one, has the file open already.

  // Acknowledgements
  unknown_lease, ///< The client has no lease with this key.
  lease_not_breaking, ///< No break of this lease awaits an acknowledgement.
  ack_exceeds_break, ///< The acknowledged state has more than the break left, or is no valid state.
  oplock_not_breaking, ///< No break of this oplock awaits an acknowledgement.
  invalid_oplock_ack, ///< There is no oplock, or the acknowledged level is not below it.
  invalid_oplock_level, ///< The acknowledged level is that of a lease.

  // Byte-range locks
  lock_not_granted, ///< A lock of another owner, or an own one, is in the way.
  file_lock_conflict, ///< A read or write meets a lock.
  range_not_locked, ///< No lock with exactly this range; or the open closed while it waited.
  invalid_lock_range, ///< Offset and length together pass the end of the 64-bit range.
  locks_on_directory, ///< Directories have no byte-range locks.

  // Arguments
  invalid_argument, ///< A value that no protocol allows here; the documentation of the call says
                    ///< which.
  invalid_lease_state, ///< Not one of the states that a lease on this kind of file can have.
  zero_lease_key, ///< A lease needs a key.
  file_id_empty, ///< A file needs an id.
  file_id_too_long, ///< The file's id is longer than the limit.
  unknown_client, ///< The client is not registered.
  client_exists, ///< The client is registered already.
  client_busy, ///< The client still has opens.
  unknown_session, ///< The client has no such session, or not any more.
  dialect_mismatch, ///< The client speaks another dialect of version 3 in another session.

  // Limits
  too_many_locks_on_file,
  too_many_locks_of_client,
  too_many_locks,
  too_many_opens_on_file,
  too_many_opens_of_client,
  too_many_opens,
  too_many_channels, ///< Too many channels of the client.
  too_many_waiting, ///< Too many operations wait already.
  too_many_guards, ///< Too many guards of entries of one directory are held or waited for.
  store_backlog, ///< Too many records wait for the store.

  // Ends
  cancelled, ///< The caller cancelled the operation while it waited.
  client_gone, ///< The client's connection ended while the operation waited.
  no_thread, ///< The system has no thread for the store.
  not_started, ///< The coordinator has not read its store yet.
  shutting_down, ///< The coordinator is stopping, or has stopped.
  break_timed_out, ///< The operation waited for longer than it may.

  // Records and stores
  record_malformed, ///< A record cannot be read; the message names the record and the field.
  record_not_found, ///< The store has no record of this id.
  store_unavailable, ///< The store cannot be reached, or refused for the moment; trying again may
                     ///< help.
  store_locked, ///< Another process has the store open.
  store_corrupt, ///< The store's content cannot be read.
  store_full, ///< The store has no room left.
  store_version, ///< The store was written by a newer version of the library.
  store_closed, ///< The store is closed.
};

/// The category of `errc`: name "leasebreak".
[[nodiscard]] const std::error_category& leasebreak_category() noexcept;

[[nodiscard]] std::error_code make_error_code(errc e) noexcept;

/// What the error is, in a sentence without a full stop.
[[nodiscard]] std::string to_string(errc e);

/// The NTSTATUS that a server puts into the response (MS-SMB2 3.3.5, MS-ERREF 2.3.1).
/// `errc::success` is STATUS_SUCCESS. Every entry has one; what has no protocol meaning, such as a
/// store's trouble, is STATUS_INSUFFICIENT_RESOURCES or STATUS_UNEXPECTED_IO_ERROR.
[[nodiscard]] std::uint32_t to_ntstatus(errc e) noexcept;

} // namespace leasebreak

template <>
struct std::is_error_code_enum<leasebreak::errc> : std::true_type {};

// The library's error codes, their category, and the NTSTATUS that MS-SMB2 prescribes for each.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstdint>
#include <string>
#include <system_error>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The errors of operations. `success` is zero, as `std::error_code` requires.
enum class errc {
  success = 0, ///< No error.

  // Opens
  sharing_violation, ///< The access or share mode of another open excludes this one.
  delete_pending, ///< The file is being deleted.
  lease_key_in_use, ///< The client uses this lease key for another file already.
  unknown_open, ///< No such open, or it is closed or disconnected.
  open_exists, ///< An open with this id exists already.
  reclaim_needed, ///< Conflicts with a recovered record during the grace period after a restart.
  nothing_to_reclaim, ///< There is no record of what the client tries to reclaim.
  wrong_owner, ///< The record or open belongs to another client.
  access_denied, ///< The open lacks the access, or the file has other opens.
  newer_instance, ///< The same or a newer instance of the application has the file open already.

  // Acknowledgements
  unknown_lease, ///< The client has no lease with this key.
  lease_not_breaking, ///< No break of this lease awaits an acknowledgement.
  /// The acknowledged state exceeds the break's target, or is not a valid state.
  ack_exceeds_break,
  oplock_not_breaking, ///< No break of this oplock awaits an acknowledgement.
  invalid_oplock_ack, ///< There is no oplock, or the acknowledged level is not below it.
  invalid_oplock_level, ///< The acknowledged level is that of a lease.

  // Byte-range locks
  lock_not_granted, ///< A conflicting lock is held, by another owner or by the same.
  file_lock_conflict, ///< A read or write conflicts with a byte-range lock.
  /// No lock with exactly this range; or the open was closed while the operation waited.
  range_not_locked,
  invalid_lock_range, ///< Offset and length together exceed the 64-bit range.
  locks_on_directory, ///< Directories have no byte-range locks.

  // Arguments
  invalid_argument, ///< A value that no protocol allows here; see the documentation of the call.
  invalid_lease_state, ///< Not a valid lease state for this kind of file.
  zero_lease_key, ///< The lease key is zero.
  file_id_empty, ///< The file id is empty.
  file_id_too_long, ///< The file id is longer than the limit.
  unknown_client, ///< The client is not registered.
  client_exists, ///< The client is registered already.
  client_busy, ///< The client still has opens.
  unknown_session, ///< The client has no such session, or it has ended.
  dialect_mismatch, ///< The client uses another SMB 3 dialect in another session.

  // Limits
  too_many_locks_on_file, ///< `limits::locks_per_file`.
  too_many_locks_of_client, ///< `limits::locks_per_client`.
  too_many_locks, ///< `limits::locks_total`.
  too_many_opens_on_file, ///< `limits::opens_per_file`.
  too_many_opens_of_client, ///< `limits::opens_per_client`.
  too_many_opens, ///< `limits::opens_total`.
  too_many_channels, ///< The client has too many channels.
  too_many_waiting, ///< There are too many pending operations.
  too_many_guards, ///< Too many guards of entries of one directory are held or waiting.
  store_backlog, ///< Too many records are not written yet.

  // Ends
  cancelled, ///< The caller cancelled the operation while it waited.
  client_gone, ///< The client was disconnected while the operation waited.
  no_thread, ///< The system refused a thread for the store.
  not_started, ///< The coordinator has not loaded its store yet.
  shutting_down, ///< The coordinator is stopping, or has stopped.
  /// The server is not a member of its cluster: it has not joined yet, or it has stepped down while
  /// the operation was in progress. All of its clients' opens have ended then.
  not_a_member,
  break_timed_out, ///< The operation exceeded its maximum wait.

  // Records and stores
  record_malformed, ///< A record cannot be read; the message names the record and the field.
  record_not_found, ///< The store has no record with this id.
  store_unavailable, ///< The store cannot be reached, or refused temporarily; a retry may help.
  store_locked, ///< Another process has the store open.
  store_corrupt, ///< The content of the store cannot be read.
  store_full, ///< The store has no space left.
  store_version, ///< The store was written by a newer version of the library.
  store_closed, ///< The store is closed.
};

/// The category of `errc`: name "leasebreak".
[[nodiscard]] const std::error_category& leasebreak_category() noexcept;

/// Returns `e` in `leasebreak_category`.
[[nodiscard]] std::error_code make_error_code(errc e) noexcept;

/// Returns a description of the error: a sentence without a full stop.
[[nodiscard]] std::string to_string(errc e);

/// Returns the NTSTATUS for the server's response (MS-SMB2 3.3.5, MS-ERREF 2.3.1). `errc::success`
/// maps to STATUS_SUCCESS. Errors without a protocol meaning, such as those of a store, map to
/// STATUS_INSUFFICIENT_RESOURCES or STATUS_UNEXPECTED_IO_ERROR.
[[nodiscard]] std::uint32_t to_ntstatus(errc e) noexcept;

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

template <>
struct std::is_error_code_enum<leasebreak::errc> : std::true_type {};

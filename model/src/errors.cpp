#include <leasebreak/model/errors.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

// The values of MS-ERREF 2.3.1 that the library uses.
enum ntstatus : std::uint32_t {
  status_success = 0x00000000,
  status_unsuccessful = 0xC0000001,
  status_invalid_parameter = 0xC000000D,
  status_access_denied = 0xC0000022,
  status_object_name_invalid = 0xC0000033,
  status_object_name_not_found = 0xC0000034,
  status_sharing_violation = 0xC0000043,
  status_file_lock_conflict = 0xC0000054,
  status_lock_not_granted = 0xC0000055,
  status_delete_pending = 0xC0000056,
  status_range_not_locked = 0xC000007E,
  status_disk_full = 0xC000007F,
  status_insufficient_resources = 0xC000009A,
  status_io_timeout = 0xC00000B5,
  status_file_forced_closed = 0xC00000B6,
  status_request_not_accepted = 0xC00000D0,
  status_invalid_oplock_protocol = 0xC00000E3,
  status_unexpected_io_error = 0xC00000E9,
  status_too_many_opened_files = 0xC000011F,
  status_cancelled = 0xC0000120,
  status_file_closed = 0xC0000128,
  status_invalid_device_state = 0xC0000184,
  status_invalid_lock_range = 0xC00001A1,
  status_user_session_deleted = 0xC0000203,
  status_server_unavailable = 0xC0000466,
  status_file_not_available = 0xC0000467,
};

struct wording {
  std::uint32_t status;
  const char* text;
};

wording describe(errc e) {
  switch (e) {
  case errc::success:
    return {status_success, "success"};
  case errc::sharing_violation:
    return {status_sharing_violation, "the access or share mode of another open excludes this one"};
  case errc::delete_pending:
    return {status_delete_pending, "the file is being deleted"};
  case errc::lease_key_in_use:
    // MS-SMB2 3.3.5.9.8
    return {status_invalid_parameter, "the client uses this lease key for another file"};
  case errc::unknown_open:
    return {status_file_closed, "no such open"};
  case errc::open_exists:
    return {status_invalid_parameter, "an open with this id exists already"};
  case errc::reclaim_needed:
    return {status_file_not_available, "the file is reserved for a client that may reclaim it"};
  case errc::nothing_to_reclaim:
    return {status_object_name_not_found, "there is nothing to reclaim"};
  case errc::wrong_owner:
    return {status_access_denied, "it belongs to another client"};
  case errc::access_denied:
    return {status_access_denied, "access is denied, or the file has other opens"};
  case errc::newer_instance:
    // MS-SMB2 3.3.5.9.13.
    return {status_file_forced_closed, "a newer instance of the application has the file open"};
  case errc::unknown_lease:
    return {status_object_name_not_found, "the client has no lease with this key"};
  case errc::lease_not_breaking:
    return {status_unsuccessful, "no break of this lease awaits an acknowledgement"};
  case errc::ack_exceeds_break:
    return {status_request_not_accepted, "the acknowledged state exceeds the target of the break"};
  case errc::oplock_not_breaking:
    return {status_invalid_device_state, "no break of this oplock awaits an acknowledgement"};
  case errc::invalid_oplock_ack:
    return {
      status_invalid_oplock_protocol, "the acknowledged level is not below the open's oplock"};
  case errc::invalid_oplock_level:
    return {status_invalid_parameter, "an oplock break was acknowledged with the level of a lease"};
  case errc::lock_not_granted:
    return {status_lock_not_granted, "a conflicting byte-range lock is held"};
  case errc::file_lock_conflict:
    return {status_file_lock_conflict, "the read or write conflicts with a byte-range lock"};
  case errc::range_not_locked:
    return {status_range_not_locked, "no lock with exactly this range is held"};
  case errc::invalid_lock_range:
    return {status_invalid_lock_range, "the range exceeds the 64-bit space"};
  case errc::locks_on_directory:
    return {status_invalid_parameter, "directories have no byte-range locks"};
  case errc::invalid_argument:
    return {status_invalid_parameter, "an argument is not valid here"};
  case errc::invalid_lease_state:
    return {status_invalid_parameter, "not a valid lease state"};
  case errc::zero_lease_key:
    return {status_invalid_parameter, "the lease key is zero"};
  case errc::file_id_too_long:
    return {status_object_name_invalid, "the file's id is too long"};
  case errc::file_id_empty:
    return {status_object_name_invalid, "the file's id is empty"};
  case errc::unknown_client:
    return {status_invalid_parameter, "the client is not registered"};
  case errc::client_exists:
    return {status_invalid_parameter, "the client is registered already"};
  case errc::client_busy:
    return {status_invalid_parameter, "the client still has opens"};
  case errc::unknown_session:
    return {status_user_session_deleted, "the client has no such session"};
  case errc::dialect_mismatch:
    // MS-SMB2 3.3.5.5.3.
    return {status_user_session_deleted, "the client uses another dialect in another session"};
  case errc::too_many_channels:
    return {status_insufficient_resources, "too many channels of the client"};
  case errc::too_many_locks_on_file:
    return {status_insufficient_resources, "too many byte-range locks on the file"};
  case errc::too_many_locks_of_client:
    return {status_insufficient_resources, "too many byte-range locks of the client"};
  case errc::too_many_locks:
    return {status_insufficient_resources, "too many byte-range locks"};
  case errc::too_many_opens_on_file:
    return {status_too_many_opened_files, "too many opens of the file"};
  case errc::too_many_opens_of_client:
    return {status_too_many_opened_files, "too many opens of the client"};
  case errc::too_many_opens:
    return {status_too_many_opened_files, "too many opens"};
  case errc::too_many_waiting:
    return {status_insufficient_resources, "too many pending operations"};
  case errc::too_many_guards:
    return {status_insufficient_resources, "too many guards of entries of the directory"};
  case errc::store_backlog:
    return {status_insufficient_resources, "too many unwritten records"};
  case errc::cancelled:
    return {status_cancelled, "cancelled while waiting"};
  case errc::client_gone:
    return {status_cancelled, "the client was disconnected while the operation waited"};
  case errc::no_thread:
    return {status_insufficient_resources, "the system has no thread for the store"};
  case errc::not_started:
    return {status_server_unavailable, "the coordinator has not loaded its store yet"};
  case errc::shutting_down:
    return {status_server_unavailable, "the coordinator is stopping"};
  case errc::not_a_member:
    return {status_file_not_available, "the server is not a member of its cluster"};
  case errc::break_timed_out:
    return {status_io_timeout, "a break did not end in time"};
  case errc::record_malformed:
    return {status_unexpected_io_error, "a record cannot be read"};
  case errc::record_not_found:
    return {status_object_name_not_found, "the store has no such record"};
  case errc::store_unavailable:
    return {status_unexpected_io_error, "the store cannot be reached"};
  case errc::store_locked:
    return {status_unexpected_io_error, "another process has the store open"};
  case errc::store_corrupt:
    return {status_unexpected_io_error, "the store's content cannot be read"};
  case errc::store_full:
    return {status_disk_full, "the store has no space left"};
  case errc::store_version:
    return {status_unexpected_io_error, "the store was written by a newer version"};
  case errc::store_closed:
    return {status_unexpected_io_error, "the store is closed"};
  }
  return {status_unsuccessful, "unknown error"};
}

class category : public std::error_category {
public:
  const char* name() const noexcept override { return "leasebreak"; }

  std::string message(int value) const override { return describe(static_cast<errc>(value)).text; }
};

} // namespace

const std::error_category& leasebreak_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), leasebreak_category()};
}

std::string to_string(errc e) {
  return describe(e).text;
}

std::uint32_t to_ntstatus(errc e) noexcept {
  return describe(e).status;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// The interface of the stores of locks.
#pragma once

#include <leasebreak/model/errors.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// An error with the store's details about it, or success.
struct [[nodiscard]] store_status {
  std::error_code code; ///< The error; empty means success.
  std::string detail; ///< For the log: the path or server, and the message of the client library.

  /// Returns whether the call succeeded.
  [[nodiscard]] bool ok() const noexcept { return !code; }
};

/// A value or an error.
template <class T>
struct [[nodiscard]] store_result {
  store_status status; ///< Whether the call succeeded.
  T value{}; ///< The value, if the call succeeded.

  /// Returns whether the call succeeded.
  [[nodiscard]] bool ok() const noexcept { return status.ok(); }
};

/// The result of a listing. Records that cannot be read do not affect the others.
struct lock_listing {
  std::vector<persisted_lock> records; ///< Ordered by id.
  std::vector<record_error> malformed; ///< Records that cannot be read.
};

/// Stores records of locks.
///
/// *Errors*: the library's store errors. A failed call changes nothing, with one exception: a call
/// that fails with `errc::store_unavailable` may have been executed, for example if the connection
/// broke during the commit. It is safe to repeat it, because every change states the resulting
/// record, not a difference. Only `increment_server_epoch` may then count twice.
///
/// *Thread safety*: every member may be called from any thread. Calls may block on the disk or the
/// network; a caller that must not block needs a thread of its own.
///
/// *Durability*: if the store was opened in durable mode, the change of a successful call survives
/// a crash of the machine. Otherwise it survives a crash of the process, except with
/// `memory_store`.
class lock_store {
public:
  virtual ~lock_store() = default;

  /// Writes a record and replaces one with the same id. Errors: `errc::record_malformed` if
  /// `validate` rejects it or the id is empty.
  virtual store_status put(const persisted_lock& record) = 0;

  /// Returns a record. Errors: `errc::record_not_found`; `errc::record_malformed`, with the field
  /// in the detail.
  virtual store_result<persisted_lock> get(std::string_view id) = 0;

  /// Deletes a record. Errors: `errc::record_not_found`.
  virtual store_status erase(std::string_view id) = 0;

  /// Returns all records that match, ordered by id. Scans all records only if the query names no
  /// file, owner or client.
  virtual store_result<lock_listing> list(const lock_query& query) = 0;

  /// Deletes all records of a client and returns their number. An empty id matches nothing.
  virtual store_result<std::size_t> erase_by_client(std::string_view client_id) = 0;

  /// Deletes all records of a file and returns their number. An empty id matches nothing.
  virtual store_result<std::size_t> erase_by_file(std::string_view file_id) = 0;

  /// Makes all changes or none, in one round trip and with at most one fsync. It is not an error to
  /// delete a record that does not exist. If an id occurs more than once, its last change counts.
  /// Errors: `errc::record_malformed` if any record is malformed.
  virtual store_status apply(std::span<const record_change> changes) = 0;

  /// Returns the number of starts of the server; 0 if there was none.
  virtual store_result<std::uint64_t> server_epoch() = 0;

  /// Increments the server epoch and returns the new value. Always durable.
  virtual store_result<std::uint64_t> increment_server_epoch() = 0;

  /// Returns whether the last user of the store marked its shutdown as clean. False in a new store.
  virtual store_result<bool> clean_shutdown() = 0;

  /// Marks the shutdown as clean or not. Always durable.
  virtual store_status set_clean_shutdown(bool clean) = 0;

  /// Returns the record of a lease that `client_id` tries to reclaim, found by file and key.
  /// Errors: `errc::record_not_found`; `errc::wrong_owner` if only other clients have such a lease.
  virtual store_result<persisted_lock> reclaim(
    std::string_view file_id, const lease_key& key, std::string_view client_id) = 0;

  /// Returns whether the content, and in particular the server epoch, outlives the process.
  [[nodiscard]] virtual bool outlives_process() const noexcept { return true; }

  /// Closes the store. Later calls fail with `errc::store_closed`. Idempotent.
  virtual void close() = 0;

  /// Returns the kind and place of the store for logs, such as "rocksdb:/var/lib/leasebreak".
  /// Contains no passwords.
  [[nodiscard]] virtual std::string description() const = 0;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

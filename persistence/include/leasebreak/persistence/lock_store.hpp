// The interface of every store of locks.
#pragma once

#include <leasebreak/model/errors.hpp>
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

namespace leasebreak {

/// An error and what the store has to say about it; or no error.
struct [[nodiscard]] store_status {
  std::error_code code;
  std::string detail; ///< For the log: the path or server, and the client library's words.

  [[nodiscard]] bool ok() const noexcept { return !code; }
};

/// A value, or an error.
template <class T>
struct [[nodiscard]] store_result {
  store_status status;
  T value{};

  [[nodiscard]] bool ok() const noexcept { return status.ok(); }
};

/// What a listing found. A record that cannot be read does not stop the others.
struct lock_listing {
  std::vector<persisted_lock> records; ///< In the order of their ids.
  std::vector<record_error> malformed;
};

/// Keeps records of locks.
///
/// *Errors*: the library's store errors. A failed call changes nothing, but for a call that fails
/// with `errc::store_unavailable` after the store may have taken it (a connection that broke during
/// the commit): repeating it is safe, because every change says what shall be, not what shall be
/// added; `increment_server_epoch` alone may then count twice.
///
/// *Threads*: every member may be called from any thread; calls may block on the disk or the
/// network, so callers that must not wait use a thread of their own.
///
/// *Durability*: when a call of a store opened in durable mode returns without error, its change
/// survives a crash of the machine; otherwise a crash of the process (not for `memory_store`).
class lock_store {
public:
  virtual ~lock_store() = default;

  /// Writes a record, replacing the one with the same id.
  /// Errors: `errc::record_malformed` if `validate` finds fault or the id is empty.
  virtual store_status put(const persisted_lock& record) = 0;

  /// Reads a record. Errors: `errc::record_not_found`; `errc::record_malformed`, with its field in
  /// the detail.
  virtual store_result<persisted_lock> get(std::string_view id) = 0;

  /// Deletes a record. Errors: `errc::record_not_found`.
  virtual store_status erase(std::string_view id) = 0;

  /// All records that match, ordered by id. Only a query without file, owner and client reads
  /// everything.
  virtual store_result<lock_listing> list(const lock_query& query) = 0;

  /// Deletes a client's records; the value is how many there were. An empty id matches nothing.
  virtual store_result<std::size_t> erase_by_client(std::string_view client_id) = 0;

  /// Deletes a file's records; the value is how many there were. An empty id matches nothing.
  virtual store_result<std::size_t> erase_by_file(std::string_view file_id) = 0;

  /// Makes all changes or none, in one round trip and at most one fsync. Deleting what is not there
  /// is no error here. If an id occurs more than once, the last counts. Errors:
  /// `errc::record_malformed` for any of them.
  virtual store_status apply(std::span<const record_change> changes) = 0;

  /// Counts the server's starts; 0 if there was none.
  virtual store_result<std::uint64_t> server_epoch() = 0;

  /// Adds one; the value is the new epoch. Always durable.
  virtual store_result<std::uint64_t> increment_server_epoch() = 0;

  /// Whether the last user of the store said that it stopped in order. False in a new store.
  virtual store_result<bool> clean_shutdown() = 0;

  /// Always durable.
  virtual store_status set_clean_shutdown(bool clean) = 0;

  /// The record of a lease that `client_id` wants to have back: looked up by file and key.
  /// Errors: `errc::record_not_found`; `errc::wrong_owner` if it is another client's alone.
  virtual store_result<persisted_lock> reclaim(
    std::string_view file_id, const lease_key& key, std::string_view client_id) = 0;

  /// Whether what it holds, the server epoch above all, is there after the process.
  [[nodiscard]] virtual bool outlives_process() const noexcept { return true; }

  /// Ends the use of the store; later calls fail with `errc::store_closed`. Called once more: no
  /// effect.
  virtual void close() = 0;

  /// What it is and where, for logs: "rocksdb:/var/lib/leasebreak". Without passwords.
  [[nodiscard]] virtual std::string description() const = 0;
};

} // namespace leasebreak

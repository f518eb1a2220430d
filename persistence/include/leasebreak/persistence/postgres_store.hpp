// A store in a PostgreSQL database.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Options of a PostgreSQL store.
struct postgres_store_options {
  /// Whether each call waits until the database server has its change on disk. Without it
  /// (synchronous_commit off), a crash of the database server may lose the latest changes; a crash
  /// of this process does not.
  bool durable = false;
  /// The timeout of one statement or connection attempt; at least 1 s. PostgreSQL rounds that of
  /// connection attempts to whole seconds, at least 2. When it expires, the server counts as
  /// unavailable and the connection is closed.
  std::chrono::milliseconds timeout{10'000};
};

/// Opens the store in the database that `connection` names: a libpq connection string or URI. The
/// tables have the prefix `leasebreak_` and are in the first existing schema of the search path;
/// later schemas are ignored. Missing tables are created, and old ones are upgraded. The store uses
/// one connection, and only one process at a time may have it open.
///
/// A lost connection is reestablished by the next call. While that fails, calls fail with
/// `errc::store_unavailable`. If another process has used the store in the meantime, which the
/// server epoch shows, this and all later calls fail with `errc::store_locked`, because the data of
/// this process is out of date. Calls from several threads are serialized.
///
/// Errors: `errc::store_unavailable` if the server cannot be reached or refuses,
/// `errc::store_locked` if the store is open already, `errc::store_version` if a newer version of
/// the library wrote it, `errc::store_corrupt` if the tables do not have the expected structure.
store_result<std::unique_ptr<lock_store>> open_postgres_store(
  const std::string& connection, const postgres_store_options& options = {});

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

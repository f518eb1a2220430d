// A store in a PostgreSQL database.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace leasebreak {

/// How a PostgreSQL store is opened.
struct postgres_store_options {
  /// Whether each call waits until the server has its change on disk. Without it
  /// (synchronous_commit off) a crash of the database server may lose the last moment; a crash of
  /// this process does not.
  bool durable = false;
  /// How long one statement, or one connection attempt, may take (at least 1 s; PostgreSQL rounds
  /// connection attempts to whole seconds, at least 2). A server that does not answer by then
  /// counts as unavailable, and the connection is given up.
  std::chrono::milliseconds timeout{10'000};
};

/// Opens the store in the database that `connection` names, a libpq connection string or URI. The
/// tables, prefixed `leasebreak_`, are in the first schema of the search path that exists; what
/// later ones have is not looked at. They are made or brought up to date. One connection is used,
/// and one process at a time may have the store open.
///
/// A connection that is lost is made anew by the next call; while that fails, calls fail with
/// `errc::store_unavailable`. If another process has used the store before the connection is back,
/// which the server epoch tells, this and all further calls fail with `errc::store_locked`: what
/// this one knows is out of date. Calls from several threads take turns.
///
/// Errors: `errc::store_unavailable` if the server cannot be reached or refuses,
/// `errc::store_locked` if the store is open already, `errc::store_version` if a newer library
/// wrote it, `errc::store_corrupt` if the tables are not as they should be.
store_result<std::unique_ptr<lock_store>> open_postgres_store(
  const std::string& connection, const postgres_store_options& options = {});

} // namespace leasebreak

// PostgreSQL as the engine of a cluster.
#pragma once

#include <leasebreak/cluster/engine.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// How to use PostgreSQL.
struct postgres_engine_settings {
  /// A connection string or URI of libpq. Of several hosts, one that accepts writes is used. Two
  /// servers that do at the same time are two clusters: only one of them may be reachable. The
  /// tables are created in the first schema of the search path.
  std::string connection;
  /// The cluster's name: 1 to 64 letters, digits, `.`, `_` and `-`. Several clusters may share the
  /// tables.
  std::string cluster;
  std::chrono::seconds lease{5}; ///< How long a lease lives without renewal: 1 s to an hour.
  /// How long a request may take, with the connection if there is none yet.
  std::chrono::milliseconds timeout{1'000};
};

/// Returns what is wrong with the settings, or an empty text.
[[nodiscard]] std::string problem_of(const postgres_engine_settings& settings);

/// Returns an engine for one run of a node. `settings` must have no problem; throws
/// `std::invalid_argument` otherwise. Connections are opened when they are needed, at most one for
/// each operation in progress; none blocks the executor.
///
/// The server's clock has no part in a lease, because it may be set. Each node watches the rows of
/// the others: a lease has expired when its row has not changed for `lease` on this node's steady
/// clock. Then the row is deleted, unless it has changed since.
[[nodiscard]] std::unique_ptr<engine> make_postgres_engine(
  boost::asio::any_io_executor on, postgres_engine_settings settings);

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// Opens a store by its URI, for command lines and configuration files.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <memory>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Options of a store.
struct store_options {
  bool durable = false; ///< Whether each change must survive a crash of the machine.
};

/// Opens the store that `uri` names:
/// - `memory`: a `memory_store`;
/// - `rocksdb:PATH`: the RocksDB database in the directory PATH, which is created if it does not
///   exist;
/// - `postgres:URI`: the PostgreSQL database of a libpq connection string or URI, for example
///   `postgres:host=/run/postgresql dbname=locks`. `postgres://...` and `postgresql://...` are
///   accepted, too.
///
/// Errors: `errc::invalid_argument` for another scheme, for a store that this build does not
/// include, and for a durable memory store; otherwise those of the store.
store_result<std::unique_ptr<lock_store>> open_store(
  std::string_view uri, const store_options& options = {});

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

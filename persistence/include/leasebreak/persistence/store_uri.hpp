// Opens a store by its name, as command lines and configurations give it.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <memory>
#include <string_view>

namespace leasebreak {

/// How a store is opened.
struct store_options {
  bool durable = false; ///< Whether each change must survive a crash of the machine.
};

/// Opens the store that `uri` names:
/// * `memory`: `memory_store`;
/// * `rocksdb:PATH`: the RocksDB database in the directory PATH, made if it is not there;
/// * `postgres:URI`: the PostgreSQL database of a libpq connection string or URI, for example
///   `postgres:host=/run/postgresql dbname=locks`; `postgres://...` and `postgresql://...` work
///   too.
///
/// Errors: `errc::invalid_argument` for another scheme, for a store that this build does not have,
/// and for a memory store that shall be durable; otherwise those of the store.
store_result<std::unique_ptr<lock_store>> open_store(
  std::string_view uri, const store_options& options = {});

} // namespace leasebreak

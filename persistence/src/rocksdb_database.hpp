// An open RocksDB database: its configuration, opening and checks, and the mapping of its errors.
#pragma once

#include <leasebreak/persistence/rocksdb_store.hpp>

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <memory>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Returns the library's error for a RocksDB status.
[[nodiscard]] store_status to_store_status(const rocksdb::Status& status, const std::string& path);

/// Opens the database in the directory `path` and checks its format. With `create`, a missing or
/// empty directory becomes a new store; without, it is an error.
store_result<std::unique_ptr<rocksdb::DB>> open_database(
  const std::string& path, const rocksdb_store_options& options, rocksdb::Env* env, bool create);

/// Like the public function, with an environment that tests can make fail. `env` must outlive the
/// store.
store_result<std::unique_ptr<lock_store>> open_rocksdb_store(
  const std::string& path, const rocksdb_store_options& options, rocksdb::Env* env);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

// A store in a local directory, on RocksDB: the embedded default.
#pragma once

#include <leasebreak/persistence/lock_store.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace leasebreak {

/// How a RocksDB store is opened.
struct rocksdb_store_options {
  /// Whether each call waits until its change is on the disk (one fsync a call). Without it a
  /// change survives a crash of the process, not of the machine.
  bool durable = false;
  /// Bound for write buffers and block cache together, in bytes; at least 4 MiB.
  std::size_t memory_bytes_max = std::size_t{32} * 1024 * 1024;
};

/// Opens the store in the directory `path`, which is made if its parent is there. RocksDB runs at
/// most three threads for it, which the stores of a process share.
///
/// After an error of the environment (full disk, failed write) the store stays usable: the next
/// call opens the database again, so that it works as soon as the cause is gone.
///
/// Errors: `errc::store_locked` if this or another process has it open, `errc::store_version` if a
/// newer library wrote it, `errc::store_corrupt` if it is damaged or not a leasebreak store,
/// `errc::store_full`, `errc::store_unavailable` if the directory cannot be used.
store_result<std::unique_ptr<lock_store>> open_rocksdb_store(
  const std::string& path, const rocksdb_store_options& options = {});

} // namespace leasebreak

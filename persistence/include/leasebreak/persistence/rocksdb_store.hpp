// A store in a local directory with RocksDB; the default for a single machine.
#pragma once

#include <leasebreak/model/export.hpp>
#include <leasebreak/persistence/lock_store.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// Options of a RocksDB store.
struct rocksdb_store_options {
  /// Whether each call waits until its change is on disk (one fsync per call). Without it, a change
  /// survives a crash of the process but not of the machine.
  bool durable = false;
  /// The limit for write buffers and block cache together, in bytes; at least 4 MiB.
  std::size_t memory_bytes_max = std::size_t{32} * 1024 * 1024;
};

/// Opens the store in the directory `path`, which is created if its parent exists. RocksDB runs at
/// most three threads for it, which all stores of a process share.
///
/// The store stays usable after an environment error such as a full disk or a failed write: the
/// next call reopens the database, and succeeds once the cause is gone.
///
/// Errors: `errc::store_locked` if this or another process has it open, `errc::store_version` if a
/// newer version of the library wrote it, `errc::store_corrupt` if it is damaged or not a
/// leasebreak store, `errc::store_full`, `errc::store_unavailable` if the directory cannot be used.
store_result<std::unique_ptr<lock_store>> open_rocksdb_store(
  const std::string& path, const rocksdb_store_options& options = {});

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

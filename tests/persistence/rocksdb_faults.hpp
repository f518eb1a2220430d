// A file system for RocksDB that fails on demand and counts its writes to the disk.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <limits>
#include <memory>

namespace leasebreak::test {

/// The faults and the counts. Shared by a file system and its test.
struct rocksdb_faults {
  std::atomic<bool> disk_full = false; ///< Nothing more can be written, created or renamed.
  std::atomic<bool> sync_fails = false;
  std::atomic<int> log_syncs = 0; ///< How often the write-ahead log was synced.

  /// After this many operations, all further ones fail: those that may need space, because the disk
  /// is full, or with `io_errors` all of them, because the disk is broken.
  std::atomic<int> operations_max = std::numeric_limits<int>::max();
  std::atomic<int> operations = 0; ///< Those that could have failed this way.
  std::atomic<bool> io_errors = false;
  /// Syncs are slow, and only a crash of the machine shows their effect.
  std::atomic<bool> syncs_do_nothing = false;
};

/// Returns the default file system with these faults. `faults` must outlive it.
[[nodiscard]] std::unique_ptr<rocksdb::Env> faulty_env(rocksdb_faults& faults);

} // namespace leasebreak::test

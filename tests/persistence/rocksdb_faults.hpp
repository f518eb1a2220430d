// A file system for RocksDB that fails on demand and counts what reaches the disk.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <limits>
#include <memory>

namespace leasebreak::test {

/// What may go wrong, and what went on. Shared by a file system and its test.
struct rocksdb_faults {
  std::atomic<bool> disk_full = false; ///< Nothing more can be written, made or renamed.
  std::atomic<bool> sync_fails = false;
  std::atomic<int> log_syncs = 0; ///< How often the write-ahead log was forced to the disk.

  /// After so many operations each further one fails: for want of room those that may need some, or
  /// with `io_errors` all of them, because the disk is broken.
  std::atomic<int> operations_max = std::numeric_limits<int>::max();
  std::atomic<int> operations = 0; ///< Those that could have failed so.
  std::atomic<bool> io_errors = false;
  std::atomic<bool> syncs_do_nothing = false; ///< They are slow, and only a machine's crash tells.
};

/// The usual file system with these faults. `faults` must outlive it.
[[nodiscard]] std::unique_ptr<rocksdb::Env> faulty_env(rocksdb_faults& faults);

} // namespace leasebreak::test

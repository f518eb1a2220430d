// A file system for RocksDB that fails on demand and counts what reaches the disk.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>

namespace leasebreak::test {

/// What may go wrong, and what went on. Shared by a file system and its test.
struct rocksdb_faults {
  std::atomic<bool> disk_full = false; ///< Nothing more can be written.
  std::atomic<bool> sync_fails = false;
  std::atomic<int> log_syncs = 0; ///< How often the write-ahead log was forced to the disk.
};

/// The usual file system with these faults. `faults` must outlive it.
[[nodiscard]] std::unique_ptr<rocksdb::Env> faulty_env(rocksdb_faults& faults);

} // namespace leasebreak::test

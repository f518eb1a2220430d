#include "rocksdb_database.hpp"

#include "batch.hpp"
#include "rocksdb_keys.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <cstdint>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

using opened = store_result<std::unique_ptr<rocksdb::DB>>;

// Discards RocksDB's log messages, because the status of a call contains what matters. A log file,
// the default, would need space on the same disk. RocksDB's logger also ends the process when it
// writes after a failed write (in builds with assertions, such as Debian's).
class silent_logger final : public rocksdb::Logger {
public:
  silent_logger() : Logger(rocksdb::FATAL_LEVEL) {}

  void Logv(const char* /*format*/, va_list /*values*/) override {}
  void Logv(rocksdb::InfoLogLevel /*level*/, const char* /*format*/, va_list /*values*/) override {}
  void LogHeader(const char* /*format*/, va_list /*values*/) override {}
};

// Turns RocksDB's own recovery off. It runs in threads for which a close has to wait, and the store
// reopens the database after an error anyway.
class no_recovery final : public rocksdb::EventListener {
public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*error*/,
    bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

rocksdb::Options database_options(const rocksdb_store_options& options, rocksdb::Env* env) {
  constexpr std::size_t least = std::size_t{4} * 1024 * 1024;
  const std::size_t memory = std::max(options.memory_bytes_max, least);
  rocksdb::Options db;
  db.env = env;
  // Half for two write buffers, half for the block cache.
  db.write_buffer_size = memory / 4;
  db.max_write_buffer_number = 2;
  db.max_total_wal_size = memory / 2;
  // Most records that are looked up before a change do not exist.
  db.memtable_prefix_bloom_size_ratio = 0.1;
  db.memtable_whole_key_filtering = true;
  rocksdb::BlockBasedTableOptions table_options;
  table_options.block_cache = rocksdb::NewLRUCache(memory / 2, 2);
  table_options.cache_index_and_filter_blocks = true;
  table_options.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options));
  db.compression = rocksdb::kNoCompression;
  // Changes are serialized anyway, because each reads the record that it replaces.
  db.allow_concurrent_memtable_write = false;
  db.enable_write_thread_adaptive_yield = false;
  // One thread to flush, one to compact; no periodic statistics.
  db.max_background_jobs = 2;
  db.max_subcompactions = 1;
  db.max_file_opening_threads = 1;
  db.max_open_files = 256;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.listeners.push_back(std::make_shared<no_recovery>());
  db.max_bgerror_resume_count = 0;
  db.info_log = std::make_shared<silent_logger>();
  return db;
}

// RocksDB treats a directory without CURRENT as new and deletes its content.
store_status refuse_remains(const std::string& path, rocksdb::Env* env) {
  std::vector<std::string> names;
  const auto listed = env->GetChildren(path, &names);
  if (listed.IsNotFound() || listed.IsPathNotFound())
    return {};
  if (!listed.ok())
    return to_store_status(listed, path);
  if (std::find(names.begin(), names.end(), "CURRENT") != names.end())
    return {};
  for (const std::string_view name : names) {
    // The first manifest contains no records and is written before CURRENT, so that a full disk or
    // a crash can leave it alone. A database that was ever opened has a later one.
    if (name == "MANIFEST-000001")
      continue;
    if (name.starts_with("MANIFEST-") || name.ends_with(".sst") || name.ends_with(".log"))
      return failure(errc::store_corrupt, path + ": has database files, but CURRENT is missing");
  }
  return {};
}

store_status open_failure(
  const rocksdb::Status& status, const std::string& path, rocksdb::Env* env, bool create) {
  const auto text = status.ToString();
  if (text.find("lock hold by current process") != std::string::npos ||
    text.find("While lock file") != std::string::npos)
    return failure(errc::store_locked, path + ": " + text);
  const bool has_current = env->FileExists(path + "/CURRENT").ok();
  if (!create && !has_current)
    return failure(errc::store_unavailable, path + ": the database is gone");
  // A file of an existing database is missing or unreadable.
  if (has_current &&
    (status.IsPathNotFound() || status.IsInvalidArgument() || status.IsNotSupported() ||
      status.IsNotFound()))
    return failure(errc::store_corrupt, path + ": " + text);
  return to_store_status(status, path);
}

store_status check_format(rocksdb::DB& db, const std::string& path) {
  std::string text;
  const auto status = db.Get({}, rocksdb::Slice(version_key), &text);
  if (status.ok()) {
    std::uint64_t version = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || version == 0)
      return failure(errc::store_corrupt, path + ": the format version is not a number: " + text);
    if (version > rocksdb_format)
      return failure(errc::store_version,
        path + ": has format " + text + ", this library supports " +
          std::to_string(rocksdb_format));
    return {};
  }
  if (!status.IsNotFound())
    return to_store_status(status, path);
  const std::unique_ptr<rocksdb::Iterator> all(db.NewIterator({}));
  all->SeekToFirst();
  if (all->Valid())
    return failure(errc::store_corrupt, path + ": is not a leasebreak database");
  if (!all->status().ok())
    return to_store_status(all->status(), path);
  rocksdb::WriteOptions write;
  write.sync = true;
  return to_store_status(
    db.Put(write, rocksdb::Slice(version_key), std::to_string(rocksdb_format)), path);
}

} // namespace

store_status to_store_status(const rocksdb::Status& status, const std::string& path) {
  if (status.ok())
    return {};
  auto detail = path + ": " + status.ToString();
  if (status.IsCorruption())
    return failure(errc::store_corrupt, std::move(detail));
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit)
    return failure(errc::store_full, std::move(detail));
  return failure(errc::store_unavailable, std::move(detail));
}

opened open_database(
  const std::string& path, const rocksdb_store_options& options, rocksdb::Env* env, bool create) {
  if (auto status = refuse_remains(path, env); !status.ok())
    return {std::move(status), nullptr};
  auto db_options = database_options(options, env);
  db_options.create_if_missing = create;
  rocksdb::DB* raw = nullptr;
  const auto status = rocksdb::DB::Open(db_options, path, &raw);
  std::unique_ptr<rocksdb::DB> db(raw);
  if (!status.ok())
    return {open_failure(status, path, env, create), nullptr};
  if (auto format = check_format(*db, path); !format.ok())
    return {std::move(format), nullptr};
  return {{}, std::move(db)};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

#include <leasebreak/persistence/rocksdb_store.hpp>

#include "batch.hpp"
#include "rocksdb_database.hpp"
#include "rocksdb_keys.hpp"

#include <leasebreak/persistence/record_json.hpp>

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <charconv>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

using detail::failure;
using detail::table;

std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

class rocksdb_store final : public lock_store {
public:
  rocksdb_store(std::string path, const rocksdb_store_options& options, rocksdb::Env* env,
    std::unique_ptr<rocksdb::DB> db)
    : path_(std::move(path)), options_(options), env_(env), db_(std::move(db)) {}

  store_status put(const persisted_lock& record) override {
    const record_change change{record.id, record};
    return apply({&change, 1});
  }

  store_result<persisted_lock> get(std::string_view id) override {
    return with_database<persisted_lock>([&](rocksdb::DB& db) { return get_from(db, id); });
  }

  store_status erase(std::string_view id) override {
    return with_database<bool>([&](rocksdb::DB& db) -> store_result<bool> {
      const std::lock_guard writing(write_mutex_);
      rocksdb::WriteBatch batch;
      bool found = false;
      if (auto status = add_erase(db, batch, id, found); !status.ok())
        return {std::move(status), {}};
      if (!found)
        return {failure(errc::record_not_found, std::string{id}), {}};
      return {write(db, batch, options_.durable), {}};
    }).status;
  }

  store_result<lock_listing> list(const lock_query& query) override {
    return with_database<lock_listing>([&](rocksdb::DB& db) { return list_from(db, query); });
  }

  store_result<std::size_t> erase_by_client(std::string_view client_id) override {
    lock_query query;
    query.client_id = client_id;
    return erase_all(query, client_id.empty());
  }

  store_result<std::size_t> erase_by_file(std::string_view file_id) override {
    lock_query query;
    query.file_id = file_id;
    return erase_all(query, file_id.empty());
  }

  store_status apply(std::span<const record_change> changes) override {
    return with_database<bool>([&](rocksdb::DB& db) -> store_result<bool> {
      const auto checked = detail::effective(changes);
      if (!checked.ok())
        return {checked.status, {}};
      const std::lock_guard writing(write_mutex_);
      rocksdb::WriteBatch batch;
      for (const auto* change : checked.value) {
        bool found = false;
        auto status =
          change->put ? add_put(db, batch, *change->put) : add_erase(db, batch, change->id, found);
        if (!status.ok())
          return {std::move(status), {}};
      }
      return {write(db, batch, options_.durable), {}};
    }).status;
  }

  store_result<std::uint64_t> server_epoch() override {
    return with_database<std::uint64_t>([&](rocksdb::DB& db) { return epoch_of(db); });
  }

  store_result<std::uint64_t> increment_server_epoch() override {
    return with_database<std::uint64_t>([&](rocksdb::DB& db) {
      const std::lock_guard writing(write_mutex_);
      auto epoch = epoch_of(db);
      if (!epoch.ok())
        return epoch;
      ++epoch.value;
      epoch.status = write_meta(db, detail::epoch_key, std::to_string(epoch.value));
      return epoch;
    });
  }

  store_result<bool> clean_shutdown() override {
    return with_database<bool>([&](rocksdb::DB& db) -> store_result<bool> {
      std::string text;
      const auto status = db.Get({}, rocksdb::Slice(detail::clean_key), &text);
      if (status.IsNotFound())
        return {{}, false};
      return {checked(status), text == "1"};
    });
  }

  store_status set_clean_shutdown(bool clean) override {
    return with_database<bool>([&](rocksdb::DB& db) -> store_result<bool> {
      const std::lock_guard writing(write_mutex_);
      return {write_meta(db, detail::clean_key, clean ? "1" : "0"), {}};
    }).status;
  }

  store_result<persisted_lock> reclaim(
    std::string_view file_id, const lease_key& key, std::string_view client_id) override {
    return with_database<persisted_lock>([&](rocksdb::DB& db) -> store_result<persisted_lock> {
      std::vector<persisted_lock> of_file;
      lock_query query;
      query.file_id = file_id;
      if (!file_id.empty()) {
        auto listed = list_from(db, query);
        if (!listed.ok())
          return {std::move(listed.status), {}};
        of_file = std::move(listed.value.records);
      }
      return detail::pick_for_reclaim(std::move(of_file), key, client_id);
    });
  }

  void close() override {
    const std::unique_lock lock(db_mutex_);
    closed_ = true;
    db_.reset();
  }

  [[nodiscard]] std::string description() const override { return "rocksdb:" + path_; }

private:
  // Runs `action` on the open database, after reopening it if it failed before.
  template <class T, class Action>
  store_result<T> with_database(const Action& action) {
    for (;;) {
      {
        const std::shared_lock lock(db_mutex_);
        if (closed_)
          return {failure(errc::store_closed, description()), {}};
        if (db_ && !broken_)
          return action(*db_);
      }
      if (auto status = reopen(); !status.ok())
        return {std::move(status), {}};
    }
  }

  store_status reopen() {
    const std::unique_lock lock(db_mutex_);
    if (closed_ || (db_ && !broken_))
      return {};
    db_.reset();
    auto again = detail::open_database(path_, options_, env_, false);
    if (!again.ok())
      return std::move(again.status);
    db_ = std::move(again.value);
    broken_ = false;
    return {};
  }

  // RocksDB stops writing permanently after most errors, so reopen the database next time.
  store_status checked(const rocksdb::Status& status) {
    if (!status.ok())
      broken_ = true;
    return detail::to_store_status(status, path_);
  }

  store_status write(rocksdb::DB& db, rocksdb::WriteBatch& batch, bool sync) {
    if (batch.Count() == 0)
      return {};
    // RocksDB would continue to write to deleted files.
    if (!env_->FileExists(path_ + "/CURRENT").ok()) {
      broken_ = true;
      return failure(errc::store_unavailable, path_ + ": the database is gone");
    }
    rocksdb::WriteOptions write_options;
    write_options.sync = sync;
    return checked(db.Write(write_options, &batch));
  }

  store_status write_meta(rocksdb::DB& db, std::string_view key, const std::string& value) {
    rocksdb::WriteBatch batch;
    batch.Put(rocksdb::Slice(key), value);
    return write(db, batch, true);
  }

  store_result<std::uint64_t> epoch_of(rocksdb::DB& db) {
    std::string text;
    const auto status = db.Get({}, rocksdb::Slice(detail::epoch_key), &text);
    if (status.IsNotFound())
      return {{}, 0};
    if (!status.ok())
      return {checked(status), 0};
    std::uint64_t epoch = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), epoch);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
      return {
        failure(errc::store_corrupt, path_ + ": the server epoch is not a number: " + text), 0};
    return {{}, epoch};
  }

  static parsed_record parse_stored(std::string_view id, std::string_view json) {
    auto parsed = parse_record(json, id);
    if (parsed.ok() && parsed.record->id != id)
      return {std::nullopt, {std::string{id}, "id", "differs from that in the record"}};
    // A record is identified by its key, whatever its content says.
    if (!parsed.ok())
      parsed.error.record = id;
    return parsed;
  }

  store_result<persisted_lock> get_from(rocksdb::DB& db, std::string_view id) {
    rocksdb::PinnableSlice json;
    const auto status = db.Get({}, db.DefaultColumnFamily(), detail::lock_key(id), &json);
    if (status.IsNotFound())
      return {failure(errc::record_not_found, std::string{id}), {}};
    if (!status.ok())
      return {checked(status), {}};
    auto parsed = parse_stored(id, view(json));
    if (!parsed.ok())
      return {failure(errc::record_malformed, to_string(parsed.error)), {}};
    return {{}, std::move(*parsed.record)};
  }

  store_result<lock_listing> list_from(rocksdb::DB& db, const lock_query& query) {
    lock_listing listing;
    auto status = for_each(db, query, [&](std::string_view id, std::string_view json) {
      auto parsed = parse_stored(id, json);
      if (!parsed.ok())
        listing.malformed.push_back(std::move(parsed.error));
      // Check again, because the index row of an unreadable record may have been left behind.
      else if (query.matches(*parsed.record))
        listing.records.push_back(std::move(*parsed.record));
    });
    if (!status.ok())
      return {std::move(status), {}};
    return {{}, std::move(listing)};
  }

  store_status add_put(rocksdb::DB& db, rocksdb::WriteBatch& batch, const persisted_lock& record) {
    const auto key = detail::lock_key(record.id);
    const auto json = to_json(record);
    rocksdb::PinnableSlice old;
    const auto status = db.Get({}, db.DefaultColumnFamily(), key, &old);
    if (!status.ok() && !status.IsNotFound())
      return checked(status);
    batch.Put(key, json);
    if (status.ok() && detail::indexed_part(view(old)) == detail::indexed_part(json))
      return {};
    if (status.ok())
      erase_rows(batch, record.id, view(old));
    for (const auto& row : detail::index_keys(record))
      batch.Put(row, {});
    return {};
  }

  store_status add_erase(
    rocksdb::DB& db, rocksdb::WriteBatch& batch, std::string_view id, bool& found) {
    const auto key = detail::lock_key(id);
    rocksdb::PinnableSlice old;
    const auto status = db.Get({}, db.DefaultColumnFamily(), key, &old);
    found = status.ok();
    if (status.IsNotFound())
      return {};
    if (!status.ok())
      return checked(status);
    batch.Delete(key);
    erase_rows(batch, id, view(old));
    return {};
  }

  // The rows of an unreadable record are left behind; readers of the index check the record.
  static void erase_rows(rocksdb::WriteBatch& batch, std::string_view id, std::string_view json) {
    const auto parsed = parse_stored(id, json);
    if (!parsed.ok())
      return;
    for (const auto& row : detail::index_keys(*parsed.record))
      batch.Delete(row);
  }

  // Returns the common prefix of all rows that may match.
  static std::string prefix_of(const lock_query& query) {
    if (!query.file_id.empty())
      return detail::index_prefix(table::by_file, query.file_id);
    if (!query.owner_id.empty())
      return detail::index_prefix(table::by_owner, query.owner_id);
    if (!query.client_id.empty())
      return detail::index_prefix(table::by_client, query.client_id);
    return detail::lock_key({});
  }

  // Calls `use(id, json)` for every record that may match, ordered by id, from a consistent
  // snapshot.
  template <class Use>
  store_status for_each(rocksdb::DB& db, const lock_query& query, const Use& use) {
    const auto prefix = prefix_of(query);
    const bool by_index = prefix.front() != static_cast<char>(table::lock);
    const auto end = detail::after_prefix(prefix);
    const rocksdb::Slice upper(end);
    rocksdb::ManagedSnapshot snapshot(&db);
    rocksdb::ReadOptions read;
    read.snapshot = snapshot.snapshot();
    auto scan = read;
    scan.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator(scan));
    rocksdb::PinnableSlice json;
    for (row->Seek(prefix); row->Valid(); row->Next()) {
      const auto id = view(row->key()).substr(prefix.size());
      if (!by_index) {
        use(id, view(row->value()));
        continue;
      }
      json.Reset();
      const auto status = db.Get(read, db.DefaultColumnFamily(), detail::lock_key(id), &json);
      if (status.ok())
        use(id, view(json));
      else if (!status.IsNotFound())
        return checked(status);
    }
    return checked(row->status());
  }

  store_result<std::size_t> erase_all(const lock_query& query, bool nothing) {
    return with_database<std::size_t>([&](rocksdb::DB& db) -> store_result<std::size_t> {
      if (nothing)
        return {};
      const std::lock_guard writing(write_mutex_);
      rocksdb::WriteBatch batch;
      std::size_t count = 0;
      auto status = for_each(db, query, [&](std::string_view id, std::string_view json) {
        const auto parsed = parse_stored(id, json);
        if (!parsed.ok() || !query.matches(*parsed.record))
          return;
        ++count;
        batch.Delete(detail::lock_key(id));
        for (const auto& key : detail::index_keys(*parsed.record))
          batch.Delete(key);
      });
      if (status.ok())
        status = write(db, batch, options_.durable);
      return {status, status.ok() ? count : 0};
    });
  }

  const std::string path_;
  const rocksdb_store_options options_;
  rocksdb::Env* const env_;

  // Protects `db_` and `closed_`: shared for use, exclusive for replacement.
  std::shared_mutex db_mutex_;
  // Held by changes, which read before they write. Locked after `db_mutex_`.
  std::mutex write_mutex_;
  std::unique_ptr<rocksdb::DB> db_;
  std::atomic<bool> broken_ = false;
  bool closed_ = false;
};

} // namespace

namespace detail {

store_result<std::unique_ptr<lock_store>> open_rocksdb_store(
  const std::string& path, const rocksdb_store_options& options, rocksdb::Env* env) {
  auto opened = open_database(path, options, env, true);
  if (!opened.ok())
    return {std::move(opened.status), nullptr};
  return {{}, std::make_unique<rocksdb_store>(path, options, env, std::move(opened.value))};
}

} // namespace detail

store_result<std::unique_ptr<lock_store>> open_rocksdb_store(
  const std::string& path, const rocksdb_store_options& options) {
  return detail::open_rocksdb_store(path, options, rocksdb::Env::Default());
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

#include <leasebreak/persistence/postgres_store.hpp>

#include "batch.hpp"
#include "postgres_columns.hpp"
#include "postgres_session.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

using detail::bytea_literal;
using detail::failure;
using detail::postgres_error;
using detail::postgres_result;
using detail::postgres_session;

// Longer listings use a cursor and are fetched in batches of this many rows.
constexpr std::size_t rows_at_once = 5000;

parsed_record read_record(const postgres_result& rows, std::size_t row) {
  return detail::read_row([&](std::size_t i) { return rows.value(row, i); });
}

void append_rows(lock_listing& listing, const postgres_result& rows) {
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    auto parsed = read_record(rows, row);
    if (parsed.ok())
      listing.records.push_back(std::move(*parsed.record));
    else
      listing.malformed.push_back(std::move(parsed.error));
  }
}

std::string select_matching(const lock_query& query) {
  std::string sql = "SELECT " + detail::column_names() + " FROM leasebreak_locks WHERE true";
  const auto hashed = [&](const char* column, const std::string& value) {
    if (value.empty())
      return;
    // The expression of the indexes.
    sql += std::string(" AND sha256(") + column + ") = sha256(" + bytea_literal(value) + ")";
  };
  hashed("file_id", query.file_id);
  hashed("owner_id", query.owner_id);
  hashed("client_id", query.client_id);
  if (!query.share_name.empty())
    sql += " AND share_name = " + bytea_literal(query.share_name);
  if (query.is_lease)
    sql += *query.is_lease ? " AND lease_key <> ''" : " AND lease_key = ''";
  return sql;
}

// Sorts here rather than on the server, which would read and sort everything in the first statement
// of a listing and exceed the timeout of a statement.
void sort_by_id(lock_listing& listing) {
  std::sort(listing.records.begin(), listing.records.end(),
    [](const auto& a, const auto& b) { return a.id < b.id; });
  std::sort(listing.malformed.begin(), listing.malformed.end(),
    [](const auto& a, const auto& b) { return a.record < b.record; });
}

std::string execute_apply(const std::vector<const record_change*>& changes) {
  std::string sql = "EXECUTE leasebreak_apply(";
  const auto array = [&](const auto& append_if) {
    sql += "'{";
    const auto empty = sql.size();
    for (const auto* change : changes) {
      const auto before = sql.size();
      if (before != empty)
        sql += ',';
      if (!append_if(*change))
        sql.resize(before);
    }
    sql += "}'";
  };
  for (const auto& column : detail::postgres_columns()) {
    array([&](const record_change& change) {
      if (change.put)
        column.append(sql, *change.put);
      return change.put.has_value();
    });
    sql += ',';
  }
  array([&](const record_change& change) {
    if (!change.put)
      detail::append_bytea_element(sql, change.id);
    return !change.put;
  });
  return sql + ')';
}

class postgres_store final : public lock_store {
public:
  postgres_store(
    std::string connection, const postgres_store_options& options, detail::postgres_target target)
    : connection_(std::move(connection)), options_(options), target_(std::move(target)) {}

  ~postgres_store() override { postgres_store::close(); }

  /// Connects; only used when the store is opened.
  store_status start() {
    return with_session<bool>([](postgres_session&) { return store_result<bool>{}; }).status;
  }

  store_status put(const persisted_lock& record) override {
    const record_change change{record.id, record};
    return apply({&change, 1});
  }

  store_result<persisted_lock> get(std::string_view id) override {
    return with_session<persisted_lock>(
      [&](postgres_session& session) -> store_result<persisted_lock> {
        const auto rows = session.run("EXECUTE leasebreak_get(" + bytea_literal(id) + ")");
        if (rows.empty())
          return {failure(errc::record_not_found, std::string{id}), {}};
        auto parsed = read_record(rows, 0);
        if (!parsed.ok())
          return {failure(errc::record_malformed, to_string(parsed.error)), {}};
        return {{}, std::move(*parsed.record)};
      });
  }

  store_status erase(std::string_view id) override {
    return with_session<bool>([&](postgres_session& session) -> store_result<bool> {
      const auto done = session.run("EXECUTE leasebreak_erase(" + bytea_literal(id) + ")");
      if (done.changed() == 0)
        return {failure(errc::record_not_found, std::string{id}), {}};
      return {};
    }).status;
  }

  store_result<lock_listing> list(const lock_query& query) override {
    return with_session<lock_listing>([&](postgres_session& session) {
      return store_result<lock_listing>{{}, list_from(session, query)};
    });
  }

  store_result<std::size_t> erase_by_client(std::string_view client_id) override {
    return erase_all("leasebreak_erase_client", client_id);
  }

  store_result<std::size_t> erase_by_file(std::string_view file_id) override {
    return erase_all("leasebreak_erase_file", file_id);
  }

  store_status apply(std::span<const record_change> changes) override {
    return with_session<bool>([&](postgres_session& session) -> store_result<bool> {
      const auto checked = detail::effective(changes);
      if (checked.ok() && !checked.value.empty())
        session.run(execute_apply(checked.value));
      return {checked.status, {}};
    }).status;
  }

  store_result<std::uint64_t> server_epoch() override {
    return with_session<std::uint64_t>([this](postgres_session& session) {
      auto read = read_epoch(session.run("EXECUTE leasebreak_server_row"));
      if (read.ok())
        epoch_ = read.value;
      return read;
    });
  }

  store_result<std::uint64_t> increment_server_epoch() override {
    return with_session<std::uint64_t>([this](postgres_session& session) {
      // Unknown until the server has answered.
      epoch_.reset();
      auto raised = read_epoch(session.run("EXECUTE leasebreak_bump"));
      if (raised.ok())
        epoch_ = raised.value;
      return raised;
    });
  }

  store_result<bool> clean_shutdown() override {
    return with_session<bool>([](postgres_session& session) -> store_result<bool> {
      const auto rows = session.run("EXECUTE leasebreak_server_row");
      if (rows.empty())
        return {no_server_row(), {}};
      return {{}, rows.value(0, 1) == "t"};
    });
  }

  store_status set_clean_shutdown(bool clean) override {
    return with_session<bool>([&](postgres_session& session) -> store_result<bool> {
      const auto done =
        session.run(std::string("EXECUTE leasebreak_set_clean(") + (clean ? "true)" : "false)"));
      if (done.changed() == 0)
        return {no_server_row(), {}};
      return {};
    }).status;
  }

  store_result<persisted_lock> reclaim(
    std::string_view file_id, const lease_key& key, std::string_view client_id) override {
    return with_session<persisted_lock>([&](postgres_session& session) {
      std::vector<persisted_lock> of_file;
      if (!file_id.empty()) {
        lock_query query;
        query.file_id = file_id;
        of_file = list_from(session, query).records;
      }
      return detail::pick_for_reclaim(std::move(of_file), key, client_id);
    });
  }

  void close() override {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (session_)
      session_->release();
    session_.reset();
  }

  [[nodiscard]] std::string description() const override { return target_.description; }

private:
  // Runs `action` on the session, after connecting if there is none or it has ended. After an error
  // the next call gets a new session, so that no unfinished transaction is left.
  template <class T, class Action>
  store_result<T> with_session(const Action& action) {
    const std::lock_guard lock(mutex_);
    if (closed_)
      return {failure(errc::store_closed, target_.description), {}};
    if (lost_)
      return {described(*lost_), {}};
    try {
      if (session_ && !session_->alive())
        session_.reset();
      if (!session_)
        connect();
      return action(*session_);
    } catch (const postgres_error& error) {
      session_.reset();
      return {described(error.status), {}};
    }
  }

  void connect() {
    session_ = std::make_unique<postgres_session>(connection_, options_, last_);
    last_ = session_->self();
    if (epoch_)
      check_epoch(*epoch_);
  }

  // While the connection was lost, another server may have used the store; the data of this one is
  // out of date then. A server increments the epoch before it uses the store.
  void check_epoch(std::uint64_t own) {
    const auto found = read_epoch(session_->run("EXECUTE leasebreak_server_row"));
    if (!found.ok())
      throw postgres_error{found.status, {}};
    if (found.value == own)
      return;
    session_->release(); // the other server may be about to reconnect
    lost_ = failure(errc::store_locked,
      "the store has epoch " + std::to_string(found.value) + ", this server's is " +
        std::to_string(own) +
        ": another server has used the store meanwhile, or it is an older copy. This server no "
        "longer writes "
        "to it: stop it, and start it again only if no other server uses the store");
    throw postgres_error{*lost_, {}};
  }

  store_status described(store_status status) const {
    // The server or the client library might repeat the password.
    for (std::size_t at = 0; !target_.password.empty();) {
      at = status.detail.find(target_.password, at);
      if (at == std::string::npos)
        break;
      status.detail.replace(at, target_.password.size(), "***");
      at += 3;
    }
    status.detail = target_.description + ": " + status.detail;
    return status;
  }

  static store_status no_server_row() {
    return failure(errc::store_corrupt, "the table leasebreak_server has no row");
  }

  static store_result<std::uint64_t> read_epoch(const postgres_result& rows) {
    if (rows.empty())
      return {no_server_row(), 0};
    const auto text = rows.value(0, 0);
    std::uint64_t epoch = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), epoch);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
      return {failure(errc::store_corrupt, "the server epoch is out of range"), 0};
    return {{}, epoch};
  }

  static lock_listing list_from(postgres_session& session, const lock_query& query) {
    auto listing = list_unsorted(session, query);
    sort_by_id(listing);
    return listing;
  }

  static lock_listing list_unsorted(postgres_session& session, const lock_query& query) {
    lock_listing listing;
    const auto select = select_matching(query);
    const bool by_index =
      !query.file_id.empty() || !query.owner_id.empty() || !query.client_id.empty();
    if (by_index) {
      const auto first = session.run(select + " LIMIT " + std::to_string(rows_at_once));
      if (first.rows() < rows_at_once) {
        append_rows(listing, first);
        return listing;
      }
    }
    // From the start, so that the listing is a consistent snapshot.
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (!by_index)
      session.run("SET LOCAL enable_seqscan = on");
    session.run("DECLARE leasebreak_listing NO SCROLL CURSOR FOR " + select);
    for (;;) {
      const auto rows =
        session.run("FETCH " + std::to_string(rows_at_once) + " leasebreak_listing");
      append_rows(listing, rows);
      if (rows.rows() < rows_at_once)
        break;
    }
    session.run("COMMIT");
    return listing;
  }

  store_result<std::size_t> erase_all(const char* statement, std::string_view value) {
    return with_session<std::size_t>([&](postgres_session& session) -> store_result<std::size_t> {
      if (value.empty())
        return {};
      const auto done =
        session.run(std::string("EXECUTE ") + statement + "(" + bytea_literal(value) + ")");
      return {{}, done.changed()};
    });
  }

  const std::string connection_;
  const postgres_store_options options_;
  const detail::postgres_target target_;

  std::mutex mutex_; // Protects everything below; held during a whole call.
  std::unique_ptr<postgres_session> session_;
  detail::server_session last_; ///< The current session, or the previous one.
  std::optional<std::uint64_t> epoch_; ///< As last read or written by this store.
  /// Set if another server has taken over the store, permanently.
  std::optional<store_status> lost_;
  bool closed_ = false;
};

} // namespace

store_result<std::unique_ptr<lock_store>> open_postgres_store(
  const std::string& connection, const postgres_store_options& options) {
  auto target = detail::parse_target(connection);
  if (!target.ok())
    return {std::move(target.status), nullptr};
  auto store = std::make_unique<postgres_store>(connection, options, std::move(target.value));
  if (auto status = store->start(); !status.ok())
    return {std::move(status), nullptr};
  return {{}, std::move(store)};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

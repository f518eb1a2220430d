#include "postgres_session.hpp"

#include "batch.hpp"
#include "postgres_schema.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

// One half of the advisory lock's key, "leas"; the other half is the name of the schema.
constexpr const char* lock_class = "1818583411";

store_status too_new(const std::string& version) {
  return failure(errc::store_version,
    "the tables have version " + version + ", this library supports " +
      std::to_string(postgres_migrations().size()));
}

// libpq ends its messages with a line break.
std::string trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  return std::string{text};
}

postgres_error unavailable(std::string_view why) {
  return {failure(errc::store_unavailable, trimmed(why)), {}};
}

using owned_connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;

owned_connection connect(const std::string& text, std::chrono::milliseconds timeout) {
  const auto seconds = std::to_string(std::chrono::ceil<std::chrono::seconds>(timeout).count());
  // Later values take precedence, so that the connection string can override these.
  const char* const keywords[] = {
    "fallback_application_name", "connect_timeout", "dbname", nullptr};
  const char* const values[] = {"leasebreak", seconds.c_str(), text.c_str(), nullptr};
  owned_connection result(PQconnectdbParams(keywords, values, 1), PQfinish);
  if (PQstatus(result.get()) != CONNECTION_OK)
    throw unavailable(PQerrorMessage(result.get()));
  // libpq would print notices.
  PQsetNoticeReceiver(
    result.get(), [](void*, const PGresult*) {}, nullptr);
  // Otherwise sending a long statement to a server that does not read would block forever.
  PQsetnonblocking(result.get(), 1);
  return result;
}

} // namespace

errc postgres_errc(std::string_view sqlstate) noexcept {
  if (sqlstate == "53100")
    return errc::store_full;
  if (sqlstate == "42501")
    return errc::store_unavailable;
  // XX: the server found its own files damaged. 42: the tables do not have the expected structure.
  // 22, 23: they have constraints that the store did not create.
  for (const auto* kind : {"XX", "42", "22", "23"})
    if (sqlstate.starts_with(kind))
      return errc::store_corrupt;
  return errc::store_unavailable;
}

store_result<postgres_target> parse_target(const std::string& connection) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(
    PQconninfoParse(connection.c_str(), &error), PQconninfoFree);
  // The message may repeat parts of the text, so do not show it.
  PQfreemem(error);
  if (!parsed)
    return {failure(errc::invalid_argument, "postgres: not a libpq connection string or URI"), {}};
  const auto value = [&](std::string_view keyword) -> std::string {
    for (const auto* option = parsed.get(); option->keyword != nullptr; ++option)
      if (option->keyword == keyword && option->val != nullptr)
        return option->val;
    return {};
  };
  postgres_target target;
  target.description = "postgres:";
  if (const auto user = value("user"); !user.empty())
    target.description += user + "@";
  target.description += value("host").empty() ? value("hostaddr") : value("host");
  if (const auto port = value("port"); !port.empty())
    target.description += ":" + port;
  if (const auto database = value("dbname"); !database.empty())
    target.description += "/" + database;
  target.password = value("password");
  return {{}, std::move(target)};
}

postgres_session::postgres_session(const std::string& connection,
  const postgres_store_options& options, const server_session& replaces)
  : timeout_(std::max(options.timeout, std::chrono::milliseconds{1000})),
    connection_(connect(connection, options.timeout)) {
  set_up(options, replaces);
}

void postgres_session::set_up(
  const postgres_store_options& options, const server_session& replaces) {
  const auto milliseconds = [](std::chrono::milliseconds time) {
    return std::to_string(std::max<std::int64_t>(time.count(), 1));
  };
  run("SET client_min_messages = warning");
  run("SET bytea_output = 'hex'");
  run("SET standard_conforming_strings = on");
  // The server times out first, which is an orderly end, and soon notices if this machine is gone.
  run("SET statement_timeout = " + milliseconds(timeout_ * 3 / 4));
  run("SET lock_timeout = " + milliseconds(timeout_ / 4));
  run("SET tcp_keepalives_idle = 30");
  run("SET tcp_keepalives_interval = 10");
  run("SET tcp_keepalives_count = 3");
  // Plans are kept, and plans from when the tables were empty would scan them. Every statement
  // except the full listing can use an index, whatever the statistics say.
  run("SET enable_seqscan = off");
  run("SET enable_hashjoin = off");
  run("SET enable_mergejoin = off");
  run("SET jit = off");
  if (options.durable)
    run("SELECT set_config('synchronous_commit', 'on', false) "
        "WHERE current_setting('synchronous_commit') = 'off'");
  else
    run("SET synchronous_commit = off");
  const auto self = run("SELECT pid, extract(epoch FROM backend_start) FROM pg_stat_activity "
                        "WHERE pid = pg_backend_pid()");
  self_ = {self.number<int>(0, 0), std::string{self.value(0, 1)}};
  keep_to_first_schema();
  take_store(replaces);
  migrate();
  for (const auto& statement : postgres_statements())
    run(statement);
}

// The lock is that of the first schema. Later schemas must be ignored, because they may contain the
// tables of another store.
void postgres_session::keep_to_first_schema() {
  const auto kept = run("SELECT set_config('search_path', quote_ident(name), false) "
                        "FROM (SELECT current_schema() AS name) AS first WHERE name IS NOT NULL");
  if (kept.empty())
    throw postgres_error{failure(errc::store_unavailable,
                           "the search path has no existing schema that this user may use"),
      {}};
}

void postgres_session::take_store(const server_session& replaces) {
  if (replaces.process != 0)
    end(replaces);
  const auto schema = run("SELECT hashtext(current_schema())");
  try {
    // Waits up to the lock timeout, because the server may not have noticed yet that the previous
    // session ended.
    run("SELECT pg_advisory_lock(" + std::string{lock_class} + ", " +
      std::string{schema.value(0, 0)} + ")");
  } catch (postgres_error& error) {
    if (error.sqlstate == "55P03") // lock_not_available
      error.status = failure(errc::store_locked, "another session has the store open");
    throw;
  }
}

// Terminates the session only if it is the same session and has the same store: its process number
// may now belong to another session, with another store or server.
void postgres_session::end(const server_session& lost) {
  run("SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
      "WHERE locktype = 'advisory' AND pid = " +
    std::to_string(lost.process) + " AND extract(epoch FROM backend_start)::text = '" +
    lost.started +
    "' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid "
    "= " +
    lock_class + " AND objid = (hashtext(current_schema())::bigint & 4294967295)::oid");
}

void postgres_session::migrate() {
  // Check first, because creating an existing table requires a privilege, too.
  if (run("SELECT to_regclass('leasebreak_schema')").is_null(0, 0))
    run("CREATE TABLE leasebreak_schema (version integer NOT NULL)");
  const auto row = run("SELECT coalesce(max(version), 0) FROM leasebreak_schema");
  const auto& migrations = postgres_migrations();
  const auto found = row.number<long>(0, 0);
  if (found < 0)
    throw postgres_error{failure(errc::store_corrupt, "the tables have a version below 0"), {}};
  auto version = static_cast<std::size_t>(found);
  if (version > migrations.size())
    throw postgres_error{too_new(std::string{row.value(0, 0)}), {}};
  for (; version < migrations.size(); ++version) {
    run("BEGIN");
    for (const auto& statement : migrations[version])
      run(statement);
    run("DELETE FROM leasebreak_schema");
    run("INSERT INTO leasebreak_schema VALUES (" + std::to_string(version + 1) + ")");
    run("COMMIT");
  }
}

postgres_result postgres_session::run(const std::string& statement) {
  if (!usable())
    throw unavailable("the connection is closed");
  if (PQsendQuery(connection_.get(), statement.c_str()) == 0)
    throw unavailable(PQerrorMessage(connection_.get()));
  // All results must be read before the next statement. Only the first says how this one ended.
  postgres_result first;
  for (;;) {
    while (PQisBusy(connection_.get()) != 0)
      wait_for_server();
    postgres_result next(PQgetResult(connection_.get()));
    if (!next)
      break;
    if (!first)
      first = std::move(next);
  }
  if (!first.succeeded())
    fail(first);
  return first;
}

void postgres_session::fail(const postgres_result& result) const {
  if (!result)
    throw unavailable(PQerrorMessage(connection_.get()));
  const auto sqlstate = result.sqlstate();
  const bool is_reply = usable() && !sqlstate.empty();
  throw postgres_error{
    failure(is_reply ? postgres_errc(sqlstate) : errc::store_unavailable, trimmed(result.error())),
    sqlstate};
}

// Sends what is left of the statement, and reads what has arrived of its result.
void postgres_session::wait_for_server() {
  auto* const connection = connection_.get();
  const int unsent = PQflush(connection);
  pollfd server{PQsocket(connection), POLLIN, 0};
  if (unsent == 1)
    server.events = POLLIN | POLLOUT;
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  for (;;) {
    const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = left.count() <= 0 ? 0 : ::poll(&server, 1, static_cast<int>(left.count()));
    if (ready > 0) {
      // If this fails, the connection has ended, and the result says so.
      PQconsumeInput(connection);
      return;
    }
    if (ready < 0 && errno == EINTR)
      continue;
    const auto why = ready == 0 ? "the server does not respond" : std::strerror(errno);
    // Makes libpq notice the end, so that nothing waits for this server any more.
    ::shutdown(server.fd, SHUT_RDWR);
    while (PQconsumeInput(connection) == 1 && PQstatus(connection) == CONNECTION_OK) {
      // Read everything that had arrived.
    }
    throw unavailable(why);
  }
}

bool postgres_session::usable() const noexcept {
  return PQstatus(connection_.get()) == CONNECTION_OK;
}

bool postgres_session::alive() noexcept {
  // Data that arrives while idle is a notice, or a final message and the end of the connection,
  // which libpq detects in two steps. A few steps suffice for either.
  for (int step = 0; step < 8 && usable(); ++step) {
    pollfd server{PQsocket(connection_.get()), POLLIN, 0};
    if (::poll(&server, 1, 0) <= 0)
      break;
    PQconsumeInput(connection_.get());
  }
  return usable();
}

void postgres_session::release() noexcept {
  try {
    run("SELECT pg_advisory_unlock_all()");
  } catch (const postgres_error&) {
    // The server notices the end by itself.
  } catch (const std::exception&) {
    // Out of memory: as above.
  }
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

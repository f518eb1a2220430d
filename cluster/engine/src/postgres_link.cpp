#include "postgres_link.hpp"

#include "engine_values.hpp"
#include "postgres_hosts.hpp"
#include <leasebreak/model/quoted.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>

#include <new>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;

namespace {

using owned_result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

// libpq ends its messages with a line break.
std::string words_of(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  return quoted(text);
}

/// The kind of a problem by the server's code (SQLSTATE).
engine_problem kind_of(std::string_view code) {
  // 28: logon. 42501: no right. 42, 22, 23: the tables are not as they were created. XX: the server
  // found its own files damaged.
  if (code.starts_with("28") || code == "42501")
    return engine_problem::refused;
  for (const auto* const kind : {"42", "22", "23", "XX"})
    if (code.starts_with(kind))
      return engine_problem::damaged;
  return engine_problem::unreachable;
}

PGconn* begin_to_connect(const postgres_parameters& parameters) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectStartParams(keywords.data(), values.data(), 0);
}

} // namespace

std::size_t sql_rows::size() const noexcept {
  return static_cast<std::size_t>(PQntuples(result_.get()));
}

std::size_t sql_rows::changed() const noexcept {
  // Empty for a statement that changes no rows.
  return static_cast<std::size_t>(parse_number(PQcmdTuples(result_.get())).value_or(0));
}

bool sql_rows::is_null(std::size_t row, std::size_t column) const noexcept {
  return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}

std::string_view sql_rows::text(std::size_t row, std::size_t column) const noexcept {
  const auto r = static_cast<int>(row);
  const auto c = static_cast<int>(column);
  return {
    PQgetvalue(result_.get(), r, c), static_cast<std::size_t>(PQgetlength(result_.get(), r, c))};
}

std::optional<std::uint64_t> sql_rows::number(std::size_t row, std::size_t column) const noexcept {
  return parse_number(text(row, column));
}

std::string sql_rows::bytes(std::size_t row, std::size_t column) const {
  std::size_t length = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> raw(
    PQunescapeBytea(reinterpret_cast<const unsigned char*>(text(row, column).data()), &length),
    PQfreemem);
  if (raw == nullptr)
    throw std::bad_alloc();
  return {reinterpret_cast<const char*>(raw.get()), length};
}

bool postgres_link::is_usable() const noexcept {
  return PQstatus(connection_.get()) == CONNECTION_OK;
}

engine_error postgres_link::problem() const {
  // The server gives no code for a refused logon.
  const bool is_about_password = PQstatus(connection_.get()) == CONNECTION_BAD &&
    (PQconnectionUsedPassword(connection_.get()) != 0 ||
      PQconnectionNeedsPassword(connection_.get()) != 0);
  return {is_about_password ? engine_problem::refused : engine_problem::unreachable,
    "PostgreSQL is not reachable: " + words_of(PQerrorMessage(connection_.get()))};
}

engine_error postgres_link::problem_of(const PGresult* result) const {
  const auto* const code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (!is_usable() || code == nullptr)
    return problem();
  return {kind_of(code), "PostgreSQL refuses a request: " + words_of(PQresultErrorMessage(result))};
}

// A descriptor of its own, because libpq closes its own and opens others.
asio::awaitable<bool> postgres_link::wait(wait_type what) {
  const int copy = ::dup(PQsocket(connection_.get()));
  if (copy < 0)
    co_return false;
  asio::posix::stream_descriptor socket(on_, copy);
  const auto [failed] = co_await socket.async_wait(what, asio::as_tuple(asio::use_awaitable));
  co_return !failed;
}

asio::awaitable<std::optional<engine_error>> postgres_link::connect(
  const std::string& connection, std::chrono::milliseconds timeout) {
  auto parameters = parse_postgres_connection(connection);
  parameters.try_emplace("fallback_application_name", "leasebreak");
  parameters["target_session_attrs"] = "read-write";
  auto looked_up = co_await look_up_hosts(on_, std::move(parameters));
  if (const auto* const why = std::get_if<std::string>(&looked_up))
    co_return engine_error{engine_problem::unreachable, "PostgreSQL is not reachable: " + *why};
  connection_.reset(begin_to_connect(std::get<postgres_parameters>(looked_up)));
  if (connection_ == nullptr)
    throw std::bad_alloc();
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
    if (PQstatus(connection_.get()) == CONNECTION_BAD || state == PGRES_POLLING_FAILED)
      co_return problem();
    if (!co_await wait(
          state == PGRES_POLLING_READING ? wait_type::wait_read : wait_type::wait_write))
      co_return engine_error{engine_problem::unreachable, "cannot wait for PostgreSQL"};
    state = PQconnectPoll(connection_.get());
  }
  PQsetNoticeReceiver(
    connection_.get(), [](void*, const PGresult*) {}, nullptr); // libpq would print them
  PQsetnonblocking(connection_.get(), 1);
  // A commit that is confirmed must not be lost. The server's own limit comes first, which
  // leaves the connection in order.
  const std::vector<sql_value> limits(1, sql_value(std::to_string(timeout.count())));
  auto set = co_await ask(
    "SELECT set_config('statement_timeout', $1, false), set_config('synchronous_commit', CASE "
    "current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE "
    "current_setting('synchronous_commit') END, false)",
    limits);
  if (auto* const failed = std::get_if<engine_error>(&set))
    co_return std::move(*failed);
  co_return std::nullopt;
}

asio::awaitable<bool> postgres_link::flush() {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left <= 0)
      co_return left == 0;
    if (!co_await wait(wait_type::wait_write) || PQconsumeInput(connection_.get()) == 0)
      co_return false;
  }
}

// Returns the first result; all must be read.
asio::awaitable<owned_result> postgres_link::answer() {
  owned_result first(nullptr, PQclear);
  for (;;) {
    while (PQisBusy(connection_.get()) != 0)
      if (!co_await wait(wait_type::wait_read) || PQconsumeInput(connection_.get()) == 0)
        co_return owned_result(nullptr, PQclear);
    owned_result next(PQgetResult(connection_.get()), PQclear);
    if (next == nullptr)
      co_return first;
    if (first == nullptr)
      first = std::move(next);
  }
}

asio::awaitable<engine_result<sql_rows>> postgres_link::ask(
  const char* statement, std::vector<sql_value> arguments) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const auto& a : arguments) {
    values.push_back(a.text.c_str());
    lengths.push_back(static_cast<int>(a.text.size()));
    formats.push_back(a.is_bytes ? 1 : 0);
  }
  if (PQsendQueryParams(connection_.get(), statement, static_cast<int>(values.size()), nullptr,
        values.data(), lengths.data(), formats.data(), 0) == 0 ||
    !co_await flush())
    co_return problem();
  auto result = co_await answer();
  const auto status = PQresultStatus(result.get());
  if (result == nullptr || (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK))
    co_return problem_of(result.get());
  co_return sql_rows(result.release());
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

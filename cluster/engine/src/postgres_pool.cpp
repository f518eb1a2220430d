#include "postgres_pool.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;

namespace {

constexpr std::size_t idle_max = 4;

// Existing tables are looked for first, because creating them needs a right. Two nodes that create
// them at the same time would otherwise meet in the server's own tables.
constexpr const char* have_tables = "SELECT 1 WHERE to_regclass('leasebreak_cluster') IS NOT NULL "
                                    "AND to_regclass('leasebreak_cluster_node') IS NOT NULL";
constexpr const char* creation[] = {
  "BEGIN",
  "SELECT pg_advisory_xact_lock(hashtext('leasebreak_cluster'))",
  "CREATE TABLE IF NOT EXISTS leasebreak_cluster (name text PRIMARY KEY, last_node integer NOT "
  "NULL, view_number bigint NOT NULL DEFAULT 0, view bytea)",
  "CREATE TABLE IF NOT EXISTS leasebreak_cluster_node (cluster text, node integer, renewed bigint "
  "NOT NULL, suspected bytea NOT NULL, PRIMARY KEY (cluster, node))",
  "COMMIT",
};

} // namespace

postgres_pool::postgres_pool(
  asio::any_io_executor on, std::string connection, std::chrono::milliseconds timeout)
  : on_(std::move(on)), connection_(std::move(connection)), timeout_(timeout) {}

asio::awaitable<engine_result<sql_rows>> postgres_pool::ask(
  const char* statement, std::vector<sql_value> arguments) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(on_, timeout_);
  auto first = co_await (ask_in_time(statement, std::move(arguments)) ||
    timer.async_wait(asio::as_tuple(asio::use_awaitable)));
  // The result has the alternatives of both.
  if (auto* const rows = std::get_if<sql_rows>(&first))
    co_return std::move(*rows);
  if (auto* const failed = std::get_if<engine_error>(&first))
    co_return std::move(*failed);
  co_return engine_error{engine_problem::unreachable,
    "PostgreSQL has not answered in " + std::to_string(timeout_.count()) + " ms"};
}

// A connection that was kept may have ended meanwhile. Then another is opened.
asio::awaitable<engine_result<sql_rows>> postgres_pool::ask_in_time(
  const char* statement, std::vector<sql_value> arguments) {
  for (;;) {
    const bool was_kept = !idle_.empty();
    link used;
    if (was_kept) {
      used = std::move(idle_.back());
      idle_.pop_back();
    } else {
      auto opened = co_await open();
      if (auto* const failed = std::get_if<engine_error>(&opened))
        co_return std::move(*failed);
      used = std::get<link>(std::move(opened));
    }
    auto result = co_await used->ask(statement, arguments);
    const bool is_usable = used->is_usable();
    if (is_usable && idle_.size() < idle_max)
      idle_.push_back(std::move(used));
    if (is_usable || !was_kept)
      co_return result;
  }
}

asio::awaitable<engine_result<postgres_pool::link>> postgres_pool::open() {
  auto opened = std::make_unique<postgres_link>(on_);
  if (auto failed = co_await opened->connect(connection_, timeout_))
    co_return *std::move(failed);
  if (!has_tables_)
    if (auto failed = co_await create_tables(*opened))
      co_return *std::move(failed);
  has_tables_ = true;
  co_return opened;
}

asio::awaitable<std::optional<engine_error>> postgres_pool::create_tables(postgres_link& on) {
  const std::vector<sql_value> none;
  auto found = co_await on.ask(have_tables, none);
  if (auto* const failed = std::get_if<engine_error>(&found))
    co_return std::move(*failed);
  if (std::get<sql_rows>(found).size() != 0)
    co_return std::nullopt;
  for (const auto* const statement : creation) {
    auto done = co_await on.ask(statement, none);
    if (auto* const failed = std::get_if<engine_error>(&done))
      co_return std::move(*failed);
  }
  co_return std::nullopt;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

#include <leasebreak/cluster/postgres_engine.hpp>

#include "engine_values.hpp"
#include "postgres_hosts.hpp"
#include "postgres_pool.hpp"
#include "watched_rows.hpp"

#include <stdexcept>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;

namespace {

constexpr const char* take_number =
  "INSERT INTO leasebreak_cluster (name, last_node) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE "
  "SET last_node = leasebreak_cluster.last_node + 1 WHERE leasebreak_cluster.last_node < "
  "$2::integer RETURNING last_node";
constexpr const char* create_lease =
  "INSERT INTO leasebreak_cluster_node (cluster, node, renewed, suspected) VALUES ($1, "
  "$2::integer, "
  "1, $3) ON CONFLICT (cluster, node) DO UPDATE SET renewed = leasebreak_cluster_node.renewed + 1, "
  "suspected = EXCLUDED.suspected";
constexpr const char* renew_row =
  "UPDATE leasebreak_cluster_node SET renewed = renewed + 1, suspected = $3 "
  "WHERE cluster = $1 AND node = $2::integer";
// One statement sees one moment. The first row is the view, without its content if that is known;
// the others are nodes.
constexpr const char* read_all =
  "SELECT view_number, CASE WHEN view_number <> $2::bigint THEN view END, NULL::integer FROM "
  "leasebreak_cluster WHERE name = $1 UNION ALL SELECT renewed, suspected, node FROM "
  "leasebreak_cluster_node WHERE cluster = $1";
constexpr const char* end_expired =
  "DELETE FROM leasebreak_cluster_node WHERE cluster = $1 AND node = $2::integer AND renewed = "
  "$3::bigint";
// The row of the node is locked, so that its lease does not end meanwhile.
constexpr const char* replace_view =
  "WITH alive AS (SELECT 1 FROM leasebreak_cluster_node WHERE cluster = $1 AND node = $4::integer "
  "FOR KEY SHARE) UPDATE leasebreak_cluster SET view_number = $2::bigint, view = $3 WHERE name = "
  "$1 "
  "AND view_number = $2::bigint - 1 AND EXISTS (SELECT 1 FROM alive)";
constexpr const char* end_own =
  "DELETE FROM leasebreak_cluster_node WHERE cluster = $1 AND node = $2::integer";

/// The rows that exist at one moment.
struct cluster_rows {
  std::uint64_t view_number = 0;
  std::optional<std::string> view; ///< Nothing if it is known, or there is none.
  watched_rows::numbers renewals;
  std::map<node_id, std::vector<node_id>> living;
};

class postgres_engine final : public engine {
public:
  postgres_engine(asio::any_io_executor on, const postgres_engine_settings& s)
    : name_(s.cluster), pool_(std::move(on), s.connection, s.timeout), rows_(s.lease) {}

  asio::awaitable<engine_result<node_id>> start_run() override;
  asio::awaitable<engine_result<bool>> renew(std::vector<node_id> suspected) override;
  asio::awaitable<engine_result<engine_document>> read() override;
  asio::awaitable<engine_result<bool>> propose(view next) override;
  asio::awaitable<engine_result<bool>> revoke() override;

private:
  /// Returns whether the statement has changed a row.
  asio::awaitable<engine_result<bool>> change(
    const char* statement, std::vector<sql_value> arguments);
  [[nodiscard]] engine_result<cluster_rows> rows_in(const sql_rows& all) const;
  [[nodiscard]] std::optional<engine_error> take_view(const cluster_rows& read);
  [[nodiscard]] engine_error damaged(const std::string& what, const std::string& remedy) const;

  /// For coroutines, in which g++ 12 does not compile lists in braces.
  template <class... Value>
  [[nodiscard]] static std::vector<sql_value> list(Value... value) {
    std::vector<sql_value> all;
    (all.push_back(std::move(value)), ...);
    return all;
  }
  [[nodiscard]] sql_value name() const { return sql_value(name_); }
  [[nodiscard]] static sql_value bytes(std::string b) { return sql_value(std::move(b), true); }
  [[nodiscard]] static sql_value number(std::uint64_t n) { return sql_value(std::to_string(n)); }
  [[nodiscard]] static sql_value number(node_id n) { return number(static_cast<std::uint32_t>(n)); }

  std::string name_;
  postgres_pool pool_;
  watched_rows rows_;
  node_id node_{};
  bool has_lease_ = false;
  view view_; ///< That was read last.
};

engine_error postgres_engine::damaged(const std::string& what, const std::string& remedy) const {
  return {engine_problem::damaged,
    "the tables of the cluster " + name_ + " in PostgreSQL are damaged: " + what +
      ". Stop all nodes, " + remedy + ", and start them again."};
}

asio::awaitable<engine_result<bool>> postgres_engine::change(
  const char* statement, std::vector<sql_value> arguments) {
  auto done = co_await pool_.ask(statement, std::move(arguments));
  if (auto* const failed = std::get_if<engine_error>(&done))
    co_return std::move(*failed);
  co_return std::get<sql_rows>(done).changed() != 0;
}

asio::awaitable<engine_result<node_id>> postgres_engine::start_run() {
  auto done = co_await pool_.ask(take_number, list(name(), number(node_number_max)));
  if (auto* const failed = std::get_if<engine_error>(&done))
    co_return std::move(*failed);
  const auto& row = std::get<sql_rows>(done);
  if (row.size() == 0)
    co_return engine_error{
      engine_problem::exhausted, "no numbers are left for nodes of the cluster " + name_};
  const auto n = row.number(0, 0);
  if (!n || *n == 0)
    co_return damaged(
      "leasebreak_cluster.last_node is not above 0", "set it to that of the last node");
  node_ = node_id{static_cast<std::uint32_t>(*n)};
  co_return node_;
}

asio::awaitable<engine_result<bool>> postgres_engine::renew(std::vector<node_id> suspected) {
  auto done = co_await change(has_lease_ ? renew_row : create_lease,
    list(name(), number(node_), bytes(encode_suspected(suspected))));
  if (const auto* const is_done = std::get_if<bool>(&done))
    has_lease_ = has_lease_ || *is_done;
  co_return done;
}

engine_result<cluster_rows> postgres_engine::rows_in(const sql_rows& all) const {
  cluster_rows found;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto n = all.number(i, 0);
    if (!n)
      return damaged("a number is negative", "delete that row");
    if (all.is_null(i, 2)) {
      found.view_number = *n;
      if (!all.is_null(i, 1))
        found.view = all.bytes(i, 1);
      continue;
    }
    const auto node = all.number(i, 2);
    auto suspected = decode_suspected(all.bytes(i, 1));
    if (!node || *node == 0 || *node > node_number_max || !suspected)
      return damaged("a row of leasebreak_cluster_node is not of a node", "delete that row");
    const auto id = node_id{static_cast<std::uint32_t>(*node)};
    found.renewals[id] = *n;
    found.living[id] = *std::move(suspected);
  }
  return found;
}

// Returns what is wrong with the view.
std::optional<engine_error> postgres_engine::take_view(const cluster_rows& read) {
  if (!read.view && (read.view_number == view_.number || read.view_number == 0)) {
    if (read.view_number == 0)
      view_ = {};
    return std::nullopt;
  }
  const auto remedy =
    "execute UPDATE leasebreak_cluster SET view_number = 0, view = NULL WHERE name = '" + name_ +
    "'";
  auto decoded = decode_view(read.view.value_or(std::string()));
  if (const auto* const why = std::get_if<view_error>(&decoded))
    return damaged("the view: " + why->what + " near byte " + std::to_string(why->at), remedy);
  auto& next = std::get<view>(decoded);
  if (next.number != read.view_number)
    return damaged("the view has another number than its row", remedy);
  view_ = std::move(next);
  return std::nullopt;
}

asio::awaitable<engine_result<engine_document>> postgres_engine::read() {
  const auto sent = watched_rows::clock::now();
  auto answer = co_await pool_.ask(read_all, list(name(), number(view_.number)));
  if (auto* const failed = std::get_if<engine_error>(&answer))
    co_return std::move(*failed);
  auto found = rows_in(std::get<sql_rows>(answer));
  if (auto* const failed = std::get_if<engine_error>(&found))
    co_return std::move(*failed);
  auto& rows = std::get<cluster_rows>(found);
  if (auto failed = take_view(rows))
    co_return *std::move(failed);
  for (const auto n : rows_.read(rows.renewals, sent, watched_rows::clock::now())) {
    const auto ended =
      co_await change(end_expired, list(name(), number(n), number(rows.renewals.at(n))));
    // Otherwise the node has renewed its lease since, or this is tried again.
    if (const auto* const is_ended = std::get_if<bool>(&ended); is_ended != nullptr && *is_ended)
      rows.living.erase(n);
  }
  co_return engine_document{view_, std::move(rows.living)};
}

asio::awaitable<engine_result<bool>> postgres_engine::propose(view next) {
  if (next.number != view_.number + 1)
    co_return false;
  co_return co_await change(
    replace_view, list(name(), number(next.number), bytes(encode(next)), number(node_)));
}

asio::awaitable<engine_result<bool>> postgres_engine::revoke() {
  if (!has_lease_)
    co_return false;
  co_return co_await change(end_own, list(name(), number(node_)));
}

} // namespace

std::string problem_of(const postgres_engine_settings& s) {
  if (parse_postgres_connection(s.connection).empty())
    return "not a connection string or URI of PostgreSQL with at least a host or database";
  if (auto problem = problem_of(s.cluster, s.lease); !problem.empty())
    return problem;
  if (s.timeout <= std::chrono::milliseconds{0})
    return "the timeout of PostgreSQL must be positive";
  return {};
}

std::unique_ptr<engine> make_postgres_engine(
  asio::any_io_executor on, postgres_engine_settings settings) {
  if (const auto problem = problem_of(settings); !problem.empty())
    throw std::invalid_argument(problem);
  return std::make_unique<postgres_engine>(std::move(on), settings);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

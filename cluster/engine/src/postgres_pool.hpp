// Connections to PostgreSQL that are kept, and the tables of a cluster.
#pragma once

#include "postgres_link.hpp"

#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// Executes single statements, several at a time. Creates the tables if they do not exist:
///
/// - `leasebreak_cluster` has a row for each cluster: the number of the last run that was started,
///   the number of the view, and the view as `encode` writes it.
/// - `leasebreak_cluster_node` has a row for each living run: a number that each renewal increases,
///   and the runs that it suspects.
class postgres_pool {
public:
  postgres_pool(
    boost::asio::any_io_executor on, std::string connection, std::chrono::milliseconds timeout);

  /// Executes a statement, which may arrive twice if a connection is lost.
  [[nodiscard]] boost::asio::awaitable<engine_result<sql_rows>> ask(
    const char* statement, std::vector<sql_value> arguments);

private:
  using link = std::unique_ptr<postgres_link>;

  [[nodiscard]] boost::asio::awaitable<engine_result<sql_rows>> ask_in_time(
    const char* statement, std::vector<sql_value> arguments);
  [[nodiscard]] boost::asio::awaitable<engine_result<link>> open();
  [[nodiscard]] static boost::asio::awaitable<std::optional<engine_error>> create_tables(
    postgres_link& on);

  boost::asio::any_io_executor on_;
  std::string connection_;
  std::chrono::milliseconds timeout_;
  bool has_tables_ = false;
  std::vector<link> idle_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

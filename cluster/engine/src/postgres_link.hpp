// A connection to PostgreSQL that does not block.
#pragma once

#include <leasebreak/cluster/engine.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <libpq-fe.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// An argument of a statement. Has constructors, because g++ 12 destroys temporary aggregates twice
/// in expressions that wait.
struct sql_value {
  explicit sql_value(std::string t, bool b = false) : text(std::move(t)), is_bytes(b) {}

  std::string text; ///< A number or a text, or bytes as they are.
  bool is_bytes;
};

/// Rows in the server's text format.
class sql_rows {
public:
  /// Takes ownership of the result.
  explicit sql_rows(PGresult* result) : result_(result, PQclear) {}

  [[nodiscard]] std::size_t size() const noexcept;
  /// Returns how many rows the statement has changed.
  [[nodiscard]] std::size_t changed() const noexcept;
  [[nodiscard]] bool is_null(std::size_t row, std::size_t column) const noexcept;
  /// Returns a value; empty if it is null.
  [[nodiscard]] std::string_view text(std::size_t row, std::size_t column) const noexcept;
  /// Returns a number; nothing if it is not one, or negative.
  [[nodiscard]] std::optional<std::uint64_t> number(
    std::size_t row, std::size_t column) const noexcept;
  /// Returns a value of type bytea.
  [[nodiscard]] std::string bytes(std::size_t row, std::size_t column) const;

private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

/// One connection. At most one function may be in progress. All end with an error if the connection
/// is lost; the caller limits how long they take, and then destroys the object.
class postgres_link {
public:
  explicit postgres_link(boost::asio::any_io_executor on) : on_(std::move(on)) {}

  /// Connects to a server that accepts writes. Host names are looked up without blocking.
  [[nodiscard]] boost::asio::awaitable<std::optional<engine_error>> connect(
    const std::string& connection, std::chrono::milliseconds timeout);
  /// Executes one statement.
  [[nodiscard]] boost::asio::awaitable<engine_result<sql_rows>> ask(
    const char* statement, std::vector<sql_value> arguments);
  /// Whether the last error was of the statement alone.
  [[nodiscard]] bool is_usable() const noexcept;

private:
  using wait_type = boost::asio::posix::stream_descriptor::wait_type;

  [[nodiscard]] boost::asio::awaitable<bool> wait(wait_type what);
  [[nodiscard]] boost::asio::awaitable<bool> flush();
  [[nodiscard]] boost::asio::awaitable<std::unique_ptr<PGresult, void (*)(PGresult*)>> answer();
  [[nodiscard]] engine_error problem() const;
  [[nodiscard]] engine_error problem_of(const PGresult* result) const;

  boost::asio::any_io_executor on_;
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_{nullptr, PQfinish};
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

// One connection to a PostgreSQL server, set up for the store, that no call can hang on.
#pragma once

#include <leasebreak/persistence/postgres_store.hpp>

#include <pqxx/connection_base>
#include <pqxx/connectionpolicy.hxx>
#include <pqxx/result>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace leasebreak::detail {

/// What everything here throws.
struct postgres_error {
  store_status status;
  std::string sqlstate; ///< Empty if it is not the server that says it.
};

/// The library's error for what the server or the client library reports. `sqlstate` may be empty.
[[nodiscard]] errc postgres_errc(std::string_view sqlstate) noexcept;

/// The parts of a connection string that may be shown, and the one that may not.
struct postgres_target {
  std::string description; ///< "postgres:user@host:port/database", as far as given.
  std::string password;
};

/// Errors: `errc::invalid_argument` if `connection` is no connection string.
store_result<postgres_target> parse_target(const std::string& connection);

/// Connects as libpq does, keeps the handle, and lets nothing that is sent block.
class session_policy final : public pqxx::connectionpolicy {
public:
  session_policy(const std::string& connection, std::chrono::milliseconds timeout);

  handle do_startconnect(handle original) override;

  [[nodiscard]] handle native() const noexcept { return native_; }

private:
  std::chrono::milliseconds timeout_;
  handle native_ = nullptr;
};

/// A process of the server, and when it began, since process numbers are used again.
struct server_session {
  int process = 0;
  std::string started; ///< Seconds since 1970, as PostgreSQL writes them.
};

/// A connection with its tables up to date and its statements prepared. For one thread at a time.
class postgres_session : private pqxx::connection_base {
public:
  /// Connects, takes the store for this process, brings the tables up to date. `replaces` is a
  /// session that was lost, which is ended if it still has the store; or process 0.
  postgres_session(const std::string& connection, const postgres_store_options& options,
    const server_session& replaces);
  ~postgres_session() noexcept;

  postgres_session(const postgres_session&) = delete;
  postgres_session& operator=(const postgres_session&) = delete;

  /// Executes one statement, in one round trip, as a transaction of its own unless BEGIN came
  /// before. When nothing comes for as long as the timeout, the connection is given up.
  pqxx::result run(const std::string& statement);

  /// False if the connection ended while nobody used it. Does not wait.
  [[nodiscard]] bool alive() noexcept;

  /// What a session that is to replace this one gets.
  [[nodiscard]] const server_session& self() const noexcept { return self_; }

  /// Lets others have the store at once, not only when the server sees that the connection is gone.
  void release() noexcept;

private:
  void set_up(const postgres_store_options& options, const server_session& replaces);
  void keep_to_first_schema();
  void take_store(const server_session& replaces);
  void end(const server_session& lost);
  void migrate();
  pqxx::result run_unguarded(const std::string& statement);
  void wait_for_server();
  [[nodiscard]] bool usable() const noexcept;

  session_policy policy_;
  std::chrono::milliseconds timeout_;
  server_session self_;
};

} // namespace leasebreak::detail

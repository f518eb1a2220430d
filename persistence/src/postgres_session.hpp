// A connection to a PostgreSQL server for the store, on which no call can block indefinitely.
#pragma once

#include "postgres_result.hpp"

#include <leasebreak/persistence/postgres_store.hpp>

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Returns the library's error for an error of the server or of the client library. `sqlstate` may
/// be empty.
[[nodiscard]] errc postgres_errc(std::string_view sqlstate) noexcept;

/// The parts of a connection string that may be shown, and the password.
struct postgres_target {
  std::string description; ///< "postgres:user@host:port/database", as far as given.
  std::string password;
};

/// Parses a connection string. Errors: `errc::invalid_argument` if it is not valid.
store_result<postgres_target> parse_target(const std::string& connection);

/// A process of the server with its start time, because process numbers are reused.
struct server_session {
  int process = 0;
  std::string started; ///< Seconds since 1970, in PostgreSQL's format.
};

/// A connection with its tables up to date and its statements prepared. Not thread-safe.
class postgres_session {
public:
  /// Connects, locks the store for this process, and migrates the tables. `replaces` is a lost
  /// session, which is terminated if it still has the store locked; its process is 0 if there is
  /// none.
  postgres_session(const std::string& connection, const postgres_store_options& options,
    const server_session& replaces);

  postgres_session(const postgres_session&) = delete;
  postgres_session& operator=(const postgres_session&) = delete;

  /// Executes one statement in one round trip. It is a transaction of its own, unless BEGIN came
  /// before. Closes the connection if the server sends nothing within the timeout.
  postgres_result run(const std::string& statement);

  /// Returns false if the connection ended while it was idle. Does not wait.
  [[nodiscard]] bool alive() noexcept;

  /// Returns the argument `replaces` for a session that replaces this one.
  [[nodiscard]] const server_session& self() const noexcept { return self_; }

  /// Unlocks the store immediately, rather than when the server notices the end of the connection.
  void release() noexcept;

private:
  void set_up(const postgres_store_options& options, const server_session& replaces);
  void keep_to_first_schema();
  void take_store(const server_session& replaces);
  void end(const server_session& lost);
  void migrate();
  [[noreturn]] void fail(const postgres_result& result) const;
  void wait_for_server();
  [[nodiscard]] bool usable() const noexcept;

  std::chrono::milliseconds timeout_;
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  server_session self_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

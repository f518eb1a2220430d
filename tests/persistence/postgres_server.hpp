// A PostgreSQL server that a test program starts, with places for stores.
#pragma once

#include "store_site.hpp"

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace leasebreak::test {

/// A server with its own data directory that only listens on a socket in a private directory. It
/// ends with the object, and with the process if that dies first.
class postgres_server {
public:
  /// Creates the data directory and starts the server. Throws on failure.
  postgres_server();
  ~postgres_server();
  postgres_server(const postgres_server&) = delete;
  postgres_server& operator=(const postgres_server&) = delete;

  void start();
  void stop();

  /// Stops the server with all its processes, and resumes it.
  void freeze();
  void thaw();

  /// Returns a connection string for a schema, which need not exist.
  [[nodiscard]] std::string connection(const std::string& schema = "public") const;

  /// Executes SQL as the superuser; returns the first column of the first row.
  std::string sql(const std::string& statement, const std::string& schema = "public") const;

  /// Returns how often the text occurs in the server's log.
  [[nodiscard]] std::size_t logged(const std::string& text) const;

private:
  void signal_all(int signal) const;

  temporary_directory directory_;
  pid_t server_ = -1;
};

/// Returns the server of this process, which is started by the first call.
postgres_server& shared_postgres();

/// A new schema on the shared server.
class postgres_site final : public store_site {
public:
  postgres_site();
  ~postgres_site() override;

  std::unique_ptr<lock_store> open(bool durable) override;

  [[nodiscard]] std::string connection() const;
  [[nodiscard]] const std::string& schema() const { return schema_; }
  std::string sql(const std::string& statement) const;

private:
  std::string schema_;
};

[[nodiscard]] store_kind postgres_kind();

} // namespace leasebreak::test

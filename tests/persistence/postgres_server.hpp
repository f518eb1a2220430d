// A PostgreSQL server that a test program starts for itself, and places for stores on it.
#pragma once

#include "store_site.hpp"

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace leasebreak::test {

/// A server with a data directory of its own that listens on nothing but a socket in a private
/// directory. It ends with the object, and with the process if that dies first.
class postgres_server {
public:
  /// Makes the data directory and starts. Throws if that does not work.
  postgres_server();
  ~postgres_server();
  postgres_server(const postgres_server&) = delete;
  postgres_server& operator=(const postgres_server&) = delete;

  void start();
  void stop();

  /// Makes the server, with all its processes, stand still, and go on.
  void freeze();
  void thaw();

  /// A connection string for a schema, which need not exist.
  [[nodiscard]] std::string connection(const std::string& schema = "public") const;

  /// Executes SQL as the superuser; the value is the first column of the first row.
  std::string sql(const std::string& statement, const std::string& schema = "public") const;

  /// How often the server's log has this text.
  [[nodiscard]] std::size_t logged(const std::string& text) const;

private:
  void signal_all(int signal) const;

  temporary_directory directory_;
  pid_t server_ = -1;
};

/// The server of this process; started when first asked for.
postgres_server& shared_postgres();

/// A fresh schema on the shared server.
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

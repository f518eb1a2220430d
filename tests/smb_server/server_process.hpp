// The real server as a process of its own, which can be killed and started anew.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace leasebreak::smb::testing {

/// Serves a fresh directory as "share", continuously available, and another one as "plain", with a
/// RocksDB store. Users: "user" with "pass", "other" with "word". Ends with its last process.
class server_process {
public:
  /// `with_admin`: it has a service for operators.
  explicit server_process(bool with_admin = false);
  ~server_process();
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  /// Starts it, on the same port as before if there was one; returns when it listens.
  void start();

  /// SIGKILL.
  void kill();

  /// Sends the signal; returns its exit status, or -1 if the signal killed it.
  int stop(int signal = SIGTERM);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::filesystem::path share() const { return directory_ / "share"; }
  /// Of the service for operators.
  [[nodiscard]] std::filesystem::path admin_socket() const { return directory_ / "admin.sock"; }

private:
  [[nodiscard]] std::vector<std::string> arguments() const;
  int wait();

  const bool with_admin_;
  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
  std::FILE* output_ = nullptr;
};

} // namespace leasebreak::smb::testing

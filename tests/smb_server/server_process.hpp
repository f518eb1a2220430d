// Runs the real server as a process, which can be killed and restarted.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace leasebreak::smb::testing {

/// Serves a new directory as the continuously available share "share", and another one as "plain",
/// with a RocksDB store. Users: "user" with "pass", "other" with "word". The destructor ends the
/// process.
class server_process {
public:
  /// `with_admin`: starts the service for operators.
  explicit server_process(bool with_admin = false);
  ~server_process();
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  /// Starts the server, on the previous port if there was one. Returns when it listens.
  void start();

  /// SIGKILL.
  void kill();

  /// Sends the signal. Returns the exit status, or -1 if the signal killed the process.
  int stop(int signal = SIGTERM);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::filesystem::path share() const { return directory_ / "share"; }
  /// The socket of the service for operators.
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

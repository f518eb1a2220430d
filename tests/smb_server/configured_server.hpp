// The real server as a process with a configuration file, and what it says.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace leasebreak::smb::testing {

/// Receives what a service tells its service manager.
class notify_socket {
public:
  explicit notify_socket(const std::filesystem::path& directory);
  ~notify_socket();
  notify_socket(const notify_socket&) = delete;
  notify_socket& operator=(const notify_socket&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Waits for the next message; empty if none comes.
  std::string next();
  /// The next message that is another.
  std::string next_but(const std::string& not_this);

private:
  std::string path_;
  int socket_ = -1;
};

/// Serves a fresh directory as "share" to "user" with "pass". It has two threads, and a break
/// timeout that no test reaches. Started by the constructor.
class configured_server {
public:
  configured_server();
  ~configured_server();
  configured_server(const configured_server&) = delete;
  configured_server& operator=(const configured_server&) = delete;

  /// Writes the configuration: five lines, if there is one user, and then those of `more`, which
  /// take the place of the lines for threads and the break timeout.
  void configure(const std::string& more = {});
  std::string users = "user = user:pass\n";
  std::string share_options; ///< After the path of "share".
  std::uint64_t watchdog_us = 0;
  bool is_unprivileged = false; ///< It runs by unprivileged.sh.

  void start(const std::string& notify = {});
  void signal(int number) const;
  /// Returns when a line with `part` has come since the last call; throws if the output ends.
  void wait_for(const std::string& part);
  /// All that has been read so far.
  [[nodiscard]] const std::string& said() const noexcept { return said_; }
  /// Sends the signal; returns its exit status, or -1 if the signal killed it.
  int stop(int signal);

  struct result {
    int status = -1;
    std::string said;
  };
  /// Runs `--check-config`.
  [[nodiscard]] result check() const;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }
  std::filesystem::path make_directory(const std::string& name) const;

private:
  [[nodiscard]] std::string config() const { return (directory_ / "smb_server.conf").string(); }
  std::string next_line();
  [[noreturn]] void run(int output, const std::string& notify) const;

  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
  int output_ = -1;
  std::string pending_; ///< Read, but not a line yet, or not asked for.
  std::string said_;
};

} // namespace leasebreak::smb::testing

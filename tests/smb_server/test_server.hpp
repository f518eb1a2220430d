// A server for one test, on a free port, with its own threads and directory.
#pragma once

#include <smb_server/server.hpp>

#include <spdlog/sinks/base_sink.h>

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace leasebreak::smb::testing {

/// Keeps log lines, and lets tests wait for them.
class log_keeper : public spdlog::sinks::base_sink<std::mutex> {
public:
  [[nodiscard]] std::string text();

  /// Waits for a line with `part`. Returns false after a timeout.
  [[nodiscard]] bool wait_for(const std::string& part);

private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

  std::string text_;
  std::condition_variable_any grown_;
};

/// Starts in the constructor, and stops in the destructor. Has two loops unless the options say
/// otherwise. By default it has the user "user" with
/// "pass" and the share "share". A share without a path exports the directory.
class test_server {
public:
  explicit test_server(server_limits limits = {});
  explicit test_server(server_options options);
  ~test_server();
  test_server(const test_server&) = delete;
  test_server& operator=(const test_server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }
  [[nodiscard]] server& get() noexcept { return *server_; }

  /// Waits for a log line with `part`. Returns false after a timeout.
  [[nodiscard]] bool has_logged(const std::string& part) { return log_->wait_for(part); }

  /// Stops the server, and returns its log.
  std::string stop();

private:
  std::filesystem::path directory_;
  std::shared_ptr<log_keeper> log_ = std::make_shared<log_keeper>();
  std::optional<loop_set> loops_;
  std::optional<machine> machine_;
  std::unique_ptr<server> server_;
  std::jthread thread_; ///< Of the main loop.
  std::uint16_t port_ = 0;
};

} // namespace leasebreak::smb::testing

// A server of its own for a test, on a free port, with its threads and a fresh directory.
#pragma once

#include <smb_server/server.hpp>

#include <boost/asio/io_context.hpp>

#include <spdlog/sinks/base_sink.h>

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace leasebreak::smb::testing {

/// Keeps what is logged, for a test to look at or to wait for.
class log_keeper : public spdlog::sinks::base_sink<std::mutex> {
public:
  [[nodiscard]] std::string text();

  /// Returns once a line with `part` has been logged; false if that takes too long.
  [[nodiscard]] bool wait_for(const std::string& part);

private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

  std::string text_;
  std::condition_variable_any grown_;
};

/// Starts in its constructor, stops in order in its destructor. One user: "user", "pass"; one
/// share, "share", unless the options have others. A share without a path is of the directory.
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

  /// Returns once it has logged a line with `part`; false if that takes too long.
  [[nodiscard]] bool has_logged(const std::string& part) { return log_->wait_for(part); }

  /// Stops it, and returns all that it has logged.
  std::string stop();

private:
  std::filesystem::path directory_;
  std::shared_ptr<log_keeper> log_ = std::make_shared<log_keeper>();
  boost::asio::io_context io_;
  std::optional<machine> machine_;
  std::unique_ptr<server> server_;
  std::vector<std::jthread> threads_;
  std::uint16_t port_ = 0;
};

} // namespace leasebreak::smb::testing

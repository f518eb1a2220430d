// A server of its own for a test, on a free port, with its threads and a fresh directory.
#pragma once

#include <smb_server/server.hpp>

#include <boost/asio/io_context.hpp>

#include <spdlog/sinks/ostream_sink.h>

#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace leasebreak::smb::testing {

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

  /// Stops it, and returns all that it has logged.
  std::string stop();

private:
  std::filesystem::path directory_;
  std::ostringstream log_;
  boost::asio::io_context io_;
  std::unique_ptr<server> server_;
  std::vector<std::jthread> threads_;
  std::uint16_t port_ = 0;
};

} // namespace leasebreak::smb::testing

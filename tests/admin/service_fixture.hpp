// A coordinator with a service, on an event loop with its own thread, like in a server.
#pragma once

#include "http_client.hpp"

#include <leasebreak/admin/service.hpp>
#include <leasebreak/coordinator.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test {

/// Alice holds leases and never acknowledges a break. Bob waits.
class admin_service : public testing::Test {
protected:
  static inline const client_guid alice = client_guid::of(0xa11ce);
  static inline const client_guid bob = client_guid::of(0xb0b);
  static constexpr auto reading_token = "read-token-0123456789";
  static constexpr auto acting_token = "act-token-0123456789";

  admin_service();
  ~admin_service() override;

  /// The default options of the tests: a Unix socket.
  [[nodiscard]] service_options options() const;
  void start(service_options o);
  void stop();

  /// Opens a file, and waits for the grant.
  open_result open(const client_guid& client, const std::string& path, std::uint64_t key);
  /// Makes bob wait for the RWH lease of alice on `path`. Returns when alice has received the
  /// break. The future is the result of bob's open.
  std::future<error_code> make_bob_wait(const std::string& path);
  [[nodiscard]] http_client connect() const { return http_client(socket_path()); }
  [[nodiscard]] std::string socket_path() const { return folder_ + "/admin.sock"; }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  std::string write_tokens();
  /// The log. Call it after `stop`.
  [[nodiscard]] std::string log() const { return log_.str(); }

  boost::asio::io_context io;
  std::shared_ptr<event_feed> feed = std::make_shared<event_feed>();
  std::unique_ptr<coordinator> leases;
  std::unique_ptr<service> admin;

private:
  open_request request(const client_guid& client, const std::string& path, std::uint64_t key);

  std::string folder_;
  std::ostringstream log_;
  std::promise<void> alice_is_asked_;
  std::atomic<bool> was_asked_{false};
  std::shared_ptr<spdlog::logger> logger_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread loop_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test

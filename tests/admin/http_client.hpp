// A client that sends any bytes and waits for the response.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test {

struct http_answer {
  unsigned status = 0; ///< 0 if the connection ended without a response.
  std::map<std::string, std::string> headers;
  std::string body;

  [[nodiscard]] boost::json::value as_json() const;
  [[nodiscard]] std::string error_code() const; ///< The code of an error, or empty.
};

/// One connection. Its calls block.
class http_client {
public:
  explicit http_client(const std::string& socket_path);
  explicit http_client(std::uint16_t port);

  void send(std::string_view bytes);
  /// Shuts down the sending direction.
  void finish();
  http_answer receive();
  /// Reads raw bytes up to and including `marker`. Without it, up to the end of the connection.
  std::string receive_until(const std::string& marker);
  /// Waits until the service has closed the connection, and discards what it sends before.
  void wait_for_end();

  http_answer get(const std::string& target, const std::string& headers = {});
  http_answer post(const std::string& target, const std::string& body,
    const std::string& headers = "X-Leasebreak-Action: 1\r\nContent-Type: application/json\r\n");

private:
  boost::asio::io_context io_;
  boost::asio::generic::stream_protocol::socket socket_;
  std::string read_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test

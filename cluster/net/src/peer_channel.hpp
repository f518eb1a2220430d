// One connection between two nodes, with or without TLS: frames.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

class peer_channel {
public:
  /// `tls` is null for a plain connection.
  peer_channel(boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls);

  /// Connects and opens TLS. The other side's certificate must be for `name`.
  boost::asio::awaitable<boost::system::error_code> connect(
    boost::asio::ip::tcp::endpoint to, std::string name);
  /// Opens TLS on a connection that was accepted. Any certificate that is trusted will do.
  boost::asio::awaitable<boost::system::error_code> accept();
  /// Whether the other side's certificate is for this name. True without TLS.
  [[nodiscard]] bool is_named(const std::string& name);

  /// Writes frames.
  boost::asio::awaitable<boost::system::error_code> write(std::vector<std::string> frames);
  /// Reads a frame of at most `most` bytes. Takes memory for bytes that have come only.
  boost::asio::awaitable<boost::system::error_code> read(std::string& frame, std::size_t most);
  void close() noexcept;

private:
  boost::asio::awaitable<boost::system::error_code> read_bytes(char* to, std::size_t count);

  boost::asio::ip::tcp::socket socket_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

// One HTTP connection.
#pragma once

#include "core.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <memory>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// A TCP or a Unix socket, on the service's strand.
using stream_socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
  boost::asio::any_io_executor>;

/// Reads requests and answers them, one after the other. Used on the strand only.
class connection {
public:
  /// `rules` must outlive it.
  connection(std::shared_ptr<core> of, stream_socket socket, const access_rules& rules, caller who);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Returns when the connection has ended.
  boost::asio::awaitable<void> run();

  /// Closes the connection and cancels its operation.
  void close() noexcept;

private:
  class io;
  std::unique_ptr<io> io_;
};

/// Sends an error for too many connections, as far as that is possible without waiting, and closes
/// the socket.
void refuse(stream_socket socket) noexcept;

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

// The sockets that a service listens on.
#pragma once

#include "connection.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

using unix_acceptor = boost::asio::basic_socket_acceptor<boost::asio::local::stream_protocol,
  boost::asio::any_io_executor>;
using tcp_acceptor =
  boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, boost::asio::any_io_executor>;

/// Listens on a Unix socket. Throws `boost::system::system_error`.
[[nodiscard]] unix_acceptor listen_on(
  const boost::asio::any_io_executor& executor, const std::string& path, unsigned mode);

/// Listens on a TCP port. Throws `boost::system::system_error`.
[[nodiscard]] tcp_acceptor listen_on(
  const boost::asio::any_io_executor& executor, const boost::asio::ip::tcp::endpoint& where);

/// Describes the peer. The right of a TCP caller is not known yet.
[[nodiscard]] caller peer_of(boost::asio::basic_stream_socket<boost::asio::local::stream_protocol,
                               boost::asio::any_io_executor>& socket,
  right granted);
[[nodiscard]] caller peer_of(
  boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::any_io_executor>& socket);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

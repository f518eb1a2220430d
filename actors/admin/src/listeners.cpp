// See listeners.hpp.
#include "listeners.hpp"

#include <boost/system/system_error.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace asio = boost::asio;

namespace {

[[noreturn]] void refuse(const error_code& error, const std::string& what) {
  throw boost::system::system_error(error, what);
}

[[nodiscard]] error_code last_error() {
  return {errno, boost::system::system_category()};
}

/// Removes a socket file that no process listens on.
void remove_stale(const asio::any_io_executor& executor, const std::string& path) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0)
    return; // the bind reports the problem
  if (!S_ISSOCK(about.st_mode))
    refuse(asio::error::address_in_use, path + " is not a socket");
  asio::basic_stream_socket<asio::local::stream_protocol, asio::any_io_executor> probe(executor);
  error_code error;
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  if (error != asio::error::connection_refused)
    refuse(asio::error::address_in_use, path);
  ::unlink(path.c_str());
}

} // namespace

unix_acceptor listen_on(
  const asio::any_io_executor& executor, const std::string& path, unsigned mode) {
  remove_stale(executor, path);
  unix_acceptor acceptor(executor, asio::local::stream_protocol());
  // Linux gives the file the permissions of the socket, so that other users never have access.
  if (::fchmod(acceptor.native_handle(), S_IRUSR | S_IWUSR) != 0)
    refuse(last_error(), path);
  error_code error;
  acceptor.bind(asio::local::stream_protocol::endpoint(path), error);
  if (error)
    refuse(error, path);
  if (::chmod(path.c_str(), mode) != 0)
    error = last_error();
  else
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    ::unlink(path.c_str());
    refuse(error, path);
  }
  return acceptor;
}

tcp_acceptor listen_on(
  const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& where) {
  tcp_acceptor acceptor(executor, where.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind(where);
  acceptor.listen();
  return acceptor;
}

caller peer_of(
  asio::basic_stream_socket<asio::local::stream_protocol, asio::any_io_executor>& socket,
  right granted) {
  caller who;
  who.is_local = true;
  ::ucred credentials{};
  ::socklen_t size = sizeof credentials;
  const bool is_known =
    ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
  who.uid = credentials.uid;
  who.granted = is_known ? granted : right::none;
  return who;
}

caller peer_of(asio::basic_stream_socket<asio::ip::tcp, asio::any_io_executor>& socket) {
  caller who;
  error_code ignored;
  who.address = socket.remote_endpoint(ignored).address().to_string();
  return who;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

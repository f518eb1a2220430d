#include <smb_server/net/tcp_stream.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <utility>

namespace leasebreak::smb {

using asio::ip::tcp;
using boost::system::error_code;

namespace {

/// Returns whether the peer has disconnected between the wait for it and `accept`.
bool has_gone(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again ||
    error == asio::error::connection_aborted ||
    error == make_error_code(boost::system::errc::protocol_error);
}

class tcp_listener final : public listener {
public:
  tcp_listener(const asio::any_io_executor& executor, const tcp::endpoint& where)
    : acceptor_{executor} {
    acceptor_.open(where.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address{true});
    acceptor_.bind(where);
    acceptor_.listen();
    acceptor_.non_blocking(true);
    // Otherwise Asio waits, on this thread, for the next peer if one has gone meanwhile.
    acceptor_.set_option(asio::socket_base::enable_connection_aborted{true});
  }

  /// Waits and accepts in two steps: Asio needs memory for the new socket, and what it throws in
  /// the completion of `async_accept` would leave the event loop, and end the accepting.
  asio::awaitable<std::unique_ptr<byte_stream>> accept(
    asio::any_io_executor executor, error_code& error) override {
    co_await acceptor_.async_wait(
      tcp::acceptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
    if (error)
      co_return nullptr;
    auto socket = acceptor_.accept(std::move(executor), error);
    if (has_gone(error))
      error = {};
    if (error || !socket.is_open())
      co_return nullptr;
    error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (gone)
      co_return nullptr;
    co_return std::make_unique<tcp_stream>(std::move(socket), peer);
  }

  void close() override {
    error_code ignored;
    acceptor_.close(ignored);
  }
  bool is_open() const override { return acceptor_.is_open(); }
  tcp::endpoint local_endpoint() const override { return acceptor_.local_endpoint(); }

private:
  tcp::acceptor acceptor_;
};

} // namespace

std::unique_ptr<listener> listen_tcp(
  const asio::any_io_executor& executor, const tcp::endpoint& where) {
  return std::make_unique<tcp_listener>(executor, where);
}

tcp_stream::tcp_stream(tcp::socket socket, const tcp::endpoint& peer)
  : socket_{std::move(socket)}, seat_{socket_.get_executor()}, peer_{peer} {
  error_code ignored;
  socket_.set_option(tcp::no_delay{true}, ignored);
  socket_.non_blocking(true, ignored); // for `write_some`
}

asio::awaitable<std::size_t> tcp_stream::read_some(
  std::span<std::uint8_t> into, error_code& error) {
  return socket_.async_read_some(
    asio::buffer(into.data(), into.size()), asio::redirect_error(asio::use_awaitable, error));
}

std::size_t tcp_stream::write_some(std::span<const asio::const_buffer> from, error_code& error) {
  // For one buffer, Asio uses a cheaper system call.
  return from.size() == 1 ? socket_.write_some(from.front(), error)
                          : socket_.write_some(from, error);
}

void tcp_stream::wait_writable(std::function<void(error_code)> then) {
  socket_.async_wait(asio::socket_base::wait_write, std::move(then));
}

void tcp_stream::close() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

std::size_t tcp_stream::untaken_bytes() const {
  int waiting = 0;
  if (::ioctl(socket_.native_handle(), SIOCOUTQ, &waiting) != 0 || waiting < 0)
    return 0;
  return static_cast<std::size_t>(waiting);
}

bool tcp_stream::peer_has_left() const {
  pollfd ours{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&ours, 1, 0) == 1;
}

std::unique_ptr<byte_stream> tcp_stream::move_to(const asio::any_io_executor& executor) {
  if (executor == socket_.get_executor())
    return std::make_unique<tcp_stream>(std::move(socket_), peer_);
  error_code error;
  const auto local = socket_.local_endpoint(error);
  const auto native = socket_.release(error);
  return std::make_unique<tcp_stream>(tcp::socket{executor, local.protocol(), native}, peer_);
}

} // namespace leasebreak::smb

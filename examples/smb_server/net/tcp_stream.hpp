// Byte streams and listeners of TCP.
#pragma once

#include <smb_server/net/byte_stream.hpp>
#include <smb_server/runtime/loop_set.hpp>

namespace leasebreak::smb {

/// A connected socket.
class tcp_stream final : public byte_stream {
public:
  tcp_stream(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& peer);

  [[nodiscard]] asio::any_io_executor get_executor() override { return socket_.get_executor(); }
  [[nodiscard]] const asio::ip::tcp::endpoint& peer() const noexcept override { return peer_; }
  [[nodiscard]] asio::awaitable<std::size_t> read_some(
    std::span<std::uint8_t> into, boost::system::error_code& error) override;
  std::size_t write_some(
    std::span<const asio::const_buffer> from, boost::system::error_code& error) override;
  void wait_writable(std::function<void(boost::system::error_code)> then) override;
  void close() override;
  [[nodiscard]] std::size_t untaken_bytes() const override;
  [[nodiscard]] bool peer_has_left() const override;
  [[nodiscard]] std::unique_ptr<byte_stream> move_to(
    const asio::any_io_executor& executor) override;

private:
  mutable asio::ip::tcp::socket socket_; ///< `native_handle` is not const.
  loop_seat seat_;
  asio::ip::tcp::endpoint peer_;
};

/// Listens on `where`. Throws `boost::system::system_error` on failure.
[[nodiscard]] std::unique_ptr<listener> listen_tcp(
  const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& where);

} // namespace leasebreak::smb

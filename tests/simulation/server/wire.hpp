// An in-memory network: connections that delay bytes, and can be cut.
#pragma once

#include "complete.hpp"
#include "loop.hpp"

#include <smb_server/net/byte_stream.hpp>
#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <boost/asio/any_completion_handler.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace leasebreak::smb::simulation {

using leasebreak::simulation::loop;
using leasebreak::simulation::random_source;
using leasebreak::simulation::span;

/// A connection with both ends. It keeps the order of the bytes in each direction; the two
/// directions are independent.
class wire : public std::enable_shared_from_this<wire> {
public:
  /// Callbacks of the client's end.
  struct listener_of_client {
    std::function<void(bytes_view)> written; ///< The server has given these bytes to the wire.
    std::function<void(bytes_view)> arrived;
    std::function<void()> ended; ///< Called once, when nothing arrives any more.
  };

  wire(loop& in, random_source& random) : loop_{in}, random_{random} {}

  // -- the client's end ---------------------------------------------------------------------------

  void listen(listener_of_client to) { client_ = std::move(to); }
  void send(bytes_view bytes);
  /// Cuts the connection: nothing arrives at the client any more, and at the server at most what
  /// was sent before, if `rest_arrives`. The server notices the cut after that time.
  void cut(span server_notices_after, bool rest_arrives = false);
  [[nodiscard]] bool is_cut() const noexcept { return is_cut_; }
  /// When the server noticed the cut, if it has.
  [[nodiscard]] std::optional<span> noticed() const noexcept { return noticed_; }

  // -- the server's end ---------------------------------------------------------------------------

  using read_handler = asio::any_completion_handler<void(boost::system::error_code, std::size_t)>;

  void read(std::span<std::uint8_t> into, asio::any_io_executor executor, read_handler handler);
  std::size_t write(std::span<const asio::const_buffer> from, boost::system::error_code& error);
  void wait_writable(
    asio::any_io_executor executor, std::function<void(boost::system::error_code)> then);
  void close();
  [[nodiscard]] std::size_t untaken() const noexcept { return untaken_; }
  [[nodiscard]] bool has_peer_left() const noexcept { return server_sees_end_; }

private:
  [[nodiscard]] span transit(); ///< A random delay.
  void reach_server(byte_vector bytes);
  void deliver_to_server(byte_vector bytes);
  void deliver_to_client(byte_vector bytes);
  void end_for_client();
  void end_for_server();
  void finish_read();

  loop& loop_;
  random_source& random_;
  listener_of_client client_;
  bool is_cut_ = false;
  bool rest_arrives_ = false; ///< Bytes in transit to the server arrive after the cut.
  span rest_delay_{}; ///< By how much they are late.
  std::optional<span> noticed_;
  bool is_closed_ = false; ///< By the server.
  bool client_sees_end_ = false;
  bool server_sees_end_ = false;
  span to_server_{}; ///< When the bytes sent last arrive.
  span to_client_{};
  std::deque<std::uint8_t> unread_; ///< Bytes that have arrived at the server.
  std::size_t untaken_ = 0; ///< Bytes written by the server and not taken by the client.

  std::span<std::uint8_t> into_;
  asio::any_io_executor reader_;
  leasebreak::simulation::waiting_handler<read_handler> reading_;
  asio::any_io_executor writer_;
  std::function<void(boost::system::error_code)> writable_;
};

/// The server's end as a stream.
class wire_stream final : public byte_stream {
public:
  wire_stream(
    std::shared_ptr<wire> of, asio::any_io_executor executor, const asio::ip::tcp::endpoint& peer)
    : wire_{std::move(of)}, executor_{std::move(executor)}, peer_{peer} {}
  ~wire_stream() override;

  asio::any_io_executor get_executor() override { return executor_; }
  const asio::ip::tcp::endpoint& peer() const noexcept override { return peer_; }
  asio::awaitable<std::size_t> read_some(
    std::span<std::uint8_t> into, boost::system::error_code& error) override;
  std::size_t write_some(
    std::span<const asio::const_buffer> from, boost::system::error_code& error) override;
  void wait_writable(std::function<void(boost::system::error_code)> then) override;
  void close() override { wire_->close(); }
  std::size_t untaken_bytes() const override { return wire_->untaken(); }
  bool peer_has_left() const override { return wire_->has_peer_left(); }
  std::unique_ptr<byte_stream> move_to(const asio::any_io_executor& executor) override;

private:
  std::shared_ptr<wire> wire_; ///< Null after `move_to`.
  asio::any_io_executor executor_;
  asio::ip::tcp::endpoint peer_;
};

/// Where the server accepts clients.
class door final : public listener {
public:
  explicit door(asio::any_io_executor executor) : executor_{std::move(executor)} {}

  /// A client connects.
  void enter(std::shared_ptr<wire> w);

  asio::awaitable<std::unique_ptr<byte_stream>> accept(
    asio::any_io_executor executor, boost::system::error_code& error) override;
  void close() override;
  bool is_open() const override { return is_open_; }
  asio::ip::tcp::endpoint local_endpoint() const override { return {}; }

private:
  void tell(boost::system::error_code error);

  bool is_open_ = true;
  std::deque<std::shared_ptr<wire>> waiting_;
  asio::any_io_executor executor_;
  leasebreak::simulation::waiting_handler<
    asio::any_completion_handler<void(boost::system::error_code)>>
    accepting_;
};

} // namespace leasebreak::smb::simulation

// Byte streams of connections, and listeners. Tests and simulations replace TCP through these
// interfaces.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace leasebreak::smb {

namespace asio = boost::asio;

/// The server's end of a byte stream. At most one read and one write at a time, both on its
/// executor.
class byte_stream {
public:
  byte_stream() = default;
  byte_stream(const byte_stream&) = delete;
  byte_stream& operator=(const byte_stream&) = delete;
  virtual ~byte_stream() = default;

  [[nodiscard]] virtual asio::any_io_executor get_executor() = 0;

  /// The peer's address.
  [[nodiscard]] virtual const asio::ip::tcp::endpoint& peer() const noexcept = 0;

  /// Waits for bytes and reads them. Both arguments must live until it completes.
  [[nodiscard]] virtual asio::awaitable<std::size_t> read_some(
    std::span<std::uint8_t> into, boost::system::error_code& error) = 0;

  /// Writes as much as possible without waiting. Fails with `would_block` if that is nothing.
  virtual std::size_t write_some(
    std::span<const asio::const_buffer> from, boost::system::error_code& error) = 0;

  /// Calls `then` when the stream is writable again, or with an error.
  virtual void wait_writable(std::function<void(boost::system::error_code)> then) = 0;

  /// Closes both directions. Pending operations fail.
  virtual void close() = 0;

  /// Returns the number of written bytes that the peer's TCP has not acknowledged.
  [[nodiscard]] virtual std::size_t untaken_bytes() const = 0;

  /// Returns whether the peer has closed its half. Bytes that it sent before may still be unread.
  [[nodiscard]] virtual bool peer_has_left() const = 0;

  /// Moves the stream to another executor. No operation may be pending. This object is unusable
  /// afterwards.
  [[nodiscard]] virtual std::unique_ptr<byte_stream> move_to(
    const asio::any_io_executor& executor) = 0;
};

/// Accepts connections.
class listener {
public:
  listener() = default;
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  virtual ~listener() = default;

  /// Waits for the next peer. Its stream runs on `executor`. Returns null without an error if the
  /// peer has disconnected already.
  [[nodiscard]] virtual asio::awaitable<std::unique_ptr<byte_stream>> accept(
    asio::any_io_executor executor, boost::system::error_code& error) = 0;

  /// Stops accepting. A pending `accept` fails with `operation_aborted`.
  virtual void close() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
  [[nodiscard]] virtual asio::ip::tcp::endpoint local_endpoint() const = 0;
};

} // namespace leasebreak::smb

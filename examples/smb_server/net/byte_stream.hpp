// What a connection's bytes come and go by: TCP, or something that takes its place in a test.
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

/// The server's end of a stream of bytes. One reader and one writer at a time, both on its
/// executor.
class byte_stream {
public:
  byte_stream() = default;
  byte_stream(const byte_stream&) = delete;
  byte_stream& operator=(const byte_stream&) = delete;
  virtual ~byte_stream() = default;

  [[nodiscard]] virtual asio::any_io_executor get_executor() = 0;

  /// Where the peer is.
  [[nodiscard]] virtual const asio::ip::tcp::endpoint& peer() const noexcept = 0;

  /// Waits for some bytes, and takes them. Both arguments live until it returns.
  [[nodiscard]] virtual asio::awaitable<std::size_t> read_some(
    std::span<std::uint8_t> into, boost::system::error_code& error) = 0;

  /// Gives it as much as it takes at once; `would_block` if that is nothing.
  virtual std::size_t write_some(
    std::span<const asio::const_buffer> from, boost::system::error_code& error) = 0;

  /// Calls `then` when it takes more, or with an error when it will not.
  virtual void wait_writable(std::function<void(boost::system::error_code)> then) = 0;

  /// Ends both directions; what waits ends with an error.
  virtual void close() = 0;

  /// How many of the bytes that it was given the peer's machine has not taken yet.
  [[nodiscard]] virtual std::size_t untaken_bytes() const = 0;

  /// Whether the peer has ended its half, though what it sent before may not have been read yet.
  [[nodiscard]] virtual bool peer_has_left() const = 0;

  /// The same stream on another executor. Nothing may be under way on this one, which is of no use
  /// afterwards.
  [[nodiscard]] virtual std::unique_ptr<byte_stream> move_to(
    const asio::any_io_executor& executor) = 0;
};

/// Where peers come in.
class listener {
public:
  listener() = default;
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  virtual ~listener() = default;

  /// Waits for the next peer, whose stream runs on `executor`. Null without an error: it came and
  /// has gone already.
  [[nodiscard]] virtual asio::awaitable<std::unique_ptr<byte_stream>> accept(
    asio::any_io_executor executor, boost::system::error_code& error) = 0;

  /// Nobody comes in any more; who waits for that gets `operation_aborted`.
  virtual void close() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
  [[nodiscard]] virtual asio::ip::tcp::endpoint local_endpoint() const = 0;
};

} // namespace leasebreak::smb

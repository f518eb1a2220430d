// See connection.hpp.
#include "connection.hpp"

#include "event_reader.hpp"
#include "message.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using http_stream = beast::basic_stream<asio::generic::stream_protocol, asio::any_io_executor>;
using parser_type = http::request_parser<http::string_body>;

constexpr std::size_t header_bytes_max = std::size_t{8} << 10;

/// Returns the response to a request that could not be read, or nothing if the peer is gone or too
/// slow.
std::optional<http_response> answer_to(const error_code& error) {
  if (error == http::error::body_limit || error == http::error::buffer_overflow)
    return error_response(413, "too_large", "the request is too large");
  if (error == http::error::header_limit)
    return error_response(431, "header_too_large", "the header of the request is too large");
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
    error.category() != http::make_error_code(http::error::bad_method).category())
    return std::nullopt;
  return error_response(400, "bad_request", "this is not an HTTP request");
}

} // namespace

class connection::io {
public:
  io(std::shared_ptr<core> of, stream_socket socket, const access_rules& rules, caller who)
    : core_(std::move(of)), rules_(rules), who_(std::move(who)), stream_(std::move(socket)),
      buffer_(core_->options().request_bytes_max) {}

  asio::awaitable<void> run() {
    for (bool goes_on = true; goes_on && !closed_;) {
      // A peer may send one request after another without waiting for the answers.
      co_await wait_for(core_->requests(), core_->executor());
      if (!closed_)
        goes_on = co_await serve_one();
    }
    close();
  }

  /// A stream of events that waits for one still says that it ends.
  void close() noexcept {
    closed_ = true;
    if (reader_ != nullptr && !is_writing_)
      reader_->end();
    else
      stream_.close();
  }

private:
  /// Returns false if the connection must end.
  asio::awaitable<bool> serve_one() {
    const auto bytes_max = core_->options().request_bytes_max;
    const auto header_max = std::min(header_bytes_max, bytes_max / 2);
    parser_type parser;
    parser.header_limit(static_cast<std::uint32_t>(header_max));
    parser.body_limit(bytes_max - header_max);
    stream_.expires_after(core_->options().client_time);
    const auto [error, size] =
      co_await http::async_read(stream_, buffer_, parser, asio::as_tuple(asio::use_awaitable));
    if (error) {
      auto told = answer_to(error);
      if (told)
        co_await write(std::move(*told), false, false);
      co_return false;
    }
    stream_.expires_never();
    const bool keep_alive = parser.get().keep_alive();
    const bool can_stream = parser.get().version() >= 11;
    const bool without_body = parser.get().method() == http::verb::head;
    auto answer = co_await core_->answer(to_request(parser.release()), rules_, who_);
    if (closed_)
      co_return false;
    if (answer.events != nullptr && !can_stream)
      answer = error_response(400, "too_old", "events need HTTP/1.1");
    if (answer.events != nullptr) {
      co_await stream(std::move(answer));
      co_return false;
    }
    co_return co_await write(std::move(answer), keep_alive, without_body);
  }

  /// Sends events until the peer has gone or the connection is to be closed.
  asio::awaitable<void> stream(http_response r) {
    constexpr std::size_t chunk_bytes = std::size_t{64} << 10;
    reader_ = r.events;
    auto head = to_stream_header(r);
    http::response_serializer<http::empty_body> header(head);
    is_writing_ = true;
    stream_.expires_after(core_->options().client_time);
    const auto [failed, size] =
      co_await http::async_write_header(stream_, header, asio::as_tuple(asio::use_awaitable));
    is_writing_ = false;
    end_with_peer();
    bool goes_on = !failed;
    if (goes_on)
      goes_on = co_await write_chunk(": connected\n\n");
    while (goes_on && !reader_->has_ended()) {
      co_await reader_->wait(core_->options().heartbeat);
      auto text = reader_->take(chunk_bytes);
      if (text.empty())
        text = ": alive\n\n";
      goes_on = co_await write_chunk(std::move(text));
    }
    if (goes_on)
      co_await write_end();
    reader_.reset();
  }

  /// Ends the stream when the peer closes the connection. A peer that sends anything else is
  /// treated alike.
  void end_with_peer() {
    stream_.socket().async_wait(
      stream_socket::wait_read, [reader = std::weak_ptr(reader_)](const error_code& error) {
        const auto alive = error ? nullptr : reader.lock();
        if (alive != nullptr)
          alive->end();
      });
  }

  asio::awaitable<bool> write_chunk(std::string text) {
    is_writing_ = true;
    stream_.expires_after(core_->options().client_time);
    const auto [error, size] = co_await asio::async_write(
      stream_, http::make_chunk(asio::buffer(text)), asio::as_tuple(asio::use_awaitable));
    is_writing_ = false;
    co_return !error;
  }

  asio::awaitable<void> write_end() {
    constexpr auto time_max = std::chrono::seconds(1); // the process may be about to end
    stream_.expires_after(time_max);
    co_await asio::async_write(
      stream_, http::make_chunk_last(), asio::as_tuple(asio::use_awaitable));
  }

  asio::awaitable<bool> write(http_response r, bool keep_alive, bool without_body) {
    auto message = to_message(std::move(r), keep_alive, without_body);
    stream_.expires_after(core_->options().client_time);
    const auto [error, size] =
      co_await http::async_write(stream_, message, asio::as_tuple(asio::use_awaitable));
    co_return !error && keep_alive;
  }

  const std::shared_ptr<core> core_;
  const access_rules& rules_;
  const caller who_;
  http_stream stream_;
  beast::flat_buffer buffer_;
  std::shared_ptr<event_reader> reader_; ///< While events are sent.
  bool is_writing_ = false; ///< With `reader_`.
  bool closed_ = false;
};

connection::connection(
  std::shared_ptr<core> of, stream_socket socket, const access_rules& rules, caller who)
  : io_(std::make_unique<io>(std::move(of), std::move(socket), rules, std::move(who))) {}

connection::~connection() = default;

asio::awaitable<void> connection::run() {
  return io_->run();
}

void connection::close() noexcept {
  io_->close();
}

void refuse(stream_socket socket) noexcept {
  constexpr std::string_view answer =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Type: application/json\r\nContent-Length: 69\r\n\r\n"
    "{\"error\":{\"code\":\"too_many_connections\",\"message\":\"try again later\"}}";
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(answer), ignored);
  socket.shutdown(stream_socket::shutdown_send, ignored);
  socket.close(ignored);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

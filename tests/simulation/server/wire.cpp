// See wire.hpp.
#include "wire.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::smb::simulation {

using boost::system::error_code;
using leasebreak::simulation::complete;

namespace {

/// How many bytes the client's machine and the network buffer before the server's end would block.
constexpr std::size_t window_bytes = 65'536;

} // namespace

/// Usually the network's delay, sometimes that of a packet that is lost and sent again.
span wire::transit() {
  if (random_.one_in(64))
    return std::chrono::milliseconds{200 + random_.below(1'000)};
  return std::chrono::microseconds{20 + random_.below(400)};
}

void wire::send(bytes_view bytes) {
  if (is_cut_)
    return;
  to_server_ = std::max(to_server_ + span{1}, loop_.now() + transit());
  loop_.after(to_server_ - loop_.now(),
    [self = shared_from_this(), sent = byte_vector{bytes.begin(), bytes.end()}]() mutable {
      self->reach_server(std::move(sent));
    });
}

void wire::reach_server(byte_vector bytes) {
  if (!is_cut_ || !rest_arrives_)
    return deliver_to_server(std::move(bytes));
  loop_.after(rest_delay_, [self = shared_from_this(), sent = std::move(bytes)]() mutable {
    self->deliver_to_server(std::move(sent));
  });
}

void wire::deliver_to_server(byte_vector bytes) {
  if ((is_cut_ && !rest_arrives_) || is_closed_ || server_sees_end_)
    return;
  unread_.insert(unread_.end(), bytes.begin(), bytes.end());
  finish_read();
}

void wire::cut(span server_notices_after, bool rest_arrives) {
  if (std::exchange(is_cut_, true))
    return;
  rest_arrives_ = rest_arrives;
  rest_delay_ = std::chrono::milliseconds{random_.below(3'000)};
  loop_.after(server_notices_after, [self = shared_from_this()] { self->end_for_server(); });
  loop_.after(span{}, [self = shared_from_this()] { self->end_for_client(); });
}

void wire::end_for_server() {
  server_sees_end_ = true;
  noticed_ = loop_.now();
  finish_read();
  if (writable_)
    asio::post(
      writer_, [then = std::exchange(writable_, nullptr)] { then(asio::error::connection_reset); });
}

void wire::end_for_client() {
  if (!std::exchange(client_sees_end_, true) && client_.ended)
    client_.ended();
}

void wire::deliver_to_client(byte_vector bytes) {
  if (is_cut_)
    return;
  untaken_ -= bytes.size();
  if (writable_ && untaken_ < window_bytes / 2)
    asio::post(writer_, [then = std::exchange(writable_, nullptr)] { then({}); });
  client_.arrived(bytes);
}

// -- the server's end -----------------------------------------------------------------------------

void wire::read(std::span<std::uint8_t> into, asio::any_io_executor executor, read_handler h) {
  into_ = into;
  reader_ = std::move(executor);
  reading_.set(std::move(h));
  finish_read();
}

void wire::finish_read() {
  if (!reading_)
    return;
  error_code error;
  std::size_t size = 0;
  if (is_closed_) {
    error = asio::error::operation_aborted;
  } else if (!unread_.empty()) {
    size = std::min(into_.size(), unread_.size());
    // Sometimes deliver a frame in pieces.
    if (random_.one_in(16))
      size = 1 + random_.below(size);
    std::copy_n(unread_.begin(), size, into_.begin());
    unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(size));
  } else if (server_sees_end_) {
    error = asio::error::eof;
  } else {
    return;
  }
  complete(reader_, reading_.take(), error, size);
}

std::size_t wire::write(std::span<const asio::const_buffer> from, error_code& error) {
  error = {};
  if (is_closed_ || server_sees_end_) {
    error = asio::error::broken_pipe;
    return 0;
  }
  byte_vector bytes;
  for (const auto& piece : from) {
    const auto* data = static_cast<const std::uint8_t*>(piece.data());
    bytes.insert(bytes.end(), data, data + piece.size());
  }
  const auto room = window_bytes - std::min(window_bytes, untaken_);
  if (room == 0) {
    error = asio::error::would_block;
    return 0;
  }
  bytes.resize(std::min(bytes.size(), room));
  const auto size = bytes.size();
  untaken_ += size;
  client_.written(bytes);
  to_client_ = std::max(to_client_ + span{1}, loop_.now() + transit());
  loop_.after(
    to_client_ - loop_.now(), [self = shared_from_this(), sent = std::move(bytes)]() mutable {
      self->deliver_to_client(std::move(sent));
    });
  return size;
}

void wire::wait_writable(asio::any_io_executor executor, std::function<void(error_code)> then) {
  writer_ = std::move(executor);
  writable_ = std::move(then);
}

void wire::close() {
  if (std::exchange(is_closed_, true))
    return;
  finish_read();
  if (writable_)
    asio::post(writer_,
      [then = std::exchange(writable_, nullptr)] { then(asio::error::operation_aborted); });
  to_client_ = std::max(to_client_ + span{1}, loop_.now() + transit());
  loop_.after(to_client_ - loop_.now(), [self = shared_from_this()] { self->end_for_client(); });
}

wire_stream::~wire_stream() {
  if (wire_)
    wire_->close();
}

asio::awaitable<std::size_t> wire_stream::read_some(
  std::span<std::uint8_t> into, error_code& error) {
  auto token = asio::redirect_error(asio::use_awaitable, error);
  return asio::async_initiate<decltype(token), void(error_code, std::size_t)>(
    [this, into](auto handler) { wire_->read(into, executor_, std::move(handler)); }, token);
}

std::size_t wire_stream::write_some(std::span<const asio::const_buffer> from, error_code& error) {
  return wire_->write(from, error);
}

void wire_stream::wait_writable(std::function<void(error_code)> then) {
  wire_->wait_writable(executor_, std::move(then));
}

std::unique_ptr<byte_stream> wire_stream::move_to(const asio::any_io_executor& executor) {
  return std::make_unique<wire_stream>(std::exchange(wire_, nullptr), executor, peer_);
}

// -- the door -------------------------------------------------------------------------------------

void door::enter(std::shared_ptr<wire> w) {
  waiting_.push_back(std::move(w));
  tell({});
}

void door::close() {
  is_open_ = false;
  tell(asio::error::operation_aborted);
}

void door::tell(error_code error) {
  if (accepting_)
    complete(executor_, accepting_.take(), error);
}

asio::awaitable<std::unique_ptr<byte_stream>> door::accept(
  asio::any_io_executor executor, error_code& error) {
  error = {};
  if (waiting_.empty() && is_open_) {
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await asio::async_initiate<decltype(token), void(error_code)>(
      [this](auto handler) { accepting_.set(std::move(handler)); }, token);
  }
  if (!is_open_)
    error = asio::error::operation_aborted;
  if (error || waiting_.empty())
    co_return nullptr;
  const auto next = std::move(waiting_.front());
  waiting_.pop_front();
  const asio::ip::tcp::endpoint peer{asio::ip::address_v4::loopback(), 1'000};
  co_return std::make_unique<wire_stream>(next, executor, peer);
}

} // namespace leasebreak::smb::simulation

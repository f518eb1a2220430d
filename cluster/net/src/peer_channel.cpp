#include "peer_channel.hpp"

#include "use_tuple.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>

#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t length_bytes = 4;
/// So much of a frame is read at once.
constexpr std::size_t piece_bytes = std::size_t{256} << 10U;

std::array<char, length_bytes> length_of(const std::string& frame) {
  const auto n = static_cast<std::uint32_t>(frame.size());
  std::array<char, length_bytes> bytes{};
  for (std::size_t i = 0; i < length_bytes; ++i)
    bytes[i] = static_cast<char>(n >> (8 * (length_bytes - 1 - i)));
  return bytes;
}

std::size_t number_in(const std::array<char, length_bytes>& bytes) {
  std::size_t n = 0;
  for (const char b : bytes)
    n = n << 8U | static_cast<std::uint8_t>(b);
  return n;
}

} // namespace

peer_channel::peer_channel(tcp::socket socket, std::shared_ptr<asio::ssl::context> tls)
  : socket_(std::move(socket)), context_(std::move(tls)) {
  if (context_ != nullptr)
    tls_.emplace(socket_, *context_);
}

asio::awaitable<error_code> peer_channel::connect(tcp::endpoint to, std::string name) {
  auto [failed] = co_await socket_.async_connect(to, use_tuple);
  if (failed)
    co_return failed;
  socket_.set_option(tcp::no_delay(true), failed);
  if (!tls_)
    co_return error_code{};
  tls_->set_verify_mode(asio::ssl::verify_peer);
  tls_->set_verify_callback(asio::ssl::host_name_verification(name));
  std::tie(failed) = co_await tls_->async_handshake(asio::ssl::stream_base::client, use_tuple);
  co_return failed;
}

asio::awaitable<error_code> peer_channel::accept() {
  error_code failed;
  socket_.set_option(tcp::no_delay(true), failed);
  if (!tls_)
    co_return error_code{};
  tls_->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
  std::tie(failed) = co_await tls_->async_handshake(asio::ssl::stream_base::server, use_tuple);
  co_return failed;
}

bool peer_channel::is_named(const std::string& name) {
  if (!tls_)
    return true;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
    SSL_get1_peer_certificate(tls_->native_handle()), &X509_free);
  return certificate != nullptr &&
    X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr) == 1;
}

asio::awaitable<error_code> peer_channel::write(std::vector<std::string> frames) {
  std::vector<std::array<char, length_bytes>> lengths;
  lengths.reserve(frames.size());
  std::vector<asio::const_buffer> pieces;
  for (const auto& frame : frames) {
    lengths.push_back(length_of(frame));
    pieces.push_back(asio::buffer(lengths.back()));
    pieces.push_back(asio::buffer(frame));
  }
  error_code failed;
  if (tls_)
    std::tie(failed, std::ignore) = co_await asio::async_write(*tls_, pieces, use_tuple);
  else
    std::tie(failed, std::ignore) = co_await asio::async_write(socket_, pieces, use_tuple);
  co_return failed;
}

asio::awaitable<error_code> peer_channel::read_bytes(char* to, std::size_t count) {
  error_code failed;
  const auto buffer = asio::buffer(to, count);
  if (tls_)
    std::tie(failed, std::ignore) = co_await asio::async_read(*tls_, buffer, use_tuple);
  else
    std::tie(failed, std::ignore) = co_await asio::async_read(socket_, buffer, use_tuple);
  co_return failed;
}

asio::awaitable<error_code> peer_channel::read(std::string& frame, std::size_t most) {
  std::array<char, length_bytes> length{};
  if (const auto failed = co_await read_bytes(length.data(), length.size()))
    co_return failed;
  const auto size = number_in(length);
  if (size > most)
    co_return asio::error::message_size;
  frame.clear();
  while (frame.size() != size) {
    const auto at = frame.size();
    frame.resize(std::min(size, at + piece_bytes));
    if (const auto failed = co_await read_bytes(frame.data() + at, frame.size() - at))
      co_return failed;
  }
  co_return error_code{};
}

void peer_channel::close() noexcept {
  error_code ignored;
  socket_.close(ignored);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

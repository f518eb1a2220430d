#include "http_client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <optional>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t answer_bytes_max = std::size_t{8} << 20U;
constexpr std::size_t idle_max = 4;

std::string name_of(const etcd_endpoint& e) {
  return e.host + ":" + e.port;
}

} // namespace

class http_connection {
public:
  explicit http_connection(const asio::any_io_executor& on) : socket_(on) {}

  asio::awaitable<error_code> connect(const etcd_endpoint& to, asio::ssl::context* tls);
  asio::awaitable<error_code> exchange(
    http::request<http::string_body> what, http::response_parser<http::string_body>& answer);

private:
  template <class Stream>
  asio::awaitable<error_code> exchange_on(Stream& stream, http::request<http::string_body>& what,
    http::response_parser<http::string_body>& answer);

  tcp::socket socket_;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  boost::beast::flat_buffer buffer_;
};

asio::awaitable<error_code> http_connection::connect(
  const etcd_endpoint& to, asio::ssl::context* tls) {
  tcp::resolver resolver(socket_.get_executor());
  auto [unknown, found] = co_await resolver.async_resolve(to.host, to.port, use_tuple);
  if (unknown)
    co_return unknown;
  error_code failed;
  for (const auto& each : found) {
    if (socket_.is_open())
      socket_.close(failed);
    std::tie(failed) = co_await socket_.async_connect(each.endpoint(), use_tuple);
    if (!failed)
      break;
  }
  if (failed)
    co_return failed;
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  if (!to.is_tls)
    co_return failed;
  tls_.emplace(socket_, *tls);
  tls_->set_verify_mode(asio::ssl::verify_peer);
  tls_->set_verify_callback(asio::ssl::host_name_verification(to.host));
  SSL_set_tlsext_host_name(tls_->native_handle(), to.host.c_str());
  std::tie(failed) = co_await tls_->async_handshake(asio::ssl::stream_base::client, use_tuple);
  co_return failed;
}

template <class Stream>
asio::awaitable<error_code> http_connection::exchange_on(Stream& stream,
  http::request<http::string_body>& what, http::response_parser<http::string_body>& answer) {
  auto [not_sent, sent] = co_await http::async_write(stream, what, use_tuple);
  if (not_sent)
    co_return not_sent;
  auto [not_read, read] = co_await http::async_read(stream, buffer_, answer, use_tuple);
  co_return not_read;
}

asio::awaitable<error_code> http_connection::exchange(
  http::request<http::string_body> what, http::response_parser<http::string_body>& answer) {
  if (tls_)
    co_return co_await exchange_on(*tls_, what, answer);
  co_return co_await exchange_on(socket_, what, answer);
}

http_client::http_client(asio::any_io_executor on, std::vector<etcd_endpoint> endpoints,
  std::shared_ptr<asio::ssl::context> tls, std::chrono::milliseconds timeout)
  : on_(std::move(on)), endpoints_(std::move(endpoints)), tls_(std::move(tls)), timeout_(timeout) {}

http_client::~http_client() = default;

asio::awaitable<http_client::outcome> http_client::post(
  std::string path, std::string body, std::string authorization) {
  std::string problems;
  const auto first = current_;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const auto which = (first + i) % endpoints_.size();
    auto tried = co_await try_endpoint(which, path, body, authorization);
    if (std::holds_alternative<http_answer>(tried)) {
      if (std::exchange(current_, which) != which)
        idle_.clear();
      co_return tried;
    }
    problems += (problems.empty() ? "" : "; ") + name_of(endpoints_[which]) + ": " +
      std::get<std::string>(tried);
  }
  idle_.clear();
  co_return problems;
}

asio::awaitable<http_client::outcome> http_client::try_endpoint(std::size_t which,
  const std::string& path, const std::string& body, const std::string& authorization) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(on_, timeout_);
  auto first = co_await (exchange(which, path, body, authorization) || timer.async_wait(use_tuple));
  // The result has the alternatives of both.
  if (auto* const answer = std::get_if<http_answer>(&first))
    co_return std::move(*answer);
  if (auto* const why = std::get_if<std::string>(&first))
    co_return std::move(*why);
  co_return "no answer in " + std::to_string(timeout_.count()) + " ms";
}

// A connection that was kept may have been closed by the server meanwhile. Then another is made.
asio::awaitable<http_client::outcome> http_client::exchange(std::size_t which,
  const std::string& path, const std::string& body, const std::string& authorization) {
  const auto& to = endpoints_[which];
  for (;;) {
    const bool was_kept = which == current_ && !idle_.empty();
    auto c = was_kept ? std::move(idle_.back()) : std::make_unique<http_connection>(on_);
    if (was_kept) {
      idle_.pop_back();
    } else if (const auto failed = co_await c->connect(to, tls_.get())) {
      co_return failed.message();
    }
    http::request<http::string_body> what(http::verb::post, path, 11);
    what.set(http::field::host, name_of(to));
    what.set(http::field::content_type, "application/json");
    if (!authorization.empty())
      what.set(http::field::authorization, authorization);
    what.body() = body;
    what.prepare_payload();
    http::response_parser<http::string_body> answer;
    answer.body_limit(answer_bytes_max);
    const auto failed = co_await c->exchange(std::move(what), answer);
    if (failed && was_kept)
      continue;
    if (failed)
      co_return failed.message();
    if (answer.keep_alive() && which == current_ && idle_.size() < idle_max)
      idle_.push_back(std::move(c));
    co_return http_answer{answer.get().result_int(), std::move(answer.get().body())};
  }
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

// See http_client.hpp.
#include "http_client.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test {

namespace asio = boost::asio;
namespace http = boost::beast::http;

boost::json::value http_answer::as_json() const {
  boost::system::error_code error;
  auto value = boost::json::parse(body, error);
  return error ? boost::json::value("no JSON: " + body) : value;
}

std::string http_answer::error_code() const {
  const auto value = as_json();
  const auto* const error = value.is_object() ? value.get_object().if_contains("error") : nullptr;
  return error == nullptr ? "" : std::string(error->at("code").as_string());
}

http_client::http_client(const std::string& socket_path) : socket_(io_) {
  socket_.connect(
    asio::generic::stream_protocol::endpoint(asio::local::stream_protocol::endpoint(socket_path)));
}

http_client::http_client(std::uint16_t port) : socket_(io_) {
  socket_.connect(asio::generic::stream_protocol::endpoint(
    asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port)));
}

void http_client::send(std::string_view bytes) {
  boost::system::error_code ignored; // the service may have closed the connection already
  asio::write(socket_, asio::buffer(bytes), ignored);
}

void http_client::finish() {
  boost::system::error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

http_answer http_client::receive() {
  auto buffer = asio::dynamic_buffer(read_);
  http::response_parser<http::string_body> parser;
  parser.body_limit(std::uint64_t{64} << 20U);
  http_answer result;
  boost::system::error_code error;
  http::read(socket_, buffer, parser, error);
  if (error)
    return result;
  auto message = parser.release();
  result.status = message.result_int();
  for (const auto& field : message)
    result.headers.emplace(std::string(field.name_string()), std::string(field.value()));
  result.body = std::move(message.body());
  return result;
}

std::string http_client::receive_until(const std::string& marker) {
  boost::system::error_code error;
  auto size = asio::read_until(socket_, asio::dynamic_buffer(read_), marker, error);
  if (error)
    size = read_.size();
  auto result = read_.substr(0, size);
  read_.erase(0, size);
  return result;
}

void http_client::wait_for_end() {
  boost::system::error_code ended;
  std::string rest;
  asio::read(socket_, asio::dynamic_buffer(rest), asio::transfer_all(), ended);
}

http_answer http_client::get(const std::string& target, const std::string& headers) {
  send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  return receive();
}

http_answer http_client::post(
  const std::string& target, const std::string& body, const std::string& headers) {
  send("POST " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers +
    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  return receive();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test

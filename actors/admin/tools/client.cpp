// See client.hpp.
#include "client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <utility>

namespace leasebreak::ctl {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

namespace {

constexpr auto patience = std::chrono::seconds{120};

/// Returns the token with the greatest right in the file.
std::string read_token(const std::string& file) {
  std::ifstream in(file);
  if (!in)
    throw std::runtime_error("cannot read the token file " + file);
  std::string best;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r'))
      line.pop_back();
    if (line.empty() || line.front() == '#')
      continue;
    if (!line.starts_with("read "))
      return line.starts_with("act ") ? line.substr(line.find_first_not_of(' ', 4)) : line;
    if (best.empty())
      best = line.substr(line.find_first_not_of(' ', 5));
  }
  if (best.empty())
    throw std::runtime_error("the token file " + file + " has no token");
  return best;
}

json::value parse(const std::string& text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  if (error)
    throw std::runtime_error("the response is not JSON: is this an admin service of leasebreak?");
  return value;
}

[[noreturn]] void refuse(unsigned status, const std::string& body) {
  boost::system::error_code error;
  const auto value = json::parse(body, error);
  const auto* const all = error ? nullptr : value.if_object();
  const auto* const said = all == nullptr ? nullptr : all->if_contains("error");
  if (said == nullptr || !said->is_object())
    throw std::runtime_error("the service returned status " + std::to_string(status));
  throw api_error(
    std::string(said->at("code").as_string()), std::string(said->at("message").as_string()));
}

} // namespace

admin_client::admin_client(const std::string& where, const std::string& token_file)
  : socket_(io_), host_(where) {
  if (!token_file.empty())
    token_ = read_token(token_file);
  connect(where);
}

/// Runs the operation that was started.
void admin_client::run(const std::string& what) {
  io_.restart();
  io_.run_for(patience);
  if (io_.stopped())
    return;
  socket_.close();
  io_.run();
  throw std::runtime_error(what + ": no answer in time");
}

void admin_client::connect(const std::string& where) {
  boost::system::error_code error;
  const auto colon = where.rfind(':');
  if (where.find('/') != std::string::npos) {
    host_ = "localhost";
    socket_.async_connect(
      asio::generic::stream_protocol::endpoint(asio::local::stream_protocol::endpoint(where)),
      [&error](auto e) { error = e; });
    run(where);
  } else if (colon == std::string::npos) {
    throw std::runtime_error("'" + where + "' is neither a path with a slash nor HOST:PORT");
  } else {
    asio::ip::tcp::resolver resolver(io_);
    auto host = where.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    error = asio::error::host_not_found;
    for (const auto& found : resolver.resolve(host, where.substr(colon + 1))) {
      socket_ = asio::generic::stream_protocol::socket(io_);
      socket_.async_connect(asio::generic::stream_protocol::endpoint(found.endpoint()),
        [&error](auto e) { error = e; });
      run(where);
      if (!error)
        break;
    }
  }
  if (error)
    throw std::runtime_error("cannot connect to " + where + ": " + error.message());
}

std::string admin_client::exchange(
  const std::string& method, const std::string& target, const std::string& body) {
  http::request<http::string_body> request;
  request.version(11);
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, host_);
  if (!token_.empty())
    request.set(http::field::authorization, "Bearer " + token_);
  if (method == "POST") {
    request.set(http::field::content_type, "application/json");
    request.set("X-Leasebreak-Action", "1");
    request.body() = body;
  }
  request.prepare_payload();
  boost::system::error_code error;
  http::async_write(socket_, request, [&error](auto e, std::size_t) { error = e; });
  run("the service");
  // Read the response even if the service did not read the whole request.
  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(std::uint64_t{256} << 20U);
  http::async_read(socket_, buffer, parser, [&error](auto e, std::size_t) { error = e; });
  run("the service");
  if (error)
    throw std::runtime_error("no response from the service: " + error.message());
  auto message = parser.release();
  if (message.result() != http::status::ok)
    refuse(message.result_int(), message.body());
  return std::move(message.body());
}

std::string admin_client::get_text(const std::string& target) {
  return exchange("GET", target, "");
}

json::value admin_client::get(const std::string& target) {
  return parse(get_text(target));
}

json::value admin_client::post(const std::string& target, const json::object& body) {
  return parse(exchange("POST", target, json::serialize(body)));
}

json::object admin_client::get_all(std::string target, const std::string& name) {
  json::object all;
  std::string after;
  const char* const joint = target.find('?') == std::string::npos ? "?" : "&";
  do {
    auto page = get(after.empty() ? target : target + joint + "after=" + after).as_object();
    after = page.at("next").is_null() ? "" : std::string(page.at("next").as_string());
    page.erase("next");
    if (all.empty()) {
      all = std::move(page);
    } else {
      auto& to = all.at(name).as_array();
      for (auto& element : page.at(name).as_array())
        to.push_back(std::move(element));
    }
  } while (!after.empty());
  return all;
}

std::string percent_encoded(const std::string& text) {
  constexpr const char* digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
      (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
    if (is_plain)
      result += c;
    else
      result += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return result;
}

} // namespace leasebreak::ctl

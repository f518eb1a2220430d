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

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl {

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

void admin_client::send(
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
}

namespace {

/// Splits a stream of server-sent events.
class event_lines {
public:
  /// Returns false if `use` did.
  bool add(std::string_view part, const std::function<bool(const json::object&)>& use) {
    text_ += part;
    for (auto end = text_.find("\n\n"); end != std::string::npos; end = text_.find("\n\n")) {
      const auto frame = text_.substr(0, end);
      text_.erase(0, end + 2);
      const auto event = object_of(frame);
      if (event && !use(*event))
        return false;
    }
    return true;
  }

private:
  /// Nothing: it is a comment.
  static std::optional<json::object> object_of(std::string_view frame) {
    std::string kind;
    std::string data;
    while (!frame.empty()) {
      const auto line = frame.substr(0, frame.find('\n'));
      frame.remove_prefix(std::min(line.size() + 1, frame.size()));
      if (line.starts_with("event: "))
        kind = line.substr(7);
      else if (line.starts_with("data: "))
        data += line.substr(6);
    }
    if (data.empty())
      return std::nullopt;
    auto value = parse(data);
    if (!value.is_object())
      return std::nullopt;
    if (!value.as_object().contains("kind"))
      value.as_object()["kind"] = kind;
    return std::move(value.as_object());
  }

  std::string text_;
};

} // namespace

void admin_client::read_events(
  const std::string& target, const std::function<bool(const json::object& event)>& use) {
  send("GET", target, {});
  boost::system::error_code error;
  boost::beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  http::async_read_header(socket_, buffer, parser, [&error](auto e, std::size_t) { error = e; });
  run("the service");
  event_lines lines;
  std::string refusal;
  std::array<char, 16'384> part{};
  while (!error && !parser.is_done()) {
    auto& body = parser.get().body();
    body.data = part.data();
    body.size = part.size();
    http::async_read_some(socket_, buffer, parser, [&error](auto e, std::size_t) { error = e; });
    run("the service");
    if (error == http::error::need_buffer)
      error = {};
    const std::string_view text(part.data(), part.size() - body.size);
    if (parser.get().result() != http::status::ok)
      refusal += text;
    else if (!lines.add(text, use))
      return;
  }
  if (error)
    throw std::runtime_error("the stream of events broke off: " + error.message());
  if (parser.get().result() != http::status::ok)
    refuse(parser.get().result_int(), refusal);
}

std::string admin_client::exchange(
  const std::string& method, const std::string& target, const std::string& body) {
  send(method, target, body);
  boost::system::error_code error;
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

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::ctl

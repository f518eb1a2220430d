// See message.hpp.
#include "message.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>

#include <string>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

std::string text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

template <class Body>
void set_header(http::response<Body>& message, const http_response& r) {
  message.version(11);
  message.result(r.status);
  message.set(http::field::content_type, r.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("Content-Security-Policy",
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Referrer-Policy", "no-referrer");
}

} // namespace

http_request to_request(http::request<http::string_body> message) {
  http_request r;
  r.method = text_of(message.method_string());
  r.target = text_of(message.target());
  const auto [first, last] = message.equal_range(http::field::host);
  for (auto host = first; host != last; ++host)
    r.hosts.push_back(text_of(host->value()));
  r.authorization = text_of(message[http::field::authorization]);
  r.content_type = text_of(message[http::field::content_type]);
  r.origin = text_of(message[http::field::origin]);
  r.action = text_of(message["X-Leasebreak-Action"]);
  r.body = std::move(message.body());
  return r;
}

http::response<http::empty_body> to_stream_header(const http_response& r) {
  http::response<http::empty_body> message;
  set_header(message, r);
  message.keep_alive(false);
  message.chunked(true);
  return message;
}

http::response<http::string_body> to_message(http_response r, bool keep_alive, bool without_body) {
  http::response<http::string_body> message;
  set_header(message, r);
  if (r.status == 401)
    message.set(http::field::www_authenticate, "Bearer");
  if (!r.allow.empty())
    message.set(http::field::allow, r.allow);
  message.keep_alive(keep_alive);
  if (!without_body)
    message.body() = std::move(r.body);
  message.prepare_payload();
  return message;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

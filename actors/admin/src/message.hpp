// Conversions between Beast's messages and the router's.
#pragma once

#include "http.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

[[nodiscard]] http_request to_request(
  boost::beast::http::request<boost::beast::http::string_body> message);

/// The header of an answer whose body is a stream of chunks.
[[nodiscard]] boost::beast::http::response<boost::beast::http::empty_body> to_stream_header(
  const http_response& r);

[[nodiscard]] boost::beast::http::response<boost::beast::http::string_body> to_message(
  http_response r, bool keep_alive, bool without_body);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

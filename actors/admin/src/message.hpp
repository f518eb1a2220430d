// Conversions between Beast's messages and the router's.
#pragma once

#include "http.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace leasebreak::admin {

[[nodiscard]] http_request to_request(
  boost::beast::http::request<boost::beast::http::string_body> message);

[[nodiscard]] boost::beast::http::response<boost::beast::http::string_body> to_message(
  http_response r, bool keep_alive, bool without_body);

} // namespace leasebreak::admin

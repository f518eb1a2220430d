// Requests and responses as the router sees them, without sockets and libraries.
#pragma once

#include <leasebreak/model/export.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

class event_reader;

/// The parts of a request that the router needs. Headers that were not sent are empty.
struct http_request {
  std::string method;
  std::string target; ///< Path and query.
  std::vector<std::string> hosts; ///< Each Host header; there must be one.
  std::string authorization;
  std::string content_type;
  std::string origin;
  std::string action; ///< X-Leasebreak-Action.
  std::string body;
};

struct http_response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::shared_ptr<event_reader> events; ///< The body is the stream of what it reads.
  std::string allow; ///< For 405: the method that is allowed.
};

/// Makes a response with this JSON.
[[nodiscard]] http_response ok(std::string body);

/// The service has no coordinator any more.
[[nodiscard]] http_response stopping();

/// Makes a response with the body `{"error":{"code":...,"message":...}}`. `code` is for programs.
[[nodiscard]] http_response error_response(
  unsigned status, std::string_view code, std::string_view message);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

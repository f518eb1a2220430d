// A request and its answer, as the router sees them: no socket, no library.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::admin {

/// What of a request counts. Headers that were not sent are empty.
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
  std::string allow; ///< For 405: the method that is allowed.
};

/// `{"error":{"code":...,"message":...}}`. `code` is a word for programs.
[[nodiscard]] http_response error_response(
  unsigned status, std::string_view code, std::string_view message);

} // namespace leasebreak::admin

// See admin_target.hpp.
#include "admin_target.hpp"

#include "message.hpp"
#include "router.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/json/parse.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace leasebreak::smb::fuzz {

namespace http = boost::beast::http;

namespace {

const std::string reading = "read-token-0123456789";
const std::string acting = "act-token-0123456789";

const admin::access_rules& rules() {
  static const admin::access_rules all = [] {
    admin::access_rules r;
    r.tokens = admin::token_list::parse("read " + reading + "\nact " + acting, "f");
    r.hosts = {"localhost"};
    r.port = 9464;
    return r;
  }();
  return all;
}

void check(bool is_so, const char* what) {
  if (!is_so)
    throw std::logic_error(what);
}

void check_answer(const admin::http_response& answer) {
  check(answer.status >= 400, "the router answers by itself");
  check(answer.body.find_first_of("<>&") == std::string::npos, "markup in an answer");
  boost::system::error_code error;
  static_cast<void>(boost::json::parse(answer.body, error));
  check(!error, "an answer is no JSON");
}

admin_end check_call(const admin::http_request& r, const admin::admin_call& call) {
  check(r.hosts.size() == 1 && r.hosts.front().size() >= 9, "another host");
  const auto needed = admin::needed_for(call);
  if (needed == admin::right::none)
    return admin_end::reads;
  const bool may_act = r.authorization.ends_with(acting);
  check(may_act || r.authorization.ends_with(reading), "no token");
  if (needed == admin::right::read) {
    check(r.method == "GET", "read with another method");
    return admin_end::reads;
  }
  check(may_act && r.method == "POST" && r.action == "1", "an action without the right");
  return admin_end::acts;
}

} // namespace

std::size_t admin_calls() noexcept {
  return std::variant_size_v<admin::admin_call>;
}

admin_outcome play_admin_request(bytes_view bytes) {
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  parser.body_limit(65'536);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error || !parser.is_done())
    return {};
  const auto request = admin::to_request(parser.release());
  admin::caller who;
  const auto result = admin::route(request, rules(), who);
  if (const auto* const call = std::get_if<admin::admin_call>(&result); call != nullptr)
    return {check_call(request, *call), call->index()};
  check_answer(std::get<admin::http_response>(result));
  return {admin_end::refused, {}};
}

} // namespace leasebreak::smb::fuzz

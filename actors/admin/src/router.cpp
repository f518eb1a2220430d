// See router.hpp.
#include "router.hpp"

#include "text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <map>
#include <string_view>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace json = boost::json;

http_response ok(std::string body) {
  http_response r;
  r.body = std::move(body);
  return r;
}

http_response stopping() {
  return error_response(503, "stopping", "the service is stopping");
}

http_response error_response(unsigned status, std::string_view code, std::string_view message) {
  http_response r;
  r.status = status;
  json::object error;
  error["code"] = code;
  error["message"] = to_utf8(message);
  json::object all;
  all["error"] = std::move(error);
  r.body = without_markup(json::serialize(all)) + "\n";
  return r;
}

namespace {

using parameters = std::map<std::string, std::string, std::less<>>;

routed bad_parameter(const std::string& name, const std::string& why) {
  return error_response(400, "bad_parameter", name + ": " + why);
}

/// Returns whether the Host header names this service. If a page of another site makes its host
/// name resolve to this service (DNS rebinding), its requests contain that name.
bool is_own_host(std::string_view host, const access_rules& rules) {
  auto name = host;
  const auto colon = host.rfind(':');
  const auto bracket = host.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const auto port = parse_number(host.substr(colon + 1), 65'535);
    if (!port || (rules.port != 0 && *port != rules.port))
      return false;
    name = host.substr(0, colon);
  }
  return std::any_of(rules.hosts.begin(), rules.hosts.end(),
    [name](const auto& own) { return equal_without_case(own, name); });
}

/// Checks the Origin header. A form on a page of another origin is sent with that origin.
bool is_own_origin(const http_request& r) {
  return r.origin.empty() || equal_without_case(r.origin, "http://" + r.hosts.front()) ||
    equal_without_case(r.origin, "https://" + r.hosts.front());
}

right right_by_token(const http_request& r, const token_list& tokens) {
  constexpr std::string_view scheme = "Bearer ";
  const std::string_view given = r.authorization;
  if (given.size() < scheme.size() || !equal_without_case(given.substr(0, scheme.size()), scheme))
    return right::none;
  return tokens.right_of(given.substr(scheme.size()));
}

std::optional<lease_state> parse_kept(std::string_view text) {
  const auto state = parse_lease_state(text);
  return state && is_valid(*state, false) ? state : std::nullopt;
}

/// Refuses unknown names: a misspelt filter must not list or break more than intended.
std::optional<routed> find_unknown(
  const parameters& given, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : given)
    if (std::find(known.begin(), known.end(), name) == known.end())
      return bad_parameter(name, "unknown parameter");
  return std::nullopt;
}

/// Fills in a listing from parameters. Returns an error for an invalid one.
std::optional<routed> fill(list_request& what, const parameters& given) {
  for (const auto& [name, value] : given) {
    if (name == "path") {
      what.path_tail = value;
    } else if (name == "prefix") {
      what.path_prefix = value;
    } else if (name == "share") {
      what.matching.share_name = value;
    } else if (name == "client") {
      const auto id = from_hex(value);
      if (!id)
        return bad_parameter(name, "a client is 32 hexadecimal digits");
      what.matching.client_id = to_hex(*id);
    } else if (name == "file" || name == "after") {
      auto id = bytes_from_hex(value);
      if (!id || id->empty())
        return bad_parameter(name, "a file is an even number of hexadecimal digits");
      (name == "file" ? what.matching.file_id : what.after) = std::move(*id);
    }
  }
  return std::nullopt;
}

std::optional<std::size_t> limit_of(const parameters& given, std::size_t most) {
  const auto found = given.find("limit");
  if (found == given.end())
    return most;
  const auto limit = parse_number(found->second, most);
  return limit == 0 ? std::nullopt : limit;
}

routed bad_limit(const access_rules& rules) {
  return bad_parameter("limit", "a number from 1 to " + std::to_string(rules.page_entries_max));
}

routed route_clients(const parameters& given, const access_rules& rules) {
  if (auto wrong = find_unknown(given, {"limit", "after"}))
    return std::move(*wrong);
  const auto limit = limit_of(given, rules.page_entries_max);
  if (!limit)
    return bad_limit(rules);
  show_clients call{*limit, {}};
  if (const auto after = given.find("after"); after != given.end()) {
    const auto id = from_hex(after->second);
    if (!id)
      return bad_parameter("after", "a client is 32 hexadecimal digits");
    call.after.bytes = *id;
  }
  return admin_call(call);
}

routed route_files(show_files::view view, const parameters& given, const access_rules& rules) {
  if (auto wrong =
        find_unknown(given, {"path", "prefix", "share", "client", "file", "limit", "after"}))
    return std::move(*wrong);
  show_files call;
  call.as = view;
  if (auto wrong = fill(call.what, given))
    return std::move(*wrong);
  const auto limit = limit_of(given, rules.page_entries_max);
  if (!limit)
    return bad_limit(rules);
  call.what.limit = *limit;
  if (view == show_files::view::breaks)
    call.what.what = list_request::scope::breaking;
  else if (view == show_files::view::waits)
    call.what.what = list_request::scope::waiting;
  return admin_call(std::move(call));
}

routed route_events(const parameters& given) {
  if (auto wrong = find_unknown(given, {"what"}))
    return std::move(*wrong);
  const auto what = given.find("what");
  if (what != given.end() && what->second != "all" && what->second != "breaks")
    return bad_parameter("what", "breaks or all");
  return admin_call(show_events{what != given.end() && what->second == "all"});
}

routed route_top(const parameters& given) {
  constexpr std::size_t entries = 10;
  constexpr std::size_t entries_max = 100;
  if (auto wrong = find_unknown(given, {"of", "limit"}))
    return std::move(*wrong);
  const auto of = given.find("of");
  if (of == given.end() || (of->second != "blockers" && of->second != "files"))
    return bad_parameter("of", "blockers or files");
  const auto limit = given.contains("limit") ? limit_of(given, entries_max) : entries;
  if (!limit)
    return bad_parameter("limit", "a number from 1 to " + std::to_string(entries_max));
  return admin_call(show_top{of->second == "files" ? top_of::files : top_of::blockers, *limit});
}

routed route_nothing(admin_call call, const parameters& given) {
  if (auto wrong = find_unknown(given, {}))
    return std::move(*wrong);
  return call;
}

routed route_get(std::string_view path, const parameters& given, const access_rules& rules) {
  if (path == "/healthz")
    return route_nothing(show_health{}, given);
  if (path == "/readyz")
    return route_nothing(show_readiness{}, given);
  if (path == "/metrics")
    return route_nothing(show_metrics{}, given);
  if (path == "/api/v1/stats")
    return route_nothing(show_stats{}, given);
  if (path == "/api/v1/settings")
    return route_nothing(show_settings{}, given);
  if (path == "/api/v1/cluster")
    return route_nothing(show_cluster{}, given);
  if (path == "/api/v1/events")
    return route_events(given);
  if (path == "/api/v1/top")
    return route_top(given);
  if (path == "/api/v1/clients")
    return route_clients(given, rules);
  if (path == "/api/v1/files")
    return route_files(show_files::view::files, given, rules);
  if (path == "/api/v1/breaks")
    return route_files(show_files::view::breaks, given, rules);
  return route_files(show_files::view::waits, given, rules);
}

/// The members of a body: strings in `texts`, and `dry_run`.
struct action_body {
  parameters texts;
  bool dry_run = false;
};

std::optional<action_body> parse_body(std::string_view body) {
  json::parse_options how;
  how.max_depth = 4;
  boost::system::error_code error;
  const auto value = json::parse(body, error, {}, how);
  if (error || !value.is_object())
    return std::nullopt;
  action_body result;
  for (const auto& member : value.get_object()) {
    if (member.key() == "dry_run" && member.value().is_bool())
      result.dry_run = member.value().get_bool();
    else if (const auto* text = member.value().if_string(); text != nullptr)
      result.texts.emplace(std::string(member.key()), std::string(*text));
    else
      return std::nullopt;
  }
  return result;
}

routed route_break(const action_body& body) {
  if (auto wrong = find_unknown(body.texts, {"path", "file", "share", "client", "key", "keep"}))
    return std::move(*wrong);
  break_by_hand call;
  call.dry_run = body.dry_run;
  auto of_file = body.texts;
  of_file.erase("client"); // list the whole file, to include the pending operations
  if (auto wrong = fill(call.what, of_file))
    return std::move(*wrong);
  if (call.what.path_tail.empty() == call.what.matching.file_id.empty())
    return bad_parameter("path, file", "give one of them");
  for (const auto& [name, value] : body.texts) {
    if (name == "client" || name == "key") {
      const auto id = from_hex(value);
      if (!id)
        return bad_parameter(name, "32 hexadecimal digits");
      if (name == "client")
        call.client = client_guid{*id};
      else
        call.key = lease_key{*id};
    } else if (name == "keep") {
      const auto keep = parse_kept(value);
      if (!keep)
        return bad_parameter(name, "none, R, RH, RW or RWH");
      call.keep = *keep;
    }
  }
  return admin_call(std::move(call));
}

routed route_disconnect(const action_body& body) {
  if (auto wrong = find_unknown(body.texts, {"client"}))
    return std::move(*wrong);
  const auto given = body.texts.find("client");
  const auto id = given == body.texts.end() ? std::nullopt : from_hex(given->second);
  if (!id)
    return bad_parameter("client", "32 hexadecimal digits");
  return admin_call(disconnect_by_hand{client_guid{*id}, body.dry_run});
}

routed route_setting(const action_body& body) {
  if (auto wrong = find_unknown(body.texts, {"name", "value", "share"}))
    return std::move(*wrong);
  change_by_hand call;
  call.dry_run = body.dry_run;
  for (const auto& [name, value] : body.texts)
    (name == "name" ? call.name : name == "value" ? call.value : call.share) = value;
  if (call.name.empty())
    return bad_parameter("name", "give the name of a setting");
  return admin_call(std::move(call));
}

routed route_post(std::string_view path, const http_request& r) {
  if (r.action != "1")
    return error_response(403, "action_header_missing", "send the header X-Leasebreak-Action: 1");
  if (!is_own_origin(r))
    return error_response(403, "other_origin", "the request comes from a page of another origin");
  // A charset may follow the type.
  std::string_view type = std::string_view(r.content_type).substr(0, r.content_type.find(';'));
  while (type.ends_with(' '))
    type.remove_suffix(1);
  if (!equal_without_case(type, "application/json"))
    return error_response(415, "not_json", "send Content-Type: application/json");
  const auto body = parse_body(r.body);
  if (!body)
    return error_response(400, "bad_body",
      "send a JSON object; its members are strings, except dry_run, which is true or false");
  if (path == "/api/v1/settings")
    return route_setting(*body);
  return path == "/api/v1/break" ? route_break(*body) : route_disconnect(*body);
}

struct endpoint {
  std::string_view path;
  right needs;
  bool is_action;
};

constexpr std::array endpoints = {
  endpoint{"/healthz", right::none, false},
  endpoint{"/readyz", right::none, false},
  endpoint{"/metrics", right::read, false},
  endpoint{"/api/v1/stats", right::read, false},
  endpoint{"/api/v1/clients", right::read, false},
  endpoint{"/api/v1/files", right::read, false},
  endpoint{"/api/v1/breaks", right::read, false},
  endpoint{"/api/v1/waits", right::read, false},
  endpoint{"/api/v1/cluster", right::read, false},
  endpoint{"/api/v1/settings", right::read, false},
  endpoint{"/api/v1/settings", right::act, true},
  endpoint{"/api/v1/events", right::read, false},
  endpoint{"/api/v1/top", right::read, false},
  endpoint{"/api/v1/break", right::act, true},
  endpoint{"/api/v1/disconnect", right::act, true},
};

/// Returns the refusal if the caller may not use the endpoint. A caller without any right does not
/// learn which endpoints exist.
std::optional<http_response> refuse(const caller& who, right needs) {
  if (who.granted >= needs)
    return std::nullopt;
  if (who.granted == right::none)
    return error_response(401, "unauthorized", "send Authorization: Bearer and a valid token");
  return error_response(403, "forbidden", "this needs the right to act");
}

} // namespace

right needed_for(const admin_call& call) noexcept {
  if (std::holds_alternative<show_page>(call) || std::holds_alternative<show_health>(call) ||
    std::holds_alternative<show_readiness>(call))
    return right::none;
  return std::holds_alternative<break_by_hand>(call) ||
      std::holds_alternative<disconnect_by_hand>(call) ||
      std::holds_alternative<change_by_hand>(call)
    ? right::act
    : right::read;
}

routed route(const http_request& r, const access_rules& rules, caller& who) {
  if (r.hosts.size() != 1 || !is_own_host(r.hosts.front(), rules))
    return error_response(421, "wrong_host", "the Host header does not name this service");
  if (!who.is_local)
    who.granted = right_by_token(r, rules.tokens);
  if (const auto* const page = find_page(r.target); page != nullptr && r.method == "GET")
    return admin_call(show_page{page});
  const std::string_view target = r.target;
  const auto mark = target.find('?');
  const auto path = target.substr(0, mark);
  // An action may have the path of what it changes.
  const auto is_meant = [path](const auto& e) { return e.path == path; };
  auto found = std::find_if(endpoints.begin(), endpoints.end(), is_meant);
  if (const auto next = std::find_if(found, endpoints.end(),
        [&](const auto& e) { return is_meant(e) && e.is_action == (r.method == "POST"); });
      next != endpoints.end())
    found = next;
  if (found == endpoints.end()) {
    if (auto refused = refuse(who, right::read))
      return std::move(*refused);
    return error_response(404, "not_found", "there is no such resource");
  }
  if (auto refused = refuse(who, found->needs))
    return std::move(*refused);
  const std::string_view method = found->is_action ? "POST" : "GET";
  if (r.method != method) {
    auto refused = error_response(405, "method_not_allowed", "use " + std::string(method));
    refused.allow = method;
    return refused;
  }
  const auto given =
    parse_query(mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1));
  if (!given)
    return error_response(400, "bad_query", "the query is malformed, or a parameter occurs twice");
  if (!found->is_action)
    return route_get(path, *given, rules);
  if (auto wrong = find_unknown(*given, {}))
    return std::move(*wrong);
  return route_post(path, r);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

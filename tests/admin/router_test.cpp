// The calls of requests, and which requests are refused, without a socket.
#include "router.hpp"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {
namespace {

constexpr auto reading_token = "read-token-0123456789";
constexpr auto acting_token = "act-token-0123456789";

access_rules rules() {
  access_rules r;
  r.tokens =
    token_list::parse(std::string("read ") + reading_token + "\nact " + acting_token + "\n", "f");
  r.hosts = {"localhost", "127.0.0.1", "[::1]", "admin.example"};
  r.port = 9464;
  r.page_entries_max = 100;
  return r;
}

http_request get(std::string target, const char* token = reading_token) {
  http_request r;
  r.method = "GET";
  r.target = std::move(target);
  r.hosts = {"localhost:9464"};
  if (token != nullptr)
    r.authorization = std::string("Bearer ") + token;
  return r;
}

http_request post(std::string target, std::string body) {
  auto r = get(std::move(target), acting_token);
  r.method = "POST";
  r.content_type = "application/json";
  r.action = "1";
  r.body = std::move(body);
  return r;
}

unsigned status_of(const http_request& r) {
  caller who;
  const auto result = route(r, rules(), who);
  const auto* const answer = std::get_if<http_response>(&result);
  return answer == nullptr ? 200 : answer->status;
}

std::string error_of(const http_request& r) {
  caller who;
  const auto result = route(r, rules(), who);
  const auto* const answer = std::get_if<http_response>(&result);
  return answer == nullptr ? "accepted" : answer->body;
}

/// Returns the call of the request; fails the test if it is not a `Call`.
template <class Call>
Call call_of(const http_request& r) {
  caller who;
  auto result = route(r, rules(), who);
  if (auto* const answer = std::get_if<http_response>(&result); answer != nullptr) {
    ADD_FAILURE() << r.target << ": " << answer->body;
    return {};
  }
  auto* const call = std::get_if<Call>(&std::get<admin_call>(result));
  if (call == nullptr) {
    ADD_FAILURE() << r.target << " asks for another call";
    return {};
  }
  return std::move(*call);
}

TEST(Router, FindsEachResource) {
  call_of<show_health>(get("/healthz", nullptr));
  call_of<show_readiness>(get("/readyz", nullptr));
  call_of<show_metrics>(get("/metrics"));
  call_of<show_stats>(get("/api/v1/stats"));
  call_of<show_stats>(get("/api/v1/stats", acting_token));
  EXPECT_EQ(call_of<show_clients>(get("/api/v1/clients")).limit, 100U);
  EXPECT_EQ(call_of<show_files>(get("/api/v1/files")).as, show_files::view::files);
  const auto breaks = call_of<show_files>(get("/api/v1/breaks"));
  EXPECT_EQ(breaks.as, show_files::view::breaks);
  EXPECT_EQ(breaks.what.what, list_request::scope::breaking);
  const auto waits = call_of<show_files>(get("/api/v1/waits"));
  EXPECT_EQ(waits.as, show_files::view::waits);
  EXPECT_EQ(waits.what.what, list_request::scope::waiting);
}

TEST(Router, ShowsThePageToAnybodyWhoKnowsTheHost) {
  for (const auto* const path : {"/", "/style.css", "/page.js", "/icon.svg"}) {
    const auto* const file = call_of<show_page>(get(path, nullptr)).file;
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(file->path, path);
    auto elsewhere = get(path, nullptr);
    elsewhere.hosts = {"evil.example"};
    EXPECT_EQ(status_of(elsewhere), 421U);
    auto other_method = get(path, nullptr);
    other_method.method = "POST";
    EXPECT_EQ(status_of(other_method), 401U);
  }
}

TEST(Router, ReadsFilters) {
  const auto call =
    call_of<show_files>(get("/api/v1/files?path=a%20b/c.docx&share=docs&prefix=a&limit=7&after=00ff"
                            "&client=0102030405060708090A0b0c0d0e0f10"));

  EXPECT_EQ(call.what.path_tail, "a b/c.docx");
  EXPECT_EQ(call.what.path_prefix, "a");
  EXPECT_EQ(call.what.matching.share_name, "docs");
  EXPECT_EQ(call.what.matching.client_id, "0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(call.what.limit, 7U);
  EXPECT_EQ(call.what.after, std::string("\x00\xff", 2));
}

TEST(Router, RefusesParametersThatItDoesNotUnderstand) {
  for (const auto* const target : {"/api/v1/files?pth=x", "/api/v1/files?limit=0",
         "/api/v1/files?limit=101", "/api/v1/files?limit=x", "/api/v1/files?client=alice",
         "/api/v1/files?file=0", "/api/v1/files?file=", "/api/v1/files?after=zz",
         "/api/v1/files?path=%00", "/api/v1/files?path=a&path=b", "/api/v1/clients?after=1",
         "/api/v1/clients?path=x", "/api/v1/stats?x", "/metrics?x=1", "/healthz?x=1"})
    EXPECT_EQ(status_of(get(target)), 400U) << target;
}

TEST(Router, RefusesOtherMethods) {
  auto r = get("/api/v1/stats");
  for (const auto* const method : {"POST", "HEAD", "OPTIONS", "DELETE", "get", ""}) {
    r.method = method;
    EXPECT_EQ(status_of(r), 405U) << method;
  }
  auto action = post("/api/v1/break", R"({"path":"x"})");
  action.method = "GET";
  caller who;
  const auto result = route(action, rules(), who);
  EXPECT_EQ(std::get<http_response>(result).status, 405U);
  EXPECT_EQ(std::get<http_response>(result).allow, "POST");
}

TEST(Router, RefusesOtherHosts) {
  auto r = get("/healthz", nullptr);
  for (const auto* const host :
    {"localhost", "LOCALHOST:9464", "127.0.0.1:9464", "[::1]:9464", "[::1]", "admin.example"}) {
    r.hosts = {host};
    EXPECT_EQ(status_of(r), 200U) << host;
  }
  for (const auto* const host : {"", "evil.example", "localhost.evil.example", "localhost:80",
         "localhost:9464x", "localhost:", ":9464", "[::1", "::1", "127.0.0.1.evil:9464"}) {
    r.hosts = {host};
    EXPECT_EQ(status_of(r), 421U) << host;
  }
  r.hosts.clear();
  EXPECT_EQ(status_of(r), 421U);
  r.hosts = {"localhost", "localhost"};
  EXPECT_EQ(status_of(r), 421U);
}

TEST(Router, WantsATokenThroughTcp) {
  for (const auto* const target : {"/metrics", "/api/v1/stats", "/api/v1/break", "/nothing"}) {
    EXPECT_EQ(status_of(get(target, nullptr)), 401U) << target;
    EXPECT_EQ(status_of(get(target, "read-token-012345678X")), 401U) << target;
  }
  auto r = get("/metrics");
  r.authorization = std::string("bearer ") + reading_token;
  EXPECT_EQ(status_of(r), 200U);
  for (const std::string& value : {std::string(), std::string("Bearer"), std::string("Bearer "),
         std::string("Basic ") + reading_token, std::string(reading_token)}) {
    r.authorization = value;
    EXPECT_EQ(status_of(r), 401U) << value;
  }
}

TEST(Router, TellsTheRightToReadFromThatToAct) {
  auto r = post("/api/v1/break", R"({"path":"x"})");
  r.authorization = std::string("Bearer ") + reading_token;
  EXPECT_EQ(status_of(r), 403U);
  r = post("/api/v1/disconnect", R"({"client":"00000000000000000000000000000001"})");
  r.authorization = std::string("Bearer ") + reading_token;
  EXPECT_EQ(status_of(r), 403U);
}

TEST(Router, TrustsLocalCallersAsFarAsTheirSocketGoes) {
  auto r = post("/api/v1/break", R"({"path":"x"})");
  r.authorization.clear();
  caller who;
  who.is_local = true;
  who.granted = right::act;
  EXPECT_TRUE(std::holds_alternative<admin_call>(route(r, rules(), who)));
  who.granted = right::read;
  EXPECT_EQ(std::get<http_response>(route(r, rules(), who)).status, 403U);
  r.authorization = std::string("Bearer ") + acting_token;
  EXPECT_EQ(std::get<http_response>(route(r, rules(), who)).status, 403U) << "tokens are for TCP";
}

TEST(Router, RefusesForgedActions) {
  const auto good = post("/api/v1/break", R"({"path":"x"})");
  EXPECT_EQ(status_of(good), 200U);

  auto r = good;
  r.action.clear();
  EXPECT_EQ(status_of(r), 403U);
  r.action = "yes";
  EXPECT_EQ(status_of(r), 403U);
  for (const auto* const type :
    {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"}) {
    r = good;
    r.content_type = type;
    EXPECT_EQ(status_of(r), 415U) << type;
  }
  r = good;
  r.content_type = "Application/JSON ; charset=utf-8";
  EXPECT_EQ(status_of(r), 200U);
  for (const auto* const origin : {"http://evil.example", "null", "http://localhost:80"}) {
    r = good;
    r.origin = origin;
    EXPECT_EQ(status_of(r), 403U) << origin;
  }
  r = good;
  r.origin = "http://localhost:9464";
  EXPECT_EQ(status_of(r), 200U);
  r = good;
  r.target += "?path=y";
  EXPECT_EQ(status_of(r), 400U);
}

TEST(Router, ReadsBreaks) {
  const auto call = call_of<break_by_hand>(post("/api/v1/break",
    R"({"path":"d/report.docx","share":"docs","client":"0102030405060708090a0b0c0d0e0f10",)"
    R"("key":"f102030405060708090a0b0c0d0e0f10","keep":"RH","dry_run":true})"));

  EXPECT_EQ(call.what.path_tail, "d/report.docx");
  EXPECT_EQ(call.what.matching.share_name, "docs");
  EXPECT_EQ(call.what.matching.client_id, "") << "the whole file is listed";
  EXPECT_EQ(to_string(call.client.value()), "0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(to_string(call.key.value()), "f102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(call.keep, lease_state::rh);
  EXPECT_TRUE(call.dry_run);

  const auto by_id = call_of<break_by_hand>(post("/api/v1/break", R"({"file":"00ff"})"));
  EXPECT_EQ(by_id.what.matching.file_id, std::string("\x00\xff", 2));
  EXPECT_EQ(by_id.keep, lease_state::none);
  EXPECT_FALSE(by_id.client || by_id.key || by_id.dry_run);
}

TEST(Router, RefusesBodiesThatSaySomethingElse) {
  for (const auto* const body : {"", "x", "[]", "1", "\"path\"", "{", R"({"path":"x"} y)", R"({})",
         R"({"path":""})", R"({"path":"x","file":"00"})", R"({"path":1})", R"({"path":null})",
         R"({"path":["x"]})", R"({"path":"x","dry_run":"true"})", R"({"path":"x","dryrun":true})",
         R"({"path":"x","clients":"0102030405060708090a0b0c0d0e0f10"})",
         R"({"path":"x","client":"alice"})", R"({"path":"x","keep":"H"})",
         R"({"path":"x","keep":"RWX"})", R"({"path":"x","key":"1"})", R"({"file":"0"})",
         "{\"path\":\"\xff\"}", R"([[[[[[[[[[]]]]]]]]]])", R"({"path":"x","after":"00"})"})
    EXPECT_EQ(status_of(post("/api/v1/break", body)), 400U) << body;
  for (const auto* const body : {"{}", R"({"client":"alice"})", R"({"client":true})",
         R"({"client":"0102030405060708090a0b0c0d0e0f10","path":"x"})"})
    EXPECT_EQ(status_of(post("/api/v1/disconnect", body)), 400U) << body;
}

TEST(Router, ReadsDisconnects) {
  const auto call = call_of<disconnect_by_hand>(
    post("/api/v1/disconnect", R"({"client":"0102030405060708090a0b0c0d0e0f10"})"));

  EXPECT_EQ(to_string(call.client), "0102030405060708090a0b0c0d0e0f10");
  EXPECT_FALSE(call.dry_run);
}

TEST(Router, ReadsSettings) {
  call_of<show_settings>(get("/api/v1/settings"));
  const auto call = call_of<change_by_hand>(post(
    "/api/v1/settings", R"({"name":"break_timeout","value":"20s","share":"docs","dry_run":true})"));
  EXPECT_EQ(call.name, "break_timeout");
  EXPECT_EQ(call.value, "20s");
  EXPECT_EQ(call.share, "docs");
  EXPECT_TRUE(call.dry_run);

  EXPECT_EQ(status_of(post("/api/v1/settings", R"({"value":"20s"})")), 400U);
  EXPECT_EQ(status_of(post("/api/v1/settings", R"({"name":"a","value":"1","user":"x"})")), 400U);
  auto r = post("/api/v1/settings", R"({"name":"break_timeout","value":"20s"})");
  r.authorization = std::string("Bearer ") + reading_token;
  EXPECT_EQ(status_of(r), 403U);
  r = post("/api/v1/settings", R"({"name":"break_timeout","value":"20s"})");
  r.action.clear();
  EXPECT_EQ(status_of(r), 403U);
  r.method = "PUT";
  EXPECT_EQ(status_of(r), 405U);
}

TEST(Router, ReadsTheClusterOnlyWithoutParameters) {
  call_of<show_cluster>(get("/api/v1/cluster"));
  EXPECT_EQ(status_of(get("/api/v1/cluster?server=a")), 400U);
  EXPECT_EQ(status_of(post("/api/v1/cluster", "{}")), 405U);
}

TEST(Router, DoesNotKnowOtherPaths) {
  for (const auto* const target :
    {"", "*", "/?x", "/index.html", "/api", "/api/v1/stats/", "/API/v1/stats", "//api/v1/stats",
      "/api/v1/../v1/stats", "/api/v1/stat%73", "http://localhost/metrics"})
    EXPECT_EQ(status_of(get(target)), 404U) << target;
}

TEST(Router, SaysErrorsAsJsonWithoutMarkup) {
  const auto error = error_of(get("/api/v1/files?%3cimg%20src=x%3e\xff=1"));

  EXPECT_EQ(error,
    "{\"error\":{\"code\":\"bad_parameter\",\"message\":"
    "\"\\u003cimg src: unknown parameter\"}}\n");
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

// The service with a real coordinator: its responses, its actions, and access rights.
#include "service_fixture.hpp"

#include <boost/asio/ip/address.hpp>
#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test {
namespace {

using testing::HasSubstr;

std::string text_at(const boost::json::value& v, const char* name) {
  return std::string(v.at(name).as_string());
}

using AdminService = admin_service;

TEST_F(AdminService, TellsWhoWaitsForWhomAndEndsIt) {
  start(options());
  auto bobs = make_bob_wait("reports/report.docx");
  auto client = connect();

  const auto waits = client.get("/api/v1/waits").as_json().at("waits").as_array();
  ASSERT_EQ(waits.size(), 1U);
  const auto& edge = waits.front();
  EXPECT_EQ(text_at(edge.at("waiter"), "label"), "bob at 10.0.0.2");
  EXPECT_EQ(text_at(edge.at("holder"), "label"), "alice at 10.0.0.1");
  EXPECT_EQ(text_at(edge, "path"), "reports/report.docx");
  EXPECT_EQ(text_at(edge, "operation"), "open");
  EXPECT_GT(edge.at("seconds_left").to_number<double>(), 0.0);

  const auto breaks = client.get("/api/v1/breaks").as_json().at("entries").as_array();
  ASSERT_EQ(breaks.size(), 1U);
  EXPECT_EQ(text_at(breaks.front(), "state"), "RWH");
  EXPECT_EQ(text_at(breaks.front().at("breaking"), "to"), "RH");

  const auto files = client.get("/api/v1/files?path=report.docx").as_json();
  EXPECT_EQ(files.at("entries").as_array().size(), 3U)
    << "an open, its lease, and the pending open";

  const auto tried =
    client.post("/api/v1/break", R"({"path":"report.docx","dry_run":true})").as_json();
  EXPECT_EQ(text_at(tried, "outcome"), "dry_run");
  EXPECT_EQ(tried.at("holders").as_array().size(), 1U);
  EXPECT_EQ(tried.at("waiting").to_number<int>(), 1);
  EXPECT_EQ(client.get("/api/v1/waits").as_json().at("waits").as_array().size(), 1U);

  const auto ended = client.post("/api/v1/break", R"({"path":"report.docx"})").as_json();
  EXPECT_EQ(text_at(ended, "outcome"), "ended");
  EXPECT_EQ(bobs.get(), error_code{});
  EXPECT_TRUE(client.get("/api/v1/waits").as_json().at("waits").as_array().empty());

  stop();
  const auto uid = std::to_string(::getuid());
  EXPECT_THAT(log(),
    HasSubstr("info audit: uid " + uid +
      ": break of file 6964206f66207265706f7274732f7265706f72742e646f6378, "
      "path \"reports/report.docx\", client any, key any, keep none, dry run, 1 holders, 1 "
      "waiting: dry_run\n"));
  EXPECT_THAT(log(), HasSubstr("keep none, 1 holders, 1 waiting: ended\n"));
}

TEST_F(AdminService, AsksFirstAndSaysIfThatTakesTime) {
  auto o = options();
  o.action_time = o.action_time.zero();
  start(std::move(o));
  open(alice, "f", 1);
  auto client = connect();

  EXPECT_EQ(
    text_at(client.post("/api/v1/break", R"({"path":"f","keep":"RH"})").as_json(), "outcome"),
    "pending");
  EXPECT_EQ(client.get("/api/v1/breaks").as_json().at("entries").as_array().size(), 1U);
  EXPECT_EQ(text_at(client.post("/api/v1/break", R"({"path":"f"})").as_json(), "outcome"), "ended");
  EXPECT_EQ(text_at(client.post("/api/v1/break", R"({"path":"f"})").as_json(), "outcome"),
    "nothing_to_break");
}

TEST_F(AdminService, BreaksOneFileOnly) {
  start(options());
  open(alice, "a/f", 1);
  open(alice, "b/f", 2);
  open(bob, "a/g", 3);
  auto client = connect();

  EXPECT_EQ(client.post("/api/v1/break", R"({"path":"f"})").error_code(), "ambiguous");
  EXPECT_EQ(client.post("/api/v1/break", R"({"path":"nothing"})").error_code(), "not_found");
  EXPECT_EQ(client.post("/api/v1/break", R"({"file":"00"})").error_code(), "not_found");
  const auto of_bob = client.post(
    "/api/v1/break", R"({"path":"a/f","dry_run":true,"client":")" + to_string(bob) + "\"}");
  EXPECT_EQ(text_at(of_bob.as_json(), "outcome"), "nothing_to_break");
  EXPECT_EQ(leases->stats().breaking_now, 0U);
}

TEST_F(AdminService, ChangesSettingsAndLogsTheOldValue) {
  start(options());
  auto client = connect();
  const auto set = [&](const std::string& body) { return client.post("/api/v1/settings", body); };
  EXPECT_EQ(set(R"({"name":"break_timeout","value":"default"})").error_code(), "bad_setting");

  EXPECT_EQ(text_at(set(R"({"name":"limit.opens_total","value":"77","dry_run":true})").as_json(),
              "outcome"),
    "dry_run");
  EXPECT_EQ(leases->current_settings().limit.opens_total, limits{}.opens_total);
  const auto changed = set(R"({"name":"limit.opens_total","value":"77"})").as_json();
  EXPECT_EQ(text_at(changed, "outcome"), "changed");
  EXPECT_EQ(leases->current_settings().limit.opens_total, 77U);
  EXPECT_EQ(
    text_at(set(R"({"name":"limit.opens_total","value":"77"})").as_json(), "outcome"), "unchanged");
  stop();

  EXPECT_THAT(log(), HasSubstr("set of limit.opens_total: 16000000 -> 77, dry run: dry_run\n"));
  EXPECT_THAT(log(), HasSubstr("info audit: uid "));
  EXPECT_THAT(log(), HasSubstr("set of limit.opens_total: 16000000 -> 77: changed\n"));
  EXPECT_THAT(log(), HasSubstr("set of break_timeout to \"default\": refused\n"));
}

TEST_F(AdminService, DisconnectsThroughTheHost) {
  std::vector<client_guid> asked;
  auto o = options();
  o.disconnect = [&asked](const client_guid& c) {
    asked.push_back(c);
    return true;
  };
  start(std::move(o));
  open(alice, "f", 1);
  auto client = connect();
  const auto body = [](const client_guid& c, const std::string& more = {}) {
    return "{\"client\":\"" + to_string(c) + "\"" + more + "}";
  };

  const auto tried = client.post("/api/v1/disconnect", body(alice, ",\"dry_run\":true")).as_json();
  EXPECT_EQ(text_at(tried, "outcome"), "dry_run");
  EXPECT_EQ(text_at(tried, "label"), "alice at 10.0.0.1");
  EXPECT_EQ(tried.at("opens").to_number<int>(), 1);
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(
    client.post("/api/v1/disconnect", body(client_guid::of(9))).error_code(), "unknown_client");
  EXPECT_EQ(client.post("/api/v1/disconnect", body({})).error_code(), "unknown_client");

  EXPECT_EQ(
    text_at(client.post("/api/v1/disconnect", body(alice)).as_json(), "outcome"), "disconnected");
  EXPECT_EQ(asked, std::vector{alice});
}

TEST_F(AdminService, RefusesWhatTheHostDoesNotOffer) {
  start(options());

  EXPECT_EQ(
    connect().post("/api/v1/disconnect", "{\"client\":\"" + to_string(alice) + "\"}").error_code(),
    "not_supported");
  EXPECT_EQ(text_at(connect().get("/api/v1/cluster").as_json(), "stage"), "none");
}

TEST_F(AdminService, ShowsTheClusterWhenTheHostReportsIt) {
  auto o = options();
  std::promise<std::function<void(cluster_report)>> asked;
  o.cluster = [&](auto to) { asked.set_value(std::move(to)); };
  start(std::move(o));
  std::thread host([&] {
    cluster_report r{"a", "member", 7, 3, {{"a", 7, "10.0.0.1:4451", 600, false}}, 1024, 600, 2};
    r.servers.push_back({"b", 6, "10.0.0.2:4451", 424, true});
    asked.get_future().get()(std::move(r));
  });

  const auto seen = connect().get("/api/v1/cluster").as_json();

  host.join();
  EXPECT_EQ(text_at(seen, "stage"), "member");
  EXPECT_EQ(seen.at("view").to_number<int>(), 3);
  EXPECT_EQ(seen.at("pending").to_number<int>(), 2);
  const auto& servers = seen.at("servers").as_array();
  ASSERT_EQ(servers.size(), 2U);
  EXPECT_EQ(servers[1].at("name").as_string(), "b");
  EXPECT_EQ(servers[1].at("slots").to_number<int>(), 424);
  EXPECT_TRUE(servers[1].at("silent").as_bool());
}

// The host has stopped meanwhile, and does not answer any more.
TEST_F(AdminService, ClosesAConnectionThatAsksAHostWithoutAnAnswer) {
  auto o = options();
  o.cluster = [](const auto&) {};
  start(std::move(o));
  auto client = connect();

  client.send("GET /api/v1/cluster HTTP/1.1\r\nHost: localhost\r\n\r\n");

  client.wait_for_end();
  EXPECT_EQ(connect().get("/healthz").status, 200U);
}

TEST_F(AdminService, ListsClientsAndStatistics) {
  start(options());
  open(alice, "f", 1);
  auto client = connect();

  const auto all = client.get("/api/v1/clients").as_json();
  EXPECT_EQ(all.at("clients").as_array().size(), 2U);
  EXPECT_TRUE(all.at("next").is_null());
  const auto first = client.get("/api/v1/clients?limit=1").as_json();
  EXPECT_EQ(first.at("clients").as_array().size(), 1U);
  const auto second =
    client.get("/api/v1/clients?limit=1&after=" + text_at(first, "next")).as_json();
  EXPECT_EQ(second.at("clients").as_array().size(), 1U);
  EXPECT_TRUE(second.at("next").is_null());
  EXPECT_EQ(client.get("/api/v1/stats").as_json().at("opens_now").to_number<int>(), 1);
  const auto metrics = client.get("/metrics");
  EXPECT_EQ(metrics.headers.at("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("\nleasebreak_opens 1\n"));
}

TEST_F(AdminService, ListsAPageAtATime) {
  start(options());
  for (std::uint64_t i = 1; i <= 10; ++i)
    open(alice, "f" + std::to_string(i), i);
  auto client = connect();

  std::size_t entries = 0;
  std::size_t pages = 0;
  std::string after;
  do {
    const auto page = client.get("/api/v1/files?limit=3" + after).as_json();
    entries += page.at("entries").as_array().size();
    after = page.at("next").is_null() ? "" : "&after=" + text_at(page, "next");
    ++pages;
  } while (!after.empty() && pages < 20);

  EXPECT_EQ(entries, 20U);
  EXPECT_EQ(pages, 6U);
}

TEST_F(AdminService, FindsAFileWhileAListingAsksAllFiles) {
  std::promise<void> has_begun;
  std::promise<void> is_followed;
  auto o = options();
  o.authorize = [&, calls = 0](const caller&, right) mutable {
    if (++calls == 1) {
      has_begun.set_value();
      is_followed.get_future().wait();
    }
    return true;
  };
  start(std::move(o));
  for (std::uint64_t i = 1; i <= 2'000; ++i)
    open(alice, "d/f" + std::to_string(i), i);
  auto lists_all = connect();
  auto finds_one = connect();
  const auto request = [](const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  };

  lists_all.send(request("/api/v1/breaks"));
  has_begun.get_future().wait();
  finds_one.send(request("/api/v1/files?path=f1234"));
  is_followed.set_value();

  const auto one = finds_one.receive().as_json();
  const auto all = lists_all.receive().as_json();
  EXPECT_EQ(one.at("entries").as_array().size(), 2U);
  EXPECT_TRUE(all.at("entries").as_array().empty());
  EXPECT_LT(text_at(one, "now"), text_at(all, "now"));
}

TEST_F(AdminService, SendsHeadersThatKeepBrowsersAway) {
  start(options());

  const auto answer = connect().get("/api/v1/stats");

  EXPECT_THAT(answer.headers.at("Content-Security-Policy"), HasSubstr("default-src 'self'"));
  EXPECT_EQ(answer.headers.at("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(answer.headers.at("Cache-Control"), "no-store");
  for (const auto& [name, value] : answer.headers)
    EXPECT_THAT(name, testing::Not(testing::StartsWith("Access-Control")));
}

// No content of other sites, nothing inline, and no way to turn a name into markup.
TEST_F(AdminService, ServesAPageThatItsPolicyAllows) {
  start(options());
  auto client = connect();

  const auto html = client.get("/");
  EXPECT_EQ(html.headers.at("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(html.body, testing::StartsWith("<!doctype html>\n"));
  EXPECT_THAT(html.body, testing::EndsWith("</html>\n"));
  for (const auto* const outside : {"http:", "https:", "src=\"//", " style=", " on", "<style"})
    EXPECT_THAT(html.body, testing::Not(HasSubstr(outside))) << outside;
  const auto script = client.get("/page.js");
  EXPECT_EQ(script.headers.at("Content-Type"), "text/javascript; charset=utf-8");
  for (const auto* const danger : {"innerHTML", "outerHTML", "insertAdjacentHTML", "eval(",
         "document.write", "localStorage", "https:"})
    EXPECT_THAT(script.body, testing::Not(HasSubstr(danger))) << danger;
  EXPECT_EQ(client.get("/style.css").headers.at("Content-Type"), "text/css; charset=utf-8");
}

TEST_F(AdminService, TellsTcpCallersNothingWithoutAToken) {
  auto o = options();
  o.address = "127.0.0.1";
  o.token_file = write_tokens();
  start(std::move(o));
  open(alice, "f", 1);
  http_client client(admin->port());
  const auto bearer = [](const char* token) {
    return std::string("Authorization: Bearer ") + token + "\r\n";
  };
  const std::string action = "X-Leasebreak-Action: 1\r\nContent-Type: application/json\r\n";
  const std::string body = R"({"path":"f","dry_run":true})";

  const auto refused = client.get("/api/v1/files");
  EXPECT_EQ(refused.status, 401U);
  EXPECT_EQ(refused.headers.at("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(client.get("/healthz").status, 200U);
  EXPECT_EQ(client.get("/api/v1/files", bearer(reading_token)).status, 200U);
  EXPECT_EQ(client.post("/api/v1/break", body, action + bearer(reading_token)).status, 403U);
  EXPECT_EQ(client.post("/api/v1/break", body, bearer(acting_token)).status, 403U);
  EXPECT_EQ(client.post("/api/v1/break", body, action + bearer(acting_token)).status, 200U);
}

TEST_F(AdminService, AsksTheHostWhetherItMayAndIsReady) {
  std::vector<std::pair<std::uint32_t, right>> asked;
  bool is_ready = false;
  auto o = options();
  o.authorize = [&asked](const caller& who, right needed) {
    asked.emplace_back(who.uid, needed);
    return needed == right::read;
  };
  o.is_ready = [&is_ready] { return is_ready; };
  start(std::move(o));
  auto client = connect();

  EXPECT_EQ(client.get("/api/v1/stats").status, 200U);
  EXPECT_EQ(client.post("/api/v1/break", R"({"path":"f"})").status, 403U);
  EXPECT_EQ(client.get("/healthz").status, 200U);
  EXPECT_EQ(client.get("/readyz").status, 503U);
  is_ready = true;
  EXPECT_EQ(client.get("/readyz").status, 200U);
  const auto uid = static_cast<std::uint32_t>(::getuid());
  EXPECT_EQ(
    asked, (std::vector<std::pair<std::uint32_t, right>>{{uid, right::read}, {uid, right::act}}));
}

TEST_F(AdminService, MakesASocketForItsGroup) {
  start(options());
  struct stat about {};
  ASSERT_EQ(::stat(socket_path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0660U);

  admin->stop();
  EXPECT_FALSE(std::filesystem::exists(socket_path()));
}

TEST_F(AdminService, TakesThePlaceOfASocketThatNobodyListensOn) {
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(left, reinterpret_cast<const ::sockaddr*>(&address), sizeof address), 0);
  ::close(left);

  start(options());
  EXPECT_EQ(connect().get("/healthz").status, 200U);
  EXPECT_THROW(service(io.get_executor(), *leases, options()), boost::system::system_error)
    << "another service listens on it now";
  EXPECT_EQ(connect().get("/healthz").status, 200U);
}

TEST_F(AdminService, LeavesOtherFilesAlone) {
  std::ofstream(socket_path()) << "precious";

  EXPECT_THROW(start(options()), boost::system::system_error);
  EXPECT_EQ(std::filesystem::file_size(socket_path()), 8U);
}

TEST_F(AdminService, RefusesOptionsThatAreUnsafe) {
  const auto refused = [this](auto change) {
    auto o = options();
    change(o);
    try {
      start(std::move(o));
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
    admin.reset();
    return std::string("accepted");
  };
  const auto tokens = write_tokens();

  EXPECT_THAT(refused([](auto& o) { o.socket_path.clear(); }), HasSubstr("one of them is needed"));
  EXPECT_THAT(
    refused([](auto& o) { o.socket_path = std::string(108, 'x'); }), HasSubstr("too long"));
  EXPECT_THAT(refused([](auto& o) { o.address = "127.0.0.1"; }), HasSubstr("token_file"));
  EXPECT_THAT(refused([&](auto& o) {
    o.address = "0.0.0.0";
    o.token_file = tokens;
  }),
    HasSubstr("must be a loopback address"));
  EXPECT_THAT(refused([&](auto& o) {
    o.address = "localhost";
    o.token_file = tokens;
  }),
    HasSubstr("must be an IP address"));
  EXPECT_THAT(refused([](auto& o) { o.connections_max = 0; }), HasSubstr("connections_max"));
  EXPECT_THAT(refused([](auto& o) { o.request_bytes_max = 100; }), HasSubstr("request_bytes_max"));
  EXPECT_THAT(
    refused([](auto& o) { o.client_time = o.client_time.zero(); }), HasSubstr("client_time"));
  EXPECT_EQ(refused([](auto&) {}), "accepted");
}

TEST_F(AdminService, EndsWithConnectionsOpen) {
  start(options());
  auto idle = connect();
  EXPECT_EQ(idle.get("/healthz").status, 200U);

  admin->stop();

  idle.wait_for_end();
  stop(); // returns only if the loop has nothing left to do
}

TEST_F(AdminService, OutlivesNoCoordinator) {
  auto o = options();
  o.action_time = std::chrono::hours{1};
  start(std::move(o));
  open(alice, "f", 1);
  auto client = connect();
  client.send("POST /api/v1/break HTTP/1.1\r\nHost: x\r\n\r\n"); // refused: the service runs
  EXPECT_EQ(client.receive().status, 421U);
  const std::string body = R"({"path":"f"})";
  client.send("POST /api/v1/break HTTP/1.1\r\nHost: localhost\r\nX-Leasebreak-Action: 1\r\n"
              "Content-Type: application/json\r\nContent-Length: " +
    std::to_string(body.size()) + "\r\n\r\n" + body);

  stop(); // the break may have started, or not

  client.wait_for_end();
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test

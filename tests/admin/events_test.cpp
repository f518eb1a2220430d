// The stream of events and the lists of top blockers, through the service.
#include "event_reader.hpp"
#include "feed.hpp"
#include "service_fixture.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>

#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Asks for events. The stream has begun when it is constructed.
class event_listener : public http_client {
public:
  event_listener(const std::string& socket_path, const std::string& query)
    : http_client(socket_path) {
    send("GET /api/v1/events" + query + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto head = receive_until(": connected\n\n");
    EXPECT_THAT(head, HasSubstr("HTTP/1.1 200"));
    EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
    EXPECT_THAT(head, HasSubstr("Content-Security-Policy: default-src 'self'"));
  }
};

class AdminEvents : public admin_service {
protected:
  [[nodiscard]] event_listener listen(const std::string& query = {}) const {
    return {socket_path(), query};
  }
};

TEST_F(AdminEvents, TellOfABreakWhileItHappens) {
  start(options());
  auto reader = listen();

  make_bob_wait("reports/report.docx");

  auto text = reader.receive_until("event: wait_began\ndata: ");
  text += reader.receive_until("\n\n");
  EXPECT_THAT(text, HasSubstr("event: break_begun\ndata: {\"time\":"));
  EXPECT_THAT(text, HasSubstr("\"path\":\"reports/report.docx\""));
  EXPECT_THAT(text, HasSubstr("\"label\":\"alice at 10.0.0.1\""));
  EXPECT_THAT(text, HasSubstr("\"label\":\"bob at 10.0.0.2\""));
  EXPECT_THAT(text, Not(HasSubstr("event: opened")));
}

TEST_F(AdminEvents, TellOfOpensIfAsked) {
  start(options());
  auto reader = listen("?what=all");

  open(alice, "a", 1);

  EXPECT_THAT(reader.receive_until("event: granted\n"), HasSubstr("event: opened\n"));
  EXPECT_EQ(connect().get("/api/v1/events?what=nothing").status, 400U);
  EXPECT_EQ(connect().post("/api/v1/events", "{}").status, 405U);
}

TEST_F(AdminEvents, EndInOrderWhenTheServiceStops) {
  start(options());
  auto reader = listen();
  auto other = listen();

  admin.reset();

  EXPECT_THAT(reader.receive_until("0\r\n\r\n"), testing::EndsWith("0\r\n\r\n"))
    << "the last chunk";
  reader.wait_for_end();
  other.wait_for_end();
}

TEST_F(AdminEvents, ShowThatTheConnectionLives) {
  auto o = options();
  o.heartbeat = std::chrono::milliseconds{1};
  start(std::move(o));
  auto reader = listen();

  EXPECT_THAT(reader.receive_until(": alive\n\n"), HasSubstr(": alive\n\n"));
  reader.receive_until(": alive\n\n");
}

TEST_F(AdminEvents, HaveALimitedNumberOfReaders) {
  auto o = options();
  o.event_readers_max = 2;
  o.heartbeat = std::chrono::hours{1};
  start(std::move(o));
  auto first = listen();
  {
    auto second = listen();
    const auto refused = connect().get("/api/v1/events");
    EXPECT_EQ(refused.status, 503U);
    EXPECT_EQ(refused.error_code(), "too_many_readers");
  }

  // The place is free as soon as the service sees that the reader has gone.
  unsigned status = 503;
  while (status == 503) {
    auto again = connect();
    again.send("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    status = again.receive_until("\r\n").find("200") != std::string::npos ? 200 : 503;
  }
  EXPECT_EQ(status, 200U);
}

TEST_F(AdminEvents, LeaveAConnectionForOtherRequests) {
  auto o = options();
  o.connections_max = 2;
  start(std::move(o));
  auto reader = listen();

  const auto refused = connect().get("/api/v1/events");
  EXPECT_EQ(refused.error_code(), "too_many_readers");
}

TEST_F(AdminEvents, NeedARightAFeedAndANewClient) {
  auto o = options();
  o.events = nullptr;
  o.address = "127.0.0.1";
  o.token_file = write_tokens();
  start(std::move(o));

  EXPECT_EQ(connect().get("/api/v1/events").status, 501U);
  EXPECT_EQ(connect().get("/api/v1/top?of=files").status, 501U);
  EXPECT_EQ(http_client(admin->port()).get("/api/v1/events").status, 401U);
  EXPECT_EQ(http_client(admin->port()).get("/api/v1/top?of=files").status, 401U);
  stop();
}

TEST_F(AdminEvents, AreNotStreamedToOldClients) {
  start(options());
  auto old = connect();
  old.send("GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(old.receive().error_code(), "too_old");
}

// The first two are kept, and then the number of those that are lost.
TEST(EventReaders, LoseEventsWhenTheyAreTooSlow) {
  boost::asio::io_context io;
  const auto feed = std::make_shared<event_feed>();
  const auto reader =
    std::make_shared<event_reader>(io.get_executor(), 2, false, std::make_shared<int>());
  reader->subscribe(feed);
  event e;
  e.client = client_guid::of(1);
  for (const auto kind : {event_kind::break_begun, event_kind::opened, event_kind::wait_began,
         event_kind::wait_ended, event_kind::client_lost}) {
    e.kind = kind;
    feed->publish(e);
  }

  const auto first = reader->take(1);
  EXPECT_THAT(first, testing::StartsWith("event: break_begun\ndata: {"));
  EXPECT_THAT(first, testing::EndsWith("}\n\n"));
  EXPECT_THAT(first, Not(HasSubstr("wait_began"))) << "more than asked for";
  const auto rest = reader->take(10'000);
  EXPECT_THAT(rest, testing::StartsWith("event: wait_began\n"));
  EXPECT_THAT(rest, testing::EndsWith("\n\nevent: dropped\ndata: {\"count\":2}\n\n"));
  EXPECT_EQ(reader->take(10'000), "");
  feed->publish(e);
  EXPECT_THAT(reader->take(10'000), testing::StartsWith("event: client_lost\n"));
}

TEST_F(AdminEvents, MakeListsOfTopBlockersAndFiles) {
  start(options());
  auto bobs = make_bob_wait("reports/report.docx");
  EXPECT_TRUE(connect().get("/api/v1/top?of=blockers").as_json().at("top").as_array().empty());
  EXPECT_EQ(connect().post("/api/v1/break", R"({"path":"report.docx"})").status, 200U);
  EXPECT_EQ(bobs.get(), error_code{});

  const auto blockers = connect().get("/api/v1/top?of=blockers").as_json();
  EXPECT_EQ(blockers.at("minutes").to_number<int>(), 60);
  ASSERT_EQ(blockers.at("top").as_array().size(), 1U);
  EXPECT_EQ(blockers.at("top").at(0).at("label").as_string(), "alice at 10.0.0.1");
  EXPECT_EQ(blockers.at("top").at(0).at("count").to_number<int>(), 1);
  const auto files = connect().get("/api/v1/top?of=files&limit=1").as_json();
  ASSERT_EQ(files.at("top").as_array().size(), 1U);
  EXPECT_EQ(files.at("top").at(0).at("path").as_string(), "reports/report.docx");
  for (const char* wrong : {"", "?of=clients", "?of=files&limit=0", "?of=files&limit=101"})
    EXPECT_EQ(connect().get(std::string("/api/v1/top") + wrong).status, 400U) << wrong;
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test

// Requests that are too large, too slow or too many, and connections without requests.
#include "service_fixture.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <string>
#include <thread>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test {
namespace {

using AdminLimits = admin_service;

constexpr auto get_health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST_F(AdminLimits, RefuseRequestsThatAreTooLarge) {
  start(options());

  EXPECT_EQ(connect().post("/api/v1/break", std::string(65'536, ' ')).status, 413U);
  auto announced = connect();
  announced.send("POST /api/v1/break HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                 "18446744073709551615\r\n\r\n");
  EXPECT_NE(announced.receive().status, 200U);
  announced.wait_for_end();
  auto chunked = connect();
  chunked.send("POST /api/v1/break HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
               "\r\n10000\r\n" +
    std::string(65'536, ' ') + "\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.receive().status, 413U);
  EXPECT_EQ(connect().get("/" + std::string(9'000, 'x')).status, 431U);
  EXPECT_EQ(connect().get("/healthz", "X: " + std::string(9'000, 'x') + "\r\n").status, 431U);
  EXPECT_EQ(connect().post("/api/v1/break", std::string(50'000, ' ')).status, 400U)
    << "within the limit, but not JSON";
}

TEST_F(AdminLimits, RefuseWhatIsNoRequest) {
  start(options());
  for (const std::string& bytes :
    {std::string("hello\r\n\r\n"), std::string("GET  / HTTP/1.1\r\n\r\n"),
      std::string("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n"), std::string(100, '\0'),
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
      std::string("GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n"),
      std::string("GET /healthz HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")}) {
    auto client = connect();
    client.send(bytes);
    client.finish();
    EXPECT_NE(client.receive().status, 200U) << bytes;
    client.wait_for_end();
  }
  EXPECT_EQ(connect().get("/healthz").status, 200U);
}

TEST_F(AdminLimits, EndConnectionsThatAreTooSlow) {
  auto o = options();
  o.client_time = std::chrono::milliseconds{20};
  start(std::move(o));
  auto silent = connect();
  auto slow = connect();
  slow.send("GET /healthz HT");

  silent.wait_for_end();
  slow.wait_for_end();
}

// Single bytes do not prolong the time of a request.
TEST_F(AdminLimits, DoNotWaitForEachByteAnew) {
  auto o = options();
  o.client_time = std::chrono::milliseconds{50};
  start(std::move(o));
  auto slow = connect();
  std::atomic<bool> ended{false};
  std::thread drips([&] {
    while (!ended.load()) {
      slow.send("x");
      std::this_thread::yield();
    }
  });

  slow.wait_for_end();

  ended = true;
  drips.join();
}

TEST_F(AdminLimits, EndConnectionsThatTakeNoAnswer) {
  auto o = options();
  o.client_time = std::chrono::milliseconds{50};
  start(std::move(o));
  for (std::uint64_t i = 1; i <= 400; ++i)
    open(alice, std::string(200, 'x') + std::to_string(i), i);
  auto deaf = connect();
  // More than the sockets' buffers hold: each response has about 200 kB.
  for (int i = 0; i < 40; ++i)
    deaf.send("GET /api/v1/files HTTP/1.1\r\nHost: localhost\r\n\r\n");

  auto other = connect();
  other.wait_for_end(); // the client that does not read has had the same time
  EXPECT_EQ(connect().get("/healthz").status, 200U);
  deaf.wait_for_end();
}

TEST_F(AdminLimits, AnswerPipelinedRequestsInOrder) {
  start(options());
  auto client = connect();
  std::string all;
  for (int i = 0; i < 100; ++i)
    all += i % 2 == 0 ? get_health : "GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.send(all);

  for (int i = 0; i < 100; ++i) {
    const auto answer = client.receive();
    ASSERT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body == "{\"status\":\"ok\"}\n", i % 2 == 0) << i;
  }
}

TEST_F(AdminLimits, RefuseFurtherConnections) {
  auto o = options();
  o.connections_max = 2;
  start(std::move(o));
  auto first = connect();
  auto second = connect();
  EXPECT_EQ(first.get("/healthz").status, 200U);
  EXPECT_EQ(second.get("/healthz").status, 200U);

  auto third = connect();
  const auto refused = third.receive();
  EXPECT_EQ(refused.status, 503U);
  EXPECT_EQ(refused.error_code(), "too_many_connections");
  third.wait_for_end();

  EXPECT_EQ(first.get("/healthz").status, 200U);
  first.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(first.receive().status, 200U);
  first.wait_for_end();
  // The connection no longer counts once it has ended.
  EXPECT_EQ(second.get("/healthz").status, 200U);
  EXPECT_EQ(connect().get("/healthz").status, 200U);
}

// More connections at once than are accepted: the limit holds, and the coordinator still works.
TEST_F(AdminLimits, BearManyConnections) {
  start(options());
  for (int i = 0; i < 2'000; ++i) {
    auto client = connect();
    client.send("GET /api/v1/files HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }

  open(alice, "f", 1);
  EXPECT_EQ(leases->stats().opens_now, 1U);
}

TEST_F(AdminLimits, LetEachConnectionListInItsTurn) {
  start(options());
  for (std::uint64_t i = 1; i <= 200; ++i)
    open(alice, "f" + std::to_string(i), i);
  std::deque<http_client> all;
  for (int i = 0; i < 8; ++i) {
    all.emplace_back(socket_path())
      .send("GET /api/v1/files?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }

  for (auto& client : all)
    EXPECT_EQ(client.receive().as_json().at("entries").as_array().size(), 400U);
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin::test

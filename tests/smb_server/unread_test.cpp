// Peers that send and do not read: output for them is limited, and their leases and oplocks are
// revoked when breaks time out.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/data.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t read_bytes = 65'536;
constexpr int small_window_bytes = 4'096;

/// A client with a large file, and with credits for many reads.
created open_large_file(raw_client& client, const test_server& server) {
  std::ofstream{server.directory() / "large"} << std::string(read_bytes, 'x');
  client.credits_wanted = 1'000;
  client.set_up({1});
  return client.create("large", 0x09); // a batch oplock
}

/// More responses than both sockets can buffer.
constexpr int many_reads = 300;

void ask_much(raw_client& client, const file_id& id) {
  for (int i = 0; i < many_reads; ++i)
    client.send(command::read, raw_client::read_body(id, read_bytes));
}

/// A client that holds a batch oplock, requests much data, and reads nothing. Another client opens
/// the file.
class PeersThatDoNotRead : public ::testing::Test {
protected:
  void begin(server_options options) {
    options.log_level = "debug";
    server = std::make_unique<test_server>(options);
    stuck = std::make_unique<raw_client>(server->port(), small_window_bytes);
    held = open_large_file(*stuck, *server);
    ASSERT_EQ(held.oplock, 0x09);
    ask_much(*stuck, held.id);
    ASSERT_TRUE(server->has_logged("the peer's window is full"));
    other = std::make_unique<raw_client>(server->port());
    other->set_up({2});
    other->send(command::create, raw_client::create_body("large", 0, {}, disposition::open));
  }

  /// A server with a large file, and a client that will take no responses, once it asks for many.
  void meet(server_options options) {
    options.log_level = "debug";
    server = std::make_unique<test_server>(options);
    std::ofstream{server->directory() / "large"} << std::string(read_bytes, 'x');
    stuck = std::make_unique<raw_client>(server->port(), small_window_bytes);
    stuck->credits_wanted = 1'000;
  }

  /// Sets the client up so that it can have other channels.
  static void log_on(raw_client& c) {
    c.negotiate(dialect::smb_3_0, {1});
    ASSERT_EQ(c.log_on(), status::success);
    c.signs = true;
    ASSERT_EQ(c.connect_tree(), status::success);
  }

  static void expect_break(raw_client& on) {
    const auto told = on.receive_final();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->head.command, command::oplock_break);
  }

  /// Another client writes to the file.
  void write_elsewhere() {
    other = std::make_unique<raw_client>(server->port());
    other->set_up({2});
    const created writing = other->create("large", 0, {}, disposition::open);
    const auto written = other->call(command::write, raw_client::write_body(writing.id, "new"));
    ASSERT_EQ(written.head.status, status::success);
  }

  /// The other client's open must succeed without an acknowledgement.
  void expect_let_in() {
    const answer opened = other->await_answer();
    ASSERT_FALSE(opened.bytes.empty());
    EXPECT_EQ(opened.head.status, status::success);
  }

  std::unique_ptr<test_server> server;
  std::unique_ptr<raw_client> stuck;
  std::unique_ptr<raw_client> other;
  created held;
};

// A sleeping computer may not take a break in time, but may return before the break times out.
TEST_F(PeersThatDoNotRead, KeepTheirOplockUntilTheBreakTimesOut) {
  server_options options;
  options.limits.break_taken_time = std::chrono::milliseconds{1};
  options.log_level = "debug";
  begin(options);
  ASSERT_TRUE(server->has_logged("to be acknowledged"));

  auto a = stuck->receive_final();
  while (a && a->head.command != command::oplock_break)
    a = stuck->receive_final();
  ASSERT_TRUE(a);
  EXPECT_EQ(stuck->close(held.id), status::success);
  expect_let_in();
  EXPECT_EQ(stuck->echo(), status::success);
}

TEST_F(PeersThatDoNotRead, LoseTheirOplockWhenTheBreakTimesOut) {
  server_options options;
  options.break_timeout = std::chrono::milliseconds{300};
  options.limits.break_taken_time = std::chrono::milliseconds{1};
  begin(options);

  expect_let_in();
  EXPECT_EQ(server->stop().find("does not take"), std::string::npos);
}

TEST_F(PeersThatDoNotRead, LoseTheirConnectionAfterAWhile) {
  server_options options;
  options.limits.answer_taken_time = std::chrono::milliseconds{100};
  begin(options);

  expect_let_in();
  EXPECT_NE(server->stop().find("the peer takes no responses"), std::string::npos);
}

class ClientsWithChannels : public PeersThatDoNotRead {
protected:
  void connect(const server_options& options) {
    meet(options);
    log_on(*stuck);
  }

  std::unique_ptr<raw_client> bind_channel(int window_bytes = 0) {
    auto channel = std::make_unique<raw_client>(server->port(), window_bytes);
    channel->credits_wanted = 1'000;
    channel->negotiate(dialect::smb_3_0, {1});
    EXPECT_EQ(channel->bind_to(*stuck), status::success);
    return channel;
  }
};

// MS-SMB2 3.3.4.6, 3.3.4.7.
TEST_F(ClientsWithChannels, AreNotifiedOnAnotherChannel) {
  server_options options;
  options.limits.break_taken_time = std::chrono::milliseconds{1};
  connect(options);
  const auto second = bind_channel();
  held = stuck->create("large", 0x09);
  ASSERT_EQ(held.oplock, 0x09);
  ask_much(*stuck, held.id);
  ASSERT_TRUE(server->has_logged("the peer's window is full"));
  other = std::make_unique<raw_client>(server->port());
  other->set_up({2});
  other->send(command::create, raw_client::create_body("large", 0, {}, disposition::open));

  expect_break(*second);
  EXPECT_EQ(second->close(held.id), status::success);
  expect_let_in();
}

// The coordinator repeats no break that needs no acknowledgement.
TEST_F(ClientsWithChannels, AreNotifiedOnALaterOneIfAllListedOnesAreLost) {
  server_options options;
  options.limits.break_taken_time = std::chrono::milliseconds{200};
  connect(options);
  auto second = bind_channel(small_window_bytes);
  held = stuck->create("large", 0x01);
  ASSERT_EQ(held.oplock, 0x01);
  ask_much(*stuck, held.id);
  ask_much(*second, held.id);
  write_elsewhere();
  second.reset();
  ASSERT_TRUE(server->has_logged("connection closed"));
  ASSERT_TRUE(server->has_logged("has not taken a break"));

  const auto third = bind_channel();
  stuck.reset();

  expect_break(*third);
}

// The break of the lease is sent on the connection that opened the file first, which has a session
// of its own.
TEST_F(PeersThatDoNotRead, AreNotifiedOnAConnectionOfAnotherDialect) {
  server_options options;
  options.limits.break_taken_time = std::chrono::milliseconds{1};
  meet(options);
  stuck->set_up({1});
  held = stuck->create("large");
  ask_much(*stuck, held.id);
  ASSERT_TRUE(server->has_logged("the peer's window is full"));
  raw_client second{server->port()};
  log_on(second);
  lease_context lease;
  lease.key = {7};
  lease.state = 0x01;
  ASSERT_TRUE(second.create("large", 0xff, lease, disposition::open).lease);
  write_elsewhere();

  expect_break(second);
}

TEST(PeersThatReadSlowly, AreNotReadUntilTheyTakeTheirResponses) {
  server_options options;
  options.limits.responses_bytes = 4 * read_bytes;
  options.log_level = "debug";
  test_server server{options};
  raw_client slow{server.port(), small_window_bytes};
  const created held = open_large_file(slow, server);

  ask_much(slow, held.id);
  ASSERT_TRUE(server.has_logged("until the peer takes its responses"));
  int answers = 0;
  while (answers < many_reads) {
    const auto a = slow.receive_final();
    ASSERT_TRUE(a) << answers;
    ASSERT_EQ(a->head.status, status::success) << answers;
    ++answers;
  }

  EXPECT_EQ(slow.close(held.id), status::success);
}

/// 40 reads of 512 KiB: the requests fit into one frame, the responses do not.
byte_vector compound_of_large_reads(raw_client& client, const file_id& id, std::size_t count) {
  constexpr std::uint16_t credits = 8;
  byte_writer frame;
  for (std::size_t i = 0; i < count; ++i) {
    const byte_vector body = raw_client::read_body(id, credits * read_bytes);
    byte_vector message = client.make_message(command::read, body, 0, credits);
    message.resize((message.size() + 7) / 8 * 8);
    if (i + 1 < count)
      message[20] = static_cast<std::uint8_t>(message.size()); // NextCommand
    frame.append(message);
  }
  return frame.take();
}

TEST(Compounds, WhoseResponsesExceedAFrameGetSeveral) {
  constexpr std::size_t reads = 40;
  test_server server;
  raw_client client{server.port()};
  const created held = open_large_file(client, server);
  std::filesystem::resize_file(server.directory() / "large", 8 * read_bytes);

  client.send_frame(compound_of_large_reads(client, held.id, reads));
  const std::vector<answer> answers = client.receive_compound(reads);

  EXPECT_EQ(answers.size(), reads);
  for (const answer& a : answers)
    EXPECT_EQ(a.head.status, status::success);
  EXPECT_EQ(client.close(held.id), status::success);
}

} // namespace
} // namespace leasebreak::smb

// Peers that send and do not read: what they are owed stays bounded, and what they hold is given
// up.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/data.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t read_bytes = 65'536;
constexpr int small_window_bytes = 4'096;

/// A client with a file that is worth reading, and credits for many reads.
created open_large_file(raw_client& client, const test_server& server) {
  std::ofstream{server.directory() / "large"} << std::string(read_bytes, 'x');
  client.credits_wanted = 1'000;
  client.set_up({1});
  return client.create("large", 0x09); // a batch oplock
}

/// More answers than the sockets between the two can hold.
constexpr int many_reads = 300;

void ask_much(raw_client& client, const file_id& id) {
  for (int i = 0; i < many_reads; ++i)
    client.send(command::read, raw_client::read_body(id, read_bytes));
}

/// A client holds a batch oplock, asks for much, and takes nothing; another one opens the file. The
/// oplock's break would time out only after the 35 seconds that a client does not wait for.
void expect_given_up(const server_limits& limits, const std::string& reason) {
  server_options options;
  options.limits = limits;
  options.log_level = "debug";
  test_server server{options};
  raw_client stuck{server.port(), small_window_bytes};
  const created held = open_large_file(stuck, server);
  ASSERT_EQ(held.oplock, 0x09);
  ask_much(stuck, held.id);
  ASSERT_TRUE(server.has_logged("the peer's window is full"));
  raw_client other{server.port()};
  other.set_up({2});

  const answer opened =
    other.call(command::create, raw_client::create_body("large", 0, {}, disposition::open));

  ASSERT_FALSE(opened.bytes.empty());
  EXPECT_EQ(opened.head.status, status::success);
  EXPECT_NE(server.stop().find(reason), std::string::npos);
}

TEST(PeersThatDoNotRead, LoseWhatTheyHoldWhenTheyDoNotTakeABreak) {
  server_limits limits;
  limits.break_taken_time = std::chrono::milliseconds{100};

  expect_given_up(limits, "the peer does not take a break");
}

TEST(PeersThatDoNotRead, LoseTheirConnectionAfterAWhile) {
  server_limits limits;
  limits.answer_taken_time = std::chrono::milliseconds{100};

  expect_given_up(limits, "the peer takes no answers");
}

TEST(PeersThatDoNotRead, AreAskedNoMoreUntilTheyTakeTheirAnswers) {
  server_options options;
  options.limits.responses_bytes = 4 * read_bytes;
  options.log_level = "debug";
  test_server server{options};
  raw_client slow{server.port(), small_window_bytes};
  const created held = open_large_file(slow, server);

  ask_much(slow, held.id);
  ASSERT_TRUE(server.has_logged("until the peer takes its answers"));
  int answers = 0;
  while (answers < many_reads) {
    const auto a = slow.receive_final();
    ASSERT_TRUE(a) << answers;
    ASSERT_EQ(a->head.status, status::success) << answers;
    ++answers;
  }

  EXPECT_EQ(slow.close(held.id), status::success);
}

/// Forty reads of 512 KiB: small enough to be asked for at once, too much to be answered so.
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

TEST(Compounds, WhoseAnswersExceedAFrameAreAnsweredInSeveral) {
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

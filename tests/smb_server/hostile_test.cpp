// Malformed frames: each closes its connection or gets an error, and affects no other connection.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::raw_client;
using testing::test_server;

byte_vector frame_of(const header& h, bytes_view body = {}) {
  byte_writer out;
  encode(out, h);
  out.append(body);
  return out.take();
}

struct deadly_frame {
  const char* what;
  byte_vector bytes; ///< Including the length.
};

byte_vector framed(const byte_vector& frame) {
  byte_writer out;
  out.append(make_nbt_header(frame.size()));
  out.append(frame);
  return out.take();
}

std::vector<deadly_frame> deadly_frames() {
  header unaligned;
  unaligned.next_command = 65;
  header too_far;
  too_far.next_command = 1'024;
  header response;
  response.flags = header_flag::response;
  header wrong_id;
  wrong_id.command = command::negotiate;
  wrong_id.message_id = 17;
  header too_early;
  too_early.command = command::echo;
  byte_vector short_header = frame_of({});
  short_header.resize(63);
  byte_vector wrong_size = frame_of({});
  wrong_size[4] = 65;
  byte_vector transform = frame_of({});
  transform[0] = 0xfd;
  byte_vector compressed = frame_of({});
  compressed[0] = 0xfc;
  const byte_vector smb1{0xff, 'S', 'M', 'B', 0x72, 0, 0, 0};
  return {{"no session message", {0x81, 0, 0, 4, 1, 2, 3, 4}},
    {"above the size limit", {0, 0xff, 0xff, 0xff}}, {"no protocol", framed({'G', 'E', 'T', ' '})},
    {"too short for a protocol", framed({0xfe, 'S'})}, {"short header", framed(short_header)},
    {"header of another size", framed(wrong_size)}, {"encrypted", framed(transform)},
    {"compressed", framed(compressed)}, {"truncated SMB1", framed(smb1)},
    {"unaligned NextCommand", framed(frame_of(unaligned, byte_vector(100)))},
    {"NextCommand behind the end", framed(frame_of(too_far, byte_vector(100)))},
    {"a response", framed(frame_of(response, byte_vector(36)))},
    {"an id without credit", framed(frame_of(wrong_id, byte_vector(36)))},
    {"before NEGOTIATE", framed(frame_of(too_early, byte_vector{4, 0, 0, 0}))}};
}

TEST(HostileFrames, EndTheirConnectionAndNoOther) {
  test_server server;
  raw_client witness{server.port()};
  witness.set_up();

  for (const deadly_frame& f : deadly_frames()) {
    raw_client attacker{server.port()};
    attacker.send_raw(f.bytes);
    EXPECT_TRUE(attacker.is_closed_by_peer()) << f.what;
  }

  EXPECT_EQ(witness.echo(), status::success);
}

TEST(HostileFrames, AreLoggedOnce) {
  test_server server;
  {
    raw_client attacker{server.port()};
    attacker.send_raw(framed({'G', 'E', 'T', ' '}));
    ASSERT_TRUE(attacker.is_closed_by_peer());
  }

  const std::string log = server.stop();

  const std::string words = "a frame of an unknown protocol";
  const std::size_t first = log.find(words);
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find(words, first + 1), std::string::npos);
}

TEST(HostileFrames, ThatNegotiateTwiceEndTheConnection) {
  test_server server;
  raw_client attacker{server.port()};
  attacker.set_up();

  attacker.send(command::negotiate, byte_vector(40));

  EXPECT_TRUE(attacker.is_closed_by_peer());
}

TEST(HostileNegotiates, AreRefusedWithAStatus) {
  test_server server;
  const auto status_of = [&](std::uint16_t size, std::uint16_t count, std::uint16_t d) {
    raw_client client{server.port()};
    byte_writer body;
    body.u16(size);
    body.u16(count);
    body.zeros(32);
    body.u16(d);
    return client.call(command::negotiate, body.view()).head.status;
  };

  EXPECT_EQ(status_of(36, 1, 0x0210), status::success);
  EXPECT_EQ(status_of(35, 1, 0x0210), status::invalid_parameter);
  EXPECT_EQ(status_of(36, 0, 0x0210), status::invalid_parameter);
  EXPECT_EQ(status_of(36, 2, 0x0210), status::invalid_parameter);
  EXPECT_EQ(status_of(36, 65'535, 0x0210), status::invalid_parameter);
  EXPECT_EQ(status_of(36, 1, 0x0999), status::not_supported);
  EXPECT_EQ(status_of(36, 1, 0x0311), status::invalid_parameter); // contexts are missing
}

/// All commands with a body of their own, and its StructureSize.
constexpr std::array<std::pair<command, std::uint16_t>, 16> sized_commands{
  {{command::session_setup, 25}, {command::logoff, 4}, {command::tree_connect, 9},
    {command::tree_disconnect, 4}, {command::create, 57}, {command::close, 24},
    {command::flush, 24}, {command::read, 49}, {command::write, 49}, {command::lock, 48},
    {command::ioctl, 57}, {command::echo, 4}, {command::query_directory, 33},
    {command::query_info, 41}, {command::set_info, 33}, {command::oplock_break, 24}}};

TEST(HostileBodies, OfAnotherSizeThanTheySayAreInvalid) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();

  for (const auto& [c, size] : sized_commands) {
    byte_writer wrong_size;
    wrong_size.u16(static_cast<std::uint16_t>(size + 1));
    wrong_size.zeros(100);
    byte_writer cut;
    cut.u16(size);
    cut.zeros(1);

    EXPECT_EQ(client.call(c, wrong_size.view()).head.status, status::invalid_parameter)
      << to_string(c);
    if (size > 4) {
      EXPECT_EQ(client.call(c, cut.view()).head.status, status::invalid_parameter) << to_string(c);
    }
    EXPECT_EQ(client.call(c, {}).head.status, status::invalid_parameter) << to_string(c);
  }
  EXPECT_EQ(client.echo(), status::success);
}

TEST(HostileBodies, WithBuffersOutsideTheMessageAreInvalid) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  const testing::created f = client.create("f");
  ASSERT_EQ(f.status, status::success);
  const auto write_with = [&](std::uint16_t offset, std::uint32_t length) {
    byte_writer body;
    body.u16(49);
    body.u16(offset);
    body.u32(length);
    body.u64(0);
    write_file_id(body, f.id);
    body.zeros(16);
    body.u8('x');
    return client.call(command::write, body.view()).head.status;
  };

  EXPECT_EQ(write_with(112, 1), status::success);
  EXPECT_EQ(write_with(112, 2), status::invalid_parameter);
  EXPECT_EQ(write_with(113, 1), status::invalid_parameter);
  EXPECT_EQ(write_with(65'535, 1), status::invalid_parameter);
  EXPECT_EQ(write_with(112, UINT32_MAX), status::invalid_parameter);
}

TEST(HostileBodies, ThatReadMoreThanTheLimitAreInvalid) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();
  const testing::created f = client.create("f");
  const auto read_with = [&](std::uint32_t length, std::uint64_t offset) {
    return client.call(command::read, raw_client::read_body(f.id, length, offset)).head.status;
  };

  EXPECT_EQ(read_with(10, 0), status::end_of_file);
  EXPECT_EQ(read_with(65'537, 0), status::invalid_parameter); // one credit covers 64 KiB
  EXPECT_EQ(read_with(UINT32_MAX, 0), status::invalid_parameter);
  EXPECT_EQ(read_with(10, UINT64_MAX), status::invalid_parameter);
}

TEST(HostileCommands, ThatDoNotExistAreInvalid) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();

  EXPECT_EQ(
    client.call(static_cast<command>(19), byte_vector(64)).head.status, status::invalid_parameter);
  EXPECT_EQ(client.call(static_cast<command>(65'535), byte_vector(64)).head.status,
    status::invalid_parameter);
}

TEST(HostileCompounds, ThatBeginWithARelatedRequestAreInvalid) {
  test_server server;
  raw_client client{server.port()};
  client.set_up();

  EXPECT_EQ(client.call(command::echo, byte_vector{4, 0, 0, 0}, header_flag::related).head.status,
    status::invalid_parameter);
}

/// The limits admit one connection.
void expect_room_for_one(const server_limits& limits) {
  test_server server{limits};
  raw_client first{server.port()};
  first.set_up();

  raw_client second{server.port()};

  EXPECT_TRUE(second.is_closed_by_peer());
  EXPECT_EQ(first.echo(), status::success);
}

TEST(Limits, OfConnectionsCloseFurtherOnes) {
  server_limits limits;
  limits.connections = 1;

  expect_room_for_one(limits);
}

TEST(Limits, OfSilentConnectionsLetFurtherOnesLogOn) {
  server_limits limits;
  limits.silent_per_address = 2;
  test_server server{limits};
  raw_client user{server.port()};
  user.set_up({1});
  raw_client oldest{server.port()};
  raw_client silent{server.port()};

  raw_client next{server.port()};
  next.set_up({2});

  EXPECT_TRUE(oldest.is_closed_by_peer());
  EXPECT_EQ(user.echo(), status::success);
  silent.negotiate();
  EXPECT_EQ(silent.log_on(), status::success);
}

TEST(Limits, OfConnectionsOfAnAddressCloseFurtherOnes) {
  server_limits limits;
  limits.connections_per_address = 1;

  expect_room_for_one(limits);
}

TEST(Limits, OfFramesAreLowerBeforeTheFirstSession) {
  server_limits limits;
  limits.setup_frame_bytes = 1'000;
  test_server server{limits};
  const byte_vector frame(1'001);
  raw_client silent{server.port()};
  raw_client user{server.port()};
  user.set_up();

  silent.send_frame(frame);
  EXPECT_TRUE(silent.is_closed_by_peer());

  const auto file = user.create("f");
  const std::string data(2'000, 'x');
  EXPECT_EQ(
    user.call(command::write, raw_client::write_body(file.id, data)).head.status, status::success);
}

TEST(Limits, OfSessionsTreesAndOpensReturnAnError) {
  server_limits limits;
  limits.sessions_per_connection = 1;
  limits.trees_per_session = 1;
  limits.opens_per_connection = 1;
  test_server server{limits};
  raw_client client{server.port()};
  client.set_up();
  const std::uint64_t session = client.session_id;
  const std::uint32_t tree = client.tree_id;

  EXPECT_EQ(client.connect_tree(), status::insufficient_resources);
  client.tree_id = tree;
  ASSERT_EQ(client.create("a").status, status::success);
  EXPECT_EQ(client.create("b").status, status::too_many_opened_files);
  client.session_id = 0;
  EXPECT_EQ(client.log_on(), status::insufficient_resources);
  client.session_id = session;
  EXPECT_EQ(client.echo(), status::success);
}

TEST(Limits, OfSetupTimeEndConnectionsWithoutASession) {
  server_limits limits;
  limits.setup_time = std::chrono::seconds{0};
  test_server server{limits};

  raw_client idle{server.port()};

  EXPECT_TRUE(idle.is_closed_by_peer());
}

TEST(RandomFrames, NeverStopTheServer) {
  const char* given = std::getenv("LEASEBREAK_SEED");
  const unsigned seed =
    given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
  SCOPED_TRACE("seed=" + std::to_string(seed));
  std::mt19937 random{seed};
  test_server server;
  const auto byte = [&] { return static_cast<std::uint8_t>(random()); };

  raw_client client{server.port()};
  client.set_up();
  for (int i = 0; i < 500; ++i) {
    const auto& [c, size] = sized_commands[random() % sized_commands.size()];
    if (c == command::logoff || c == command::tree_disconnect || c == command::session_setup)
      continue;
    byte_writer body;
    body.u16(size);
    const std::size_t length = random() % 200;
    for (std::size_t k = 0; k < length; ++k)
      body.u8(random() % 3 == 0 ? byte() : std::uint8_t{0});
    byte_vector sent = body.take();
    // A blocking LOCK would hang, and a refused IOCTL would end the loop early.
    if (c == command::lock || c == command::ioctl)
      sent.resize(10);
    ASSERT_FALSE(client.call(c, sent).bytes.empty()) << i;
  }

  EXPECT_EQ(client.echo(), status::success);
}

} // namespace
} // namespace leasebreak::smb

// Several connections of one session (MS-SMB2 3.3.1.14): how they are bound, what they share, and
// what remains when one ends.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/session.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <memory>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

/// Returns a connection with a session and a tree connect.
std::unique_ptr<raw_client> first_channel(
  const test_server& server, dialect d = dialect::smb_3_0, const guid& client = {1}) {
  auto c = std::make_unique<raw_client>(server.port());
  c->negotiate(d, client);
  if (c->log_on() != status::success)
    throw std::runtime_error("cannot log on");
  c->signs = true;
  if (c->connect_tree() != status::success)
    throw std::runtime_error("cannot use the share");
  return c;
}

/// Returns a connection that is no channel yet.
std::unique_ptr<raw_client> connection_of(
  const test_server& server, dialect d = dialect::smb_3_0, const guid& client = {1}) {
  auto c = std::make_unique<raw_client>(server.port());
  c->negotiate(d, client);
  return c;
}

/// A session with two channels.
struct two_channels {
  explicit two_channels(server_limits limits = {}) : server{with(limits)} {
    first = first_channel(server);
    second = connection_of(server);
    EXPECT_EQ(second->bind_to(*first), status::success);
  }

  static server_options with(server_limits limits) {
    server_options options;
    options.limits = limits;
    return options;
  }

  test_server server;
  std::unique_ptr<raw_client> first;
  std::unique_ptr<raw_client> second;
};

std::uint32_t status_of_read(raw_client& c, const file_id& id) {
  return c.call(command::read, raw_client::read_body(id, 4)).head.status;
}

std::uint32_t status_of_write(raw_client& c, const file_id& id) {
  return c.call(command::write, raw_client::write_body(id, "data")).head.status;
}

TEST(ChannelGroups, ExistOncePerClientWhileTheyAreReferenced) {
  boost::asio::io_context io;
  const auto groups = std::make_shared<channel_groups>();
  const client_guid one = client_guid::of(1);
  const client_guid other = client_guid::of(2);

  auto first = groups->of(one, io.get_executor());
  EXPECT_EQ(groups->of(one, io.get_executor()), first);
  EXPECT_NE(groups->of(other, io.get_executor()), first);
  EXPECT_EQ(groups->size(), 1U);
  first.reset();
  EXPECT_EQ(groups->size(), 0U);
  EXPECT_EQ(groups->of(one, io.get_executor())->client, one);
}

TEST(Channels, AreOfferedToClientsThatSupportThem) {
  test_server server;
  for (const dialect d : {dialect::smb_2_1, dialect::smb_3_0, dialect::smb_3_0_2}) {
    raw_client client{server.port()};
    const answer a = client.negotiate(d);
    byte_reader in = a.body();
    in.skip(24);

    const bool offered = (in.u32() & capability::multi_channel) != 0;
    EXPECT_EQ(offered, d != dialect::smb_2_1);
  }
}

TEST(Channels, ShareTheOpensOfTheirSession) {
  two_channels c;
  const created f = c.first->create("f");
  ASSERT_EQ(f.status, status::success);

  EXPECT_EQ(status_of_write(*c.second, f.id), status::success);
  EXPECT_EQ(status_of_read(*c.first, f.id), status::success);
  const created g = c.second->create("g");
  EXPECT_EQ(c.first->close(g.id), status::success);
  EXPECT_EQ(c.second->close(g.id), status::file_closed);
  EXPECT_EQ(c.second->close(f.id), status::success);
}

TEST(Channels, AreSignedWithKeysOfTheirOwn) {
  two_channels c;
  ASSERT_NE(c.first->key, c.second->key);

  for (raw_client* channel : {c.first.get(), c.second.get()}) {
    const answer a = channel->call(command::echo, empty_body);
    EXPECT_EQ(a.head.status, status::success);
    EXPECT_TRUE(verify(signing_algorithm::aes_cmac, channel->key, a.bytes));
  }
  c.second->key = c.first->key;
  EXPECT_EQ(c.second->echo(), status::access_denied);
}

TEST(Channels, KeepTheSessionWhenTheFirstIsLost) {
  two_channels c;
  const created f = c.first->create("f");

  c.first.reset();
  ASSERT_TRUE(c.server.has_logged("the peer is gone"));

  EXPECT_EQ(status_of_write(*c.second, f.id), status::success);
  EXPECT_EQ(c.second->create("g").status, status::success);
  EXPECT_EQ(c.second->close(f.id), status::success);
}

TEST(Channels, CanBeBoundAfterTheFirstIsLost) {
  test_server server;
  auto first = first_channel(server);
  auto second = connection_of(server);
  ASSERT_EQ(second->bind_to(*first), status::success);
  const created f = second->create("f");
  const key16 session_key = first->key;
  first.reset();
  ASSERT_TRUE(server.has_logged("the peer is gone"));
  auto third = connection_of(server);
  const key16 second_key = std::exchange(second->key, session_key);

  EXPECT_EQ(third->bind_to(*second), status::success);

  second->key = second_key;
  EXPECT_EQ(status_of_write(*third, f.id), status::success);
  EXPECT_EQ(second->close(f.id), status::success);
}

TEST(Channels, EndTheSessionWithTheLast) {
  two_channels c;
  ASSERT_EQ(c.first->create("f", batch_level).oplock, batch_level);
  const std::uint64_t session = c.first->session_id;
  c.first.reset();
  c.second.reset();
  raw_client other{c.server.port()};
  other.set_up({2});

  // There is no other client to notify, and the file has no other open.
  EXPECT_EQ(other.create("f", batch_level).oplock, batch_level);
  EXPECT_EQ(c.server.get().find_session(session), nullptr);
}

TEST(Channels, EndTogetherWhenTheUserLogsOff) {
  two_channels c;
  const created f = c.first->create("f");

  EXPECT_EQ(c.second->call(command::logoff, empty_body).head.status, status::success);
  EXPECT_EQ(c.first->close(f.id), status::user_session_deleted);
  EXPECT_EQ(c.second->close(f.id), status::user_session_deleted);
}

TEST(Channels, EndTogetherWhenTheirClientReplacesTheSession) {
  two_channels c;
  auto back = connection_of(c.server);

  ASSERT_EQ(back->log_on("user", "pass", 0, c.first->session_id), status::success);

  EXPECT_EQ(c.first->create("f").status, status::user_session_deleted);
  EXPECT_EQ(c.second->create("f").status, status::user_session_deleted);
}

TEST(Channels, StopInOrder) {
  two_channels c;
  ASSERT_EQ(c.first->create("f", batch_level).status, status::success);

  c.server.stop();

  EXPECT_TRUE(c.first->is_closed_by_peer());
  EXPECT_TRUE(c.second->is_closed_by_peer());
}

TEST(Channels, AreLimited) {
  server_limits limits;
  limits.channels_per_session = 2;
  two_channels c{limits};
  auto third = connection_of(c.server);

  EXPECT_EQ(third->bind_to(*c.first), status::insufficient_resources);

  c.second.reset();
  ASSERT_TRUE(c.server.has_logged("the peer is gone"));
  EXPECT_EQ(third->bind_to(*c.first), status::success);
}

TEST(Channels, BelongToOneClientAndDialect) {
  test_server server;
  const auto first = first_channel(server);

  EXPECT_EQ(
    connection_of(server, dialect::smb_3_0, {2})->bind_to(*first), status::user_session_deleted);
  EXPECT_EQ(connection_of(server, dialect::smb_3_0_2)->bind_to(*first), status::invalid_parameter);
  EXPECT_EQ(connection_of(server, dialect::smb_2_1)->bind_to(*first), status::request_not_accepted);
  EXPECT_EQ(first->create("f").status, status::success);
}

/// Sends a first request to bind the connection to the other's session.
answer ask_to_bind(raw_client& c, const raw_client& to) {
  c.session_id = to.session_id;
  c.key = to.key;
  c.signs = true;
  const byte_vector token{0}; // never examined
  return c.call(
    command::session_setup, raw_client::session_setup_body(token, session_flag_binding));
}

TEST(Channels, AreRefusedWithASignedResponse) {
  test_server server;
  const auto first = first_channel(server);
  const auto same_client = connection_of(server, dialect::smb_3_0_2);
  const auto other_client = connection_of(server, dialect::smb_3_0, {2});

  for (raw_client* c : {same_client.get(), other_client.get()}) {
    const answer a = ask_to_bind(*c, *first);
    EXPECT_TRUE(status::is_error(a.head.status));
    EXPECT_TRUE(a.head.has(header_flag::signed_message));
    EXPECT_TRUE(verify(signing_algorithm::aes_cmac, first->key, a.bytes));
  }
  first->key[0] ^= 1;
  EXPECT_FALSE(ask_to_bind(*other_client, *first).head.has(header_flag::signed_message));
}

TEST(Channels, NeedAnExistingSession) {
  test_server server;
  const auto first = first_channel(server);
  const std::uint64_t id = std::exchange(first->session_id, first->session_id + 1'000);

  EXPECT_EQ(connection_of(server)->bind_to(*first), status::user_session_deleted);

  first->session_id = id;
  EXPECT_EQ(first->bind_to(*first), status::request_not_accepted);
  EXPECT_EQ(first->create("f").status, status::success);
}

TEST(Channels, AreBoundWithTheSessionsKey) {
  test_server server;
  const auto first = first_channel(server);
  auto second = connection_of(server);
  second->session_id = first->session_id;

  EXPECT_EQ(second->log_on("user", "pass", session_flag_binding), status::invalid_parameter);

  const key16 right = first->key;
  first->key[0] ^= 1;
  EXPECT_EQ(second->bind_to(*first), status::access_denied);
  first->key = right;
  EXPECT_EQ(second->bind_to(*first), status::success);
}

TEST(Channels, BelongToOneUser) {
  server_options options;
  options.users = {{"user", "pass"}, {"other", "word"}};
  test_server server{options};
  const auto first = first_channel(server);
  auto second = connection_of(server);

  EXPECT_EQ(second->bind_to(*first, "other", "word"), status::access_denied);
  EXPECT_EQ(second->bind_to(*first, "user", "wrong"), status::logon_failure);
  EXPECT_EQ(second->create("f").status, status::user_session_deleted);
  EXPECT_EQ(first->create("f").status, status::success);
  EXPECT_EQ(second->bind_to(*first), status::success);
  EXPECT_EQ(second->create("f").status, status::success);
}

TEST(Channels, MustSignIfThatIsRequired) {
  server_options options;
  options.require_signing = true;
  test_server server{options};
  const auto first = first_channel(server);
  auto second = connection_of(server);
  ASSERT_EQ(second->bind_to(*first), status::success);

  EXPECT_EQ(second->create("f").status, status::success);
  second->signs = false;
  EXPECT_EQ(second->create("f").status, status::access_denied);
}

TEST(Channels, RefuseRequestsThatTheirClientHasOvertaken) {
  two_channels c;
  const created f = c.first->create("f");
  c.second->channel_sequence = 1;
  ASSERT_EQ(status_of_write(*c.second, f.id), status::success);

  EXPECT_EQ(status_of_write(*c.first, f.id), status::file_not_available);
  EXPECT_EQ(status_of_read(*c.first, f.id), status::success);
  EXPECT_EQ(status_of_write(*c.second, f.id), status::success);
  EXPECT_EQ(c.first->close(f.id), status::success);
}

byte_vector interfaces_body(std::uint32_t output_max, const file_id& id = related_file_id) {
  byte_writer body;
  body.u16(57);
  body.u16(0);
  body.u32(0x0014'01fc);
  write_file_id(body, id);
  body.zeros(20);
  body.u32(output_max);
  body.u32(1);
  body.u32(0);
  return body.take();
}

TEST(Interfaces, AreListedForClientsWithMultichannel) {
  test_server server;
  const auto client = first_channel(server);

  const answer a = client->call(command::ioctl, interfaces_body(4'096));

  ASSERT_EQ(a.head.status, status::success);
  byte_reader in = a.body();
  in.skip(32);
  ASSERT_EQ(in.u32(), 112U); // offset of the output
  const std::uint32_t length = in.u32();
  ASSERT_EQ(length, 152U);
  byte_reader entry{bytes_view{a.bytes}.subspan(112)};
  EXPECT_EQ(entry.u32(), 0U); // the last entry
  EXPECT_NE(entry.u32(), 0U);
  entry.skip(8);
  EXPECT_GT(entry.u64(), 0U);
  EXPECT_EQ(entry.u16(), 2U);
  entry.skip(2);
  EXPECT_EQ(entry.u32(), 0x0100'007fU); // 127.0.0.1
}

TEST(Interfaces, AreNotListedForOthersNorWithoutRoom) {
  test_server server;
  const auto client = first_channel(server);
  raw_client older{server.port()};
  older.set_up();

  EXPECT_EQ(
    client->call(command::ioctl, interfaces_body(151)).head.status, status::buffer_too_small);
  EXPECT_EQ(client->call(command::ioctl, interfaces_body(4'096, {1, 2})).head.status,
    status::invalid_parameter);
  EXPECT_EQ(older.call(command::ioctl, interfaces_body(4'096)).head.status, status::not_supported);
}

/// Returns the next break notification of the connection.
std::optional<answer> break_on(raw_client& holder) {
  while (auto a = holder.receive()) {
    if (a->head.command == command::oplock_break)
      return a;
  }
  return std::nullopt;
}

TEST(ChannelBreaks, OfAnOplockGoWhereItWasOpened) {
  two_channels c;
  const created f = c.second->create("f", batch_level);
  ASSERT_EQ(f.oplock, batch_level);
  raw_client other{c.server.port()};
  other.set_up({2});

  other.send(command::create, raw_client::create_body("f"));

  EXPECT_TRUE(break_on(*c.second));
  EXPECT_EQ(c.first->close(f.id), status::success);
}

TEST(ChannelBreaks, OfAnOplockGoElsewhereWhenThatChannelIsLost) {
  two_channels c;
  const created f = c.first->create("f", batch_level);
  ASSERT_EQ(f.oplock, batch_level);
  c.first.reset();
  ASSERT_TRUE(c.server.has_logged("the peer is gone"));
  raw_client other{c.server.port()};
  other.set_up({2});

  const std::uint64_t opening = other.send(command::create, raw_client::create_body("f"));

  ASSERT_TRUE(break_on(*c.second));
  EXPECT_EQ(c.second->close(f.id), status::success);
  while (const auto a = other.receive()) {
    if (a->head.message_id == opening && a->head.status != status::pending) {
      EXPECT_EQ(a->head.status, status::success);
      break;
    }
  }
}

/// From now on, the server treats the client's TCP as if it acknowledged nothing.
std::uint32_t make_stuck(raw_client& c) {
  byte_writer body;
  body.u16(57);
  body.u16(0);
  body.u32(0x8384'8003);
  write_file_id(body, related_file_id);
  body.zeros(32);
  return c.call(command::ioctl, body.view()).head.status;
}

TEST(ChannelBreaks, ThatTheOnlyChannelDoesNotTakeEndWithTheOpen) {
  server_limits limits;
  limits.break_taken_time = std::chrono::milliseconds{100};
  test_server server{limits};
  const auto holder = first_channel(server);
  ASSERT_EQ(holder->create("f", batch_level).oplock, batch_level);
  ASSERT_EQ(make_stuck(*holder), status::success);
  raw_client other{server.port()};
  other.set_up({2});

  // The other open must have ended before this one is granted.
  EXPECT_EQ(other.create("f", batch_level).oplock, batch_level);
}

TEST(ChannelBreaks, ThatAChannelDoesNotTakeGoToAnother) {
  server_limits limits;
  limits.break_taken_time = std::chrono::milliseconds{100};
  two_channels c{limits};
  lease_context lease;
  lease.key = {7};
  lease.state = 0x07;
  const created f = c.first->create("f", 0xff, lease);
  ASSERT_TRUE(f.lease);
  ASSERT_EQ(make_stuck(*c.first), status::success);
  raw_client other{c.server.port()};
  other.set_up({2});

  other.send(command::create, raw_client::create_body("f"));

  EXPECT_TRUE(break_on(*c.first));
  EXPECT_TRUE(break_on(*c.second));
  EXPECT_TRUE(c.first->is_closed_by_peer());
  EXPECT_EQ(c.second->close(f.id), status::success);
}

} // namespace
} // namespace leasebreak::smb

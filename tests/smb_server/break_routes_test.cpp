// The connections on which a client is notified of a break (MS-SMB2 3.3.4.6, 3.3.4.7), and what
// happens to a break when its connection ends.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/session.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr guid holders_guid{1};
constexpr guid others_guid{2};

server_options two_users() {
  server_options options;
  options.users = {{"user", "pass"}, {"other", "word"}};
  return options;
}

std::unique_ptr<raw_client> logged_on(const test_server& server, dialect d, const guid& client,
  const std::string& user = "user", const std::string& password = "pass") {
  auto c = std::make_unique<raw_client>(server.port());
  c->negotiate(d, client);
  EXPECT_EQ(c->log_on(user, password), status::success);
  c->signs = true;
  EXPECT_EQ(c->connect_tree(), status::success);
  return c;
}

std::optional<answer> next_break(raw_client& c) {
  auto a = c.receive_final();
  while (a && a->head.command != command::oplock_break)
    a = c.receive_final();
  return a;
}

/// Returns whether no break has come: the response to an ECHO must come next.
bool was_not_told(raw_client& c) {
  c.send(command::echo, empty_body);
  const auto a = c.receive();
  return a && a->head.command == command::echo;
}

lease_context lease_of(std::uint8_t key, std::uint32_t state) {
  lease_context lease;
  lease.key = {key};
  lease.state = state;
  return lease;
}

std::uint32_t acknowledge(raw_client& c, std::uint8_t key, std::uint32_t state) {
  byte_writer body;
  body.u16(36);
  body.zeros(6);
  body.append(lease_of(key, state).key);
  body.u32(state);
  body.zeros(8);
  return c.call(command::oplock_break, body.view()).head.status;
}

/// `first` is another connection of the client, without a use of its lease.
class BreakRoutes : public ::testing::TestWithParam<dialect> {
protected:
  /// The client must be notified on the connection with its lease.
  void expect_told_where_it_opened(raw_client& first) {
    const auto holder = logged_on(server, GetParam(), holders_guid);
    const created f = holder->create("f", lease_level, lease_of(7, rwh));
    ASSERT_TRUE(f.lease);
    ASSERT_EQ(f.lease->state, rwh);
    const auto other = logged_on(server, GetParam(), others_guid);
    other->send(command::create, raw_client::create_body("f"));

    EXPECT_TRUE(next_break(*holder));
    EXPECT_EQ(acknowledge(*holder, 7, rh), status::success);
    EXPECT_EQ(other->await_answer().head.status, status::success);
    static_cast<void>(first);
  }

  test_server server{two_users()};
};

INSTANTIATE_TEST_SUITE_P(Dialects, BreakRoutes,
  ::testing::Values(dialect::smb_2_1, dialect::smb_3_0, dialect::smb_3_1_1),
  [](const auto& tested) { return "D" + std::to_string(static_cast<unsigned>(tested.param)); });

TEST_P(BreakRoutes, DoNotLeadToAConnectionThatHasOnlyNegotiated) {
  raw_client first{server.port()};
  first.negotiate(GetParam(), holders_guid);

  expect_told_where_it_opened(first);
}

TEST_P(BreakRoutes, DoNotLeadToAnotherUser) {
  const auto first = logged_on(server, GetParam(), holders_guid, "other", "word");

  expect_told_where_it_opened(*first);
  EXPECT_TRUE(was_not_told(*first));
}

TEST_P(BreakRoutes, DoNotLeadToAUserThatHasLoggedOff) {
  const auto first = logged_on(server, GetParam(), holders_guid);
  ASSERT_EQ(first->call(command::logoff, empty_body).head.status, status::success);

  expect_told_where_it_opened(*first);
}

TEST_P(BreakRoutes, LeadToTheConnectionThatOpenedFirst) {
  const auto first = logged_on(server, GetParam(), holders_guid);
  const auto second = logged_on(server, GetParam(), holders_guid);
  ASSERT_EQ(first->create("f", lease_level, lease_of(7, rh)).lease->state, rh);
  ASSERT_EQ(second->create("f", lease_level, lease_of(7, rwh)).lease->state, rwh);
  const auto other = logged_on(server, GetParam(), others_guid);
  other->send(command::create, raw_client::create_body("f"));

  EXPECT_TRUE(next_break(*first));
  EXPECT_TRUE(was_not_told(*second));
}

// Without multichannel each connection has a session of its own, but the lease belongs to the
// client.
TEST_P(BreakRoutes, LeadToAnotherConnectionOfTheLeaseWhenTheFirstIsLost) {
  auto first = logged_on(server, GetParam(), holders_guid);
  const auto second = logged_on(server, GetParam(), holders_guid);
  ASSERT_EQ(first->create("f", lease_level, lease_of(7, rh)).lease->state, rh);
  ASSERT_EQ(second->create("f", lease_level, lease_of(7, rwh)).lease->state, rwh);
  const auto other = logged_on(server, GetParam(), others_guid);
  other->send(command::create, raw_client::create_body("f"));
  ASSERT_TRUE(next_break(*first));
  first.reset();

  EXPECT_TRUE(next_break(*second));
  EXPECT_EQ(acknowledge(*second, 7, rh), status::success);
  EXPECT_EQ(other->await_answer().head.status, status::success);
}

/// A session with two channels.
class LostChannels : public ::testing::Test {
protected:
  LostChannels() {
    first = logged_on(server, dialect::smb_3_0, holders_guid);
    second = std::make_unique<raw_client>(server.port());
    second->negotiate(dialect::smb_3_0, holders_guid);
    EXPECT_EQ(second->bind_to(*first), status::success);
    other = logged_on(server, dialect::smb_3_0, others_guid);
  }

  test_server server;
  std::unique_ptr<raw_client> first;
  std::unique_ptr<raw_client> second;
  std::unique_ptr<raw_client> other;
};

TEST_F(LostChannels, HaveALeaseBreakSentOnAnother) {
  ASSERT_TRUE(first->create("f", lease_level, lease_of(7, rwh)).lease);
  other->send(command::create, raw_client::create_body("f"));
  ASSERT_TRUE(next_break(*first));
  first.reset();

  EXPECT_TRUE(next_break(*second));
  EXPECT_EQ(acknowledge(*second, 7, rh), status::success);
  EXPECT_EQ(other->await_answer().head.status, status::success);
}

// MS-SMB2 3.3.4.6: an oplock break contains the session id.
TEST_F(LostChannels, HaveAnOplockBreakSentOnAnother) {
  const created f = first->create("f", batch_level);
  ASSERT_EQ(f.oplock, batch_level);
  other->send(command::create, raw_client::create_body("f"));
  const auto told = next_break(*first);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->head.session_id, first->session_id);
  first.reset();

  const auto again = next_break(*second);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->head.session_id, second->session_id);
  EXPECT_EQ(second->close(f.id), status::success);
  EXPECT_EQ(other->await_answer().head.status, status::success);
}

// The break needs no acknowledgement, thus the coordinator does not send it again.
TEST_F(LostChannels, HaveABreakSentOnOneThatWasBoundAfterIt) {
  constexpr std::uint32_t forces_unacknowledged =
    0x8384'8003; // FSCTL_SMBTORTURE_FORCE_UNACKED_TIMEOUT
  constexpr std::uint32_t read = 0x1;
  second.reset();
  ASSERT_TRUE(server.has_logged("the peer is gone"));
  const created f = first->create("f", lease_level, lease_of(7, read));
  ASSERT_TRUE(f.lease);
  const created g = other->create("f");
  first->call(command::ioctl, raw_client::ioctl_body(forces_unacknowledged, {}, 0));
  ASSERT_EQ(
    other->call(command::write, raw_client::write_body(g.id, "x")).head.status, status::success);
  ASSERT_TRUE(next_break(*first));
  raw_client third{server.port()};
  third.negotiate(dialect::smb_3_0, holders_guid);
  ASSERT_EQ(third.bind_to(*first), status::success);
  first.reset();

  const auto told = next_break(third);
  ASSERT_TRUE(told);
  EXPECT_EQ(third.close(f.id), status::success);
}

byte_vector replayable(const guid& create_guid) {
  return raw_client::create_body_with(
    "f", lease_level, {raw_client::durable_query(create_guid), raw_client::lease_query(5, rh)});
}

// smb2.replay.dhv2-pending2*-sane.
TEST_F(LostChannels, KeepACreateThatCanBeReplayed) {
  const created held = other->create("f", lease_level, lease_of(9, rwh));
  ASSERT_EQ(held.lease->state, rwh);
  first->send(command::create, replayable({3}));
  ASSERT_TRUE(next_break(*other));
  first.reset();
  ASSERT_TRUE(server.has_logged("the peer is gone"));

  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(second->call(command::create, replayable({3}), header_flag::replay).head.status,
      status::file_not_available);
  EXPECT_EQ(acknowledge(*other, 9, rh), status::success);
  created again;
  do // until the first CREATE is complete
    again =
      raw_client::read_created(second->call(command::create, replayable({3}), header_flag::replay));
  while (again.status == status::file_not_available);

  EXPECT_EQ(again.status, status::success);
  ASSERT_TRUE(again.lease);
  EXPECT_EQ(again.lease->state, rh);
  EXPECT_EQ(second->close(again.id), status::success);
  EXPECT_EQ(other->close(held.id), status::success);
}

// The client cannot learn of such an open, thus it must not remain.
TEST_F(LostChannels, CancelACreateThatCannotBeReplayed) {
  const created held = other->create("f", lease_level, lease_of(9, rwh));
  ASSERT_EQ(held.lease->state, rwh);
  first->send(command::create, raw_client::create_body("f", batch_level));
  ASSERT_TRUE(next_break(*other));
  first.reset();
  ASSERT_TRUE(server.has_logged("the peer is gone"));
  EXPECT_EQ(acknowledge(*other, 9, rh), status::success);
  EXPECT_EQ(other->close(held.id), status::success);

  // After the connection's teardown there is no other open.
  created alone;
  do {
    if (alone.lease) {
      EXPECT_EQ(other->close(alone.id), status::success);
    }
    alone = other->create("f", lease_level, lease_of(8, rwh));
    ASSERT_EQ(alone.status, status::success);
  } while (alone.lease->state != rwh);
}

// MS-SMB2 3.3.5.5.3, Client.Dialect.
class ClientDialects : public ::testing::Test {
protected:
  static std::uint32_t log_on(raw_client& c, dialect d, std::uint64_t previous = 0) {
    c.negotiate(d, holders_guid);
    return c.log_on("user", "pass", 0, previous);
  }

  test_server server;
};

TEST_F(ClientDialects, OfVersion3AreTheSameInAllSessions) {
  const auto first = logged_on(server, dialect::smb_3_1_1, holders_guid);
  raw_client second{server.port()};

  EXPECT_EQ(log_on(second, dialect::smb_3_0_2), status::user_session_deleted);
  EXPECT_EQ(second.create("g").status, status::user_session_deleted);
  EXPECT_EQ(first->create("f").status, status::success);
  raw_client third{server.port()};
  EXPECT_EQ(log_on(third, dialect::smb_3_1_1), status::success);
}

TEST_F(ClientDialects, AreFreeAgainWhenTheSessionsAreGone) {
  auto first = logged_on(server, dialect::smb_3_1_1, holders_guid);
  ASSERT_EQ(first->call(command::logoff, empty_body).head.status, status::success);
  raw_client second{server.port()};

  EXPECT_EQ(log_on(second, dialect::smb_3_0_2), status::success);
}

// A client that reconnects after a reboot need not wait for the end of its former session.
TEST_F(ClientDialects, MayChangeWithTheSessionThatTheClientReplaces) {
  const auto first = logged_on(server, dialect::smb_3_1_1, holders_guid);
  raw_client second{server.port()};

  EXPECT_EQ(log_on(second, dialect::smb_3_0_2, first->session_id), status::success);
}

TEST_F(ClientDialects, OfOtherClientsDoNotMatter) {
  const auto first = logged_on(server, dialect::smb_3_1_1, holders_guid);
  const auto other = logged_on(server, dialect::smb_3_0, others_guid);
  EXPECT_EQ(other->create("f").status, status::success);
}

} // namespace
} // namespace leasebreak::smb

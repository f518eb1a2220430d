// An application that opens a file on another client ends its former opens (MS-SMB2 3.3.5.9.13).
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/durable.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::context;
using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t file_forced_closed = 0xc000'00b6;
constexpr std::uint8_t disposition_information = 13;

/// The variable parts of a CREATE.
struct asked {
  std::string name = "f";
  std::uint8_t app = 7;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> version{};
  std::optional<std::uint8_t> create_guid{}; ///< If set, the open is durable, version 2.
  std::optional<std::uint8_t> lease{}; ///< The key of a lease of RWH. If empty, a batch oplock.
};

byte_vector body_of(const asked& a) {
  std::vector<context> contexts{raw_client::application(a.app)};
  if (a.version)
    contexts.push_back(raw_client::application_version(a.version->first, a.version->second));
  if (a.create_guid)
    contexts.push_back(raw_client::durable_query({*a.create_guid}));
  if (a.lease)
    contexts.push_back(raw_client::lease_query(*a.lease, rwh));
  return raw_client::create_body_with(a.name, a.lease ? lease_level : batch_level, contexts);
}

class Applications : public ::testing::Test {
protected:
  explicit Applications(dialect d = dialect::smb_3_1_1) {
    set_up(here, 1, d);
    set_up(here_too, 1, d);
    set_up(there, 2, d);
  }

  static void set_up(raw_client& c, std::uint8_t who, dialect d) {
    c.signs = true; // MS-SMB2 3.3.5.7: TREE_CONNECT must be signed at 3.1.1
    c.negotiate(d, {who});
    EXPECT_EQ(c.log_on(), status::success);
    EXPECT_EQ(c.connect_tree(), status::success);
  }

  static created open_as(raw_client& client, const asked& a) {
    return raw_client::read_created(client.call(command::create, body_of(a)));
  }

  static std::uint32_t status_of_open(raw_client& client, const asked& a) {
    return client.call(command::create, body_of(a)).head.status;
  }

  /// The oplock of the first open must be broken, and its handle must stay valid.
  static void expect_left_alone(
    raw_client& one, const asked& first, raw_client& other, const asked& second) {
    const created held = open_as(one, first);
    ASSERT_EQ(held.oplock, batch_level);
    other.send(command::create, body_of(second));
    const auto told = one.receive();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->head.command, command::oplock_break);

    EXPECT_EQ(one.close(held.id), status::success);

    const created made = raw_client::read_created(other.await_answer());
    EXPECT_EQ(made.oplock, batch_level);
    EXPECT_EQ(other.close(made.id), status::success);
  }

  /// The second open must get exclusive caching, and the first must have ended.
  void expect_taken_along(const asked& first, const asked& second) {
    const created old = open_as(here, first);
    ASSERT_EQ(old.status, status::success);

    const created moved = open_as(there, second);

    EXPECT_EQ(moved.status, status::success);
    EXPECT_EQ(moved.oplock, second.lease ? lease_level : batch_level) << "there is no other open";
    EXPECT_EQ(here.close(old.id), status::file_closed);
    EXPECT_EQ(there.close(moved.id), status::success);
  }

  /// The second open must be refused, and the first must be unchanged.
  void expect_refused(const asked& first, const asked& second) {
    const created old = open_as(here, first);
    ASSERT_EQ(old.status, status::success);

    EXPECT_EQ(status_of_open(there, second), file_forced_closed);

    EXPECT_EQ(here.echo(), status::success) << "no break came before";
    EXPECT_EQ(here.close(old.id), status::success);
  }

  test_server server;
  raw_client here{server.port()};
  raw_client here_too{server.port()};
  raw_client there{server.port()};
};

TEST_F(Applications, EndTheirOpensOnTheFormerClient) {
  expect_taken_along({.create_guid = 1}, {.create_guid = 2});
}

TEST_F(Applications, NeedNoDurableRequest) {
  expect_taken_along({}, {});
  expect_taken_along({.create_guid = 1}, {});
  expect_taken_along({}, {.create_guid = 2});
}

TEST_F(Applications, EndTheirLeasesOnTheFormerClient) {
  expect_taken_along({.create_guid = 1, .lease = 3}, {.create_guid = 2, .lease = 4});
}

TEST_F(Applications, EndTheirStreamsOnTheFormerClient) {
  expect_taken_along({.name = "f:s"}, {.name = "f:s"});
}

TEST_F(Applications, LeaveOpensOfOtherApplicationsAlone) {
  expect_left_alone(here, {.app = 7}, there, {.app = 8});
}

TEST_F(Applications, LeaveOpensOfTheSameClientAlone) {
  expect_left_alone(here, {}, here_too, {});
}

TEST_F(Applications, LeaveOpensByAnotherNameAlone) {
  const created made = open_as(here, {});
  EXPECT_EQ(here.close(made.id), status::success);
  std::filesystem::create_hard_link(server.directory() / "f", server.directory() / "g");

  expect_left_alone(here, {.name = "f"}, there, {.name = "g"});
}

TEST_F(Applications, WithIdZeroAreIgnored) {
  expect_left_alone(here, {.app = 0}, there, {.app = 0});
}

TEST_F(Applications, CanMoveBack) {
  const created first = open_as(here, {});
  const created moved = open_as(there, {});
  const created back = open_as(here_too, {});

  EXPECT_EQ(back.oplock, batch_level);
  EXPECT_EQ(here.close(first.id), status::file_closed);
  EXPECT_EQ(there.close(moved.id), status::file_closed);
  EXPECT_EQ(here_too.close(back.id), status::success);
}

TEST_F(Applications, CreateAFileAgainWhoseDeletionWasPending) {
  byte_vector body = body_of({});
  body[26] = static_cast<std::uint8_t>(body[26] | 1); // DELETE, of DesiredAccess
  const created old = raw_client::read_created(here.call(command::create, body));
  const std::uint8_t yes = 1;
  EXPECT_EQ(here
              .call(command::set_info,
                raw_client::set_info_body(old.id, disposition_information, {&yes, 1}))
              .head.status,
    status::success);

  const created moved = open_as(there, {});

  EXPECT_EQ(moved.status, status::success);
  EXPECT_EQ(moved.action, static_cast<std::uint32_t>(create_action::created));
  EXPECT_EQ(here.close(old.id), status::file_closed);
  EXPECT_EQ(there.close(moved.id), status::success);
  EXPECT_TRUE(std::filesystem::exists(server.directory() / "f"));
}

// -- versions -------------------------------------------------------------------------------------

TEST_F(Applications, OfANewerVersionEndTheirFormerOpens) {
  expect_taken_along({.version = {{1, 1}}}, {.version = {{1, 2}}});
  expect_taken_along({.version = {{1, 2}}}, {.version = {{2, 1}}});
  expect_taken_along({}, {.version = {{0, 0}}});
}

TEST_F(Applications, OfTheSameOrAnOlderVersionAreRefused) {
  expect_refused({.version = {{1, 2}}}, {.version = {{1, 2}}});
  expect_refused({.version = {{1, 2}}}, {.version = {{1, 1}}});
  expect_refused({.version = {{2, 1}}}, {.version = {{1, 2}}});
  expect_refused({.version = {{1, 2}}}, {});
}

TEST_F(Applications, OfAnOlderVersionLeaveALeaseAsItIs) {
  expect_refused({.version = {{1, 2}}, .create_guid = 1, .lease = 3},
    {.version = {{1, 1}}, .create_guid = 2, .lease = 4});
}

class ApplicationsOf30 : public Applications {
protected:
  ApplicationsOf30() : Applications(dialect::smb_3_0) {}
};

TEST_F(ApplicationsOf30, EndTheirOpensOnTheFormerClient) {
  expect_taken_along({.create_guid = 1}, {.create_guid = 2});
}

// Dialect 3.1.1 introduced the version context.
TEST_F(ApplicationsOf30, HaveNoVersions) {
  expect_taken_along({.version = {{1, 2}}}, {.version = {{1, 1}}});
}

// -- clients without multichannel -----------------------------------------------------------------

// Such a client has no group of connections in which the former open could be looked up.
TEST(ApplicationsWithoutChannels, EndTheServersPartOfTheirFormerOpens) {
  test_server server;
  raw_client here{server.port()};
  raw_client there{server.port()};
  std::uint8_t who = 0;
  for (raw_client* c : {&here, &there}) {
    c->negotiate_alone(dialect::smb_3_0, {++who});
    ASSERT_EQ(c->log_on(), status::success);
    ASSERT_EQ(c->connect_tree(), status::success);
  }
  const created old = raw_client::read_created(here.call(command::create, body_of({})));
  ASSERT_EQ(old.status, status::success);

  ASSERT_EQ(there.call(command::create, body_of({})).head.status, status::success);

  ASSERT_TRUE(server.has_logged("has moved to another client with its application"));
  byte_writer flush;
  flush.u16(24);
  flush.zeros(6);
  write_file_id(flush, old.id);
  EXPECT_EQ(here.call(command::flush, flush.view()).head.status, status::file_closed);
}

} // namespace
} // namespace leasebreak::smb

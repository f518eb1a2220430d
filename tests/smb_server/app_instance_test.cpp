// An application that has moved to another client takes its opens with it (MS-SMB2 3.3.5.9.13).
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/durable.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <string>

namespace leasebreak::smb {
namespace {

using testing::created;
using testing::raw_client;
using testing::test_server;

byte_vector create_body(std::uint8_t create_guid, std::uint8_t app) {
  return raw_client::create_body_with(
    "f", batch_level, {raw_client::durable_query({create_guid}), raw_client::application(app)});
}

created open_as(raw_client& client, std::uint8_t create_guid, std::uint8_t app) {
  return raw_client::read_created(client.call(command::create, create_body(create_guid, app)));
}

class Applications : public ::testing::Test {
protected:
  Applications() {
    set_up(here, 1);
    set_up(here_too, 1);
    set_up(there, 2);
  }

  static void set_up(raw_client& c, std::uint8_t who) {
    c.negotiate(dialect::smb_3_0, {who});
    EXPECT_EQ(c.log_on(), status::success);
    EXPECT_EQ(c.connect_tree(), status::success);
  }

  /// The one's open is told to give its oplock up, and is still there to be closed.
  static void expect_left_alone(
    raw_client& one, std::uint8_t app, raw_client& other, std::uint8_t others_app) {
    const created held = open_as(one, 1, app);
    ASSERT_EQ(held.oplock, batch_level);
    other.send(command::create, create_body(2, others_app));
    const auto told = one.receive();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->head.command, command::oplock_break);

    EXPECT_EQ(one.close(held.id), status::success);

    const created made = raw_client::read_created(other.await_answer());
    EXPECT_EQ(made.oplock, batch_level);
    EXPECT_EQ(other.close(made.id), status::success);
  }

  test_server server;
  raw_client here{server.port()};
  raw_client here_too{server.port()};
  raw_client there{server.port()};
};

TEST_F(Applications, TakeTheirOpensWithThem) {
  const created old = open_as(here, 1, 7);
  ASSERT_EQ(old.oplock, batch_level);

  const created moved = open_as(there, 2, 7);

  EXPECT_EQ(moved.status, status::success);
  EXPECT_EQ(moved.oplock, batch_level) << "nobody else has it open";
  EXPECT_EQ(here.close(old.id), status::file_closed);
  EXPECT_EQ(there.close(moved.id), status::success);
}

TEST_F(Applications, LeaveThoseOfOthersAlone) {
  expect_left_alone(here, 7, there, 8);
}

TEST_F(Applications, LeaveThoseOfTheSameClientAlone) {
  expect_left_alone(here, 7, here_too, 7);
}

} // namespace
} // namespace leasebreak::smb

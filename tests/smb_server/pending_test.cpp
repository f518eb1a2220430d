// Requests that wait for other clients without an interim response: SET_INFO, and CLOSE of an open
// that deletes its file.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t deleting_option = 0x1000;

/// Sends a request of a client, which has the file open with DELETE access.
struct waiting {
  const char* name;
  std::uint32_t options; ///< CreateOptions.
  std::function<void(raw_client&, const file_id&)> send;
};

void send_rename(raw_client& c, const file_id& id) {
  c.send(command::set_info, raw_client::rename_body(id, "new" + std::to_string(id.volatile_id)));
}

void send_close(raw_client& c, const file_id& id) {
  c.send(command::close, raw_client::close_body(id));
}

class SilentWaits : public ::testing::TestWithParam<waiting> {
protected:
  static server_options few() {
    server_options options;
    options.limits.working_requests = 1;
    options.limits.pending_requests = 1;
    options.interim_delay = {};
    return options;
  }

  SilentWaits() {
    holder.set_up({1});
    client.set_up({2});
  }

  /// The holder gets a handle lease, which the client's request breaks.
  file_id hold(std::uint8_t key) {
    lease_context lease;
    lease.key.fill(key);
    lease.state = rh;
    const created c = holder.create("f" + std::to_string(key), lease_level, lease);
    EXPECT_EQ(c.lease.value().state, rh);
    return c.id;
  }

  file_id open(std::uint8_t key) {
    byte_writer body{raw_client::create_body(
      "f" + std::to_string(key), 0, {}, disposition::open, GetParam().options)};
    body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
    return raw_client::read_created(client.call(command::create, body.view())).id;
  }

  void expect_break() {
    const auto told = holder.receive();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->head.command, command::oplock_break);
  }

  test_server server{few()};
  raw_client holder{server.port()};
  raw_client client{server.port()};
};

INSTANTIATE_TEST_SUITE_P(Requests, SilentWaits,
  ::testing::Values(
    waiting{"Rename", 0, send_rename}, waiting{"Close", deleting_option, send_close}),
  [](const auto& tested) { return std::string{tested.param.name}; });

// Otherwise the server would not read the acknowledgements and CANCELs that end the waits.
TEST_P(SilentWaits, DoNotStopTheReading) {
  const file_id held = hold(1);
  const file_id mine = open(1);
  GetParam().send(client, mine);
  expect_break();

  EXPECT_FALSE(client.call(command::echo, empty_body).bytes.empty());

  EXPECT_EQ(holder.close(held), status::success);
  const auto done = client.receive_final();
  ASSERT_TRUE(done);
  EXPECT_NE(done->head.command, command::echo);
  EXPECT_EQ(done->head.status, status::success);
}

// MS-SMB2 3.3.4.2 does not list them, and some clients take the interim response for the final one.
TEST_P(SilentWaits, HaveNoInterimResponse) {
  const file_id held = hold(1);
  const file_id mine = open(1);
  GetParam().send(client, mine);
  expect_break();

  client.send(command::echo, empty_body);
  const auto first = client.receive();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->head.command, command::echo);

  EXPECT_EQ(holder.close(held), status::success);
  const auto second = client.receive();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->head.status, status::success);
  EXPECT_FALSE(second->head.has(header_flag::async));
}

class SilentRenames : public SilentWaits {};

INSTANTIATE_TEST_SUITE_P(Requests, SilentRenames, ::testing::Values(waiting{"", 0, send_rename}));

TEST_P(SilentRenames, AboveTheLimitAreRefused) {
  const file_id held = hold(1);
  hold(2);
  const file_id first = open(1);
  const file_id second = open(2);
  send_rename(client, first);
  expect_break();
  EXPECT_FALSE(client.call(command::echo, empty_body).bytes.empty());

  send_rename(client, second);

  EXPECT_EQ(client.await_answer().head.status, status::insufficient_resources);
  EXPECT_EQ(holder.close(held), status::success);
  const auto done = client.receive_final();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->head.status, status::success);
}

} // namespace
} // namespace leasebreak::smb

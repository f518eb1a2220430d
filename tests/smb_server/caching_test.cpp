// Leases and oplocks on the wire. The tests of the model cover the rules.
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/data.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

lease_context lease(std::uint8_t key, std::uint32_t state) {
  lease_context l;
  l.key.fill(key);
  l.state = state;
  return l;
}

struct two_clients {
  test_server server;
  raw_client first{server.port()};
  raw_client second{server.port()};

  two_clients() {
    first.set_up({1});
    second.set_up({2});
  }
};

TEST(LeasesOnTheWire, AreGrantedAndEchoTheirKey) {
  two_clients t;

  const created c = t.first.create("f", lease_level, lease(5, 7));

  ASSERT_EQ(c.status, status::success);
  EXPECT_EQ(c.oplock, lease_level);
  ASSERT_TRUE(c.lease);
  EXPECT_EQ(c.lease->key, lease(5, 7).key);
  EXPECT_EQ(c.lease->state, 7U);
  EXPECT_EQ(c.lease->flags, 0U);
}

TEST(LeasesOnTheWire, AreLimitedByTheirShare) {
  server_options options;
  options.shares = {{"full", {}, {}}, {"shared", {}, {false, lease_state::r}},
    {"nothing", {}, {false, lease_state::none}}};
  test_server server{options};
  const auto granted_on = [&](const std::string& share, std::uint8_t number) {
    raw_client client{server.port()};
    client.negotiate(dialect::smb_2_1, {number});
    client.log_on();
    EXPECT_EQ(client.connect_tree(share), status::success);
    const created leased = client.create(share + "1", lease_level, lease(number, 7));
    const created oplock = client.create(share + "2", batch_level);
    EXPECT_EQ(leased.oplock, lease_level);
    return std::pair{leased.lease.value().state, oplock.oplock};
  };

  EXPECT_EQ(granted_on("full", 1), (std::pair{7U, batch_level}));
  EXPECT_EQ(granted_on("shared", 2), (std::pair{1U, std::uint8_t{1}}));
  EXPECT_EQ(granted_on("nothing", 3), (std::pair{0U, std::uint8_t{0}}));
}

TEST(LeasesOnTheWire, AreBrokenAndTheOpenerWaitsForTheAcknowledgement) {
  two_clients t;
  ASSERT_EQ(t.first.create("f", lease_level, lease(5, 7)).status, status::success);

  const std::uint64_t opener =
    t.second.send(command::create, raw_client::create_body("f", 0, {}, disposition::open));
  const answer notification = t.first.receive().value();
  const answer interim = t.second.receive().value();
  byte_writer body;
  encode(body, lease_break_message{lease(5, 0).key, 3});
  const answer acknowledged = t.first.call(command::oplock_break, body.view());
  const answer opened = t.second.receive().value();

  EXPECT_EQ(notification.head.message_id, UINT64_MAX);
  EXPECT_EQ(notification.head.session_id, 0U);
  EXPECT_EQ(notification.head.tree_id, 0U);
  EXPECT_EQ(notification.head.flags, header_flag::response);
  EXPECT_EQ(notification.head.signature, signature{});
  byte_reader in = notification.body();
  EXPECT_EQ(in.u16(), 44);
  EXPECT_EQ(in.u16(), 0);
  EXPECT_EQ(in.u32(), 1U);
  EXPECT_EQ(in.guid16(), lease(5, 0).key);
  EXPECT_EQ(in.u32(), 7U);
  EXPECT_EQ(in.u32(), 3U);
  EXPECT_EQ(interim.head.status, status::pending);
  EXPECT_TRUE(interim.head.has(header_flag::async));
  EXPECT_EQ(acknowledged.head.status, status::success);
  EXPECT_EQ(opened.head.message_id, opener);
  EXPECT_EQ(opened.head.async_id, interim.head.async_id);
  EXPECT_EQ(opened.head.status, status::success);
}

TEST(LeasesOnTheWire, AcknowledgedTooMuchOrNotBreakingOrUnknownAreRefused) {
  two_clients t;
  ASSERT_EQ(t.first.create("f", lease_level, lease(5, 7)).status, status::success);
  const auto acknowledge = [&](std::uint8_t key, std::uint32_t state) {
    byte_writer body;
    encode(body, lease_break_message{lease(key, 0).key, state});
    return t.first.call(command::oplock_break, body.view()).head.status;
  };

  EXPECT_EQ(acknowledge(6, 3), status::object_name_not_found);
  EXPECT_EQ(acknowledge(5, 3), 0xc000'0001U);
  t.second.send(command::create, raw_client::create_body("f", 0, {}, disposition::open));
  ASSERT_TRUE(t.first.receive());
  EXPECT_EQ(acknowledge(5, 7), status::request_not_accepted);
  EXPECT_EQ(acknowledge(5, 0x83), status::request_not_accepted);
  EXPECT_EQ(acknowledge(5, 3), status::success);
}

TEST(LeasesOnTheWire, WithAKeyOfAnotherFileMakeNoFile) {
  two_clients t;
  ASSERT_EQ(t.first.create("f", lease_level, lease(5, 7)).status, status::success);

  const created c = t.first.create("g", lease_level, lease(5, 7));

  EXPECT_EQ(c.status, status::invalid_parameter);
  EXPECT_FALSE(std::filesystem::exists(t.server.directory() / "g"));
}

TEST(LeasesOnTheWire, EndWithTheirConnection) {
  test_server server;
  raw_client second{server.port()};
  second.set_up({2});
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  ASSERT_EQ(first->create("f", lease_level, lease(5, 7)).status, status::success);
  second.send(command::create, raw_client::create_body("f", 0, {}, disposition::open));
  ASSERT_EQ(second.receive()->head.status, status::pending);

  first.reset();
  const answer opened = second.receive().value();

  EXPECT_EQ(opened.head.status, status::success);
}

TEST(OplocksOnTheWire, AreBrokenByFileIdAndAcknowledged) {
  two_clients t;
  const created held = t.first.create("f", batch_level);
  ASSERT_EQ(held.oplock, batch_level);

  t.second.send(command::create, raw_client::create_body("f", 0, {}, disposition::open));
  const answer notification = t.first.receive().value();
  byte_writer body;
  encode(body, oplock_break_message{1, held.id});
  const answer acknowledged = t.first.call(command::oplock_break, body.view());
  const answer again = t.first.call(command::oplock_break, body.view());

  byte_reader in = notification.body();
  EXPECT_EQ(in.u16(), 24);
  EXPECT_EQ(in.u8(), 1);
  in.skip(5);
  EXPECT_EQ(read_file_id(in), held.id);
  EXPECT_EQ(acknowledged.head.status, status::success);
  EXPECT_EQ(again.head.status, status::invalid_oplock_protocol);
}

TEST(WaitingRequests, AreCancelledByTheirAsyncId) {
  two_clients t;
  ASSERT_EQ(t.first.create("f", lease_level, lease(5, 7)).status, status::success);
  t.second.send(command::create, raw_client::create_body("f", 0, {}, disposition::open));
  const answer interim = t.second.receive().value();

  t.second.send_frame(t.second.cancel_frame(0, interim.head.async_id));
  const answer end = t.second.receive().value();

  EXPECT_EQ(end.head.status, status::cancelled);
  EXPECT_EQ(end.head.async_id, interim.head.async_id);
  EXPECT_EQ(t.second.echo(), status::success);
}

TEST(Compounds, WorkOnTheFileOfTheRequestBefore) {
  two_clients t;
  const auto append = [](byte_writer& out, header h, bytes_view body, bool last) {
    h.next_command = last ? 0 : static_cast<std::uint32_t>((header_size + body.size() + 7) / 8 * 8);
    const std::size_t begin = out.size();
    encode(out, h);
    out.append(body);
    if (!last)
      out.align(8, begin);
  };
  header h;
  h.command = command::create;
  h.credits = 8;
  h.credit_charge = 1;
  h.message_id = t.first.next_message++;
  h.session_id = t.first.session_id;
  h.tree_id = t.first.tree_id;
  byte_writer frame;
  append(frame, h, raw_client::create_body("f"), false);
  h.command = command::close;
  h.flags = header_flag::related;
  h.message_id = t.first.next_message++;
  append(frame, h, raw_client::close_body(related_file_id), true);

  t.first.send_frame(frame.view());
  const std::vector<answer> answers = t.first.receive_compound(2);

  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].head.status, status::success);
  EXPECT_EQ(answers[1].head.status, status::success);
  EXPECT_TRUE(answers[1].head.has(header_flag::related));
}

// MS-FSA 2.1.5.4.
TEST(EmptyWrites, BreakNothing) {
  two_clients t;
  ASSERT_TRUE(t.first.create("f", lease_level, lease(5, 1)).lease);
  const created c = t.second.create("f");

  const answer none = t.second.call(command::write, raw_client::write_body(c.id, ""));
  EXPECT_EQ(none.head.status, status::success);
  EXPECT_EQ(t.first.echo(), status::success) << "no break has come before the response";

  EXPECT_EQ(
    t.second.call(command::write, raw_client::write_body(c.id, "x")).head.status, status::success);
  const auto notice = t.first.receive();
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->head.command, command::oplock_break);
}

TEST(RenamesToTheirOwnName, BreakNothing) {
  two_clients t;
  constexpr std::uint32_t read_handle = 3;
  ASSERT_TRUE(t.first.create("f", lease_level, lease(5, read_handle)).lease);
  byte_writer body{raw_client::create_body("f", 0, {}, disposition::open)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  const file_id id = raw_client::read_created(t.second.call(command::create, body.take())).id;

  const answer done = t.second.call(command::set_info, raw_client::rename_body(id, "f"));
  EXPECT_EQ(done.head.status, status::success);
  EXPECT_EQ(t.first.echo(), status::success) << "no break has come before the response";

  t.second.send(command::set_info, raw_client::rename_body(id, "g"));
  const auto notice = t.first.receive();
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->head.command, command::oplock_break);
}

TEST(Deletes, HappenWhenTheConnectionEnds) {
  test_server server;
  auto first = std::make_unique<raw_client>(server.port());
  first->set_up({1});
  raw_client second{server.port()};
  second.set_up({2});
  byte_vector body = raw_client::create_body("f", 0, {}, disposition::create, 0x1000);
  body[26] = 1; // DELETE
  ASSERT_EQ(first->call(command::create, body).head.status, status::success);
  ASSERT_TRUE(std::filesystem::exists(server.directory() / "f"));

  first.reset();
  server.stop();

  EXPECT_FALSE(std::filesystem::exists(server.directory() / "f"));
}

} // namespace
} // namespace leasebreak::smb

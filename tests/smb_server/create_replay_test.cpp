// Replayed CREATEs: the client does not know the result of the first CREATE (MS-SMB2 3.3.5.9.10).
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint8_t none_level = 0x00;
constexpr guid first_guid{1};
constexpr guid other_guid{2};

byte_vector oplock_body(
  std::uint8_t level, const guid& create_guid = first_guid, const std::string& name = "f") {
  return raw_client::create_body_with(name, level, {raw_client::durable_query(create_guid)});
}

byte_vector lease_body(
  std::uint8_t key, std::uint32_t state, const guid& create_guid = first_guid) {
  return raw_client::create_body_with("f", lease_level,
    {raw_client::durable_query(create_guid), raw_client::lease_query(key, state)});
}

class CreateReplays : public ::testing::Test {
protected:
  CreateReplays() { set_up(client, 1); }

  static void set_up(raw_client& c, std::uint8_t who) {
    c.negotiate(dialect::smb_3_0, {who});
    EXPECT_EQ(c.log_on(), status::success);
    c.signs = true;
    EXPECT_EQ(c.connect_tree(), status::success);
  }

  static answer create(raw_client& c, const byte_vector& body) {
    return c.call(command::create, body);
  }

  static answer replay(raw_client& c, const byte_vector& body) {
    return c.call(command::create, body, header_flag::replay);
  }

  test_server server;
  raw_client client{server.port()};
};

TEST_F(CreateReplays, AreAnsweredAsTheFirstOne) {
  const answer first = create(client, oplock_body(batch_level));
  const created opened = raw_client::read_created(first);
  ASSERT_EQ(opened.status, status::success);

  const answer second = replay(client, oplock_body(batch_level));

  const created again = raw_client::read_created(second);
  EXPECT_EQ(again.status, status::success);
  EXPECT_EQ(again.id, opened.id);
  EXPECT_EQ(again.oplock, batch_level);
  EXPECT_EQ(raw_client::context_of(second, "DH2Q"), raw_client::context_of(first, "DH2Q"));
  EXPECT_EQ(client.close(opened.id), status::success);
  EXPECT_EQ(client.close(opened.id), status::file_closed);
}

TEST_F(CreateReplays, ComeOnAnotherChannel) {
  const created opened = raw_client::read_created(create(client, oplock_body(batch_level)));
  raw_client other{server.port()};
  other.negotiate(dialect::smb_3_0, {1});
  ASSERT_EQ(other.bind_to(client), status::success);

  const created again = raw_client::read_created(replay(other, oplock_body(batch_level)));

  EXPECT_EQ(again.status, status::success);
  EXPECT_EQ(again.id, opened.id);
}

TEST_F(CreateReplays, OfAnotherSessionAreRefused) {
  create(client, oplock_body(batch_level));
  raw_client other{server.port()};
  set_up(other, 1);

  EXPECT_EQ(replay(other, oplock_body(batch_level)).head.status, status::duplicate_objectid);
}

TEST_F(CreateReplays, WithoutTheReplayFlagAreRefused) {
  create(client, oplock_body(batch_level));

  EXPECT_EQ(create(client, oplock_body(batch_level)).head.status, status::duplicate_objectid);
  EXPECT_EQ(create(client, oplock_body(none_level, other_guid, "g")).head.status, status::success);
}

TEST_F(CreateReplays, AreRefusedForNowWhileTheFirstOneWaits) {
  raw_client holder{server.port()};
  set_up(holder, 2);
  const created held = holder.create("f", batch_level);
  ASSERT_EQ(held.oplock, batch_level);
  const std::uint64_t first = client.send(command::create, oplock_body(none_level));
  ASSERT_EQ(holder.receive()->head.command, command::oplock_break);

  raw_client other{server.port()};
  other.negotiate(dialect::smb_3_0, {1});
  ASSERT_EQ(other.bind_to(client), status::success);
  EXPECT_EQ(replay(other, oplock_body(none_level)).head.status, status::file_not_available);
  EXPECT_EQ(create(other, oplock_body(none_level)).head.status, status::duplicate_objectid);

  EXPECT_EQ(holder.close(held.id), status::success);
  const std::optional<answer> done = client.receive_final();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->head.message_id, first);
  const created again = raw_client::read_created(replay(other, oplock_body(none_level)));
  EXPECT_EQ(again.id, raw_client::read_created(*done).id);
}

TEST_F(CreateReplays, GrantNoMoreThanTheyRequest) {
  create(client, oplock_body(batch_level));

  const answer again = replay(client, oplock_body(none_level));

  EXPECT_EQ(raw_client::read_created(again).oplock, none_level);
  EXPECT_FALSE(raw_client::context_of(again, "DH2Q"));
}

TEST_F(CreateReplays, GrantNoMoreThanIsLeft) {
  create(client, oplock_body(batch_level));
  raw_client other{server.port()};
  set_up(other, 2);
  other.send(command::create, raw_client::create_body("f"));
  const auto broken = client.receive();
  ASSERT_TRUE(broken);
  ASSERT_EQ(broken->head.command, command::oplock_break);
  byte_writer acknowledgement;
  acknowledgement.u16(24);
  acknowledgement.u8(0); // no oplock
  acknowledgement.zeros(5);
  acknowledgement.append(bytes_view{broken->bytes}.subspan(72, 16));
  ASSERT_EQ(
    client.call(command::oplock_break, acknowledgement.view()).head.status, status::success);

  const answer again = replay(client, oplock_body(batch_level));

  EXPECT_EQ(again.head.status, status::success);
  EXPECT_EQ(raw_client::read_created(again).oplock, none_level);
  EXPECT_FALSE(raw_client::context_of(again, "DH2Q"));
}

TEST_F(CreateReplays, ReturnTheCurrentLease) {
  const created opened = raw_client::read_created(create(client, lease_body(5, rh)));
  ASSERT_EQ(opened.lease->state, rh);
  ASSERT_EQ(
    raw_client::read_created(create(client, lease_body(5, rwh, other_guid))).lease->state, rwh);

  const created again = raw_client::read_created(replay(client, lease_body(5, rh)));

  EXPECT_EQ(again.id, opened.id);
  ASSERT_TRUE(again.lease);
  EXPECT_EQ(again.lease->state, rwh);
  EXPECT_EQ(again.lease->epoch, opened.lease->epoch + 1);
}

TEST_F(CreateReplays, NeedTheSameKindAndKey) {
  create(client, lease_body(5, rh));

  EXPECT_EQ(replay(client, lease_body(6, rh)).head.status, status::access_denied);
  EXPECT_EQ(replay(client, oplock_body(batch_level)).head.status, status::access_denied);
  create(client, oplock_body(none_level, other_guid));
  EXPECT_EQ(replay(client, lease_body(5, rh, other_guid)).head.status, status::access_denied);
}

TEST_F(CreateReplays, AreExecutedOnceTheOpenWasUsed) {
  const created opened = raw_client::read_created(create(client, oplock_body(none_level)));
  ASSERT_EQ(client.call(command::read, raw_client::read_body(opened.id, 1)).head.status,
    status::end_of_file);

  const created other = raw_client::read_created(replay(client, oplock_body(none_level)));

  EXPECT_EQ(other.status, status::success);
  EXPECT_NE(other.id, opened.id);
}

TEST_F(CreateReplays, AreExecutedIfTheFirstOneHasFailed) {
  raw_client holder{server.port()};
  set_up(holder, 2);
  const byte_vector body = oplock_body(none_level);
  const byte_vector none_shared = [&] {
    byte_vector b = raw_client::create_body("f");
    b[32] = 0; // ShareAccess
    return b;
  }();
  const created held = raw_client::read_created(holder.call(command::create, none_shared));
  ASSERT_EQ(held.status, status::success);
  ASSERT_EQ(create(client, body).head.status, status::sharing_violation);
  ASSERT_EQ(holder.close(held.id), status::success);

  EXPECT_EQ(replay(client, body).head.status, status::success);
}

} // namespace
} // namespace leasebreak::smb

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

constexpr std::uint8_t batch_level = 0x09;
const std::string app_instance_name{
  "\x45\xbc\xa6\x6a\xef\xa7\xf7\x4a\x90\x08\xfa\x46\x2e\x14\x4d\x74", 16};

byte_vector durable_query(std::uint8_t create_guid) {
  byte_writer out;
  out.zeros(16);
  out.append(guid{create_guid});
  return out.take();
}

byte_vector application(std::uint8_t id) {
  byte_writer out;
  out.u16(20);
  out.u16(0);
  out.append(guid{id});
  return out.take();
}

created open_as(raw_client& client, std::uint8_t create_guid, std::uint8_t app) {
  return raw_client::read_created(client.call(command::create,
    raw_client::create_body_with("f", batch_level,
      {{"DH2Q", durable_query(create_guid)}, {app_instance_name, application(app)}})));
}

class Applications : public ::testing::Test {
protected:
  Applications() {
    for (raw_client* c : {&here, &there}) {
      c->negotiate(dialect::smb_3_0, {static_cast<std::uint8_t>(c == &here ? 1 : 2)});
      EXPECT_EQ(c->log_on(), status::success);
      EXPECT_EQ(c->connect_tree(), status::success);
    }
  }

  test_server server;
  raw_client here{server.port()};
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

TEST_F(Applications, LeaveThoseOfOthersAndTheirOwnAlone) {
  const created first = open_as(here, 1, 7);
  ASSERT_EQ(here.close(first.id), status::success);
  const created other = open_as(here, 2, 8);
  ASSERT_EQ(here.close(other.id), status::success);
  const created a = open_as(here, 3, 7);

  const created b = open_as(here, 4, 7);

  EXPECT_EQ(b.status, status::success);
  EXPECT_EQ(here.close(a.id), status::success) << "the same client's";
}

} // namespace
} // namespace leasebreak::smb

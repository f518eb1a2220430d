// What one client can make the server keep, and what others have of it then.
#include "held_disk.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::held_disk;
using testing::raw_client;
using testing::test_server;

/// A disk that has as much to do as it may.
class FullDisk : public ::testing::Test {
protected:
  static server_options options() {
    server_options o;
    o.disk_threads = 1;
    o.limits.disk_operations = 1;
    return o;
  }

  test_server server{options()};
  raw_client client{server.port()};
};

TEST_F(FullDisk, StillDeletesWhatIsClosed) {
  constexpr std::uint32_t delete_on_close = 0x1000;
  client.set_up();
  byte_writer body{raw_client::create_body("f", 0, {}, disposition::create, delete_on_close)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  const answer a = client.call(command::create, body.view());
  ASSERT_EQ(a.head.status, status::success);
  held_disk disk{server};

  const std::uint64_t id =
    client.send(command::close, raw_client::close_body(raw_client::read_created(a).id));
  EXPECT_EQ(client.call(command::echo, byte_vector{4, 0, 0, 0}).head.message_id, id + 1);
  disk.release();

  const auto closed = client.receive();
  ASSERT_TRUE(closed && closed->head.message_id == id);
  EXPECT_EQ(closed->head.status, status::success);
  EXPECT_FALSE(std::filesystem::exists(server.directory() / "f"));
}

TEST_F(FullDisk, IsNoWrongPassword) {
  client.negotiate();
  {
    const held_disk disk{server};
    EXPECT_EQ(client.log_on(), status::insufficient_resources);
  }
  raw_client other{server.port()};
  other.negotiate();
  EXPECT_EQ(other.log_on(), status::success);
}

} // namespace
} // namespace leasebreak::smb

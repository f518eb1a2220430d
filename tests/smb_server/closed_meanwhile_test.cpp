// Requests that wait while their open is closed.
#include "held_disk.hpp"
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/file_information.hpp>
#include <smb_server/wire/status.hpp>
#include <smb_server/wire/utf16.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::created;
using testing::held_disk;
using testing::raw_client;
using testing::test_server;

/// FileRenameInformation or FileLinkInformation with ReplaceIfExists.
byte_vector replacing_body(const file_id& id, file_class what, const std::string& to) {
  const byte_vector name = utf8_to_utf16(to);
  byte_writer data;
  data.u8(1); // ReplaceIfExists
  data.zeros(15);
  data.u32(static_cast<std::uint32_t>(name.size()));
  data.append(name);
  return raw_client::set_info_body(id, static_cast<std::uint8_t>(what), data.view());
}

/// A CREATE with the right to rename.
byte_vector open_to_rename(const std::string& name) {
  byte_writer body{raw_client::create_body(name)};
  body.patch_u32(24, 0x0013'019f); // DesiredAccess, with DELETE
  return body.take();
}

lease_context all_of(std::uint8_t key) {
  lease_context lease;
  lease.version = 1;
  lease.key.fill(key);
  lease.state = 0x7;
  return lease;
}

/// A client whose request waits for another client's lease break.
class ClosedMeanwhile : public ::testing::Test {
protected:
  ClosedMeanwhile() {
    mover.set_up({1});
    holder.set_up({2});
  }

  /// Opens the file with the conflicting lease.
  void hold(const std::string& name) {
    held = holder.create(name, lease_level, all_of(1));
    ASSERT_EQ(held.status, status::success);
    ASSERT_TRUE(held.lease);
  }

  void open(const std::string& name) {
    const answer a = mover.call(command::create, open_to_rename(name));
    ASSERT_EQ(a.head.status, status::success);
    moving = raw_client::read_created(a).id;
  }

  /// Sends the request, closes its open while it waits, and returns the request's status.
  std::uint32_t closed_while_it_waits(const byte_vector& body) {
    const std::uint64_t id = mover.send(command::set_info, body);
    EXPECT_TRUE(holder.receive()); // the break
    EXPECT_EQ(mover.close(moving), status::success);
    EXPECT_EQ(holder.close(held.id), status::success);
    const auto last = mover.receive(); // SET_INFO has no interim response
    EXPECT_TRUE(last && last->head.message_id == id);
    return last ? last->head.status : status::success;
  }

  [[nodiscard]] bool exists(const std::string& name) const {
    return std::filesystem::exists(server.directory() / name);
  }

  test_server server;
  raw_client mover{server.port()};
  raw_client holder{server.port()};
  created held;
  file_id moving;
};

TEST_F(ClosedMeanwhile, NothingIsRenamed) {
  hold("t");
  open("src");

  EXPECT_EQ(
    closed_while_it_waits(replacing_body(moving, file_class::rename, "t")), status::file_closed);

  EXPECT_TRUE(exists("src"));
  EXPECT_EQ(mover.echo(), status::success);
}

TEST_F(ClosedMeanwhile, NothingIsLinked) {
  hold("t");
  open("src");

  EXPECT_EQ(
    closed_while_it_waits(replacing_body(moving, file_class::link, "t")), status::file_closed);

  EXPECT_EQ(std::filesystem::hard_link_count(server.directory() / "src"), 1U);
}

TEST_F(ClosedMeanwhile, NoStreamIsRenamed) {
  const answer a = mover.call(command::create, open_to_rename("t:s"));
  if (a.head.status != status::success)
    GTEST_SKIP() << "the file system keeps no streams";
  moving = raw_client::read_created(a).id;
  hold("t");

  EXPECT_EQ(closed_while_it_waits(replacing_body(moving, file_class::rename, "::$DATA")),
    status::file_closed);

  EXPECT_EQ(mover.create("t:s", 0, {}, disposition::open).status, status::success);
}

TEST_F(ClosedMeanwhile, AQueuedDiskOperationIsDone) {
  open("f");
  byte_writer times;
  times.zeros(16);
  times.u64(0x01d0'0000'0000'0000); // LastWriteTime
  times.zeros(16);
  held_disk disk{server};

  const std::uint64_t id = mover.send(command::set_info,
    raw_client::set_info_body(moving, static_cast<std::uint8_t>(file_class::basic), times.view()));
  disk.await_operation();
  EXPECT_EQ(mover.close(moving), status::success);
  disk.release();

  const auto last = mover.receive_final();
  ASSERT_TRUE(last && last->head.message_id == id);
  EXPECT_EQ(last->head.status, status::success);
  EXPECT_EQ(mover.echo(), status::success);
}

TEST_F(ClosedMeanwhile, AQueuedDiskOperationIsDoneAfterALogoff) {
  open("f");
  byte_writer size;
  size.u64(4'711);
  held_disk disk{server};

  const std::uint64_t id = mover.send(command::set_info,
    raw_client::set_info_body(
      moving, static_cast<std::uint8_t>(file_class::end_of_file), size.view()));
  disk.await_operation();
  byte_writer logoff;
  logoff.u16(4);
  logoff.u16(0);
  EXPECT_EQ(mover.call(command::logoff, logoff.view()).head.status, status::success);
  disk.release();

  const auto last = mover.receive_final();
  ASSERT_TRUE(last && last->head.message_id == id);
  EXPECT_EQ(std::filesystem::file_size(server.directory() / "f"), 4'711U);
  EXPECT_EQ(holder.echo(), status::success);
}

} // namespace
} // namespace leasebreak::smb

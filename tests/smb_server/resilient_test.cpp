// Resilient handles on the wire: FSCTL_LMR_REQUEST_RESILIENCY and reconnects (MS-SMB2 3.3.5.15.9,
// 3.3.5.9.7).
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace leasebreak::smb {
namespace {

using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t fsctl_lmr_request_resiliency = 0x0014'01d4;

class ResilientHandles : public ::testing::Test {
protected:
  [[nodiscard]] std::unique_ptr<raw_client> connect(
    std::uint8_t who, dialect d = dialect::smb_2_1) const {
    auto c = std::make_unique<raw_client>(server.port());
    c->negotiate(d, {who});
    EXPECT_EQ(c->log_on(), status::success);
    EXPECT_EQ(c->connect_tree(), status::success);
    return c;
  }

  static std::uint32_t ask(raw_client& c, const file_id& id, std::uint32_t timeout_ms) {
    byte_writer input;
    input.u32(timeout_ms);
    input.u32(0);
    return ask_with(c, id, input.view());
  }

  static std::uint32_t ask_with(raw_client& c, const file_id& id, bytes_view input) {
    return c
      .call(command::ioctl, raw_client::ioctl_body(fsctl_lmr_request_resiliency, input, 0, id))
      .head.status;
  }

  static created come_back(raw_client& c, const file_id& id, std::uint8_t oplock = 0) {
    byte_writer data;
    write_file_id(data, id);
    return raw_client::read_created(
      c.call(command::create, raw_client::create_body_with("f", oplock, {{"DHnC", data.take()}})));
  }

  static std::uint32_t lock(
    raw_client& c, const file_id& id, std::uint32_t flags, std::uint8_t index_and_number = 0) {
    byte_vector body = raw_client::lock_body(id, {{0, 10, flags}});
    body[4] = index_and_number;
    return c.call(command::lock, body).head.status;
  }

  /// Drops the connection, and returns when the server has noticed.
  void lose(std::unique_ptr<raw_client>& c) {
    c.reset();
    while (server.get().kept().size() == 0)
      std::this_thread::yield();
  }

  static constexpr std::uint32_t exclusive = lock_flag::exclusive | lock_flag::fail_immediately;

  test_server server;
};

TEST_F(ResilientHandles, OutliveTheirConnection) {
  auto first = connect(1);
  const created c = first->create("f");
  ASSERT_EQ(c.oplock, 0) << "nothing is cached";
  ASSERT_EQ(ask(*first, c.id, 60'000), status::success);
  lose(first);

  const auto again = connect(1);
  const created back = come_back(*again, c.id);

  EXPECT_EQ(back.status, status::success);
  EXPECT_EQ(back.id.persistent, c.id.persistent);
  EXPECT_EQ(again->close(back.id), status::success);
}

TEST_F(ResilientHandles, OutliveSeveralConnections) {
  auto c = connect(1);
  created now = c->create("f");
  ASSERT_EQ(ask(*c, now.id, 60'000), status::success);
  for (int i = 0; i < 3; ++i) {
    lose(c);
    c = connect(1);
    now = come_back(*c, now.id);
    ASSERT_EQ(now.status, status::success);
  }
}

// Not closed to spare a directory that its end would delete.
TEST_F(ResilientHandles, OfADirectoryThatIsNotEmptyOutliveTheirConnection) {
  std::filesystem::create_directory(server.directory() / "f");
  std::filesystem::create_directory(server.directory() / "f" / "entry");
  auto first = connect(1);
  constexpr std::uint32_t delete_on_close = 0x1000;
  byte_writer body{
    raw_client::create_body("f", 0, {}, disposition::open, directory_option | delete_on_close)};
  body.patch_u32(24, 0x0013'0089); // DesiredAccess, with DELETE
  const created c = raw_client::read_created(first->call(command::create, body.view()));
  ASSERT_EQ(c.status, status::success);
  ASSERT_EQ(ask(*first, c.id, 60'000), status::success);
  lose(first);

  const auto again = connect(1);
  const created back = come_back(*again, c.id);

  EXPECT_EQ(back.status, status::success);
  EXPECT_EQ(again->close(back.id), status::success);
  EXPECT_TRUE(std::filesystem::exists(server.directory() / "f" / "entry"));
}

TEST_F(ResilientHandles, AreNotMadeByTheirCreateAlone) {
  auto first = connect(1);
  const created c = first->create("f");
  first.reset();
  EXPECT_EQ(come_back(*connect(1), c.id).status, status::object_name_not_found);
}

TEST_F(ResilientHandles, KeepLocksAndLockSequences) {
  auto first = connect(1);
  const created c = first->create("f");
  ASSERT_EQ(ask(*first, c.id, 60'000), status::success);
  ASSERT_EQ(lock(*first, c.id, exclusive, 0x13), status::success);
  lose(first);
  const auto other = connect(2);
  const created theirs = other->create("f");
  ASSERT_EQ(theirs.status, status::success);
  EXPECT_EQ(lock(*other, theirs.id, exclusive), status::lock_not_granted);
  const auto again = connect(1);
  const created back = come_back(*again, c.id);
  ASSERT_EQ(back.status, status::success);

  EXPECT_EQ(lock(*again, back.id, exclusive, 0x13), status::success) << "a resent request";
  EXPECT_EQ(lock(*again, back.id, exclusive, 0x14), status::lock_not_granted);

  EXPECT_EQ(lock(*again, back.id, lock_flag::unlock, 0x15), status::success);
  EXPECT_EQ(lock(*other, theirs.id, exclusive), status::success);
}

TEST_F(ResilientHandles, KeepTheirShareMode) {
  auto first = connect(1);
  byte_vector body = raw_client::create_body("f");
  body[32] = 0; // ShareAccess
  const created c = raw_client::read_created(first->call(command::create, body));
  ASSERT_EQ(ask(*first, c.id, 60'000), status::success);
  lose(first);

  EXPECT_EQ(connect(2)->create("f").status, status::sharing_violation);

  EXPECT_EQ(come_back(*connect(1), c.id).status, status::success);
}

TEST_F(ResilientHandles, WithABatchOplockLoseThatAlone) {
  auto first = connect(1);
  const created c = first->create("f", batch_level);
  ASSERT_EQ(c.oplock, batch_level);
  ASSERT_EQ(ask(*first, c.id, 60'000), status::success);
  lose(first);

  const auto other = connect(2);
  EXPECT_EQ(other->create("f").status, status::success);

  const created back = come_back(*connect(1), c.id, batch_level);
  EXPECT_EQ(back.status, status::success);
  EXPECT_EQ(back.oplock, 0);
}

TEST_F(ResilientHandles, EndAfterTheirTimeout) {
  auto first = connect(1);
  const created c = first->create("f");
  ASSERT_EQ(ask(*first, c.id, 1), status::success);
  first.reset();
  while (server.get().coordinator().stats().opens_now != 0)
    std::this_thread::yield();

  EXPECT_EQ(come_back(*connect(1), c.id).status, status::object_name_not_found);
}

TEST_F(ResilientHandles, HaveALimitedTimeout) {
  auto c = connect(1);
  const created made = c->create("f");
  EXPECT_EQ(ask(*c, made.id, 300'001), status::invalid_parameter);
  EXPECT_EQ(ask(*c, made.id, UINT32_MAX), status::invalid_parameter);
  EXPECT_EQ(ask(*c, made.id, 300'000), status::success);
  EXPECT_EQ(ask(*c, made.id, 0), status::success) << "the server's default";
}

TEST_F(ResilientHandles, NeedTheWholeRequest) {
  auto c = connect(1);
  const created made = c->create("f");
  const byte_vector input{0x10, 0x27, 0, 0, 0, 0, 0, 0};
  for (std::size_t size = 0; size < input.size(); ++size)
    EXPECT_EQ(ask_with(*c, made.id, bytes_view{input}.first(size)), status::invalid_parameter)
      << size;
  EXPECT_EQ(ask_with(*c, made.id, input), status::success);
}

TEST_F(ResilientHandles, NeedAnOpenHandle) {
  auto c = connect(1);
  const created made = c->create("f");
  EXPECT_EQ(c->close(made.id), status::success);
  EXPECT_EQ(ask(*c, made.id, 1'000), status::file_closed);
}

TEST_F(ResilientHandles, NeedDialect21) {
  auto c = connect(1, dialect::smb_2_0_2);
  const created made = c->create("f");
  EXPECT_EQ(ask(*c, made.id, 1'000), status::invalid_device_request);
}

TEST_F(ResilientHandles, CannotBeStreams) {
  auto c = connect(1);
  const created made = c->create("f:s");
  ASSERT_EQ(made.status, status::success);
  EXPECT_EQ(ask(*c, made.id, 1'000), status::not_supported);
}

TEST_F(ResilientHandles, ThatAreConnectedOrUnknownCannotBeReconnected) {
  const auto first = connect(1, dialect::smb_3_0);
  const created c = first->create("f");
  ASSERT_EQ(ask(*first, c.id, 60'000), status::success);
  const auto again = connect(1, dialect::smb_3_0);

  EXPECT_EQ(come_back(*again, {c.id.persistent + 1, 0}).status, status::object_name_not_found);
  EXPECT_EQ(come_back(*again, c.id).status, status::object_name_not_found);

  EXPECT_EQ(first->close(c.id), status::success);
}

// With DH2C, as if it were durable of version 2.
TEST_F(ResilientHandles, HaveNoCreateGuid) {
  auto first = connect(1, dialect::smb_3_0);
  const created c = first->create("f");
  ASSERT_EQ(ask(*first, c.id, 60'000), status::success);
  lose(first);
  const auto again = connect(1, dialect::smb_3_0);
  byte_writer data;
  write_file_id(data, c.id);
  data.append(guid{5});
  data.u32(0);

  EXPECT_EQ(
    again->call(command::create, raw_client::create_body_with("f", 0, {{"DH2C", data.take()}}))
      .head.status,
    status::object_name_not_found);

  EXPECT_EQ(come_back(*again, c.id).status, status::success);
}

} // namespace
} // namespace leasebreak::smb

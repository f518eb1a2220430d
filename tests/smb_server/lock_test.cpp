// LOCK on the wire (MS-SMB2 2.2.26, 3.3.5.14).
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/commands/file_ranges.hpp>
#include <smb_server/wire/data.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::created;
using testing::raw_client;
using testing::test_server;

constexpr std::uint32_t exclusive_now = lock_flag::exclusive | lock_flag::fail_immediately;

class LocksOnTheWire : public ::testing::Test {
protected:
  LocksOnTheWire() {
    client.set_up();
    holder = client.create("f").id;
    other = client.create("f").id;
    EXPECT_EQ(lock(holder, {{0, 10, exclusive_now}}), status::success);
  }

  std::uint32_t lock(const file_id& id, const std::vector<lock_range>& ranges) {
    return client.call(command::lock, raw_client::lock_body(id, ranges)).head.status;
  }

  test_server server;
  raw_client client{server.port()};
  file_id holder;
  file_id other;
};

TEST_F(LocksOnTheWire, FailForTheFirstElementThatCannotBeLocked) {
  constexpr std::uint64_t end = ~std::uint64_t{0};
  const lock_range taken{5, 1, exclusive_now};
  const lock_range free{20, 1, exclusive_now};
  const lock_range wraps{end, 2, exclusive_now};
  const lock_range malformed{30, 1, lock_flag::shared | exclusive_now};
  const lock_range unlocks{30, 1, lock_flag::unlock};
  const lock_range would_wait{30, 1, lock_flag::exclusive};

  EXPECT_EQ(lock(other, {taken, wraps}), status::lock_not_granted);
  EXPECT_EQ(lock(other, {wraps, taken}), status::invalid_lock_range);
  EXPECT_EQ(lock(other, {wraps, malformed}), status::invalid_lock_range);
  for (const lock_range& bad : {malformed, unlocks, would_wait}) {
    EXPECT_EQ(lock(other, {taken, bad}), status::lock_not_granted);
    EXPECT_EQ(lock(other, {free, bad}), status::invalid_parameter);
  }

  EXPECT_EQ(lock(holder, {free}), status::success) << "the failed request has locked nothing";
}

TEST_F(LocksOnTheWire, CheckTheOpenBeforeTheElements) {
  EXPECT_EQ(lock(other, {}), status::invalid_parameter);
  ASSERT_EQ(client.close(other), status::success);
  EXPECT_EQ(lock(other, {}), status::file_closed);
}

// -- locks taken while a change waits -------------------------------------------------------------

constexpr std::uint32_t file_lock_conflict = 0xC000'0054;

struct changing {
  const char* name;
  std::uint64_t (*send)(raw_client&, const file_id&); ///< Changes the first ten bytes.
};

std::uint64_t send_write(raw_client& c, const file_id& id) {
  return c.send(command::write, raw_client::write_body(id, "0123456789"));
}

std::uint64_t send_zero(raw_client& c, const file_id& id) {
  byte_writer range;
  range.u64(0);
  range.u64(10);
  return c.send(
    command::ioctl, raw_client::ioctl_body(commands::fsctl_set_zero_data, range.view(), 0, id));
}

class LocksMeanwhile : public ::testing::TestWithParam<changing> {
protected:
  LocksMeanwhile() {
    holder.set_up({1});
    changer.set_up({2});
    opener.set_up({3});
  }

  void acknowledge(std::uint32_t state) {
    byte_writer body;
    body.u16(36);
    body.zeros(6);
    body.append(lease.key);
    body.u32(state);
    body.u64(0);
    EXPECT_EQ(holder.call(command::oplock_break, body.view()).head.status, status::success);
  }

  test_server server;
  raw_client holder{server.port()};
  raw_client changer{server.port()};
  raw_client opener{server.port()};
  lease_context lease;
};

INSTANTIATE_TEST_SUITE_P(Changes, LocksMeanwhile,
  ::testing::Values(changing{"Write", send_write}, changing{"SetZeroData", send_zero}),
  [](const auto& tested) { return std::string{tested.param.name}; });

// MS-FSA 2.1.4.10. The holder is asked to release Handle, and keeps Read until then.
TEST_P(LocksMeanwhile, KeepAChangeOutThatWaited) {
  lease.key.fill(1);
  lease.state = rh;
  const created held = holder.create("f", lease_level, lease);
  ASSERT_EQ(held.lease.value().state, rh);
  const created changed = changer.create("f");
  byte_vector body = raw_client::create_body("f");
  body[32] = 0; // ShareAccess
  opener.send(command::create, body);
  const auto told = holder.receive();
  ASSERT_TRUE(told);
  ASSERT_EQ(told->head.command, command::oplock_break);
  GetParam().send(changer, changed.id);
  ASSERT_EQ(changer.receive().value().head.status, status::pending);

  ASSERT_EQ(holder.call(command::lock, raw_client::lock_body(held.id, {{0, 10, exclusive_now}}))
              .head.status,
    status::success);
  acknowledge(0x1); // Read

  const auto done = changer.receive_final();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->head.status, file_lock_conflict);
}

} // namespace
} // namespace leasebreak::smb

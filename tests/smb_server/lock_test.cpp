// LOCK on the wire (MS-SMB2 2.2.26, 3.3.5.14).
#include "raw_client.hpp"
#include "test_server.hpp"

#include <smb_server/wire/data.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace leasebreak::smb {
namespace {

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

} // namespace
} // namespace leasebreak::smb

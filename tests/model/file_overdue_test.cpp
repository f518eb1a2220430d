// Breaks of which half of the holder's time is over, and the pending operations of a file.
#include "file_fixture.hpp"

#include <leasebreak/model/file_state.hpp>

namespace leasebreak::model_test {
namespace {

class OverdueBreaks : public testing::Test {
protected:
  effects run(const command& c) { return file.apply(c, now); }
  void open(std::uint64_t id, const client_guid& who, const lease_key& key, lease_state want) {
    open_file c;
    c.operation = operation_id{id};
    c.open = open_id{id};
    c.client = who;
    c.access = access::read_data | access::write_data;
    c.lease = lease_request{key, want, 2, 0, std::nullopt};
    run(c);
  }

  file_policy policy;
  file_state file{policy, "f"};
  time_point now{std::chrono::hours{10}};
};

TEST_F(OverdueBreaks, AreThoseOlderThanHalfTheirTime) {
  const auto start = now;
  open(1, client_guid::of(1), lease_key::of(1), lease_state::rwh);
  EXPECT_FALSE(file.overdue(now).next);
  open(2, client_guid::of(2), lease_key::of(2), lease_state::rwh);

  const auto half = start + policy.break_timeout / 2;
  EXPECT_TRUE(file.overdue(start).breaks.empty());
  EXPECT_EQ(file.overdue(start).next, half);
  EXPECT_TRUE(file.overdue(half - std::chrono::nanoseconds{1}).breaks.empty());
  const auto found = file.overdue(half);
  ASSERT_EQ(found.breaks.size(), 1U);
  EXPECT_FALSE(found.next);
  EXPECT_EQ(found.breaks[0].client, client_guid::of(1));
  EXPECT_EQ(found.breaks[0].key, lease_key::of(1));
  EXPECT_EQ(found.breaks[0].from, lease_state::rwh);
  EXPECT_EQ(found.breaks[0].to, lease_state::rh);
  EXPECT_EQ(found.breaks[0].since, start);
  EXPECT_EQ(found.breaks[0].deadline, start + policy.break_timeout);

  now = half;
  run(acknowledge_lease{{client_guid::of(1), lease_key::of(1), lease_state::rh}, operation_id{9}});
  EXPECT_TRUE(file.overdue(half).breaks.empty());
}

TEST_F(OverdueBreaks, NeverExistWithoutALimit) {
  policy.break_timeout = duration::max();
  open(1, client_guid::of(1), lease_key::of(1), lease_state::rwh);
  open(2, client_guid::of(2), lease_key::of(2), lease_state::rwh);

  EXPECT_EQ(file.breaking(), 1U);
  EXPECT_TRUE(file.overdue(now + std::chrono::hours{9}).breaks.empty());
  EXPECT_FALSE(file.overdue(now).next);
}

TEST_F(OverdueBreaks, ListsTheOldestWaits) {
  open(1, client_guid::of(1), lease_key::of(1), lease_state::rwh);
  EXPECT_TRUE(file.waits(10).empty());
  for (std::uint64_t i = 2; i <= 4; ++i)
    open(i, client_guid::of(i), lease_key::of(i), lease_state::rwh);

  const auto waits = file.waits(2);
  ASSERT_EQ(waits.size(), 2U);
  EXPECT_EQ(waits[0].operation, operation_id{2});
  EXPECT_EQ(waits[0].client, client_guid::of(2));
  EXPECT_EQ(waits[1].client, client_guid::of(3));
}

} // namespace
} // namespace leasebreak::model_test

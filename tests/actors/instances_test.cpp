// Applications that move to another client: names, counts, and reports to the server (MS-SMB2
// 3.3.5.9.13).
#include "support/two_clients.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace leasebreak::test {
namespace {

using namespace std::chrono_literals;

constexpr auto an_application = app_instance_id::of(0xA99);

class AppInstances : public ::testing::Test {
protected:
  static open_request by_application(
    const client_guid& who, std::uint64_t key, const std::string& path = "d/f") {
    auto r = two_clients::request(who, "f", key);
    r.share = "share";
    r.root = "r";
    r.path = path;
    r.instance = app_instance{an_application, {}};
    return r;
  }

  open_result open(open_request r) {
    auto& p = begin(std::move(r));
    EXPECT_EQ(p.error(), errc::success);
    return std::move(p.as<open_result>());
  }

  template <class Request>
  probe& begin(Request r) {
    auto& p = w.start(std::move(r));
    w.settle();
    return p;
  }

  [[nodiscard]] coordinator_config telling() {
    coordinator_config config;
    config.on_open_lost = [this](open_lost l) { lost.push_back(std::move(l)); };
    return config;
  }

  std::vector<open_lost> lost;
  two_clients w{two_clients::time::driven, telling()};
};

TEST_F(AppInstances, EndTheOpenOfAnotherClientAndTellTheServer) {
  const auto old = open(by_application(two_clients::alice, 1));
  EXPECT_EQ(begin(lock_request{"f", old.open, {{{0, 10}, true}}, true}).error(), errc::success);

  const auto moved = open(by_application(two_clients::bob, 2));

  EXPECT_EQ(moved.state, lease_state::rwh);
  EXPECT_TRUE(w.alice_saw.empty());
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.front().file, "f");
  EXPECT_EQ(lost.front().open, old.open);
  EXPECT_EQ(lost.front().client, two_clients::alice);
  EXPECT_EQ(lost.front().cause, end_cause::superseded);
  EXPECT_FALSE(lost.front().hold);
  EXPECT_EQ(begin(close_request{"f", old.open}).error(), errc::unknown_open);
}

TEST_F(AppInstances, CountNoLongerForTheirOldClient) {
  const auto old = open(by_application(two_clients::alice, 1));
  EXPECT_EQ(begin(lock_request{"f", old.open, {{{0, 10}, true}}, true}).error(), errc::success);

  open(by_application(two_clients::bob, 2));

  EXPECT_EQ(w.c->stats().opens_now, 1U);
  EXPECT_EQ(w.c->stats().locks_now, 0U);
  EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(1)), "") << "the key is free";
  EXPECT_FALSE(w.c->unregister_client(two_clients::alice));
}

TEST_F(AppInstances, OfAnotherNameAreLeftAlone) {
  const auto old = open(by_application(two_clients::alice, 1, "d/f"));

  auto& other = begin(by_application(two_clients::bob, 2, "d/a_link"));

  EXPECT_FALSE(other.done()) << "it waits for the lease like any other open";
  EXPECT_EQ(w.alice_saw.size(), 1U);
  EXPECT_TRUE(lost.empty());
  w.close("f", old.open);
  EXPECT_EQ(other.error(), errc::success);
}

TEST_F(AppInstances, OfAnotherRootAreLeftAlone) {
  const auto old = open(by_application(two_clients::alice, 1));
  auto there = by_application(two_clients::bob, 2);
  there.root = "another";

  auto& other = begin(std::move(there));

  EXPECT_FALSE(other.done());
  EXPECT_TRUE(lost.empty());
  w.close("f", old.open);
}

TEST_F(AppInstances, FollowRenames) {
  const auto old = open(by_application(two_clients::alice, 1, "d/f"));
  w.c->renamed("r", "d", "e");

  auto& by_old_name = begin(by_application(two_clients::bob, 2, "d/f"));
  EXPECT_FALSE(by_old_name.done());
  EXPECT_TRUE(lost.empty());
  auto& by_new_name = begin(by_application(two_clients::bob, 2, "e/f"));

  EXPECT_EQ(by_new_name.error(), errc::success);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.front().open, old.open);
  EXPECT_EQ(by_old_name.error(), errc::success);
}

TEST_F(AppInstances, OfAServerThatTellsNoPathsGoByTheFile) {
  const auto old = open(by_application(two_clients::alice, 1, ""));

  open(by_application(two_clients::bob, 2, ""));

  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.front().open, old.open);
}

TEST_F(AppInstances, ThatAreNotNewerAreRefusedAndEndNothing) {
  auto second = by_application(two_clients::alice, 1);
  second.instance->version = app_instance_version{0, 2};
  const auto old = open(std::move(second));
  auto first = by_application(two_clients::bob, 2);
  first.instance->version = app_instance_version{0, 1};

  EXPECT_EQ(begin(std::move(first)).error(), errc::newer_instance);

  EXPECT_TRUE(lost.empty());
  EXPECT_EQ(w.c->stats().opens_now, 1U);
  w.close("f", old.open);
}

TEST_F(AppInstances, OfNoIdAreRefused) {
  auto r = by_application(two_clients::bob, 2);
  r.instance->id = {};
  EXPECT_EQ(begin(std::move(r)).error(), errc::invalid_argument);
}

TEST_F(AppInstances, LeaveTheDeletionOfTheFileToTheServer) {
  auto deletes = by_application(two_clients::alice, 1);
  deletes.access |= access::delete_file;
  deletes.delete_on_close = true;
  open(std::move(deletes));

  auto& moved = begin(by_application(two_clients::bob, 2));

  EXPECT_FALSE(moved.done()) << "the file is deleted first";
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_TRUE(lost.front().hold);
  EXPECT_EQ(lost.front().names, (std::vector<deleted_name>{{"r", "d/f"}}));
  lost.clear(); // releases the hold
  w.settle();
  EXPECT_EQ(moved.error(), errc::success);
  EXPECT_TRUE(moved.as<open_result>().waited);
}

TEST_F(AppInstances, EndWhatIsKeptWithoutAConnection) {
  auto durable = by_application(two_clients::alice, 1);
  durable.durable = durable_request{60s, false, {}, {}};
  const auto old = open(std::move(durable));
  EXPECT_EQ(begin(close_request{"f", old.open, true}).error(), errc::success);

  open(by_application(two_clients::bob, 2));

  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.front().cause, end_cause::superseded);
}

TEST_F(AppInstances, AreListed) {
  open(by_application(two_clients::alice, 1));

  auto& p = begin(lock_query{});

  const auto& entries = p.as<std::vector<listed_entry>>();
  ASSERT_FALSE(entries.empty());
  EXPECT_EQ(entries.front().instance, (app_instance{an_application, {}}));
}

} // namespace
} // namespace leasebreak::test

// Resilient opens: what ends with a connection, and what is reported (MS-SMB2 3.3.5.15.9, 3.3.7.1).
#include "support/two_clients.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace leasebreak::test {
namespace {

using namespace std::chrono_literals;

class ResilientOpens : public ::testing::Test {
protected:
  template <class Request>
  probe& begin(Request r) {
    auto& p = w.start(std::move(r));
    w.settle();
    return p;
  }

  /// Returns Alice's disconnected open, which caches nothing.
  open_id lose_one() {
    const auto open = w.open(two_clients::alice, "f", 0).open;
    EXPECT_EQ(begin(resilience_request{"f", open, 60s}).error(), errc::success);
    EXPECT_EQ(begin(lock_request{"f", open, {{{0, 10}, true}}, true}).error(), errc::success);
    auto& gone = begin(disconnect_request{two_clients::alice, {}});
    EXPECT_EQ(gone.as<disconnect_result>().kept, std::vector<open_id>{open});
    return open;
  }

  [[nodiscard]] coordinator_config telling() {
    coordinator_config config;
    config.on_open_lost = [this](open_lost l) { lost.push_back(std::move(l)); };
    return config;
  }

  std::vector<open_lost> lost;
  two_clients w{two_clients::time::driven, telling()};
};

TEST_F(ResilientOpens, SurviveTheirConnection) {
  const auto open = lose_one();
  w.advance(59s);

  EXPECT_EQ(begin(reconnect_request{"f", open, two_clients::alice}).error(), errc::success);

  EXPECT_EQ(begin(unlock_request{"f", open, {{0, 10}}}).error(), errc::success);
  w.close("f", open);
  EXPECT_TRUE(lost.empty());
}

TEST_F(ResilientOpens, ExpireAndAreReported) {
  const auto open = lose_one();

  w.advance(60s);

  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.front().open, open);
  EXPECT_EQ(lost.front().cause, end_cause::expired);
  EXPECT_EQ(w.c->stats().opens_now, 0U);
  EXPECT_EQ(w.c->stats().locks_now, 0U);
  EXPECT_EQ(
    begin(reconnect_request{"f", open, two_clients::alice}).error(), errc::nothing_to_reclaim);
}

TEST_F(ResilientOpens, CountForTheirClientWhileItIsAway) {
  lose_one();
  EXPECT_EQ(w.c->unregister_client(two_clients::alice), errc::client_busy);
  w.advance(60s);
  EXPECT_FALSE(w.c->unregister_client(two_clients::alice));
}

TEST_F(ResilientOpens, NeedATimeWithinTheLimit) {
  const auto open = w.open(two_clients::alice, "f", 0).open;
  EXPECT_EQ(begin(resilience_request{"f", open, 301s}).error(), errc::invalid_argument);
  EXPECT_EQ(begin(resilience_request{"f", open_id{99}, 60s}).error(), errc::unknown_open);
  EXPECT_EQ(begin(resilience_request{"g", open, 60s}).error(), errc::unknown_open);
}

} // namespace
} // namespace leasebreak::test

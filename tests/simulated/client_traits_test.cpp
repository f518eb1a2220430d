#include "client_traits.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace leasebreak::simulated {

namespace {

template <class Trait>
auto how_many(const std::vector<client_traits>& clients, const Trait& trait) {
  return std::count_if(clients.begin(), clients.end(), trait);
}

constexpr auto is_slow = [](const client_traits& c) { return c.slow; };
constexpr auto is_flaky = [](const client_traits& c) { return c.flaky; };
constexpr auto is_unresponsive = [](const client_traits& c) { return c.unresponsive; };
constexpr auto uses_oplocks = [](const client_traits& c) { return c.uses_oplocks; };
constexpr auto has_first_leases = [](const client_traits& c) { return c.lease_version == 1; };

TEST(ClientTraits, AreDealtInTheSameNumbersWhateverTheSeed) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    random_source random{seed};

    const auto clients = deal_traits(64, 3, random);

    ASSERT_EQ(clients.size(), 64U);
    ASSERT_EQ(how_many(clients, is_unresponsive), 1) << "seed " << seed;
    ASSERT_EQ(how_many(clients, is_slow), 6) << "seed " << seed;
    ASSERT_EQ(how_many(clients, is_flaky), 6) << "seed " << seed;
    ASSERT_EQ(how_many(clients, uses_oplocks), 9) << "seed " << seed;
    ASSERT_EQ(how_many(clients, has_first_leases), 16) << "seed " << seed;
  }
}

TEST(ClientTraits, AreHadByOneClientAtLeast) {
  random_source random{1};

  const auto clients = deal_traits(3, 1, random);

  EXPECT_EQ(how_many(clients, is_unresponsive), 1);
  EXPECT_EQ(how_many(clients, is_slow), 1);
  EXPECT_EQ(how_many(clients, is_flaky), 1);
  EXPECT_EQ(how_many(clients, uses_oplocks), 1);
  EXPECT_EQ(how_many(clients, has_first_leases), 1);
}

TEST(ClientTraits, LeaveOutUnresponsiveClientsWhereNoneAreWanted) {
  random_source random{1};

  EXPECT_EQ(how_many(deal_traits(64, 0, random), is_unresponsive), 0);
  EXPECT_EQ(how_many(deal_traits(64, 100, random), is_unresponsive), 64);
}

TEST(ClientTraits, DependOnTheSeed) {
  random_source one{1};
  random_source other{2};
  const auto slow_ones = [](random_source& random) {
    std::vector<bool> slow;
    for (const auto& c : deal_traits(64, 0, random))
      slow.push_back(c.slow);
    return slow;
  };

  EXPECT_NE(slow_ones(one), slow_ones(other));
}

} // namespace

} // namespace leasebreak::simulated

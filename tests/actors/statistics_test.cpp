// Counters, gauges and the histogram.
#include "observe/counters.hpp"
#include "support/two_clients.hpp"

#include <boost/asio/error.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <thread>
#include <vector>

namespace leasebreak::test {
namespace {

TEST(Statistics, TheHistogramHasBucketsThatDouble) {
  detail::counters c;
  c.add_latency(std::chrono::nanoseconds{900});
  c.add_latency(std::chrono::microseconds{1});
  c.add_latency(std::chrono::microseconds{1023});
  c.add_latency(std::chrono::microseconds{1024});
  c.add_latency(std::chrono::hours{24 * 365});

  const auto h = c.snapshot().break_latency;

  EXPECT_EQ(h.count[0], 1U);
  EXPECT_EQ(h.count[1], 1U);
  EXPECT_EQ(h.count[10], 1U);
  EXPECT_EQ(h.count[11], 1U);
  EXPECT_EQ(h.count[latency_histogram::buckets - 1], 1U);
  EXPECT_EQ(h.total(), 5U);
  EXPECT_EQ(h.sum_us, 0U + 1U + 1'023U + 1'024U + std::uint64_t{24} * 365 * 3'600'000'000);
  EXPECT_EQ(h.quantile_us(0.0), 1U);
  EXPECT_EQ(h.quantile_us(0.6), 1024U);
  EXPECT_EQ(latency_histogram{}.quantile_us(0.5), 0U);
}

TEST(Statistics, ManyThreadsCountTogether) {
  detail::counters c;
  detail::bounded_total total;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 10'000; ++n) {
        c.add(detail::counters::opens);
        if (total.reserve(1, 3))
          total.release(1);
      }
    });
  for (auto& t : threads)
    t.join();

  EXPECT_EQ(c.snapshot().opens, 40'000U);
  EXPECT_EQ(total.get(), 0U);
}

// Each thread takes as much as it can get, and releases it. The bound holds meanwhile, and at the
// end exactly that much can be taken, whichever cells have reserved room.
TEST(Statistics, ATotalIsBoundedExactly) {
  constexpr std::size_t most = 500;
  detail::bounded_total total;
  std::atomic<std::size_t> held{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i)
    threads.emplace_back([&, step = i + 1] {
      for (int n = 0; n < 200; ++n) {
        std::size_t own = 0;
        while (own < 1'000 && total.reserve(step, most)) {
          own += step;
          exceeded = exceeded || held.fetch_add(step) + step > most;
        }
        held -= own;
        while (own != 0) {
          total.release(step);
          own -= step;
        }
      }
    });
  for (auto& t : threads)
    t.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(total.get(), 0U);

  std::size_t got = 0;
  while (total.reserve(1, most))
    ++got;

  EXPECT_EQ(got, most);
  EXPECT_EQ(total.get(), most);
  total.release(1);
  EXPECT_FALSE(total.reserve(2, most));
  EXPECT_TRUE(total.reserve(1, most));
  EXPECT_FALSE(total.reserve(most + 1, most));
}

TEST(Statistics, FollowWhatHappens) {
  two_clients w;
  const auto alice = w.open(two_clients::alice, "f", 1).open;
  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  auto s = w.c->stats();
  EXPECT_EQ(s.opens, 1U);
  EXPECT_EQ(s.waiting_now, 1U);
  EXPECT_EQ(s.breaking_now, 1U);
  EXPECT_EQ(s.breaks_by_cause[index_of(break_cause::open)], 1U);

  w.close("f", alice);
  s = w.c->stats();

  EXPECT_EQ(s.opens, 2U);
  EXPECT_EQ(s.closes, 1U);
  EXPECT_EQ(s.opens_now, 1U);
  EXPECT_EQ(s.waiting_now, 0U);
  EXPECT_EQ(s.waiting_most, 1U);
  EXPECT_EQ(s.breaking_now, 0U);
  EXPECT_EQ(s.breaks_by_outcome[index_of(break_outcome::closed)], 1U);
  EXPECT_EQ(s.break_latency.total(), 1U);
  EXPECT_EQ(s.grants_by_state[bits(lease_state::rwh)], 2U);
}

TEST(Statistics, CountEveryRefusedAcknowledgement) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);

  w.start(
    lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::r}); // not breaking
  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(9), lease_state::r});
  w.start(oplock_acknowledgement{"f", two_clients::alice, open_id{5}, oplock_level::none});
  w.start(oplock_acknowledgement{"no file", two_clients::alice, open_id{5}, oplock_level::none});
  w.start(lease_acknowledgement{client_guid::of(9), lease_key::of(1), lease_state::r});
  w.settle();

  EXPECT_EQ(w.c->stats().acknowledgements_refused, 5U);
  EXPECT_EQ(w.c->stats().acknowledgements_late, 0U);
}

TEST(Statistics, HaveAJsonForm) {
  statistics s;
  s.opens = 12;
  s.store_failing = true;

  const auto json = to_json(s);

  EXPECT_THAT(json, testing::StartsWith("{\n  \"opens\": 12,\n"));
  EXPECT_THAT(json, testing::HasSubstr("\"breaks_by_outcome\": [0, 0, 0, 0, 0, 0]"));
  EXPECT_THAT(json, testing::HasSubstr("\"store_failing\": true"));
  EXPECT_THAT(json, testing::EndsWith("]\n}\n"));
}

TEST(ErrorCodes, GoThereAndBack) {
  const error_code mine = errc::lease_key_in_use;

  EXPECT_EQ(to_errc(mine), errc::lease_key_in_use);
  EXPECT_EQ(mine, errc::lease_key_in_use);
  EXPECT_EQ(to_errc({}), errc::success);
  EXPECT_EQ(to_errc(boost::asio::error::operation_aborted), errc::cancelled);
  EXPECT_EQ(to_errc(boost::asio::error::eof), errc::shutting_down);
}

} // namespace
} // namespace leasebreak::test

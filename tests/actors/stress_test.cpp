// Real threads: file actors are created and ended all the time, concurrently with everything else.
#include "support/effort.hpp"
#include "support/seed.hpp"
#include "support/two_clients.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <latch>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

/// A client that opens and closes files, one at a time, and acknowledges all breaks.
class user {
public:
  user(coordinator& c, asio::thread_pool& pool, std::uint64_t number, std::uint32_t seed_value,
    int rounds, std::latch& done)
    : coordinator_(c), strand_(asio::make_strand(pool.get_executor())),
      guid_(client_guid::of(number)), number_(number), random_(seed_value), left_(rounds),
      done_(done) {
    c.register_client(
      guid_,
      [this](const break_notification& n, const file_name_id&, const break_report& report) {
        answer(n, report);
      },
      {}, strand_);
  }

  void start() {
    asio::post(strand_, [this] { open(); });
  }

  std::atomic<int> started{0};
  std::atomic<int> completed{0};

private:
  void answer(const break_notification& n, const break_report& report) {
    if (!n.ack_required)
      return;
    if (random_() % 8 == 0)
      return report.undeliverable();
    ++started;
    coordinator_.async_acknowledge(lease_acknowledgement{guid_, n.key, n.to},
      asio::bind_executor(strand_, [this](error_code, lease_state) { ++completed; }));
  }

  void open() {
    if (left_-- == 0)
      return done_.count_down();
    const auto file = "f" + std::to_string(random_() % 3);
    const bool alone = random_() % 2 == 0;
    // A different key in each round, because the close of another file may still be in flight.
    auto r = two_clients::request(
      guid_, file, alone ? 0 : (number_ << 32) + static_cast<unsigned>(left_) + 1);
    ++started;
    auto signal = std::make_shared<asio::cancellation_signal>();
    coordinator_.async_open(std::move(r),
      asio::bind_cancellation_slot(signal->slot(),
        asio::bind_executor(strand_, [this, file, signal](error_code ec, open_result o) {
          ++completed;
          if (ec)
            return open();
          close(file, o.open);
        })));
    if (random_() % 5 == 0)
      signal->emit(asio::cancellation_type::terminal);
  }

  void close(const std::string& file, open_id id) {
    ++started;
    if (random_() % 6 == 0)
      return coordinator_.async_disconnect(disconnect_request{guid_, {}},
        asio::bind_executor(strand_, [this](error_code, disconnect_result) {
          ++completed;
          open();
        }));
    coordinator_.async_close(
      close_request{file, id}, asio::bind_executor(strand_, [this](error_code ec, close_result) {
        ++completed;
        EXPECT_FALSE(ec) << ec.message();
        open();
      }));
  }

  coordinator& coordinator_;
  asio::strand<asio::thread_pool::executor_type> strand_;
  const client_guid guid_;
  const std::uint64_t number_;
  std::mt19937 random_;
  int left_;
  std::latch& done_;
};

class Stress : public testing::TestWithParam<std::size_t> {};

TEST_P(Stress, NoMessageIsLostWhileFilesAreCreatedAndEnded) {
  const auto s = static_cast<std::uint32_t>(seed_of_this_run());
  constexpr std::uint64_t users = 6;
  constexpr int rounds = effort(3'000);
  asio::thread_pool pool(4);
  coordinator_config config;
  config.idle_files_max = GetParam();
  config.messages_per_turn = 3;
  auto c = std::make_unique<coordinator>(pool.get_executor(), config);
  std::latch done(users);
  std::vector<std::unique_ptr<user>> all;
  for (std::uint64_t i = 1; i <= users; ++i)
    all.push_back(
      std::make_unique<user>(*c, pool, i, s + static_cast<std::uint32_t>(i), rounds, done));

  for (const auto& u : all)
    u->start();
  done.wait();
  const auto stats = c->stats();
  c.reset();
  pool.join();

  EXPECT_EQ(stats.opens_now, 0U);
  EXPECT_EQ(stats.waiting_now, 0U);
  for (const auto& u : all)
    EXPECT_EQ(u->started.load(), u->completed.load());
}

INSTANTIATE_TEST_SUITE_P(KeptFiles, Stress, testing::Values(0, 1, 1000));

/// Checks again and again whether a read is allowed through an open that does not exist.
void keep_checking(
  coordinator& c, asio::thread_pool& pool, int left, std::atomic<int>& wrong, std::latch& done) {
  if (left == 0)
    return done.count_down();
  c.async_check_io(
    {"f", open_id{UINT64_MAX}, {0, 1}, false}, [&c, &pool, left, &wrong, &done](error_code ec) {
      wrong += to_errc(ec) != errc::unknown_open;
      asio::post(pool, [&, left] { keep_checking(c, pool, left - 1, wrong, done); });
    });
}

TEST(Stress, RequestsToAnEndingFileDoNotReportAShutdown) {
  asio::thread_pool pool(4);
  coordinator_config config;
  config.idle_files_max = 0;
  coordinator c(pool.get_executor(), config);
  const auto alice = client_guid::of(1);
  c.register_client(alice, [](const auto&, const auto&, const auto&) {});
  std::atomic<int> wrong{0};
  std::latch done(2);
  const std::function<void()> use = [&] {
    if (done.try_wait())
      return;
    c.async_open(two_clients::request(alice, "f", 0), [&](error_code ec, open_result o) {
      EXPECT_FALSE(ec) << ec.message();
      c.async_close({"f", o.open}, [&](error_code, close_result) { asio::post(pool, use); });
    });
  };

  use();
  keep_checking(c, pool, effort(200'000), wrong, done);
  keep_checking(c, pool, effort(200'000), wrong, done);
  done.wait();
  pool.join();

  EXPECT_EQ(wrong.load(), 0);
}

TEST(StressStop, InTheMiddleOfEverything) {
  const auto s = static_cast<std::uint32_t>(seed_of_this_run());
  std::mt19937 random(s);
  for (int round = 0; round < effort(60); ++round) {
    asio::thread_pool pool(3);
    coordinator_config config;
    config.idle_files_max = static_cast<std::size_t>(round % 2);
    std::atomic<int> started{0};
    std::atomic<int> completed{0};
    auto c = std::make_unique<coordinator>(pool.get_executor(), config);
    const auto alice = client_guid::of(1);
    c->register_client(alice, [](const auto&, const auto&, const auto&) {});
    for (std::uint64_t i = 1; i <= 50; ++i) {
      ++started;
      c->async_open(two_clients::request(alice, "f" + std::to_string(i % 5), i),
        [&](error_code, open_result) { ++completed; });
    }
    if (random() % 2 == 0) {
      ++started;
      c->async_shutdown([&](error_code) { ++completed; });
    }
    if (random() % 2 == 0)
      pool.stop();

    c.reset();
    pool.join();

    EXPECT_LE(completed.load(), started.load());
  }
}

} // namespace
} // namespace leasebreak::test

// The lifetimes of files, executors and the coordinator.
#include "api/coordinator_impl.hpp"
#include "files/file_actor.hpp"
#include "runtime/thread_sanitizer.hpp"
#include "support/kept_log.hpp"
#include "support/two_clients.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace leasebreak::test {
namespace {

std::size_t threads_now() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    count += entry.exists() ? 1U : 0U;
  return count;
}

TEST(Lifetime, AFileThatOwnsNothingEnds) {
  coordinator_config config;
  config.idle_files_max = 2;
  two_clients w(two_clients::time::real, config);

  for (int i = 0; i < 10; ++i) {
    const auto file = "f" + std::to_string(i);
    w.close(file, w.open(two_clients::alice, file, 1).open);
    EXPECT_LE(w.c->stats().files_alive, 2U);
  }
  const auto held = w.open(two_clients::alice, "held", 1);

  EXPECT_LE(w.c->stats().files_alive, 3U);
}

TEST(Lifetime, WithoutKeptFilesNoneIsAliveThatOwnsNothing) {
  coordinator_config config;
  config.idle_files_max = 0;
  two_clients w(two_clients::time::real, config);

  const auto open = w.open(two_clients::alice, "f", 1).open;
  EXPECT_EQ(w.c->stats().files_alive, 1U);
  w.close("f", open);
  EXPECT_EQ(w.c->stats().files_alive, 0U);
}

TEST(Lifetime, AHoldKeepsItsFile) {
  coordinator_config config;
  config.idle_files_max = 0;
  two_clients w(two_clients::time::real, config);

  auto& p = w.start(access_request{"f", access_kind::write, {}, {}, {}});
  w.settle();
  auto held = std::move(p.as<access_result>().hold);

  ASSERT_TRUE(held);
  EXPECT_EQ(w.c->stats().files_alive, 1U);
  EXPECT_EQ(w.open(two_clients::alice, "f", 1).state, lease_state::none);
  held.release();
  EXPECT_FALSE(held);
  w.settle();
  EXPECT_EQ(w.open(two_clients::bob, "g", 1).state, lease_state::rwh);
}

TEST(Lifetime, AHoldMayOutliveTheCoordinator) {
  hold held;
  {
    two_clients w;
    auto& p = w.start(access_request{"f", access_kind::write, {}, {}, {}});
    w.settle();
    held = std::move(p.as<access_result>().hold);
  }

  held.release();

  EXPECT_FALSE(held);
}

TEST(Lifetime, NoThreadIsStartedWithoutBeingAskedFor) {
  const auto before = threads_now();
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  EXPECT_EQ(threads_now(), before);
}

TEST(Lifetime, TheExecutorRunsOutOfWorkWhenNothingIsInFlight) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);

  w.io.restart();
  w.io.run();

  EXPECT_EQ(w.c->stats().opens_now, 1U);
}

// A timeout keeps an executor running, and its file in memory.
TEST(Lifetime, NoTimeoutRemainsAfterABreak) {
  two_clients w(two_clients::time::driven);
  const auto break_and_acknowledge = [&](std::uint64_t n, duration meanwhile) {
    const auto file = "f" + std::to_string(n);
    w.open(two_clients::alice, file, n);
    w.start(two_clients::request(two_clients::bob, file, 100 + n));
    w.settle();
    EXPECT_TRUE(w.has_timeout());
    w.advance(meanwhile);
    w.start(lease_acknowledgement{two_clients::alice, lease_key::of(n), lease_state::rh});
    w.settle();
  };

  break_and_acknowledge(1, duration{});
  w.advance(std::chrono::milliseconds{20});
  EXPECT_FALSE(w.has_timeout());
  break_and_acknowledge(2, std::chrono::seconds{1});
  EXPECT_FALSE(w.has_timeout());
}

TEST(Lifetime, AStoppedExecutorIsNoReasonToHang) {
  auto io = std::make_unique<asio::io_context>();
  auto c = std::make_unique<coordinator>(io->get_executor());
  c->register_client(two_clients::alice, [](const auto&, const auto&, const auto&) {});
  int calls = 0;
  const auto alive = std::make_shared<int>();
  for (std::uint64_t i = 1; i <= 100; ++i)
    c->async_open(two_clients::request(two_clients::alice, "f" + std::to_string(i), i),
      [&calls, alive](error_code, open_result) { ++calls; });
  io->stop();

  c.reset();
  EXPECT_EQ(calls, 0);
  io.reset();

  EXPECT_EQ(calls, 0);
  EXPECT_EQ(alive.use_count(), 1) << "the handlers are destroyed with the executor";
}

TEST(Lifetime, HandlersOfADestroyedCoordinatorRunLater) {
  asio::io_context io;
  auto c = std::make_unique<coordinator>(io.get_executor());
  c->register_client(two_clients::alice, [](const auto&, const auto&, const auto&) {});
  std::vector<errc> errors;
  for (std::uint64_t i = 1; i <= 100; ++i)
    c->async_open(two_clients::request(two_clients::alice, "f", i),
      [&](error_code ec, open_result) { errors.push_back(to_errc(ec)); });

  c.reset();
  io.run();

  EXPECT_EQ(errors.size(), 100U);
  EXPECT_THAT(errors, testing::Each(errc::shutting_down));
}

TEST(Lifetime, TheDestructorMayRunInAHandler) {
  asio::io_context io;
  auto c = std::make_unique<coordinator>(io.get_executor());
  c->register_client(two_clients::alice, [](const auto&, const auto&, const auto&) {});
  bool gone = false;
  c->async_open(two_clients::request(two_clients::alice, "f", 1), [&](error_code, open_result) {
    c.reset();
    gone = true;
  });

  io.run();

  EXPECT_TRUE(gone);
}

TEST(Lifetime, ShutdownRefusesWhatComesLater) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  auto& end = w.start(detail::shutdown_request{});
  w.settle();

  auto& late = w.start(two_clients::request(two_clients::bob, "g", 2));
  w.settle();

  EXPECT_EQ(end.error(), errc::success);
  EXPECT_EQ(late.error(), errc::shutting_down);
  EXPECT_EQ(
    to_errc(w.c->register_client(client_guid::of(9), [](auto&&...) {})), errc::shutting_down);
}

// A break in progress, a disconnected durable open, and a timer that is no longer needed.
TEST(Lifetime, ShutdownLeavesNoTimeoutBehind) {
  two_clients w(two_clients::time::driven);
  auto durable = two_clients::request(two_clients::alice, "g", 2, lease_state::rh);
  durable.durable = durable_request{std::chrono::minutes{5}, false, {}, {}};
  auto& kept = w.start(std::move(durable));
  w.settle();
  w.start(close_request{"g", kept.as<open_result>().open, true});
  w.open(two_clients::alice, "f", 1);
  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  w.advance(std::chrono::seconds{1});
  w.open(two_clients::alice, "h", 3);
  w.start(two_clients::request(two_clients::bob, "h", 4));
  w.settle();
  ASSERT_TRUE(w.has_timeout());

  w.start(detail::shutdown_request{});
  w.settle();

  EXPECT_FALSE(w.has_timeout());
}

/// Another thread obtains a reference just before the coordinator is destroyed, within a turn. It
/// must not run the destructor, which would wait for that turn.
TEST(Lifetime, IsNotDestroyedWhereTheLastReferenceIsReleased) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  auto alive = two_clients::inside(*w.c).weak().lock();
  auto turn = alive->files().find("f");
  ASSERT_TRUE(turn);

  std::thread other([&] {
    while (alive.use_count() > 1)
      std::this_thread::yield();
    alive.reset();
    turn.reset();
  });
  w.c.reset();
  other.join();

  EXPECT_FALSE(turn);
}

TEST(Lifetime, BadSettingsAreRefusedByName) {
  asio::io_context io;
  coordinator_config config;
  config.break_timeout = duration::zero();

  EXPECT_THAT([&] { coordinator c(io.get_executor(), config); },
    testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("break_timeout")));
  EXPECT_THROW(coordinator c(asio::any_io_executor{}), std::invalid_argument);
  config = {};
  config.durable = true;
  EXPECT_EQ(config.validate(), "durable: needs a store");
}

class OnCafPools : public testing::TestWithParam<scheduler_kind> {
protected:
#ifdef LEASEBREAK_THREAD_SANITIZER
  void SetUp() override {
    // Debian's libcaf_core passes jobs and its own messages between threads, and is not
    // instrumented for ThreadSanitizer, which therefore reports races in each of them.
    if (GetParam() != scheduler_kind::asio)
      GTEST_SKIP() << "CAF's own pools cannot be judged by ThreadSanitizer";
  }
#endif
};

TEST_P(OnCafPools, OperationsCompleteOnTheExecutor) {
  asio::thread_pool pool(2);
  coordinator_config config;
  config.scheduler = GetParam();
  config.caf_threads = 2;
  std::atomic<int> wrong_thread{0};
  std::atomic<int> completed{0};
  {
    coordinator c(pool.get_executor(), config);
    c.register_client(two_clients::alice, [](const auto&, const auto&, const auto&) {});
    std::promise<void> all;
    const auto count = [&] {
      if (!pool.get_executor().running_in_this_thread())
        ++wrong_thread;
      if (++completed == 400)
        all.set_value();
    };
    for (std::uint64_t i = 1; i <= 200; ++i) {
      const auto file = "f" + std::to_string(i % 7);
      c.async_open(
        two_clients::request(two_clients::alice, file, 0), [&, file](error_code, open_result o) {
          count();
          c.async_close({file, o.open}, [&](error_code, close_result) { count(); });
        });
    }
    all.get_future().wait();
    c.async_open(
      two_clients::request(two_clients::alice, "last", 0), [](error_code, open_result) {});
  }
  pool.join();

  EXPECT_EQ(completed.load(), 400);
  EXPECT_EQ(wrong_thread.load(), 0);
}

INSTANTIATE_TEST_SUITE_P(Schedulers, OnCafPools,
  testing::Values(scheduler_kind::caf_sharing, scheduler_kind::caf_stealing, scheduler_kind::asio),
  [](const auto& kind) {
    return kind.param == scheduler_kind::caf_sharing ? "Sharing"
      : kind.param == scheduler_kind::caf_stealing   ? "Stealing"
                                                     : "Asio";
  });

TEST(Logging, SaysWhoseBreakTimedOut) {
  kept_log kept;
  coordinator_config config;
  config.logger = kept.logger();
  two_clients w(two_clients::time::driven, config);
  w.open(two_clients::alice, "dir\n\"x\"", 1);
  w.start(two_clients::request(two_clients::bob, "dir\n\"x\"", 2));
  w.settle();

  w.advance(std::chrono::seconds{35});

  const auto log = kept.text();
  EXPECT_THAT(
    log, testing::HasSubstr("break timed out: client \"alice\" (" + to_string(two_clients::alice)));
  EXPECT_THAT(log, testing::HasSubstr("file \"dir\\x0a\\x22x\\x22\""));
  EXPECT_THAT(log, testing::HasSubstr(to_string(lease_key::of(1))));
  EXPECT_THAT(log, testing::HasSubstr("RWH -> RH"));
  EXPECT_THAT(log, testing::HasSubstr("cause open, after 35000 ms, waiting: open by \"bob\" ("));
  EXPECT_THAT(log, testing::HasSubstr("[warning]"));
}

TEST(Logging, QuotesTheLabelsOfClients) {
  kept_log kept;
  coordinator_config config;
  config.logger = kept.logger();
  two_clients w(two_clients::time::driven, config);
  const auto mallory = client_guid::of(0x33);
  w.c->register_client(
    mallory, [](const auto&...) {}, "peer\n[error] store \"x\" fails" + std::string(100, 'x'));
  w.open(mallory, "f", 1);

  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  const auto log = kept.text();
  EXPECT_THAT(log,
    testing::HasSubstr("client \"peer\\x0a[error] store \\x22x\\x22 fails" + std::string(36, 'x') +
      "...\" (" + to_string(mallory)));
  EXPECT_THAT(log, testing::Not(testing::HasSubstr("\n[error]")));
}

TEST(Logging, NothingGoesToStdout) {
  testing::internal::CaptureStdout();
  {
    two_clients w(two_clients::time::driven);
    w.open(two_clients::alice, "f", 1);
    w.start(two_clients::request(two_clients::bob, "f", 2));
    w.settle();
    w.advance(std::chrono::seconds{35});
  }

  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

} // namespace
} // namespace leasebreak::test

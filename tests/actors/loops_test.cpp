// Operations from other loops than the coordinator's: where turns, handlers and sinks run.
#include "support/seed.hpp"
#include "support/two_clients.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace leasebreak::test {
namespace {

/// A coordinator on one loop, and a second loop. Neither has a thread: the tests run them.
struct two_loops {
  asio::io_context other{1}; ///< Handlers are bound to it, so that it is destroyed last.
  asio::io_context home{1};
  coordinator c{home.get_executor()};
  std::vector<std::string> told; ///< Where sinks were called.

  two_loops() {
    for (const auto& guid : {two_clients::alice, two_clients::bob})
      c.register_client(
        guid, [this](const break_notification&, const file_name_id&, const break_report&) {
          told.emplace_back(home.get_executor().running_in_this_thread() ? "home" : "elsewhere");
        });
  }

  /// Opens within a handler of the other loop, with a handler that is bound to `executor`.
  template <class Executor>
  void open_from_other(const client_guid& who, std::optional<open_result>& result, Executor on) {
    asio::post(other, [this, who, &result, on] {
      c.async_open(two_clients::request(who, "f", 1),
        asio::bind_executor(on, [&](error_code ec, open_result o) {
          EXPECT_FALSE(ec) << ec.message();
          result = std::move(o);
        }));
    });
  }
};

TEST(Loops, RunAnOperationWhereItBegan) {
  two_loops l;
  std::optional<open_result> result;
  l.open_from_other(two_clients::alice, result, l.other.get_executor());

  l.other.run(); // the coordinator's own loop does not run at all

  ASSERT_TRUE(result);
  EXPECT_EQ(result->state, lease_state::rwh);
}

TEST(Loops, RunAnOperationOfAStrandOnTheLoopOfTheStrand) {
  two_loops l;
  std::optional<open_result> result;
  const auto strand = asio::make_strand(l.other);
  asio::post(strand, [&] {
    l.c.async_open(two_clients::request(two_clients::alice, "f", 1),
      asio::bind_executor(strand, [&](error_code, open_result o) {
        EXPECT_TRUE(strand.running_in_this_thread());
        result = std::move(o);
      }));
  });

  l.other.run();

  EXPECT_TRUE(result);
}

asio::awaitable<void> open_and_close(coordinator& c, bool& done) {
  const auto opened =
    co_await c.async_open(two_clients::request(two_clients::alice, "f", 1), asio::use_awaitable);
  co_await c.async_close(close_request{"f", opened.open}, asio::use_awaitable);
  done = true;
}

TEST(Loops, RunACoroutineWhereItIs) {
  two_loops l;
  bool done = false;
  asio::co_spawn(l.other, open_and_close(l.c, done), asio::detached);

  l.other.run();

  EXPECT_TRUE(done);
}

TEST(Loops, RunAnOperationOfAnotherThreadAtHome) {
  two_loops l;
  std::optional<open_result> result;
  // Bound to the other loop, but not started there: the loop may never run.
  l.c.async_open(two_clients::request(two_clients::alice, "f", 1),
    asio::bind_executor(
      l.other.get_executor(), [&](error_code, open_result o) { result = std::move(o); }));

  l.home.poll();
  l.other.poll();

  EXPECT_TRUE(result);
}

TEST(Loops, CallSinksOnTheCoordinatorsLoop) {
  two_loops l;
  std::optional<open_result> alice;
  l.open_from_other(two_clients::alice, alice, l.other.get_executor());
  l.other.run();
  ASSERT_TRUE(alice);
  alice->answer.sent();
  std::optional<open_result> bob;
  l.open_from_other(two_clients::bob, bob, l.other.get_executor());
  l.other.restart();

  l.other.poll();
  EXPECT_TRUE(l.told.empty()) << "the loop of its executor has not run yet";
  l.home.restart();
  l.home.poll();

  EXPECT_THAT(l.told, testing::ElementsAre("home"));
}

/// Bob opens on the other loop what alice has a lease of, whose sink has this executor. Returns
/// after the turn that breaks the lease, before the next handler of either loop.
template <class Executor>
void break_with_sink_on(two_loops& l, Executor on, std::optional<open_result>& bob) {
  std::optional<open_result> alice;
  l.open_from_other(two_clients::alice, alice, l.other.get_executor());
  l.other.run();
  alice.value().answer.sent();
  ASSERT_FALSE(l.c.replace_sink(
    two_clients::alice,
    [&l](const break_notification&, const file_name_id&, const break_report&) {
      l.told.emplace_back(l.other.get_executor().running_in_this_thread() ? "other" : "elsewhere");
    },
    on));
  l.open_from_other(two_clients::bob, bob, l.other.get_executor());
  l.other.restart();
  l.other.run_one(); // starts the operation
  l.other.run_one();
}

TEST(Loops, CallSinksOfTheirOwnRightAfterTheTurn) {
  two_loops l;
  std::optional<open_result> bob;

  break_with_sink_on(l, l.other.get_executor(), bob);

  EXPECT_THAT(l.told, testing::ElementsAre("other"));
}

TEST(Loops, CallSinksOfTheirStrandsThroughTheStrand) {
  two_loops l;
  std::optional<open_result> bob;

  break_with_sink_on(l, asio::make_strand(l.other), bob);
  EXPECT_TRUE(l.told.empty()) << "another handler of the strand could be running";
  l.other.poll();

  EXPECT_THAT(l.told, testing::ElementsAre("other"));
}

TEST(Loops, CallSinksOfAnotherLoopThere) {
  two_loops l;
  std::optional<open_result> bob;
  asio::io_context third{1};

  break_with_sink_on(l, third.get_executor(), bob);
  l.other.poll();
  EXPECT_TRUE(l.told.empty());
  third.poll();

  EXPECT_THAT(l.told, testing::ElementsAre("elsewhere"));
}

TEST(Loops, MayEndAfterTheCoordinatorWithATurnInTheirQueue) {
  std::optional<asio::io_context> other(std::in_place, 1);
  {
    asio::io_context home;
    coordinator c{home.get_executor()};
    c.register_client(two_clients::alice, [](const auto&, const auto&, const auto&) {});
    asio::post(*other, [&] {
      c.async_open(two_clients::request(two_clients::alice, "f", 1),
        asio::bind_executor(other->get_executor(),
          [](error_code ec, const open_result&) { EXPECT_EQ(ec, errc::shutting_down); }));
      other->stop();
    });
    other->run();
  }
  other->restart();
  other->run();
  other.reset();
}

// -- threads

/// Opens, closes and locks a few files on its own loop, acknowledges all breaks there, and checks
/// that no other client may cache what it may write.
class loop_user {
public:
  loop_user(coordinator& c, asio::io_context& loop, std::uint64_t number, std::uint32_t seed,
    int rounds, std::vector<std::atomic<int>>& writers, std::latch& done)
    : coordinator_(c), strand_(asio::make_strand(loop)), guid_(client_guid::of(number)),
      number_(number), random_(seed), left_(rounds), writers_(writers), done_(done) {
    c.register_client(
      guid_,
      [this](const break_notification& n, const file_name_id&, const break_report&) { answer(n); },
      {}, strand_);
  }

  void start() {
    asio::post(strand_, [this] { open(); });
  }

  std::atomic<int> started{0};
  std::atomic<int> completed{0};

private:
  void answer(const break_notification& n) {
    drop_write();
    if (!n.ack_required)
      return;
    ++started;
    coordinator_.async_acknowledge(lease_acknowledgement{guid_, n.key, n.to},
      asio::bind_executor(strand_, [this](error_code, lease_state) { ++completed; }));
  }

  void drop_write() {
    if (std::exchange(writes_, false))
      --writers_[file_];
  }

  void open() {
    if (left_-- == 0)
      return done_.count_down();
    file_ = random_() % writers_.size();
    ++started;
    coordinator_.async_open(two_clients::request(guid_, std::to_string(file_),
                              (number_ << 32) + static_cast<unsigned>(left_) + 1),
      asio::bind_executor(strand_, [this](error_code ec, open_result o) {
        ++completed;
        EXPECT_FALSE(ec) << ec.message();
        if ((o.state & lease_state::write) != lease_state::none) {
          writes_ = true;
          EXPECT_EQ(++writers_[file_], 1) << "two clients may cache writes of one file";
        }
        o.answer.sent();
        asio::post(strand_, [this, id = o.open] { close(id); });
      }));
  }

  void close(open_id id) {
    drop_write();
    ++started;
    coordinator_.async_close(close_request{std::to_string(file_), id},
      asio::bind_executor(strand_, [this](error_code ec, const close_result&) {
        ++completed;
        EXPECT_FALSE(ec) << ec.message();
        open();
      }));
  }

  coordinator& coordinator_;
  asio::strand<asio::io_context::executor_type> strand_;
  const client_guid guid_;
  const std::uint64_t number_;
  std::mt19937 random_;
  int left_;
  std::vector<std::atomic<int>>& writers_;
  std::latch& done_;
  std::size_t file_ = 0;
  bool writes_ = false;
};

TEST(Loops, ShareFilesWithoutLosingAnOperation) {
  const auto seed = static_cast<std::uint32_t>(seed_of_this_run());
  constexpr std::size_t loops = 3;
  constexpr std::uint64_t users_per_loop = 3;
  std::vector<std::unique_ptr<asio::io_context>> all_loops;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards;
  for (std::size_t i = 0; i < loops; ++i) {
    all_loops.push_back(std::make_unique<asio::io_context>(1));
    guards.push_back(asio::make_work_guard(*all_loops.back()));
  }
  std::vector<std::atomic<int>> writers(4);
  coordinator_config config;
  config.messages_per_turn = 3;
  auto c = std::make_unique<coordinator>(all_loops.front()->get_executor(), config);
  std::latch done(loops * users_per_loop);
  std::vector<std::unique_ptr<loop_user>> users;
  for (std::size_t i = 0; i < loops * users_per_loop; ++i)
    users.push_back(std::make_unique<loop_user>(*c, *all_loops[i % loops], i + 1,
      seed + static_cast<std::uint32_t>(i), 1'500, writers, done));
  std::vector<std::thread> threads;
  for (const auto& loop : all_loops)
    threads.emplace_back([&loop] { loop->run(); });

  for (const auto& u : users)
    u->start();
  done.wait();
  for (const auto& u : users)
    c->unregister_client(client_guid::of(1 + static_cast<std::uint64_t>(&u - users.data())));
  c.reset();
  guards.clear();
  for (auto& t : threads)
    t.join();

  for (const auto& u : users)
    EXPECT_EQ(u->started, u->completed) << "every operation completes exactly once";
}

} // namespace
} // namespace leasebreak::test

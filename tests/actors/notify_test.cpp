// The calls of a client's sink: in order, one at a time, after the turn.
#include "clients/client.hpp"
#include "completion/completions.hpp"
#include "files/file_actor.hpp"
#include "files/file_link.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace leasebreak::test {
namespace {

using detail::client;
using detail::completion_batch;

/// A client whose sink records the epochs.
struct told_client {
  explicit told_client(boost::asio::any_io_executor own = {})
    : it(std::make_shared<client>(
        client_guid::of(1), "", [this](const auto& n, const auto&, const auto&) { hear(n.epoch); },
        std::move(own), io.get_executor())) {}

  void notify(std::uint16_t epoch) {
    break_notification n;
    n.epoch = epoch;
    detail::sink_queue::push(client::notifications(it), n, "f", {});
  }

  void hear(std::uint16_t epoch) {
    epochs.push_back(epoch);
    if (on_hearing)
      on_hearing(epoch);
  }

  boost::asio::io_context io;
  std::vector<std::uint16_t> epochs;
  std::function<void(std::uint16_t)> on_hearing;
  std::shared_ptr<client> it;
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Notify, TheSinkIsCalledAfterTheTurn) {
  told_client c;
  completion_batch batch;
  c.notify(1);
  c.notify(2);
  EXPECT_THAT(c.epochs, IsEmpty()) << "within the turn";

  batch.run();

  EXPECT_THAT(c.epochs, ElementsAre(1, 2));
  EXPECT_EQ(c.io.poll(), 0U);
}

TEST(Notify, WithoutATurnTheExecutorCalls) {
  told_client c;

  c.notify(1);

  EXPECT_THAT(c.epochs, IsEmpty());
  c.io.poll();
  EXPECT_THAT(c.epochs, ElementsAre(1));
}

// A file's turn has ended, and its thread is about to call the sink, when the file's next turn on
// another thread queues more.
TEST(Notify, ALaterTurnDoesNotOvertakeAnEarlierOne) {
  told_client c;
  completion_batch batch;
  c.notify(1);
  std::thread([&c] {
    completion_batch later;
    c.notify(2);
    later.run();
  }).join();
  EXPECT_THAT(c.epochs, IsEmpty()) << "the first has yet to be told";

  batch.run();

  EXPECT_THAT(c.epochs, ElementsAre(1, 2));
}

TEST(Notify, WhatComesWhileTheSinkRunsIsToldAfterwards) {
  told_client c;
  bool runs = false;
  c.on_hearing = [&](std::uint16_t epoch) {
    EXPECT_FALSE(std::exchange(runs, true)) << "two calls at a time";
    if (epoch == 1)
      std::thread([&c] {
        completion_batch other;
        c.notify(2);
        other.run();
      }).join();
    runs = false;
  };
  completion_batch batch;
  c.notify(1);

  batch.run();

  EXPECT_THAT(c.epochs, ElementsAre(1, 2));
}

TEST(Notify, AfterManyCallsOtherClientsAreServed) {
  told_client c;
  completion_batch batch;
  for (std::uint16_t i = 0; i < 40; ++i)
    c.notify(i);

  batch.run();

  EXPECT_LT(c.epochs.size(), 40U);
  c.io.poll();
  ASSERT_EQ(c.epochs.size(), 40U);
  EXPECT_TRUE(std::is_sorted(c.epochs.begin(), c.epochs.end()));
}

// The thread with the task is about to call the old sink, on the old executor.
TEST(Notify, ATurnOfAReplacedSinkCallsNeither) {
  told_client c;
  boost::asio::io_context elsewhere;
  std::vector<std::uint16_t> told;
  completion_batch batch;
  c.notify(1);

  EXPECT_TRUE(detail::sink_queue::replace(
    client::notifications(c.it),
    [&told](const auto& n, const auto&, const auto&) { told.push_back(n.epoch); },
    elsewhere.get_executor()));
  batch.run();
  c.io.poll();
  EXPECT_THAT(told, IsEmpty()) << "not on its executor";
  c.notify(2);
  elsewhere.poll();

  EXPECT_THAT(told, ElementsAre(1, 2));
  EXPECT_THAT(c.epochs, IsEmpty());
}

TEST(Notify, ASilentClientIsToldNothingAndHasNoOtherSink) {
  told_client c;
  completion_batch batch;
  c.notify(1);

  c.it->notifications().silence();
  batch.run();
  c.notify(2);
  c.io.poll();

  EXPECT_THAT(c.epochs, IsEmpty());
  EXPECT_FALSE(detail::sink_queue::replace(
    client::notifications(c.it), [](const auto&, const auto&, const auto&) { FAIL(); }, {}));
}

TEST(Notify, OneClientIsToldInTheTurnTheOthersOnTheExecutor) {
  told_client a;
  told_client b;
  completion_batch batch;
  a.notify(1);
  b.notify(1);

  batch.run();

  EXPECT_THAT(a.epochs, ElementsAre(1));
  EXPECT_THAT(b.epochs, IsEmpty());
  b.io.poll();
  EXPECT_THAT(b.epochs, ElementsAre(1));
}

TEST(Notify, AnExecutorOfItsOwnIsUsed) {
  boost::asio::io_context own;
  told_client c(own.get_executor());
  completion_batch batch;
  c.notify(1);

  batch.run();
  c.io.poll();

  EXPECT_THAT(c.epochs, IsEmpty());
  own.poll();
  EXPECT_THAT(c.epochs, ElementsAre(1));
}

TEST(Notify, AnAbandonedBatchLeavesItToTheExecutor) {
  told_client c;
  {
    completion_batch batch; // a handler has thrown before this is run
    c.notify(1);
  }
  EXPECT_THAT(c.epochs, IsEmpty());

  c.io.poll();

  EXPECT_THAT(c.epochs, ElementsAre(1));
}

TEST(Notify, ASinkThatThrowsIsCalledAgain) {
  told_client c;
  c.on_hearing = [](std::uint16_t epoch) {
    if (epoch == 1)
      throw std::runtime_error("no");
  };
  completion_batch batch;
  c.notify(1);
  c.notify(2);

  batch.run();

  EXPECT_THAT(c.epochs, ElementsAre(1, 2));
}

} // namespace
} // namespace leasebreak::test

// A client is not notified of a break before the grant (MS-SMB2 3.3.4.6, 3.3.4.7).
#include "support/faulty_store.hpp"
#include "support/kept_log.hpp"
#include "support/seed.hpp"
#include "support/two_clients.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gmock/gmock.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <latch>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace leasebreak::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// A coordinator in which bob's pending open has to break what alice was granted, and alice's
/// response is outstanding.
struct unanswered_grant {
  explicit unanswered_grant(coordinator_config config = {})
    : w(two_clients::time::driven, std::move(config)) {
    auto& a = w.probes.emplace_back();
    a.answers_later = true;
    w.begin(two_clients::request(two_clients::alice, "f", 1), a);
    w.settle();
    EXPECT_EQ(a.error(), errc::success);
    answer = std::move(a.as<open_result>().answer);
    bob = &w.start(two_clients::request(two_clients::bob, "f", 2));
    w.settle();
  }

  [[nodiscard]] bool is_told() const { return !w.alice_saw.empty(); }

  two_clients w;
  pending_answer answer;
  probe* bob = nullptr;
};

TEST(Answers, AreOutstandingUntilTheServerSaysOtherwise) {
  unanswered_grant g;
  ASSERT_TRUE(g.answer);
  EXPECT_FALSE(g.is_told());

  g.answer.sent();
  g.w.settle();

  EXPECT_TRUE(g.is_told());
  EXPECT_FALSE(g.answer);
}

TEST(Answers, AreSentWhenTheyAreDropped) {
  unanswered_grant g;

  g.answer = {};
  g.w.settle();

  EXPECT_TRUE(g.is_told());
}

TEST(Answers, CanBeSentFromAnyThread) {
  unanswered_grant g;

  std::thread([&] { g.answer.sent(); }).join();
  g.w.settle();

  EXPECT_TRUE(g.is_told());
}

TEST(Answers, ThatAreSentBeforeTheBreakHoldNothingBack) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);

  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  EXPECT_EQ(w.alice_saw.size(), 1U);
}

// The break begins in the turn in which the response is sent: before it, and after it.
TEST(Answers, ThatAreSentWhileTheBreakBeginsAreNotMissed) {
  for (const bool sent_first : {true, false}) {
    SCOPED_TRACE(sent_first);
    two_clients w(two_clients::time::driven);
    auto& a = w.probes.emplace_back();
    a.answers_later = true;
    w.begin(two_clients::request(two_clients::alice, "f", 1), a);
    w.settle();
    auto answer = std::move(a.as<open_result>().answer);

    if (sent_first)
      answer.sent();
    w.start(
      two_clients::request(two_clients::bob, "f", 2)); // its message is queued, and not handled yet
    answer.sent();
    w.settle();

    EXPECT_EQ(w.alice_saw.size(), 1U);
  }
}

TEST(Answers, MayOutliveTheCoordinator) {
  pending_answer left;
  {
    unanswered_grant g;
    left = std::move(g.answer);
  }
  left.sent();
}

TEST(Answers, ThatAreOverdueAreReported) {
  kept_log log;
  coordinator_config config;
  config.logger = log.logger();
  config.answer_wait_max = 3s;
  unanswered_grant g(config);

  g.w.advance(2999ms);
  EXPECT_FALSE(g.is_told());
  g.w.advance(1ms);

  EXPECT_TRUE(g.is_told());
  EXPECT_THAT(log.text(), testing::HasSubstr("answer overdue: client \"alice\""));
  g.answer.sent();
  g.w.settle();
  EXPECT_EQ(g.w.alice_saw.size(), 2U) << "once more, behind the answer";
}

TEST(Answers, NeedSomeTime) {
  coordinator_config config;
  config.answer_wait_max = {};

  EXPECT_THAT(config.validate(), testing::HasSubstr("answer_wait_max"));
}

TEST(Answers, OfOpensWithoutCachingAreNone) {
  two_clients w(two_clients::time::driven);
  auto& a = w.probes.emplace_back();
  a.answers_later = true;

  w.begin(two_clients::request(two_clients::alice, "f", 0, lease_state::none), a);
  w.settle();

  EXPECT_FALSE(a.as<open_result>().answer);
}

TEST(Answers, ToReconnectsAndReplaysHoldBreaksBack) {
  for (const bool replays : {true, false}) {
    SCOPED_TRACE(replays);
    two_clients w(two_clients::time::driven);
    auto r = two_clients::request(two_clients::alice, "f", 1);
    r.durable = durable_request{60s, false, {}, {}};
    auto& first = w.start(r);
    w.settle();
    const auto open = first.as<open_result>().open;
    auto& again = w.probes.emplace_back();
    again.answers_later = true;
    if (replays) {
      w.begin(replay_request{"f", open, two_clients::alice, r.lease, oplock_level::none}, again);
    } else {
      w.start(close_request{"f", open, true});
      reconnect_request back;
      back.file = "f";
      back.open = open;
      back.client = two_clients::alice;
      back.key = r.lease->key;
      w.begin(back, again);
    }
    w.settle();
    ASSERT_EQ(again.error(), errc::success);

    w.start(two_clients::request(two_clients::bob, "f", 2));
    w.settle();
    EXPECT_THAT(w.alice_saw, IsEmpty());
    again.as<open_result>().answer.sent();
    w.settle();

    EXPECT_EQ(w.alice_saw.size(), 1U);
  }
}

// Opens of one turn: each client receives its grant before the break.
TEST(Answers, OfOneTurnComeBeforeTheBreaksOfIt) {
  std::vector<std::string> heard;
  asio::io_context io;
  coordinator c(io.get_executor());
  for (const auto& who : {two_clients::alice, two_clients::bob})
    c.register_client(who, [&](const break_notification& n, const auto&, const auto&) {
      heard.push_back("break of " + std::to_string(int{n.key.bytes[0]}));
      c.async_acknowledge(
        lease_acknowledgement{n.client, n.key, n.to}, [](error_code, lease_state) {});
    });
  const auto open = [&](const client_guid& who, std::uint64_t key) {
    c.async_open(two_clients::request(who, "f", key), [&, key](error_code ec, open_result) {
      EXPECT_FALSE(ec);
      heard.push_back("grant of " + std::to_string(key));
    });
  };
  open(two_clients::alice, 1);
  open(two_clients::bob, 2);

  io.run();

  EXPECT_THAT(heard, ElementsAre("grant of 1", "break of 1", "grant of 2"));
}

/// Durable mode, with a store that accepts nothing for some time.
struct late_answers {
  late_answers() {
    w.start(detail::start_request{});
    w.settle();
  }

  static coordinator_config durable_in(std::shared_ptr<faulty_store> store) {
    coordinator_config config;
    config.store = std::move(store);
    config.durable = true;
    return config;
  }

  /// Alice's operation waits for the store, and then completes before alice is notified of a break.
  void expect_answer_first(probe& p) {
    w.advance(100ms); // fewer failures than end the wait
    ASSERT_FALSE(p.done());
    EXPECT_THAT(w.alice_saw, IsEmpty());
    bool was_told = true;
    p.on_call = [&] { was_told = !w.alice_saw.empty(); };

    store->fail_with(errc::success);
    w.advance(3s);

    ASSERT_TRUE(p.done());
    EXPECT_FALSE(was_told);
    EXPECT_EQ(w.alice_saw.size(), 1U);
  }

  std::shared_ptr<faulty_store> store = std::make_shared<faulty_store>();
  two_clients w{two_clients::time::driven, durable_in(store)};
};

// The grant waits for the disk, and so does the break.
TEST(Answers, ThatWaitForTheStoreHoldBreaksBack) {
  late_answers s;
  s.store->fail_with(errc::store_full);
  auto& a = s.w.start(two_clients::request(two_clients::alice, "f", 1));
  s.w.settle();
  s.w.start(two_clients::request(two_clients::bob, "f", 2));

  s.expect_answer_first(a);
}

// -- a client's own change of a directory -----------------------------------------------------

open_request directory_request(const client_guid& who, std::uint64_t key) {
  auto r = two_clients::request(who, "d", key, lease_state::rh);
  r.is_directory = true;
  return r;
}

access_request change_by(const client_guid& who) {
  return {"d", access_kind::change_children, open_id::none, who};
}

/// Alice and Bob have leases of a directory. Alice has changed it, and the response is outstanding.
struct unanswered_change {
  explicit unanswered_change(coordinator_config config = {})
    : w(two_clients::time::driven, std::move(config)) {
    w.start(directory_request(two_clients::alice, 1));
    w.start(directory_request(two_clients::bob, 2));
    w.settle();
    auto& change = w.probes.emplace_back();
    change.answers_later = true;
    w.begin(change_by(two_clients::alice), change);
    w.settle();
    EXPECT_EQ(change.error(), errc::success);
    answer = std::move(change.as<access_result>().answer);
  }

  two_clients w;
  pending_answer answer;
};

TEST(OwnChanges, AreAnsweredBeforeTheBreakThatTheyAreTheCauseOf) {
  unanswered_change g;
  ASSERT_TRUE(g.answer);
  EXPECT_THAT(g.w.alice_saw, IsEmpty());
  EXPECT_EQ(g.w.bob_saw.size(), 1U) << "others are told at once";

  g.answer.sent();
  g.w.settle();

  ASSERT_EQ(g.w.alice_saw.size(), 1U);
  EXPECT_EQ(g.w.alice_saw[0].notification.to, lease_state::none);
}

// The server does nothing special: its handler sends the response.
TEST(OwnChanges, AreAnsweredByTheirHandlers) {
  two_clients w(two_clients::time::driven);
  w.start(directory_request(two_clients::alice, 1));
  w.settle();
  bool was_told = true;

  w.c->async_access(change_by(two_clients::alice),
    [&](error_code ec, access_result) { was_told = ec || !w.alice_saw.empty(); });
  w.settle();

  EXPECT_FALSE(was_told);
  EXPECT_EQ(w.alice_saw.size(), 1U);
}

TEST(OwnChanges, CanBeAnsweredFromAnyThread) {
  unanswered_change g;

  std::thread([&] { g.answer.sent(); }).join();
  g.w.settle();

  EXPECT_EQ(g.w.alice_saw.size(), 1U);
}

// The response is sent in the turn in which another client changes the directory: before it, and
// after it.
TEST(OwnChanges, AreAnsweredWhileAnotherClientChangesTheDirectory) {
  for (const bool sent_first : {true, false}) {
    SCOPED_TRACE(sent_first);
    unanswered_change g;

    if (sent_first)
      g.answer.sent();
    g.w.start(change_by(two_clients::bob)); // its message is queued, and not handled yet
    g.answer.sent();
    g.w.settle();

    EXPECT_EQ(g.w.alice_saw.size(), 1U);
  }
}

TEST(OwnChanges, HoldNothingBackThatAnotherClientTakesToo) {
  unanswered_change g;

  g.w.start(change_by(two_clients::bob));
  g.w.settle();

  EXPECT_EQ(g.w.alice_saw.size(), 1U);
  g.answer.sent();
  g.w.settle();
  EXPECT_EQ(g.w.alice_saw.size(), 1U);
}

TEST(OwnChanges, ThatBreakNothingHaveNoAnswerToWaitFor) {
  two_clients w(two_clients::time::driven);
  w.start(directory_request(two_clients::alice, 1));
  w.settle();
  auto spared = change_by(two_clients::alice);
  spared.parent_key = lease_key::of(1);
  for (const auto& what : {spared, change_by(two_clients::bob)}) {
    auto& change = w.probes.emplace_back();
    change.answers_later = true;
    w.begin(what, change);
    w.settle();
    EXPECT_FALSE(change.as<access_result>().answer);
  }
}

TEST(OwnChanges, ThatAreNeverAnsweredHoldNothingBackForEver) {
  coordinator_config config;
  config.answer_wait_max = 3s;
  unanswered_change g(config);

  g.w.advance(2999ms);
  EXPECT_THAT(g.w.alice_saw, IsEmpty());
  g.w.advance(1ms);

  EXPECT_EQ(g.w.alice_saw.size(), 1U);
  g.answer.sent();
  g.w.settle();
  EXPECT_EQ(g.w.alice_saw.size(), 1U);
}

// The response waits for the disk, and so does the break.
TEST(OwnChanges, ThatWaitForTheStoreHoldBreaksBack) {
  late_answers s;
  s.w.start(directory_request(two_clients::alice, 1));
  s.w.advance(1s);
  s.store->fail_with(errc::store_full);

  s.expect_answer_first(s.w.start(change_by(two_clients::alice)));
}

// A client that writes under one lease must not read old data under another one of its own after
// the response to the write.
TEST(OwnChanges, OfDataComeBehindTheBreak) {
  two_clients w(two_clients::time::driven);
  const auto writing = w.open(two_clients::alice, "f", 1, lease_state::r).open;
  w.open(two_clients::alice, "f", 2, lease_state::r);
  auto& write = w.probes.emplace_back();
  write.answers_later = true;

  w.begin(access_request{"f", access_kind::write, writing, two_clients::alice}, write);
  w.settle();

  ASSERT_TRUE(write.done());
  EXPECT_FALSE(write.as<access_result>().answer);
  ASSERT_EQ(w.alice_saw.size(), 1U);
  EXPECT_EQ(w.alice_saw[0].notification.key, lease_key::of(2));
}

TEST(OwnChanges, MayBeAnsweredAfterTheCoordinatorsEnd) {
  pending_answer left;
  {
    unanswered_change g;
    left = std::move(g.answer);
  }
  left.sent();
}

/// A client on its own strand, like a connection. It opens, sends the response at once or a little
/// later, closes, and receives breaks on its strand.
class contender {
public:
  contender(coordinator& c, asio::thread_pool& pool, std::uint64_t number, std::uint32_t with_seed,
    std::latch& done)
    : c_(c), strand_(asio::make_strand(pool.get_executor())), guid_(client_guid::of(number)),
      number_(number), random_(with_seed), done_(done) {
    c.register_client(
      guid_,
      [this](const break_notification& n, const auto&, const auto&) {
        if (granted_.count(n.key) == 0)
          ++early;
        ++breaks;
        if (n.ack_required)
          c_.async_acknowledge(
            lease_acknowledgement{guid_, n.key, n.to}, [](error_code, lease_state) {});
      },
      {}, strand_);
  }

  void start() {
    asio::post(strand_, [this] { open(); });
  }

  int early = 0;
  int breaks = 0;

private:
  void open() {
    if (left_-- == 0)
      return done_.count_down();
    const auto r = two_clients::request(guid_, "f" + std::to_string(random_() % 2),
      (number_ << 32) + static_cast<unsigned>(left_) + 1);
    c_.async_open(r,
      asio::bind_executor(
        strand_, [this, file = r.file, key = r.lease->key](error_code ec, open_result o) mutable {
          ASSERT_FALSE(ec) << ec.message();
          if (random_() % 2 == 0)
            return answered(file, key, o.open);
          asio::post(strand_, [this, file, key, o = std::move(o)] { answered(file, key, o.open); });
        }));
  }

  void answered(const std::string& file, const lease_key& key, open_id open) {
    granted_.insert(key);
    c_.async_close({file, open},
      asio::bind_executor(strand_, [this](error_code, close_result) { this->open(); }));
  }

  coordinator& c_;
  asio::strand<asio::thread_pool::executor_type> strand_;
  const client_guid guid_;
  const std::uint64_t number_;
  std::mt19937 random_;
  std::set<lease_key> granted_;
  int left_ = 2'000;
  std::latch& done_;
};

TEST(Answers, AreNotOvertakenOnManyThreads) {
  const auto s = static_cast<std::uint32_t>(seed_of_this_run());
  constexpr std::uint64_t count = 4;
  asio::thread_pool pool(4);
  coordinator_config config;
  config.answer_wait_max = config.break_timeout; // a busy machine is not an error
  auto c = std::make_unique<coordinator>(pool.get_executor(), config);
  std::latch done(count);
  std::vector<std::unique_ptr<contender>> all;
  for (std::uint64_t i = 1; i <= count; ++i)
    all.push_back(
      std::make_unique<contender>(*c, pool, i, s + static_cast<std::uint32_t>(i), done));
  for (const auto& each : all)
    each->start();

  done.wait();
  c.reset();
  pool.join();

  int breaks = 0;
  for (const auto& each : all) {
    EXPECT_EQ(each->early, 0);
    breaks += each->breaks;
  }
  EXPECT_GT(breaks, 0);
}

} // namespace
} // namespace leasebreak::test

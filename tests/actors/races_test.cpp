// Concurrent events in every order.
#include "api/coordinator_impl.hpp"
#include "files/file_actor.hpp"
#include "support/seed.hpp"
#include "support/two_clients.hpp"

#include <leasebreak/testing/random.hpp>
#include <leasebreak/testing/seeded_loop.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

/// An event that can end a break, or what waits for it. It is started, but has not taken effect.
struct event {
  std::string name;
  std::function<void(two_clients&, open_id)> start;
};

constexpr auto timeout = std::chrono::seconds{35};

/// The timeout is on its way to the file, behind what is already there.
void expire(two_clients& w) {
  w.clock().advance(timeout);
  w.io.restart();
  w.io.poll_one();
}

std::vector<event> events() {
  return {
    {"acknowledge",
      [](two_clients& w, open_id) {
        w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
      }},
    {"close",
      [](two_clients& w, open_id open) {
        w.start(close_request{"f", open});
      }},
    {"timeout", [](two_clients& w, open_id) { expire(w); }},
    {"disconnect",
      [](two_clients& w, open_id) {
        w.start(disconnect_request{two_clients::alice, {}});
      }},
    {"undeliverable", [](two_clients& w, open_id) { w.alice_saw.front().report.undeliverable(); }},
    {"cancel",
      [](two_clients& w, open_id) { w.probes[1].signal.emit(asio::cancellation_type::terminal); }},
    {"bob goes",
      [](two_clients& w, open_id) {
        w.start(disconnect_request{two_clients::bob, {}});
      }},
    {"shutdown", [](two_clients& w, open_id) { w.start(detail::shutdown_request{}); }},
  };
}

std::uint64_t breaks_ended(const statistics& s) {
  return std::accumulate(s.breaks_by_outcome.begin(), s.breaks_by_outcome.end(), std::uint64_t{0});
}

TEST(Races, EveryPairOfEndingsEndsOneBreakOnce) {
  const auto all = events();
  for (const auto& first : all) {
    for (const auto& second : all) {
      SCOPED_TRACE(first.name + ", then " + second.name);
      two_clients w(two_clients::time::driven);
      const auto open = w.open(two_clients::alice, "f", 1).open;
      w.start(two_clients::request(two_clients::bob, "f", 2));
      w.settle();
      ASSERT_EQ(w.alice_saw.size(), 1U);

      first.start(w, open);
      second.start(w, open);
      w.settle();
      w.advance(timeout * 3);

      for (const auto& p : w.probes)
        EXPECT_EQ(p.calls, 1);
      const auto s = w.c->stats();
      // After a shutdown no break expires.
      EXPECT_LE(s.breaking_now, first.name == "shutdown" || second.name == "shutdown" ? 1U : 0U);
      EXPECT_EQ(s.waiting_now, 0U);
      EXPECT_EQ(breaks_ended(s) + s.breaking_now, s.breaks_by_cause[index_of(break_cause::open)]);
    }
  }
}

TEST(Races, TheFirstOfTwoEndingsDecides) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  expire(w);
  auto& late =
    w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  w.settle();

  EXPECT_EQ(waiting.error(), errc::success);
  EXPECT_EQ(late.error(), errc::lease_not_breaking);
  const auto s = w.c->stats();
  EXPECT_EQ(s.breaks_by_outcome[index_of(break_outcome::timed_out)], 1U);
  EXPECT_EQ(s.breaks_by_outcome[index_of(break_outcome::acknowledged)], 0U);
  EXPECT_EQ(s.acknowledgements_late, 1U);
  EXPECT_EQ(s.acknowledgements_refused, 1U);
}

TEST(Races, ABreakTimesOutWithoutPendingOperations) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  waiting.signal.emit(asio::cancellation_type::terminal);
  w.settle();
  ASSERT_EQ(w.c->stats().breaking_now, 1U);

  w.advance(timeout - std::chrono::nanoseconds{1});
  EXPECT_EQ(w.c->stats().breaking_now, 1U);
  w.advance(std::chrono::nanoseconds{1});

  EXPECT_EQ(w.c->stats().breaking_now, 0U);
  EXPECT_EQ(w.c->stats().breaks_by_outcome[index_of(break_outcome::timed_out)], 1U);
}

TEST(Races, AnEarlyTickIsRequestedAgain) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);
  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  w.advance(std::chrono::seconds{10});
  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  w.settle();

  auto& forced = w.start(force_break_request{"f", {}, lease_key::of(1), lease_state::none});
  w.settle();
  w.advance(std::chrono::seconds{34});
  EXPECT_EQ(forced.calls, 0) << "the first break's time was up, not this one's";
  w.advance(std::chrono::seconds{1});

  EXPECT_EQ(forced.calls, 1);
  EXPECT_EQ(forced.error(), errc::success);
}

// Many pending operations of one file are in tables: each must end as itself, in whatever order.
TEST(Races, EachOfManyPendingOperationsEndsAsItself) {
  two_clients w(two_clients::time::driven);
  const auto held = w.open(two_clients::alice, "f", 1).open;
  std::vector<probe*> waiting;
  for (std::uint64_t i = 0; i < 300; ++i)
    waiting.push_back(&w.start(two_clients::request(two_clients::bob, "f", 100 + i)));
  w.settle();
  ASSERT_EQ(w.c->stats().waiting_now, 300U);

  for (std::size_t i = 7; i < waiting.size(); i += 3)
    waiting[waiting.size() - i]->signal.emit(asio::cancellation_type::terminal);
  w.settle();
  for (std::size_t i = 7; i < waiting.size(); i += 3)
    EXPECT_EQ(waiting[waiting.size() - i]->error(), errc::cancelled);
  w.start(close_request{"f", held});
  w.settle();

  std::size_t granted = 0;
  for (const auto* p : waiting) {
    EXPECT_EQ(p->calls, 1);
    granted += p->error() == errc::success ? 1 : 0;
  }
  EXPECT_EQ(granted, 300U - 98U);
  EXPECT_EQ(w.c->stats().waiting_now, 0U);
}

/// Five chains of opens and closes of three files, with everything that is ready in random order.
void use_files_in_random_order(std::uint64_t seed, std::size_t kept) {
  coordinator_config config;
  config.idle_files_max = kept;
  config.messages_per_turn = 1;
  testkit::random_source random(seed);
  testkit::seeded_loop loop(seed);
  const auto c = loop.make_coordinator(config);
  c->register_client(two_clients::alice, [](const auto&, const auto&, const auto&) {});
  int completed = 0;
  int started = 0;
  const std::vector<std::string> files = {"a", "b", "c"};
  const std::function<void(std::uint64_t, int)> use = [&](std::uint64_t key, int left) {
    const auto& file = files[random.below(files.size())];
    ++started;
    c->async_open(two_clients::request(two_clients::alice, file, key, lease_state::none),
      [&, file, key, left](error_code ec, open_result opened) {
        ++completed;
        ASSERT_FALSE(ec) << ec.message();
        ++started;
        c->async_close({file, opened.open}, [&, key, left](error_code e, close_result) {
          ++completed;
          ASSERT_FALSE(e) << e.message();
          if (left > 0)
            use(key, left - 1);
        });
      });
  };

  for (std::uint64_t key = 1; key <= 5; ++key)
    use(key, 200);
  while (loop.step()) {
  }

  EXPECT_EQ(completed, started);
  EXPECT_EQ(started, 5 * 201 * 2);
  EXPECT_LE(c->stats().files_alive, kept);
  EXPECT_EQ(c->stats().opens_now, 0U);
}

TEST(Races, FirstUseAgainstLastUseLosesNoMessage) {
  const auto seed = seed_of_this_run();
  for (const std::size_t kept : {0U, 1U})
    for (std::uint64_t i = 0; i < 4; ++i)
      use_files_in_random_order(seed + i, kept);
}

TEST(Races, AKeyIsFreeForAnotherFileOnceTheCloseIsKnown) {
  two_clients w(two_clients::time::driven);
  const auto open = w.open(two_clients::alice, "f", 1).open;
  errc error = errc::cancelled;

  w.c->async_close({"f", open}, [&](error_code, close_result) {
    w.c->async_open(two_clients::request(two_clients::alice, "g", 1),
      [&](error_code ec, open_result) { error = to_errc(ec); });
  });
  w.settle();

  EXPECT_EQ(error, errc::success);
}

coordinator_config without_idle_files() {
  coordinator_config config;
  config.idle_files_max = 0;
  return config;
}

/// A thread's open of "f" by Alice, with the lease key 1, on its way to a file actor that has ended
/// since the thread found it. One step at a time.
class late_open {
public:
  explicit late_open(two_clients& w)
    : client_(w.inside().clients().find(two_clients::alice)), w_(w) {
    file_ = w.inside().files().find_or_create("f");
    message_ptr nothing = std::make_unique<detail::plain_command>(cancel_operation{});
    EXPECT_TRUE(file_->deliver(nothing));
    w.settle(); // it has nothing to do, and is not kept for reuse
  }
  void reserve() {
    EXPECT_EQ(
      client_->reserve_open(*file_, lease_key::of(1), w_.inside().limit(&limits::opens_per_client)),
      errc::success);
  }
  /// Before or after another open with that key, through the file's current actor.
  void reserve_beside_another(bool comes_first) {
    if (comes_first)
      reserve();
    w_.open(two_clients::alice, "f", 1);
    if (!comes_first)
      reserve();
  }
  /// The last step: the thread returns to the registry.
  void fail() {
    message_ptr m = std::make_unique<detail::plain_command>(cancel_operation{});
    EXPECT_FALSE(file_->deliver(m));
    client_->release_open(*file_, lease_key::of(1));
  }
  void forget() { file_.reset(); }

private:
  using message_ptr = detail::message_ptr;
  std::shared_ptr<detail::client> client_;
  detail::file_ref file_;
  two_clients& w_;
};

/// Breaks Alice's lease with the key 1, and acknowledges.
errc acknowledge_a_break(two_clients& w) {
  auto& forced = w.start(force_break_request{"f", {}, {}, lease_state::r});
  w.settle();
  auto& p = w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::r});
  w.settle();
  EXPECT_EQ(forced.calls, 1);
  return p.error();
}

TEST(Races, AKeyLeadsToTheFileAlsoWhileAnOpenIsOnItsWayToOneThatHasEnded) {
  for (const bool late_comes_first : {false, true}) {
    SCOPED_TRACE(late_comes_first);
    two_clients w(two_clients::time::driven, without_idle_files());
    late_open late(w);
    late.reserve_beside_another(late_comes_first);

    EXPECT_EQ(acknowledge_a_break(w), errc::success);
    late.fail();
  }
}

TEST(Races, AKeyLeadsToTheFileAfterAnOpenCameToOneThatHadEnded) {
  for (const bool late_comes_first : {false, true}) {
    SCOPED_TRACE(late_comes_first);
    two_clients w(two_clients::time::driven, without_idle_files());
    late_open late(w);
    late.reserve_beside_another(late_comes_first);
    late.fail();
    late.forget();

    EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(1)), "f");
    EXPECT_EQ(acknowledge_a_break(w), errc::success);
    w.open(two_clients::alice, "f", 1);
    auto& elsewhere = w.start(two_clients::request(two_clients::alice, "g", 1));
    w.settle();
    EXPECT_EQ(elsewhere.error(), errc::lease_key_in_use);
  }
}

TEST(Races, NotificationsComeInTheOrderInWhichTheStateChanged) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);
  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.start(force_break_request{"f", {}, {}, lease_state::none});
  w.settle();
  ASSERT_EQ(w.alice_saw.size(), 1U);

  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  w.settle();

  ASSERT_GE(w.alice_saw.size(), 2U);
  EXPECT_EQ(w.alice_saw[0].notification.to, lease_state::rh);
  EXPECT_EQ(w.alice_saw[0].file, "f");
  EXPECT_TRUE(is_subset(w.alice_saw[1].notification.to, lease_state::r));
}

} // namespace
} // namespace leasebreak::test

// The end of calls of a sink and of `on_open_lost`, and what it guarantees to the caller that ends
// them.
#include "api/coordinator_impl.hpp"
#include "files/file_actor.hpp"
#include "support/two_clients.hpp"

#include <boost/asio/deferred.hpp>
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace leasebreak::test {
namespace {

constexpr auto nobody_listens = [](const auto&, const auto&, const auto&) {};

/// A coordinator with two clients, whose sinks belong to the test.
struct sink_scene {
  explicit sink_scene(coordinator_config config = {}) {
    c = std::make_unique<coordinator>(io.get_executor(), std::move(config));
  }
  ~sink_scene() { c.reset(); }
  sink_scene(const sink_scene&) = delete;
  sink_scene& operator=(const sink_scene&) = delete;

  void run(asio::io_context& which) {
    which.restart();
    while (which.poll() != 0) {
      // Until nothing is ready.
    }
  }
  void run() { run(io); }

  open_id open(const client_guid& who, std::uint64_t key, lease_state want,
    std::optional<durable_request> durable = {}) {
    open_id granted{};
    auto r = two_clients::request(who, "f", key, want);
    r.durable = std::move(durable);
    c->async_open(std::move(r), [&](error_code, open_result o) { granted = o.open; });
    run();
    EXPECT_NE(granted, open_id::none);
    return granted;
  }

  /// Breaks all R leases, without waiting.
  void overwrite(std::function<void()> then = {}) {
    auto r = two_clients::request(two_clients::bob, "f", 0);
    r.overwrites = true;
    c->async_open(std::move(r), [then](error_code, open_result) {
      if (then)
        then();
    });
  }

  asio::io_context io;
  asio::io_context other; ///< The executor of a sink.
  std::unique_ptr<coordinator> c;

  detail::coordinator_impl& inside() { return two_clients::inside(*c); }
};

TEST(Callbacks, NoSinkIsCalledAfterItsClientIsUnregistered) {
  sink_scene s;
  bool registered = true;
  int late = 0;
  s.c->register_client(
    two_clients::alice, [&](auto&&...) { late += registered ? 0 : 1; }, "", s.other.get_executor());
  s.c->register_client(two_clients::bob, nobody_listens);
  const auto held = s.open(two_clients::alice, 1, lease_state::r);
  s.overwrite();
  s.run();
  s.c->async_close({"f", held}, [](error_code, close_result) {});
  s.run();

  EXPECT_EQ(to_errc(s.c->unregister_client(two_clients::alice)), errc::success);
  registered = false;
  s.run(s.other);

  EXPECT_EQ(late, 0);
}

TEST(Callbacks, NoSinkIsCalledAfterTheDestructor) {
  sink_scene s;
  int late = 0;
  s.c->register_client(
    two_clients::alice, [&](auto&&...) { late += s.c ? 0 : 1; }, "", s.other.get_executor());
  s.c->register_client(two_clients::bob, nobody_listens);
  s.open(two_clients::alice, 1, lease_state::r);
  s.overwrite();
  s.run();

  s.c.reset();
  s.run(s.other);

  EXPECT_EQ(late, 0);
}

TEST(Callbacks, NoSinkIsCalledAfterADestructorWithinTheSameTurn) {
  sink_scene s;
  const auto carol = client_guid::of(0xca);
  int late = 0;
  const auto sink = [&](auto&&...) { late += s.c ? 0 : 1; };
  s.c->register_client(two_clients::alice, sink);
  s.c->register_client(carol, sink);
  s.c->register_client(two_clients::bob, nobody_listens);
  s.open(two_clients::alice, 1, lease_state::r);
  s.open(carol, 3, lease_state::r);

  s.overwrite([&] { s.c.reset(); });
  s.run();

  EXPECT_EQ(s.c, nullptr);
  EXPECT_EQ(late, 0);
}

TEST(Callbacks, ASinkIsDestroyedWithItsRegistration) {
  sink_scene s;
  const auto captured = std::make_shared<int>();
  s.c->register_client(
    two_clients::alice, [captured](auto&&...) {}, "", s.other.get_executor());
  s.c->register_client(two_clients::bob, nobody_listens);
  const auto held = s.open(two_clients::alice, 1, lease_state::r);
  s.overwrite();
  s.run();
  s.c->async_close({"f", held}, [](error_code, close_result) {});
  s.run();

  EXPECT_EQ(to_errc(s.c->unregister_client(two_clients::alice)), errc::success);

  EXPECT_EQ(captured.use_count(), 1) << "although a call of it is in the executor's queue";
}

TEST(Callbacks, ASinkMayUnregisterItsClient) {
  sink_scene s;
  const auto captured = std::make_shared<int>();
  int calls = 0;
  errc unregistered{};
  open_id held{};
  s.c->register_client(
    two_clients::alice,
    [&, captured](auto&&...) {
      ++calls;
      s.c->async_close({"f", held}, [](error_code, close_result) {});
      s.run();
      unregistered = to_errc(s.c->unregister_client(two_clients::alice));
      EXPECT_GT(captured.use_count(), 1) << "as long as it runs";
    },
    "", s.other.get_executor());
  s.c->register_client(two_clients::bob, nobody_listens);
  held = s.open(two_clients::alice, 1, lease_state::r);
  s.overwrite();
  s.run();

  s.run(s.other);

  EXPECT_EQ(calls, 1);
  EXPECT_EQ(unregistered, errc::success);
  EXPECT_EQ(captured.use_count(), 1);
}

TEST(Callbacks, ASinkMayDestroyTheCoordinator) {
  sink_scene s;
  const auto captured = std::make_shared<int>();
  int calls = 0;
  s.c->register_client(two_clients::alice, [&, captured](auto&&...) {
    ++calls;
    s.c.reset();
    EXPECT_GT(captured.use_count(), 1) << "as long as it runs";
  });
  s.c->register_client(two_clients::bob, nobody_listens);
  s.open(two_clients::alice, 1, lease_state::r);

  s.overwrite();
  s.run();

  EXPECT_EQ(calls, 1);
  EXPECT_EQ(s.c, nullptr);
  EXPECT_EQ(captured.use_count(), 1);
}

/// Alice has nothing left, and alice's sink is being called on another thread until `go_on`.
struct sink_scene_of_a_call : sink_scene {
  explicit sink_scene_of_a_call(std::function<void()> meanwhile) {
    c->register_client(
      two_clients::alice,
      [this, meanwhile = std::move(meanwhile)](auto&&...) {
        entered.set_value();
        meanwhile();
        returned = true;
      },
      "", other.get_executor());
    c->register_client(two_clients::bob, nobody_listens);
    const auto held = open(two_clients::alice, 1, lease_state::r);
    overwrite();
    run();
    c->async_close({"f", held}, [](error_code, close_result) {});
    run();
    caller = std::thread([this] { run(other); });
    entered.get_future().wait();
  }

  std::promise<void> entered;
  std::atomic<bool> returned{false};
  std::thread caller;
};

TEST(Callbacks, UnregisteringWaitsForASinkThatIsCalledOnAnotherThread) {
  // The sink sees that its client is no longer registered.
  coordinator* in_use = nullptr;
  std::promise<void> ready;
  const auto captured = std::make_shared<int>();
  sink_scene_of_a_call s([&, captured] {
    ready.get_future().wait();
    const channel_id channel{static_cast<connection_id>(1), static_cast<session_id>(1)};
    while (to_errc(in_use->add_channel(two_clients::alice, channel, 0x311)) != errc::unknown_client)
      std::this_thread::yield();
    EXPECT_GT(captured.use_count(), 1) << "as long as it runs";
  });
  in_use = s.c.get();
  ready.set_value();

  EXPECT_EQ(to_errc(s.c->unregister_client(two_clients::alice)), errc::success);

  EXPECT_TRUE(s.returned);
  EXPECT_EQ(captured.use_count(), 1);
  s.caller.join();
}

TEST(Callbacks, ReplacingWaitsForASinkThatIsCalledOnAnotherThread) {
  detail::sink_queue* told = nullptr;
  std::promise<void> ready;
  const auto captured = std::make_shared<int>();
  sink_scene_of_a_call s([&, captured] {
    ready.get_future().wait();
    while (!told->is_awaited())
      std::this_thread::yield();
  });
  const auto alice = s.inside().clients().find(two_clients::alice);
  told = &alice->notifications();
  ready.set_value();

  EXPECT_EQ(to_errc(s.c->replace_sink(two_clients::alice, nobody_listens)), errc::success);

  EXPECT_TRUE(s.returned);
  EXPECT_EQ(captured.use_count(), 1);
  s.caller.join();
}

TEST(Callbacks, TheDestructorWaitsForASinkThatHasUnregisteredItself) {
  coordinator* in_use = nullptr;
  std::promise<void> ready;
  std::promise<void> unregistered;
  sink_scene_of_a_call s([&] {
    ready.get_future().wait();
    EXPECT_EQ(to_errc(in_use->unregister_client(two_clients::alice)), errc::success);
    unregistered.set_value();
    for (std::uint64_t n = 100;; ++n)
      if (in_use->register_client(client_guid::of(n), nobody_listens))
        break;
  });
  in_use = s.c.get();
  ready.set_value();
  unregistered.get_future().wait();

  s.c.reset();

  EXPECT_TRUE(s.returned);
  s.caller.join();
}

TEST(Callbacks, AReplacedSinkIsNotCalledByWhatIsInTheQueueOfItsExecutor) {
  sink_scene s;
  int told = 0;
  s.c->register_client(
    two_clients::alice, [](auto&&...) { ADD_FAILURE() << "called"; }, "", s.other.get_executor());
  s.c->register_client(two_clients::bob, nobody_listens);
  s.open(two_clients::alice, 1, lease_state::r);
  s.overwrite();
  s.run();

  EXPECT_EQ(
    to_errc(s.c->replace_sink(two_clients::alice, [&](auto&&...) { ++told; })), errc::success);
  s.run(s.other);
  s.run();

  EXPECT_EQ(told, 1);
}

TEST(Callbacks, AReplacementGetsTheNotificationsOfAnIdleExecutor) {
  sink_scene s;
  int told = 0;
  s.c->register_client(
    two_clients::alice, [](auto&&...) { ADD_FAILURE() << "called"; }, "", s.other.get_executor());
  s.c->register_client(two_clients::bob, nobody_listens);
  s.open(two_clients::alice, 1, lease_state::r);
  s.overwrite();
  s.run();
  s.other.stop();

  EXPECT_EQ(
    to_errc(s.c->replace_sink(two_clients::alice, [&](auto&&...) { ++told; })), errc::success);
  s.run();

  EXPECT_EQ(told, 1);
}

TEST(Callbacks, ASinkMayReplaceItself) {
  sink_scene s;
  const auto captured = std::make_shared<int>();
  int told = 0;
  s.c->register_client(two_clients::alice, [&, captured](auto&&...) {
    EXPECT_EQ(
      to_errc(s.c->replace_sink(two_clients::alice, [&](auto&&...) { ++told; })), errc::success);
    s.run();
    EXPECT_EQ(told, 0) << "while the old one runs";
    EXPECT_GT(captured.use_count(), 1) << "as long as it runs";
  });
  s.c->register_client(two_clients::bob, nobody_listens);
  for (std::uint64_t i = 1; i != 4; ++i)
    s.c->async_open(two_clients::request(two_clients::alice, std::to_string(i), i, lease_state::r),
      [](error_code, open_result) {});
  s.run();

  for (std::uint64_t i = 1; i != 4; ++i) {
    auto r = two_clients::request(two_clients::bob, std::to_string(i), 0);
    r.overwrites = true;
    s.c->async_open(std::move(r), [](error_code, open_result) {});
  }
  s.run();

  EXPECT_EQ(told, 2);
  EXPECT_EQ(captured.use_count(), 1);
}

// Both orders occur by chance; ThreadSanitizer checks the accesses.
TEST(Callbacks, SinksAndTheirReplacementMeet) {
  for (int round = 0; round < 50; ++round) {
    sink_scene s;
    std::atomic<bool> replaced{false};
    std::atomic<int> late{0};
    std::atomic<int> told{0};
    const auto old = [&](auto&&...) {
      ++told;
      late += replaced ? 1 : 0;
    };
    s.c->register_client(two_clients::alice, old, "", s.other.get_executor());
    s.c->register_client(two_clients::bob, nobody_listens);
    s.open(two_clients::alice, 1, lease_state::r);
    s.overwrite();
    s.run();
    std::thread caller([&] { s.run(s.other); });

    s.c->replace_sink(
      two_clients::alice, [&](auto&&...) { ++told; }, s.io.get_executor());
    replaced = true;
    caller.join();
    s.run();

    ASSERT_EQ(late.load(), 0);
    ASSERT_EQ(told.load(), 1);
  }
}

TEST(Callbacks, TheDestructorWaitsForASinkThatIsCalledOnAnotherThread) {
  // The sink sees that the destructor has begun: it may use the coordinator until it returns.
  coordinator* in_use = nullptr;
  std::promise<void> ready;
  sink_scene_of_a_call s([&] {
    ready.get_future().wait();
    for (std::uint64_t n = 100;; ++n)
      if (in_use->register_client(client_guid::of(n), nobody_listens))
        break;
  });
  in_use = s.c.get();
  ready.set_value();

  s.c.reset();

  EXPECT_TRUE(s.returned);
  s.caller.join();
}

// Both orders occur by chance; ThreadSanitizer checks the accesses.
TEST(Callbacks, SinksAndTheDestructorMeet) {
  for (int round = 0; round < 50; ++round) {
    sink_scene s;
    std::atomic<bool> alive{true};
    std::atomic<int> late{0};
    s.c->register_client(
      two_clients::alice, [&](auto&&...) { late += alive ? 0 : 1; }, "", s.other.get_executor());
    s.c->register_client(two_clients::bob, nobody_listens);
    s.open(two_clients::alice, 1, lease_state::r);
    s.overwrite();
    s.run();
    std::thread caller([&] { s.run(s.other); });

    s.c.reset();
    alive = false;
    caller.join();

    ASSERT_EQ(late.load(), 0);
  }
}

// -- on_open_lost

/// Bob's open purges Alice's durable open, which is reported to `told`.
struct scene_of_a_loss {
  explicit scene_of_a_loss(std::function<void()> told) {
    coordinator_config config;
    config.on_open_lost = [told = std::move(told)](const open_lost&) { told(); };
    s = std::make_unique<sink_scene>(std::move(config));
    s->c->register_client(two_clients::alice, nobody_listens);
    s->c->register_client(two_clients::bob, nobody_listens);
    const auto held = s->open(two_clients::alice, 1, lease_state::rh,
      durable_request{std::chrono::minutes{5}, false, {}, {}});
    s->c->async_close({"f", held, true}, [](error_code, close_result) {});
    s->run();
  }

  std::unique_ptr<sink_scene> s;
};

TEST(Callbacks, NoLostOpenIsReportedAfterTheDestructor) {
  scene_of_a_loss l([&] { ADD_FAILURE() << "called"; });

  l.s->overwrite([&] { l.s->c.reset(); });
  l.s->run();

  EXPECT_EQ(l.s->c, nullptr);
}

TEST(Callbacks, AReportOfALostOpenMayDestroyTheCoordinator) {
  sink_scene* s = nullptr;
  int calls = 0;
  scene_of_a_loss l([&] {
    ++calls;
    s->c.reset();
  });
  s = l.s.get();

  s->overwrite();
  s->run();

  EXPECT_EQ(calls, 1);
  EXPECT_EQ(s->c, nullptr);
}

TEST(Callbacks, TheDestructorWaitsForAReportOfALostOpen) {
  coordinator* in_use = nullptr;
  std::promise<void> entered;
  std::atomic<bool> returned{false};
  scene_of_a_loss l([&] {
    entered.set_value();
    for (std::uint64_t n = 100;; ++n)
      if (in_use->register_client(client_guid::of(n), nobody_listens))
        break;
    returned = true;
  });
  in_use = l.s->c.get();
  l.s->overwrite();
  std::thread caller([&] { l.s->run(); });
  entered.get_future().wait();

  l.s->c.reset();

  EXPECT_TRUE(returned);
  caller.join();
}

// -- operations that are started during a shutdown

/// One thread has looked up a client, and another stops the coordinator, in either order.
TEST(Stopping, AClientsFilesAreThereUntilTheCoordinatorIsGone) {
  two_clients w;
  for (int i = 0; i < 100; ++i)
    w.open(two_clients::alice, "f" + std::to_string(i), 0);
  const auto alice = w.inside().clients().find(two_clients::alice);
  const auto before = alice->files();

  w.inside().stop();

  const auto after = alice->files();
  EXPECT_EQ(after.size(), before.size());
  for (const auto& file : after) {
    detail::message_ptr m = std::make_unique<detail::plain_command>(cancel_operation{});
    EXPECT_FALSE(file->deliver(m));
  }
}

TEST(Stopping, ADeferredOperationAndTheDestructorMeet) {
  constexpr int files = 500;
  for (int round = 0; round < 24; ++round) {
    sink_scene s;
    s.c->register_client(two_clients::alice, nobody_listens);
    for (int i = 0; i < files; ++i)
      s.c->async_open(two_clients::request(two_clients::alice, "f" + std::to_string(i), 0),
        [](error_code, open_result) {});
    s.run();
    int calls = 0;
    errc how{};
    std::atomic<bool> go{false};
    const auto launch = [&](auto op) {
      return std::thread([&, op = std::move(op)]() mutable {
        while (!go)
          std::this_thread::yield();
        std::move(op)([&](error_code ec, auto) {
          ++calls;
          how = to_errc(ec);
        });
      });
    };
    lock_query of_alice;
    of_alice.client_id = to_string(two_clients::alice);
    auto other = round % 3 == 0
      ? launch(s.c->async_disconnect({two_clients::alice, {}}, asio::deferred))
      : launch(s.c->async_list(round % 3 == 1 ? of_alice : lock_query{}, asio::deferred));

    go = true;
    for (int i = 0; i < round * 20; ++i)
      std::this_thread::yield();
    s.c.reset();
    other.join();
    s.run();

    ASSERT_EQ(calls, 1);
    ASSERT_THAT(how, testing::AnyOf(errc::success, errc::shutting_down));
  }
}

} // namespace
} // namespace leasebreak::test

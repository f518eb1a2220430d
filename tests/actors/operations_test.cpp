// The guarantees that hold for every operation of the API, tested for each of them.
#include "support/two_clients.hpp"

#include <leasebreak/persistence/memory_store.hpp>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

/// The state of a test before the operation starts.
struct scene {
  open_id open{}; ///< Alice's open of "f", with the lease key 1.
  open_id plain{}; ///< Alice's open of "g", without a lease; it has locked [0, 10).
  // There is also a guard of the entry "guarded" of "dir".
  open_id other{}; ///< Another open of "g".
};

using starter = std::function<void(two_clients&, const scene&, probe&)>;

struct operation_case {
  std::string name;
  std::function<void(two_clients&, scene&)>
    prepare; ///< In addition to the scene above; may be empty.
  starter succeed;
  starter fail;
  errc error;
  starter wait; ///< Starts an operation that has to wait; empty if it never waits.
};

lock_request lock_of(open_id open, std::uint64_t offset, bool at_once) {
  return {"g", open, {{{offset, 10}, true}}, at_once};
}

scene make_scene(two_clients& w) {
  scene s;
  s.open = w.open(two_clients::alice, "f", 1).open;
  s.plain = w.open(two_clients::alice, "g", 0).open;
  s.other = w.open(two_clients::alice, "g", 0).open;
  w.start(lock_of(s.plain, 0, true));
  w.start(entry_guard_request{"dir", "guarded"});
  w.settle();
  return s;
}

void break_f(two_clients& w, scene&) {
  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
}

void break_oplock(two_clients& w, scene& s) {
  auto r = two_clients::request(two_clients::alice, "o", 0);
  r.oplock = oplock_level::batch;
  auto& p = w.start(r);
  w.settle();
  s.open = p.as<open_result>().open;
  w.start(two_clients::request(two_clients::bob, "o", 0));
  w.settle();
}

void detach_open(two_clients& w, scene& s) {
  auto r = two_clients::request(two_clients::alice, "d", 5);
  r.durable = durable_request{std::chrono::minutes{1}, false, {}};
  auto& p = w.start(r);
  w.settle();
  s.open = p.as<open_result>().open;
  w.start(close_request{"d", s.open, true});
  w.settle();
}

void persist_open(two_clients& w, scene& s) {
  auto r = two_clients::request(two_clients::alice, "p", 0);
  r.durable = durable_request{std::chrono::minutes{1}, true, {}, "state"};
  auto& p = w.start(r);
  w.settle();
  s.open = p.as<open_result>().open;
}

/// A restart after a crash, after which Alice has opened "g" again, and has a lock of it to
/// reclaim.
void recover_lock(two_clients& w, scene& s) {
  persisted_lock record;
  record.id = "lock";
  record.file_id = "g";
  record.client_id = to_string(two_clients::alice);
  record.owner_id = "before";
  record.lock_type = 1;
  record.length = 10;
  record.is_legacy_byte_range = true;
  coordinator_config config;
  config.grace = std::chrono::seconds{45};
  config.store = std::make_shared<memory_store>();
  ASSERT_TRUE(config.store->put(record).ok());
  ASSERT_TRUE(config.store->increment_server_epoch().ok());
  ASSERT_TRUE(config.store->set_clean_shutdown(false).ok());
  w.c.reset();
  w.settle();
  w.c = std::make_unique<coordinator>(w.io.get_executor(), config);
  const auto sink = [](const break_notification&, const file_name_id&, const break_report&) {};
  w.c->register_client(two_clients::alice, sink);
  w.c->register_client(two_clients::bob, sink);
  auto& started = w.start(detail::start_request{});
  w.settle_until([&] { return started.done(); });
  s.plain = w.open(two_clients::alice, "g", 0).open;
}

template <class Request>
starter make(std::function<Request(const scene&)> request) {
  return [request](two_clients& w, const scene& s, probe& p) { w.begin(request(s), p); };
}

template <class Request>
starter always(Request request) {
  return [request](two_clients& w, const scene&, probe& p) { w.begin(request, p); };
}

template <class Request>
starter after_shutdown(Request request) {
  return [request](two_clients& w, const scene&, probe& p) {
    w.start(detail::shutdown_request{});
    w.settle();
    w.begin(request, p);
  };
}

replay_request replay_of(const scene& s, std::uint64_t key) {
  lease_request again;
  again.key = lease_key::of(key);
  return {"f", s.open, two_clients::alice, again, {}};
}

std::vector<operation_case> open_cases() {
  return {
    {"Open", {}, always(two_clients::request(two_clients::bob, "new", 2)),
      always(two_clients::request(two_clients::alice, "new", 1)), errc::lease_key_in_use,
      always(two_clients::request(two_clients::bob, "f", 2))},
    {"Close", {}, make<close_request>([](const scene& s) {
       return close_request{"f", s.open};
     }),
      always(close_request{"f", open_id{99}}), errc::unknown_open, {}},
    {"Reconnect", detach_open, make<reconnect_request>([](const scene& s) {
       return reconnect_request{"d", s.open, two_clients::alice, {}, lease_key::of(5), {}};
     }),
      make<reconnect_request>([](const scene& s) {
        return reconnect_request{"d", s.open, two_clients::bob, {}, lease_key::of(5), {}};
      }),
      errc::nothing_to_reclaim, {}},
    {"Replay", {}, make<replay_request>([](const scene& s) { return replay_of(s, 1); }),
      make<replay_request>([](const scene& s) { return replay_of(s, 2); }), errc::access_denied,
      {}},
    {"SetServerState", persist_open, make<server_state_request>([](const scene& s) {
       return server_state_request{"p", s.open, "path"};
     }),
      make<server_state_request>([](const scene& s) {
        return server_state_request{"g", s.plain, "path"};
      }),
      errc::invalid_argument, {}},
    {"MakeResilient", {}, make<resilience_request>([](const scene& s) {
       return resilience_request{"f", s.open, std::chrono::seconds{60}};
     }),
      make<resilience_request>([](const scene& s) {
        return resilience_request{"f", s.open, std::chrono::hours{1}};
      }),
      errc::invalid_argument, {}},
    {"AcknowledgeLease", break_f,
      always(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh}),
      always(lease_acknowledgement{two_clients::alice, lease_key::of(9), lease_state::rh}),
      errc::unknown_lease, {}},
    {"AcknowledgeOplock", break_oplock, make<oplock_acknowledgement>([](const scene& s) {
       return oplock_acknowledgement{"o", two_clients::alice, s.open, oplock_level::level_ii};
     }),
      make<oplock_acknowledgement>([](const scene& s) {
        return oplock_acknowledgement{"o", two_clients::bob, s.open, oplock_level::level_ii};
      }),
      errc::wrong_owner, {}},
  };
}

std::vector<operation_case> other_cases() {
  return {
    {"Lock", {}, make<lock_request>([](const scene& s) { return lock_of(s.plain, 50, true); }),
      make<lock_request>([](const scene& s) { return lock_of(s.other, 0, true); }),
      errc::lock_not_granted,
      make<lock_request>([](const scene& s) { return lock_of(s.other, 0, false); })},
    {"Unlock", {}, make<unlock_request>([](const scene& s) {
       return unlock_request{"g", s.plain, {{0, 10}}};
     }),
      make<unlock_request>([](const scene& s) {
        return unlock_request{"g", s.plain, {{5, 10}}};
      }),
      errc::range_not_locked, {}},
    {"ReclaimLock", recover_lock, make<reclaim_lock_request>([](const scene& s) {
       return reclaim_lock_request{"g", s.plain, {}, {{0, 10}, true}};
     }),
      make<reclaim_lock_request>([](const scene& s) {
        return reclaim_lock_request{"g", s.plain, "no such record", {}};
      }),
      errc::nothing_to_reclaim, {}},
    {"Access", {}, always(access_request{"n", access_kind::read, {}, {}, {}}),
      always(access_request{"n", access_kind::write, open_id{99}, two_clients::bob, {}}),
      errc::unknown_open, always(access_request{"f", access_kind::read, {}, {}, {}})},
    {"CheckIo", {}, make<io_request>([](const scene& s) {
       return io_request{"g", s.plain, {0, 10}, true};
     }),
      make<io_request>([](const scene& s) {
        return io_request{"g", s.other, {0, 10}, true};
      }),
      errc::file_lock_conflict, {}},
    {"QueryFile", {}, always(file_query("f")), always(file_query()), errc::file_id_empty, {}},
    {"GuardEntry", {}, always(entry_guard_request{"dir", "name"}),
      always(entry_guard_request{"dir", {}, "name"}), errc::invalid_argument,
      always(entry_guard_request{"dir", "guarded"})},
    {"Disconnect", {}, always(disconnect_request{two_clients::alice, {}}),
      always(disconnect_request{client_guid::of(77), {}}), errc::unknown_client, {}},
    {"ForceBreak", {}, always(force_break_request{"n", {}, {}, lease_state::none}),
      always(force_break_request{"f", {}, {}, lease_state::handle}), errc::invalid_lease_state,
      always(force_break_request{"f", {}, {}, lease_state::none})},
    {"List", {}, always(lock_query{}), after_shutdown(lock_query{}), errc::shutting_down, {}},
    {"ListPage", {}, always(list_request{}), after_shutdown(list_request{}), errc::shutting_down,
      {}},
    {"Start", {}, always(detail::start_request{}), after_shutdown(detail::start_request{}),
      errc::shutting_down, {}},
    {"Shutdown", {}, always(detail::shutdown_request{}), after_shutdown(detail::shutdown_request{}),
      errc::shutting_down, {}},
  };
}

std::vector<operation_case> all_cases() {
  auto all = open_cases();
  for (auto& c : other_cases())
    all.push_back(std::move(c));
  return all;
}

class EveryOperation : public testing::TestWithParam<operation_case> {
protected:
  void SetUp() override {
    s = make_scene(w);
    if (GetParam().prepare)
      GetParam().prepare(w, s);
  }

  two_clients w;
  scene s;
};

class EveryWaitingOperation : public EveryOperation {};

void PrintTo(const operation_case& c, std::ostream* out) {
  *out << c.name;
}

std::string name_of(const testing::TestParamInfo<operation_case>& info) {
  return info.param.name;
}

std::vector<operation_case> waiting_cases() {
  auto all = all_cases();
  std::erase_if(all, [](const auto& c) { return !c.wait; });
  return all;
}

TEST_P(EveryOperation, CompletesOnce) {
  probe p;

  GetParam().succeed(w, s, p);
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::success) << p.ec.message();
}

TEST_P(EveryOperation, FailsWithItsOwnError) {
  probe p;

  GetParam().fail(w, s, p);
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), GetParam().error) << p.ec.message();
}

TEST_P(EveryOperation, CompletesOnTheAssociatedExecutor) {
  const auto strand = asio::make_strand(w.io);
  probe good{strand};
  probe bad{strand};
  int inside = 0;
  good.on_call = bad.on_call = [&] { inside += strand.running_in_this_thread() ? 1 : 0; };

  GetParam().succeed(w, s, good);
  w.settle();
  GetParam().fail(w, s, bad);
  w.settle();

  EXPECT_EQ(inside, 2);
}

TEST_P(EveryOperation, IsNotCompletedInsideItsInitiation) {
  probe good;
  probe bad;
  int inside = 0;

  // On a thread that runs the executor, on which a handler could be called at once.
  asio::post(w.io, [&] {
    GetParam().succeed(w, s, good);
    inside += good.calls;
  });
  w.settle();
  GetParam().fail(w, s, bad);
  inside += bad.calls;
  w.settle();

  EXPECT_EQ(inside, 0);
  EXPECT_EQ(good.calls, 1);
  EXPECT_EQ(bad.calls, 1);
}

TEST_P(EveryOperation, IsNotChangedByCancellationOnceItIsDone) {
  probe p;
  GetParam().succeed(w, s, p);
  w.settle();

  p.signal.emit(asio::cancellation_type::terminal);
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::success);
}

TEST_P(EveryOperation, ThatDoesNotWaitIgnoresCancellation) {
  probe p;

  GetParam().succeed(w, s, p);
  p.signal.emit(asio::cancellation_type::terminal);
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::success);
}

TEST_P(EveryOperation, CompletesWhenTheCoordinatorGoesFirst) {
  probe p;

  GetParam().succeed(w, s, p);
  w.c.reset();
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_TRUE(p.error() == errc::shutting_down || p.error() == errc::success) << p.ec.message();
}

TEST_P(EveryOperation, DoesNotHangTheDestructorWhenTheExecutorHasStopped) {
  probe p;
  w.io.stop();

  GetParam().succeed(w, s, p);
  w.c.reset();

  EXPECT_EQ(p.calls, 0) << "the executor is not running";
  w.settle();
  EXPECT_EQ(p.calls, 1) << "the executor runs now";
}

INSTANTIATE_TEST_SUITE_P(Api, EveryOperation, testing::ValuesIn(all_cases()), name_of);

TEST_P(EveryWaitingOperation, WaitsAndIsCancelledAlone) {
  probe p;
  GetParam().wait(w, s, p);
  w.settle();
  ASSERT_EQ(p.calls, 0);
  const auto breaking = w.c->stats().breaking_now;

  p.signal.emit(asio::cancellation_type::total);
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::cancelled) << p.ec.message();
  EXPECT_EQ(w.c->stats().breaking_now, breaking) << "the break goes on";
  EXPECT_EQ(w.c->stats().waiting_now, 0U);
  EXPECT_EQ(w.c->stats().operations_cancelled, 1U);
}

TEST_P(EveryWaitingOperation, IsCancelledBeforeItsFileHasSeenIt) {
  probe p;

  GetParam().wait(w, s, p);
  p.signal.emit(asio::cancellation_type::partial);
  p.signal.emit(asio::cancellation_type::terminal);
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::cancelled) << p.ec.message();
}

TEST_P(EveryWaitingOperation, CompletesWhenTheCoordinatorGoes) {
  probe p;
  GetParam().wait(w, s, p);
  w.settle();

  w.c.reset();
  w.settle();
  p.signal.emit(asio::cancellation_type::terminal);
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::shutting_down);
}

TEST_P(EveryWaitingOperation, CompletesAtShutdown) {
  probe p;
  GetParam().wait(w, s, p);
  w.settle();

  auto& end = w.start(detail::shutdown_request{});
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::shutting_down);
  EXPECT_EQ(end.error(), errc::success);
  EXPECT_EQ(end.calls, 1);
}

INSTANTIATE_TEST_SUITE_P(Api, EveryWaitingOperation, testing::ValuesIn(waiting_cases()), name_of);

TEST(Operations, ADeferredOneMayBeLaunchedAfterTheCoordinatorIsGone) {
  two_clients w;
  auto open = w.c->async_open(two_clients::request(two_clients::alice, "f", 1));
  auto list = w.c->async_list({});
  int calls = 0;
  w.c.reset();

  std::move(open)([&](error_code ec, open_result) {
    ++calls;
    EXPECT_EQ(to_errc(ec), errc::shutting_down);
  });
  std::move(list)([&](error_code ec, std::vector<listed_entry>) {
    ++calls;
    EXPECT_EQ(to_errc(ec), errc::shutting_down);
  });
  EXPECT_EQ(calls, 0);
  w.settle();

  EXPECT_EQ(calls, 2);
}

TEST(Operations, TakeFutures) {
  two_clients w;

  auto future = w.c->async_open(two_clients::request(two_clients::alice, "f", 1), asio::use_future);
  w.settle();

  EXPECT_EQ(future.get().state, lease_state::rwh);
}

TEST(Operations, KeepTheExecutorRunningWhileTheyWait) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});

  w.io.restart();
  w.io.run(); // returns because nothing is left to wait for

  EXPECT_EQ(waiting.calls, 1);
  EXPECT_EQ(waiting.error(), errc::success);
}

TEST(Operations, KeepTheirHandlersExecutorRunningWhileTheyWait) {
  two_clients w;
  asio::io_context other;
  w.open(two_clients::alice, "f", 1);
  probe waiting(other.get_executor());
  w.begin(two_clients::request(two_clients::bob, "f", 2), waiting);
  w.settle();

  other.poll();
  EXPECT_FALSE(other.stopped()) << "an operation is in flight";
  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  w.settle();
  EXPECT_EQ(waiting.calls, 0) << "called on another executor";
  other.run();

  EXPECT_EQ(waiting.calls, 1);
  EXPECT_EQ(waiting.error(), errc::success);
  EXPECT_TRUE(other.stopped());
}

TEST(Operations, ThatCompleteTogetherAllComplete) {
  two_clients w;
  const auto held = w.open(two_clients::alice, "f", 1).open;
  constexpr int count = 10;
  std::vector<probe*> waiting;
  for (std::uint64_t i = 1; i <= count; ++i)
    waiting.push_back(&w.start(two_clients::request(two_clients::bob, "f", 100 + i)));
  w.settle();

  w.close("f", held);

  for (auto* p : waiting)
    EXPECT_EQ(p->calls, 1);
}

/// Returns the names of the two operations in the order of their completion.
std::vector<std::string> order_of(two_clients& w, probe& waiting, probe& cause) {
  std::vector<std::string> order;
  waiting.on_call = [&order] { order.emplace_back("waiting"); };
  cause.on_call = [&order] { order.emplace_back("cause"); };
  w.settle();
  waiting.on_call = nullptr;
  cause.on_call = nullptr;
  return order;
}

TEST(Operations, ThatWaitedCompleteBeforeTheCloseThatReleasesThem) {
  two_clients w;
  const auto held = w.open(two_clients::alice, "f", 1).open;
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  auto& close = w.start(close_request{"f", held, false});

  EXPECT_THAT(order_of(w, waiting, close), testing::ElementsAre("waiting", "cause"));
}

TEST(Operations, ThatWaitedCompleteBeforeTheAcknowledgementThatReleasesThem) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  const auto broken = w.alice_saw.front().notification;

  auto& ack = w.start(lease_acknowledgement{two_clients::alice, broken.key, broken.to});

  EXPECT_THAT(order_of(w, waiting, ack), testing::ElementsAre("waiting", "cause"));
}

TEST(Operations, AHandlerThatThrowsLosesNoOther) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  probe acknowledged;
  acknowledged.on_call = [] { throw std::runtime_error("thrown by a handler"); };
  w.begin(
    lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh}, acknowledged);

  EXPECT_THROW(w.settle(), std::runtime_error);
  w.settle();

  EXPECT_EQ(acknowledged.calls, 1);
  EXPECT_EQ(waiting.calls, 1);
  EXPECT_EQ(waiting.error(), errc::success);
}

/// Counts its allocations.
template <class T>
struct counting_allocator {
  using value_type = T;

  explicit counting_allocator(int& n) noexcept : in_use(&n) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) noexcept : in_use(other.in_use) {}

  T* allocate(std::size_t n) {
    ++*in_use;
    return std::allocator<T>{}.allocate(n);
  }
  void deallocate(T* p, std::size_t n) noexcept {
    --*in_use;
    std::allocator<T>{}.deallocate(p, n);
  }
  template <class U>
  friend bool operator==(const counting_allocator& a, const counting_allocator<U>& b) noexcept {
    return a.in_use == b.in_use;
  }

  int* in_use;
};

TEST(Operations, UseTheHandlersAllocatorAndFreeItsMemoryBeforeTheCall) {
  two_clients w;
  int in_use = 0;
  int at_call = -1;
  w.c->async_open(two_clients::request(two_clients::alice, "f", 1),
    asio::bind_allocator(
      counting_allocator<void>(in_use), [&](error_code, const open_result&) { at_call = in_use; }));

  EXPECT_GT(in_use, 0);
  w.settle();

  EXPECT_EQ(at_call, 0);
}

TEST(Operations, RefuseBadFileIds) {
  two_clients w;
  const std::string too_long(limits{}.file_id_bytes + 1, 'x');

  for (const auto& [file, error] :
    {std::pair{std::string{}, errc::file_id_empty}, std::pair{too_long, errc::file_id_too_long}}) {
    EXPECT_EQ((w.start(two_clients::request(two_clients::alice, file, 1)), w.settle(),
                w.probes.back().error()),
      error);
    EXPECT_EQ(
      (w.start(close_request{file, open_id{1}}), w.settle(), w.probes.back().error()), error);
  }
  EXPECT_EQ(w.c->stats().files_alive, 0U);
}

TEST(Operations, AcceptNamesOfAnyBytes) {
  two_clients w;
  std::string name;
  for (int i = 0; i < 256; ++i)
    name += static_cast<char>(i);

  const auto opened = w.open(two_clients::alice, name, 1);

  EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(1)), name);
  w.close(name, opened.open);
}

} // namespace
} // namespace leasebreak::test

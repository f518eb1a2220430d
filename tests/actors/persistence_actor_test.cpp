// The writing of records to the store: batches, failures, durable grants, stores that do not
// respond.
#include "support/faulty_store.hpp"
#include "support/kept_log.hpp"
#include "support/two_clients.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

using namespace std::chrono_literals;

/// A coordinator with a store. On driven time the store is used on the executor, on the real
/// clock by the writer's own thread.
struct with_store {
  explicit with_store(
    coordinator_config config = {}, two_clients::time clock = two_clients::time::driven) {
    config.store = store;
    w = std::make_unique<two_clients>(clock, config);
    auto& started = w->start(detail::start_request{});
    w->settle_until([&] { return started.done(); });
    EXPECT_EQ(started.error(), errc::success);
  }

  [[nodiscard]] std::size_t records() { return store->inner().list({}).value.records.size(); }
  [[nodiscard]] std::size_t records_of(const std::string& file) {
    lock_query query;
    query.file_id = file;
    return store->inner().list(query).value.records.size();
  }

  std::shared_ptr<faulty_store> store = std::make_shared<faulty_store>();
  std::unique_ptr<two_clients> w;
};

coordinator_config durable() {
  coordinator_config config;
  config.durable = true;
  return config;
}

TEST(Persistence, ChangesAreCollectedIntoOneBatch) {
  with_store s;
  for (std::uint64_t i = 1; i <= 10; ++i)
    s.w->open(two_clients::alice, "f" + std::to_string(i), i);
  EXPECT_EQ(s.store->batches(), 0);
  EXPECT_EQ(s.w->c->stats().store_backlog, 10U);

  s.w->advance(2ms);

  EXPECT_EQ(s.store->batches(), 1);
  EXPECT_EQ(s.records(), 10U);
  const auto stats = s.w->c->stats();
  EXPECT_EQ(stats.records_written, 10U);
  EXPECT_EQ(stats.store_backlog, 0U);
}

TEST(Persistence, ALeaseThatWasGrantedAndReleasedIsNeverWritten) {
  with_store s;
  s.w->close("f", s.w->open(two_clients::alice, "f", 1).open);

  s.w->advance(1s);

  EXPECT_EQ(s.store->batches(), 0);
}

TEST(Persistence, AReturnedLeaseIsErased) {
  with_store s;
  const auto open = s.w->open(two_clients::alice, "f", 1).open;
  s.w->advance(1s);
  ASSERT_EQ(s.records(), 1U);

  s.w->close("f", open);
  s.w->advance(1s);

  EXPECT_EQ(s.records(), 0U);
}

TEST(Persistence, AFailedBatchIsKeptAndTriedAgain) {
  kept_log kept;
  coordinator_config config;
  config.logger = kept.logger();
  with_store s(config);
  s.store->fail_with(errc::store_full);
  s.w->open(two_clients::alice, "f", 1);
  s.w->advance(2ms);
  s.w->open(two_clients::alice, "g", 2);
  for (int second = 0; second < 10; ++second)
    s.w->advance(1s);
  EXPECT_GT(s.store->batches(), 4);
  auto stats = s.w->c->stats();
  EXPECT_TRUE(stats.store_failing);
  EXPECT_EQ(stats.store_backlog, 2U);
  EXPECT_GE(stats.store_lag_us, 10'000'000U);
  EXPECT_EQ(stats.store_failures, static_cast<std::uint64_t>(s.store->batches()));

  s.store->fail_with(errc::success);
  s.w->advance(20s);

  EXPECT_EQ(s.records(), 2U);
  stats = s.w->c->stats();
  EXPECT_FALSE(stats.store_failing);
  EXPECT_EQ(stats.store_backlog, 0U);
  const auto log = kept.text();
  const auto first = log.find("store faulty fails");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(log.find("store faulty fails", first + 1), std::string::npos) << "logged once";
  EXPECT_THAT(log, testing::HasSubstr("works again"));
}

/// More than fits in one batch.
constexpr std::uint64_t many = 2'100;

void open_many(two_clients& w) {
  for (std::uint64_t i = 1; i <= many; ++i)
    w.start(two_clients::request(two_clients::alice, "f" + std::to_string(i), i));
  w.settle();
}

// Otherwise, a batch that the store cannot write within its timeout would be retried forever.
TEST(Persistence, ALargeBacklogIsWrittenInSeveralBatches) {
  with_store s;
  s.store->fail_with(errc::store_unavailable);
  open_many(*s.w);
  s.w->advance(2ms);
  EXPECT_EQ(s.w->c->stats().store_backlog, many);

  s.store->fail_with(errc::success);
  s.store->refuse_more_than(1'000);
  s.w->advance(50ms);

  EXPECT_EQ(s.records(), many);
  EXPECT_EQ(s.store->batches(), 1 + 3);
  EXPECT_EQ(s.w->c->stats().store_backlog, 0U);
}

TEST(Persistence, ShutdownWritesALargeBacklog) {
  coordinator_config config;
  config.write_delay = 1h;
  with_store s(config);
  s.store->refuse_more_than(1'000);
  open_many(*s.w);

  auto& end = s.w->start(detail::shutdown_request{});
  s.w->settle();

  EXPECT_EQ(end.calls, 1);
  EXPECT_EQ(end.error(), errc::success);
  EXPECT_EQ(s.records(), many);
}

TEST(Persistence, TheDestructorWritesALargeBacklog) {
  with_store s;
  s.store->refuse_more_than(1'000);
  open_many(*s.w);

  s.w->c.reset();

  EXPECT_EQ(s.records(), many);
  EXPECT_TRUE(s.store->inner().clean_shutdown().value);
}

TEST(Persistence, DurableGrantsOfALargeBacklogCompleteInOrderWhenTheyAreStored) {
  with_store s(durable());
  s.store->fail_with(errc::store_unavailable);
  std::vector<std::uint64_t> told;
  for (std::uint64_t i = 1; i <= many; ++i) {
    auto& p = s.w->start(two_clients::request(two_clients::alice, "f" + std::to_string(i), i));
    p.on_call = [&told, &s, i] {
      // Each handler is called after its batch is stored.
      if (s.records_of("f" + std::to_string(i)) == 1)
        told.push_back(i);
    };
  }
  s.w->settle();
  EXPECT_TRUE(told.empty());

  s.store->fail_with(errc::success);
  s.store->refuse_more_than(1'000);
  s.w->advance(50ms);

  EXPECT_EQ(told.size(), many);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(s.store->batches(), 1 + 3);
}

TEST(Persistence, PausesBetweenTriesDouble) {
  with_store s;
  s.store->fail_with(errc::store_unavailable);
  s.w->open(two_clients::alice, "f", 1);
  s.w->advance(2ms);
  ASSERT_EQ(s.store->batches(), 1);

  s.w->advance(49ms);
  EXPECT_EQ(s.store->batches(), 1);
  s.w->advance(1ms);
  EXPECT_EQ(s.store->batches(), 2);
  s.w->advance(99ms);
  EXPECT_EQ(s.store->batches(), 2);
  s.w->advance(1ms);
  EXPECT_EQ(s.store->batches(), 3);
}

TEST(Persistence, ABacklogRefusesGrantsAndNothingElse) {
  coordinator_config config;
  config.store_backlog_max = 2;
  with_store s(config);
  s.store->fail_with(errc::store_unavailable);
  const auto first = s.w->open(two_clients::alice, "a", 1).open;
  s.w->open(two_clients::alice, "b", 2);

  auto& lease = s.w->start(two_clients::request(two_clients::alice, "c", 3));
  auto& lock = s.w->start(lock_request{"a", first, {{{0, 1}, true}}, true});
  auto& plain = s.w->start(two_clients::request(two_clients::bob, "d", 0));
  s.w->settle();

  EXPECT_EQ(lease.error(), errc::store_backlog);
  EXPECT_EQ(lock.error(), errc::store_backlog);
  EXPECT_EQ(plain.error(), errc::success);
  s.w->close("a", first);
  EXPECT_LT(s.w->c->stats().store_backlog, 2U) << "it was never written";
}

TEST(Persistence, ABacklogRefusesPersistentOpensWithoutALease) {
  coordinator_config config;
  config.store_backlog_max = 2;
  with_store s(config);
  s.store->fail_with(errc::store_unavailable);
  s.w->open(two_clients::alice, "a", 1);
  s.w->open(two_clients::alice, "b", 2);
  auto r = two_clients::request(two_clients::alice, "c", 0);
  r.durable = durable_request{60s, true, {}, {}};

  auto& persistent = s.w->start(r);
  r.durable->persistent = false;
  auto& plain = s.w->start(r);
  s.w->settle();

  EXPECT_EQ(persistent.error(), errc::store_backlog);
  EXPECT_EQ(plain.error(), errc::success) << "it is not durable without Handle either";
  EXPECT_EQ(s.w->c->stats().opens_now, 3U);
  EXPECT_EQ(s.w->c->stats().opens_refused, 1U);
  EXPECT_EQ(s.w->c->stats().store_backlog, 2U);
}

TEST(Persistence, ABacklogCountsWhatIsAskedForAtOnce) {
  coordinator_config config;
  config.store_backlog_max = 2;
  with_store s(config);
  s.store->fail_with(errc::store_unavailable);
  const auto a = s.w->open(two_clients::alice, "a", 0).open;
  const auto b = s.w->open(two_clients::bob, "b", 0).open;

  for (std::uint64_t i = 1; i <= 10; ++i)
    s.w->start(two_clients::request(two_clients::alice, "f" + std::to_string(i), i));
  for (std::uint64_t i = 0; i < 10; ++i)
    s.w->start(lock_request{i % 2 == 0 ? "a" : "b", i % 2 == 0 ? a : b, {{{i, 1}, true}}, true});
  s.w->settle();

  const auto granted = std::count_if(s.w->probes.begin() + 3, s.w->probes.end(),
    [](const probe& p) { return p.error() == errc::success; });
  EXPECT_EQ(granted, 2);
  EXPECT_TRUE(std::all_of(s.w->probes.begin() + 3, s.w->probes.end(), [](const probe& p) {
    return p.calls == 1 && (p.error() == errc::success || p.error() == errc::store_backlog);
  }));
  const auto stats = s.w->c->stats();
  EXPECT_EQ(stats.store_backlog, 2U);
  EXPECT_LE(stats.opens_now + stats.locks_now, 4U) << "what is refused counts nowhere";
}

// Changes that have not been taken yet count one by one.
TEST(Persistence, CreatedAndDeletedRecordsDoNotFillTheBacklog) {
  coordinator_config config;
  config.store_backlog_max = 32;
  with_store s(config);
  s.w->open(two_clients::alice, "other", 1'000);
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const auto open = s.w->open(two_clients::alice, "f", i).open;
    ASSERT_LT(s.w->c->stats().store_backlog, 8U);
    s.w->close("f", open);
  }

  s.w->advance(2ms);

  EXPECT_EQ(s.store->batches(), 1);
  EXPECT_EQ(s.w->c->stats().records_written, 1U);
}

TEST(Persistence, ADurableGrantIsStoredBeforeItCompletes) {
  with_store s(durable());
  std::size_t found = 99;
  auto& p = s.w->start(two_clients::request(two_clients::alice, "f", 1));
  p.on_call = [&] { found = s.records(); };
  s.w->settle();

  EXPECT_EQ(p.error(), errc::success);
  EXPECT_EQ(found, 1U);
  EXPECT_EQ(s.store->batches(), 1);
}

TEST(Persistence, ADurableGrantThatCannotBeStoredIsUndone) {
  with_store s(durable());
  s.store->fail_with(errc::store_full);
  auto& p = s.w->start(two_clients::request(two_clients::alice, "f", 1));
  s.w->settle();
  EXPECT_EQ(p.calls, 0) << "it is tried some times";

  s.w->advance(50ms);
  s.w->advance(100ms);
  s.w->advance(200ms);

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::store_full);
  EXPECT_EQ(s.w->c->stats().opens_now, 0U);
  EXPECT_EQ(s.w->c->file_of_lease(two_clients::alice, lease_key::of(1)), "");
  s.store->fail_with(errc::success);
  s.w->advance(10s);
  EXPECT_EQ(s.records(), 0U);
}

TEST(Persistence, ADurableLockThatCannotBeStoredIsUndone) {
  with_store s(durable());
  const auto open = s.w->open(two_clients::alice, "f", 0).open;
  s.store->fail_with(errc::store_full);
  auto& p = s.w->start(lock_request{"f", open, {{{0, 10}, true}, {{20, 10}, false}}, true});
  s.w->settle();
  s.w->advance(50ms);
  s.w->advance(100ms);
  s.w->advance(200ms);

  EXPECT_EQ(p.error(), errc::store_full);
  EXPECT_EQ(s.w->c->stats().locks_now, 0U);
  auto& check = s.w->start(io_request{"f", open, {0, 100}, true});
  s.w->settle();
  EXPECT_EQ(check.error(), errc::success);
}

// Otherwise the cache would be back after a crash, without the data written meanwhile.
TEST(Persistence, ADurableChangeWaitsUntilTheCachesThatItBrokeAreGoneFromTheStore) {
  with_store s(durable());
  s.w->open(two_clients::alice, "f", 1, lease_state::r);
  const auto writer = s.w->open(two_clients::bob, "f", 0).open;
  s.store->fail_with(errc::store_unavailable);

  auto& write = s.w->start(access_request{"f", access_kind::write, writer, two_clients::bob, {}});
  s.w->settle();
  EXPECT_EQ(s.w->alice_saw.size(), 1U);
  EXPECT_EQ(write.calls, 0);
  s.store->fail_with(errc::success);
  s.w->advance(1s);

  EXPECT_EQ(write.calls, 1);
  EXPECT_EQ(write.error(), errc::success);
  EXPECT_EQ(s.records(), 0U);
}

TEST(Persistence, ADurableChangeThatBreaksNothingWaitsForNothing) {
  with_store s(durable());
  const auto writer = s.w->open(two_clients::bob, "f", 0).open;
  s.store->fail_with(errc::store_unavailable);

  auto& write = s.w->start(access_request{"f", access_kind::write, writer, two_clients::bob, {}});
  s.w->settle();

  EXPECT_EQ(write.calls, 1);
  EXPECT_EQ(write.error(), errc::success);
}

TEST(Persistence, ADurableChangeThatCannotBeStoredIsRefused) {
  with_store s(durable());
  s.w->open(two_clients::alice, "f", 1, lease_state::r);
  const auto writer = s.w->open(two_clients::bob, "f", 0).open;
  s.store->fail_with(errc::store_unavailable);

  auto& write = s.w->start(access_request{"f", access_kind::write, writer, two_clients::bob, {}});
  for (int second = 0; second < 10; ++second)
    s.w->advance(1s);

  EXPECT_EQ(write.error(), errc::store_unavailable);
  s.store->fail_with(errc::success);
  s.w->advance(20s);
  EXPECT_EQ(s.w->open(two_clients::alice, "f", 1, lease_state::r).state, lease_state::r)
    << "nothing is withheld for the change that was not made";
}

// An answer may depend on the changes of an earlier command, whose records are unwritten.

/// No operation completes before the store works again; then all complete with success.
void expect_told_when_stored(with_store& s, const std::vector<const probe*>& told) {
  for (const auto* p : told)
    EXPECT_EQ(p->calls, 0);
  s.store->fail_with(errc::success);
  s.w->advance(1s);
  for (const auto* p : told)
    EXPECT_EQ(p->error(), errc::success);
}

TEST(Persistence, ADurableGrantWaitsForTheRecordThatItSharesWithAnEarlierOne) {
  with_store s(durable());
  s.store->fail_with(errc::store_unavailable);
  auto& first = s.w->start(two_clients::request(two_clients::alice, "f", 1));
  s.w->settle();

  auto& second = s.w->start(two_clients::request(two_clients::alice, "f", 1));
  s.w->settle();
  expect_told_when_stored(s, {&first, &second});
  EXPECT_EQ(s.records(), 1U);
}

TEST(Persistence, ADurableLockThatIsSentAgainSharesTheFateOfTheFirst) {
  for (const auto fault : {errc::success, errc::store_full}) {
    with_store s(durable());
    const auto open = s.w->open(two_clients::alice, "f", 0).open;
    const lock_request request{"f", open, {{{0, 10}, true}}, true, lock_sequence{1, 3}};
    s.store->fail_with(errc::store_full);
    auto& first = s.w->start(request);
    s.w->settle();

    auto& again = s.w->start(request);
    s.w->settle();
    EXPECT_EQ(again.calls, 0);
    s.store->fail_with(fault);
    for (int second = 0; second < 10; ++second)
      s.w->advance(1s);

    EXPECT_EQ(first.error(), fault);
    EXPECT_EQ(again.error(), fault);
    EXPECT_EQ(s.w->c->stats().locks_now, fault == errc::success ? 1U : 0U);
  }
}

// The second one finds nothing to break.
TEST(Persistence, EachDurableChangeWaitsUntilTheCachesThatAnotherBrokeAreGoneFromTheStore) {
  with_store s(durable());
  s.w->open(two_clients::alice, "f", 1, lease_state::r);
  const auto writer = s.w->open(two_clients::bob, "f", 0).open;
  const access_request write{"f", access_kind::write, writer, two_clients::bob, {}};
  s.store->fail_with(errc::store_unavailable);
  auto& first = s.w->start(write);
  s.w->settle();

  auto& second = s.w->start(write);
  s.w->settle();
  expect_told_when_stored(s, {&first, &second});
  EXPECT_EQ(s.records(), 0U);
}

TEST(Persistence, ADurableChangeWaitsUntilAnAcknowledgedBreakIsInTheStore) {
  with_store s(durable());
  s.w->open(two_clients::alice, "f", 1, lease_state::rwh);
  s.w->start(force_break_request{"f", {}, {}, lease_state::none});
  s.w->advance(1s);
  s.w->start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::none});
  s.store->fail_with(errc::store_unavailable);
  s.w->settle();

  auto& write =
    s.w->start(access_request{"f", access_kind::write, open_id::none, two_clients::bob, {}});
  s.w->settle();
  expect_told_when_stored(s, {&write});
  EXPECT_EQ(s.records(), 0U);
}

// A file without state is ended, but not before its records are written.
TEST(Persistence, ADurableChangeWaitsAlsoForWhatAFileLeftBehind) {
  coordinator_config config = durable();
  config.idle_files_max = 0;
  with_store s(config);
  const auto open = s.w->open(two_clients::alice, "f", 1).open;
  s.store->fail_with(errc::store_unavailable);
  s.w->close("f", open);

  auto& write =
    s.w->start(access_request{"f", access_kind::write, open_id::none, two_clients::bob, {}});
  s.w->settle();
  expect_told_when_stored(s, {&write});
  EXPECT_EQ(s.records(), 0U);
  write.as<access_result>().hold.release();
  s.w->settle();
  EXPECT_EQ(s.w->c->stats().files_alive, 0U);
}

TEST(Persistence, AFileThatOwnsNothingEndsWhenTheStoreHasForgottenIt) {
  coordinator_config config = durable();
  config.idle_files_max = 0;
  with_store s(config);
  s.w->close("f", s.w->open(two_clients::alice, "f", 1).open);

  s.w->advance(1s);

  EXPECT_EQ(s.records(), 0U);
  EXPECT_EQ(s.w->c->stats().files_alive, 0U);
}

TEST(Persistence, ShutdownWritesWhatIsLeft) {
  with_store s;
  s.w->open(two_clients::alice, "f", 1);
  auto& end = s.w->start(detail::shutdown_request{});
  s.w->settle();

  EXPECT_EQ(end.error(), errc::success);
  EXPECT_EQ(s.records(), 1U);
  EXPECT_TRUE(s.store->inner().clean_shutdown().value);
}

TEST(Persistence, ShutdownAbandonsAStoreThatFails) {
  with_store s;
  s.w->open(two_clients::alice, "f", 1);
  s.store->fail_with(errc::store_full);
  auto& end = s.w->start(detail::shutdown_request{});
  s.w->settle();
  EXPECT_EQ(end.calls, 0);

  s.w->advance(10s);

  EXPECT_EQ(end.calls, 1);
  EXPECT_EQ(end.error(), errc::store_full);
  EXPECT_FALSE(s.store->inner().clean_shutdown().value);
}

TEST(Persistence, TheDestructorWritesWhatIsLeft) {
  with_store s;
  s.w->open(two_clients::alice, "f", 1);

  s.w->c.reset();

  EXPECT_EQ(s.records(), 1U);
  EXPECT_TRUE(s.store->inner().clean_shutdown().value);
}

TEST(Persistence, OperationsBeforeTheStartAreRefused) {
  coordinator_config config;
  config.store = std::make_shared<memory_store>();
  two_clients w(two_clients::time::driven, config);

  auto& p = w.start(two_clients::request(two_clients::alice, "f", 1));
  w.settle();

  EXPECT_EQ(p.error(), errc::not_started);
}

// From here on with the writer's own thread.

TEST(StoreThread, AHangingStoreDelaysNoOperationAndTheShutdownForAsLongAsConfigured) {
  coordinator_config config;
  config.write_delay = duration::zero();
  config.shutdown_store_wait = 20ms;
  std::shared_ptr<faulty_store> store;
  {
    const with_store s(config, two_clients::time::real);
    auto& w = *s.w;
    store = s.store;
    store->hang();
    const auto open = w.open(two_clients::alice, "f", 1);
    EXPECT_EQ(open.state, lease_state::rwh);
    w.settle_until([&] { return store->hanging() == 1; });
    w.open(two_clients::bob, "g", 2);

    auto& end = w.start(detail::shutdown_request{});
    w.settle_until([&] { return end.done(); });

    EXPECT_EQ(end.error(), errc::store_unavailable);
  }
  EXPECT_EQ(store->hanging(), 1) << "the coordinator is gone, the store still hangs";
  store->release();
  two_clients::wait_for([&] { return store->hanging() == 0; });
}

TEST(StoreThread, AStopWhenItIsTimeToWriteWrites) {
  const auto store = std::make_shared<faulty_store>();
  boost::asio::io_context io;
  coordinator_config config;
  config.store = store;
  config.write_delay = 50ms;
  auto c = std::make_unique<coordinator>(io.get_executor(), config);
  bool done = false;
  const auto finish = [&](auto initiate) {
    done = false;
    initiate([&](error_code ec, auto&&) { done = !ec; });
    io.restart();
    while (!done && io.run_one() != 0) {
    }
    ASSERT_TRUE(done);
  };
  finish([&](auto handler) { c->async_start(handler); });
  c->register_client(two_clients::alice, [](const auto&, const auto&, const auto&) {});
  finish([&](auto handler) {
    c->async_open(two_clients::request(two_clients::alice, "f", 1), handler);
  });
  io.poll();
  ASSERT_EQ(store->batches(), 0);

  io.run_one(); // the clock: it messages the actor, whose turn will not run
  c.reset();

  EXPECT_EQ(store->inner().list({}).value.records.size(), 1U);
}

/// A coordinator that is stopped while its store is being loaded; both operations wait for the
/// store.
struct stop_within_a_start {
  explicit stop_within_a_start(bool clean = true) {
    EXPECT_TRUE(store->inner().increment_server_epoch().ok());
    EXPECT_TRUE(store->inner().set_clean_shutdown(clean).ok());
    coordinator_config config;
    config.store = store;
    w = std::make_unique<two_clients>(two_clients::time::real, config);
    store->hang();
    started = &w->start(detail::start_request{});
    w->settle_until([&] { return store->hanging() == 1; });
    end = &w->start(detail::shutdown_request{});
    w->settle();
    EXPECT_EQ(end->calls, 0);
    EXPECT_EQ(started->calls, 0);
  }

  void release() {
    store->release();
    w->settle_until([&] { return end->done() && started->done(); });
  }

  std::shared_ptr<faulty_store> store = std::make_shared<faulty_store>();
  std::unique_ptr<two_clients> w;
  probe* started = nullptr;
  probe* end = nullptr;
};

TEST(StoreThread, AShutdownWhileTheStoreIsReadLeavesItAsItWas) {
  for (const bool clean : {false, true}) {
    SCOPED_TRACE(clean);
    stop_within_a_start s(clean);

    s.release();

    EXPECT_EQ(s.started->error(), errc::shutting_down);
    EXPECT_EQ(s.end->error(), errc::success);
    EXPECT_EQ(s.store->inner().clean_shutdown().value, clean);
  }
}

TEST(StoreThread, AShutdownWhileTheStoreCannotBeReadHasNothingToWrite) {
  stop_within_a_start s;
  s.store->fail_with(errc::store_corrupt);

  s.release();

  EXPECT_EQ(s.started->error(), errc::store_corrupt);
  EXPECT_EQ(s.end->error(), errc::success);
}

TEST(StoreThread, WhatComesWhileItWritesIsWrittenNext) {
  with_store s({}, two_clients::time::real);
  s.store->hang();
  s.w->open(two_clients::alice, "f", 1);
  s.w->settle_until([&] { return s.store->hanging() == 1; });
  s.w->open(two_clients::alice, "g", 2);
  EXPECT_EQ(s.w->c->stats().store_backlog, 2U);

  s.store->release();

  s.w->settle_until([&] { return s.w->c->stats().store_backlog == 0; });
  EXPECT_EQ(s.records(), 2U);
  EXPECT_EQ(s.store->batches(), 2);
}

TEST(StoreThread, WhatComesWhileItTriesAgainIsWrittenNext) {
  with_store s({}, two_clients::time::real);
  s.store->fail_with(errc::store_unavailable);
  s.w->open(two_clients::alice, "f", 1);
  s.w->settle_until([&] { return s.w->c->stats().store_failing; });
  s.store->hang();
  s.store->fail_with(errc::success);
  s.w->settle_until([&] { return s.store->hanging() == 1; });
  s.w->open(two_clients::alice, "g", 2);

  s.store->release();

  s.w->settle_until([&] { return s.w->c->stats().store_backlog == 0; });
  EXPECT_EQ(s.records(), 2U);
  EXPECT_FALSE(s.w->c->stats().store_failing);
}

TEST(StoreThread, DurableGrantsShareBatches) {
  const with_store s(durable(), two_clients::time::real);
  auto& w = *s.w;
  const auto& store = s.store;
  store->hang();
  for (std::uint64_t i = 1; i <= 100; ++i)
    w.start(two_clients::request(two_clients::alice, "f" + std::to_string(i), i));
  w.settle_until([&] { return store->hanging() == 1; });
  const auto granted = [&] {
    return std::count_if(w.probes.begin(), w.probes.end(), [](const auto& p) { return p.done(); });
  };
  w.settle_until([&] { return w.c->stats().store_backlog == 100; });
  EXPECT_EQ(granted(), 1) << "the start alone";

  store->release();
  w.settle_until([&] { return granted() == 101; });

  EXPECT_LE(store->batches(), 2) << "one for the first, and one for all that came meanwhile";
  EXPECT_EQ(store->inner().list({}).value.records.size(), 100U);
}

// The batch in flight may still fail.
TEST(StoreThread, AnAnswerWithoutRecordsWaitsForTheBatchThatIsBeingWritten) {
  const with_store s(durable(), two_clients::time::real);
  auto& w = *s.w;
  const auto& store = s.store;
  store->hang();
  auto& first = w.start(two_clients::request(two_clients::alice, "f", 1));
  w.settle_until([&] { return store->hanging() == 1; });

  auto& second = w.start(two_clients::request(two_clients::alice, "f", 1));
  auto& other =
    w.start(access_request{"g", access_kind::write, open_id::none, two_clients::bob, {}});
  w.settle_until([&] { return other.done(); });
  EXPECT_EQ(second.calls, 0);
  store->release();
  w.settle_until([&] { return first.done() && second.done(); });

  EXPECT_EQ(first.error(), errc::success);
  EXPECT_EQ(second.error(), errc::success);
}

TEST(StoreThread, AStopWithDurableGrantsInTheStoreCompletesThem) {
  coordinator_config config = durable();
  config.shutdown_store_wait = duration::zero();
  const with_store s(config, two_clients::time::real);
  auto& w = *s.w;
  const auto& store = s.store;
  store->hang();
  auto& p = w.start(two_clients::request(two_clients::alice, "f", 1));
  w.settle_until([&] { return store->hanging() == 1; });

  w.c.reset();
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_EQ(p.error(), errc::shutting_down);
  store->release();
  two_clients::wait_for([&] { return store->hanging() == 0; });
}

} // namespace
} // namespace leasebreak::test

// The recovery from the store at the start, and the grace period.
#include "support/faulty_store.hpp"
#include "support/two_clients.hpp"

#include <gmock/gmock.h>

#include <memory>

namespace leasebreak::test {
namespace {

using namespace std::chrono_literals;

coordinator_config recovering_with(const std::shared_ptr<lock_store>& store) {
  coordinator_config config;
  config.store = store;
  config.grace = 45s;
  return config;
}

errc try_open(two_clients& w, open_request r) {
  auto& p = w.start(std::move(r));
  w.settle();
  return p.error();
}

/// Alice holds RWH of "f" by key 1 and a lock on "g", and the server crashes.
std::shared_ptr<faulty_store> store_after_crash() {
  auto store = std::make_shared<faulty_store>();
  two_clients w(two_clients::time::driven, recovering_with(store));
  w.recover();
  w.open(two_clients::alice, "f", 1);
  const auto g = w.open(two_clients::alice, "g", 0).open;
  w.start(lock_request{"g", g, {{{0, 10}, true}}, true});
  w.advance(1s);
  EXPECT_EQ(store->inner().list({}).value.records.size(), 2U);
  store->fail_with(errc::store_unavailable); // discards what the destructor writes
  w.c.reset();
  store->fail_with(errc::success);
  return store;
}

TEST(Recovery, AFreshStoreIsACleanStart) {
  two_clients w(two_clients::time::driven, recovering_with(std::make_shared<memory_store>()));

  const auto found = w.recover();

  EXPECT_TRUE(found.clean);
  EXPECT_EQ(found.server_epoch, 1U);
  EXPECT_EQ(found.recovered, 0U);
  EXPECT_FALSE(found.in_grace);
}

// A disconnected persistent open without a grace period: the client's table does not contain it.
TEST(Recovery, AListByClientIsCompleteInTheHandlerOfTheStart) {
  const auto store = std::make_shared<memory_store>();
  {
    two_clients w(two_clients::time::driven, recovering_with(store));
    w.recover();
    auto r = two_clients::request(two_clients::alice, "f", 1);
    r.durable = durable_request{std::chrono::minutes{5}, true, {}, "state"};
    ASSERT_EQ(try_open(w, std::move(r)), errc::success);
    w.start(detail::shutdown_request{});
    w.settle();
  }
  two_clients w(two_clients::time::real, recovering_with(store));
  lock_query of_alice;
  of_alice.client_id = to_string(two_clients::alice);
  std::size_t listed = 0;
  bool done = false;
  w.c->async_start([&](error_code, const start_result& found) {
    EXPECT_EQ(found.opens.size(), 1U);
    EXPECT_FALSE(found.in_grace);
    w.c->async_list(of_alice, [&](error_code, const std::vector<listed_entry>& entries) {
      listed = entries.size();
      done = true;
    });
  });

  w.settle_until([&] { return done; });

  EXPECT_EQ(listed, 2U) << "the open and its lease";
}

// For a server whose executor is kept running by a grace period.
TEST(Recovery, AShutdownEndsTheTimerOfTheGracePeriod) {
  const auto store = store_after_crash();
  {
    two_clients w(two_clients::time::driven, recovering_with(store));
    ASSERT_TRUE(w.recover().in_grace);
    ASSERT_TRUE(w.has_timeout());

    auto& end = w.start(detail::shutdown_request{});
    w.settle();

    EXPECT_EQ(end.error(), errc::success);
    EXPECT_FALSE(w.has_timeout());
  }
  two_clients next(two_clients::time::driven, recovering_with(store));
  EXPECT_TRUE(next.recover().in_grace) << "what was not reclaimed has it again";
}

TEST(Recovery, AnOrderlyStopIsRemembered) {
  const auto store = std::make_shared<memory_store>();
  {
    two_clients w(two_clients::time::driven, recovering_with(store));
    w.recover();
    EXPECT_FALSE(store->clean_shutdown().value) << "while it runs";
    w.start(detail::shutdown_request{});
    w.settle();
  }
  two_clients w(two_clients::time::driven, recovering_with(store));

  const auto found = w.recover();

  EXPECT_TRUE(found.clean);
  EXPECT_EQ(found.server_epoch, 2U);
}

TEST(Recovery, AfterAnOrderlyStopNothingBlocksOtherClients) {
  const auto store = std::make_shared<memory_store>();
  {
    two_clients w(two_clients::time::driven, recovering_with(store));
    w.recover();
    w.open(two_clients::alice, "f", 1);
    const auto g = w.open(two_clients::alice, "g", 0).open;
    w.start(lock_request{"g", g, {{{0, 10}, true}}, true});
    w.start(detail::shutdown_request{});
    w.settle();
  }
  two_clients w(two_clients::time::driven, recovering_with(store));

  const auto found = w.recover();

  EXPECT_EQ(found.recovered, 2U);
  EXPECT_FALSE(found.in_grace);
  EXPECT_EQ(try_open(w, two_clients::request(two_clients::bob, "f", 2)), errc::success);
  const auto g = w.open(two_clients::bob, "g", 0).open;
  auto& lock = w.start(lock_request{"g", g, {{{0, 10}, true}}, true});
  w.settle();
  EXPECT_EQ(lock.error(), errc::success);
  auto late = two_clients::request(two_clients::alice, "f", 1);
  late.reclaim = true;
  EXPECT_EQ(try_open(w, late), errc::nothing_to_reclaim);
}

// However it is stopped: the grace period of the holders before the crash is not over.
TEST(Recovery, AnOrderlyStopWithinTheGracePeriodDoesNotEndIt) {
  for (const bool by_destructor : {false, true}) {
    SCOPED_TRACE(by_destructor);
    const auto store = store_after_crash();
    {
      two_clients w(two_clients::time::driven, recovering_with(store));
      EXPECT_TRUE(w.recover().in_grace);
      if (!by_destructor)
        w.start(detail::shutdown_request{});
      w.settle();
    }
    {
      two_clients w(two_clients::time::driven, recovering_with(store));

      EXPECT_TRUE(w.recover().in_grace);

      EXPECT_EQ(try_open(w, two_clients::request(two_clients::bob, "f", 2)), errc::reclaim_needed);
      w.advance(45s);
    }
    two_clients w(two_clients::time::driven, recovering_with(store));
    EXPECT_TRUE(w.recover().clean) << "it was over";
  }
}

TEST(Recovery, AHolderReclaimsAndOthersWait) {
  const auto store = store_after_crash();
  two_clients w(two_clients::time::driven, recovering_with(store));

  const auto found = w.recover();
  EXPECT_FALSE(found.clean);
  EXPECT_EQ(found.recovered, 2U);
  EXPECT_TRUE(found.in_grace);
  EXPECT_EQ(try_open(w, two_clients::request(two_clients::bob, "f", 2)), errc::reclaim_needed);
  auto wrong = two_clients::request(two_clients::bob, "f", 1);
  wrong.reclaim = true;
  EXPECT_EQ(try_open(w, wrong), errc::nothing_to_reclaim);
  auto right = two_clients::request(two_clients::alice, "f", 1);
  right.reclaim = true;
  EXPECT_EQ(try_open(w, right), errc::success);

  EXPECT_EQ(w.probes.back().as<open_result>().state, lease_state::rwh);
}

TEST(Recovery, UnreclaimedStateIsReleasedAfterTheGracePeriod) {
  const auto store = store_after_crash();
  two_clients w(two_clients::time::driven, recovering_with(store));
  w.recover();
  ASSERT_EQ(try_open(w, two_clients::request(two_clients::bob, "f", 2)), errc::reclaim_needed);

  w.advance(45s);

  EXPECT_EQ(try_open(w, two_clients::request(two_clients::bob, "f", 2)), errc::success);
  w.advance(1s);
  const auto left = store->inner().list({}).value.records;
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].client_id, to_string(two_clients::bob));
}

TEST(Recovery, AGracePeriodMayLastForEver) {
  const auto store = store_after_crash();
  auto config = recovering_with(store);
  config.grace = duration::max();
  two_clients w(two_clients::time::driven, config);

  EXPECT_TRUE(w.recover().in_grace);
  w.advance(1000h);

  EXPECT_EQ(try_open(w, two_clients::request(two_clients::bob, "f", 2)), errc::reclaim_needed);
}

TEST(Recovery, WithoutAGracePeriodNothingIsKept) {
  const auto store = store_after_crash();
  auto config = recovering_with(store);
  config.grace = 0s;
  two_clients w(two_clients::time::driven, config);

  const auto found = w.recover();

  EXPECT_FALSE(found.in_grace);
  EXPECT_EQ(try_open(w, two_clients::request(two_clients::bob, "f", 2)), errc::success);
}

// SMB has no message by which a client could reclaim anything except a persistent open.
TEST(Recovery, NothingIsKeptUnlessTheServerAsksForIt) {
  coordinator_config config;
  config.store = store_after_crash();
  two_clients w(two_clients::time::driven, config);

  const auto found = w.recover();

  EXPECT_FALSE(found.clean);
  EXPECT_FALSE(found.in_grace);
  EXPECT_EQ(try_open(w, two_clients::request(two_clients::bob, "f", 2)), errc::success);
}

TEST(Recovery, OpenIdsAreNotUsedAgain) {
  const auto store = std::make_shared<memory_store>();
  open_id before{};
  {
    two_clients w(two_clients::time::driven, recovering_with(store));
    w.recover();
    before = w.open(two_clients::alice, "f", 0).open;
  }
  two_clients w(two_clients::time::driven, recovering_with(store));
  w.recover();

  const auto after = w.open(two_clients::alice, "f", 0).open;

  EXPECT_NE(before, after);
}

TEST(Recovery, ABreakThatWasInProgressKeepsItsStart) {
  const auto store = std::make_shared<faulty_store>();
  {
    two_clients w(two_clients::time::driven, recovering_with(store));
    w.recover();
    w.open(two_clients::alice, "f", 1);
    w.start(two_clients::request(two_clients::bob, "f", 2));
    w.advance(1s);
    store->fail_with(errc::store_unavailable);
    w.c.reset();
    store->fail_with(errc::success);
  }
  const auto records = store->inner().list({}).value.records;
  ASSERT_EQ(records.size(), 1U);
  ASSERT_TRUE(records[0].breaking);
  two_clients w(two_clients::time::driven, recovering_with(store));
  w.recover();

  auto& listed = w.start(lock_query{});
  w.settle();

  const auto& entries = listed.as<std::vector<listed_entry>>();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].kind, entry_kind::recovered);
  EXPECT_EQ(entries[0].lease->break_started, records[0].break_started);
}

/// Alice has a persistent open of "f" with RWH by key 1, which Bob has broken. The server crashes.
struct crashed_while_breaking {
  crashed_while_breaking() {
    two_clients w(two_clients::time::driven, recovering_with(store));
    w.recover();
    auto r = two_clients::request(two_clients::alice, "f", 1);
    r.durable = durable_request{600s, true, {}, {}};
    EXPECT_EQ(try_open(w, r), errc::success);
    open = w.probes.back().as<open_result>().open;
    w.open(two_clients::alice, "g", 2);
    w.start(two_clients::request(two_clients::bob, "f", 3));
    w.start(two_clients::request(two_clients::bob, "g", 4));
    w.advance(1s);
    EXPECT_EQ(w.c->stats().breaking_now, 2U);
    store->fail_with(errc::store_unavailable);
    w.c.reset();
    store->fail_with(errc::success);
  }

  std::shared_ptr<faulty_store> store = std::make_shared<faulty_store>();
  open_id open{};
};

TEST(Recovery, BreaksThatWereInProgressCountUntilTheyEnd) {
  const crashed_while_breaking before;
  two_clients w(two_clients::time::driven, recovering_with(before.store));
  w.recover();
  EXPECT_EQ(w.c->stats().breaking_now, 2U);
  reconnect_request back{"f", before.open, two_clients::alice, {}, lease_key::of(1), {}};
  w.start(back);
  w.settle();
  EXPECT_EQ(w.probes.back().error(), errc::success);

  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  w.settle();
  EXPECT_EQ(w.probes.back().error(), errc::success);
  EXPECT_EQ(w.c->stats().breaking_now, 1U);
  w.open(two_clients::alice, "h", 5);
  w.start(two_clients::request(two_clients::bob, "h", 6));
  w.settle();
  EXPECT_EQ(w.c->stats().breaking_now, 2U);

  w.advance(35s); // the lease of "g" was not reclaimed, and that of "h" not acknowledged

  EXPECT_EQ(w.c->stats().breaking_now, 0U);
}

TEST(Recovery, ABreakOfAnUnreclaimedLeaseEndsWithTheGracePeriod) {
  const crashed_while_breaking before;
  auto config = recovering_with(before.store);
  config.grace = 1s;
  two_clients w(two_clients::time::driven, config);
  w.recover();
  ASSERT_EQ(w.c->stats().breaking_now, 2U);

  w.advance(1s);

  EXPECT_EQ(w.c->stats().breaking_now, 1U) << "that of the persistent open goes on";
}

TEST(Recovery, ARecordThatCannotBeUsedIsNamedAndLeftAlone) {
  const auto store = std::make_shared<memory_store>();
  persisted_lock record;
  record.id = "odd";
  record.share_name = "s";
  record.client_id = to_string(two_clients::alice);
  record.owner_id = "o";
  record.file_id = std::string(limits{}.file_id_bytes + 1, 'x');
  record.lock_type = 1;
  record.length = 10;
  ASSERT_TRUE(store->put(record).ok());
  two_clients w(two_clients::time::driven, recovering_with(store));

  const auto found = w.recover();

  ASSERT_EQ(found.malformed.size(), 1U);
  EXPECT_EQ(found.malformed[0].record, "odd");
  EXPECT_EQ(found.malformed[0].field, "file_id");
  EXPECT_EQ(store->list({}).value.records.size(), 1U);
}

TEST(Recovery, AStoreThatCannotBeReadIsAnErrorAndCanBeTriedAgain) {
  const auto store = std::make_shared<faulty_store>();
  store->fail_with(errc::store_corrupt);
  two_clients w(two_clients::time::driven, recovering_with(store));
  auto& first = w.start(detail::start_request{});
  w.settle();
  EXPECT_EQ(first.error(), errc::store_corrupt);
  EXPECT_EQ(try_open(w, two_clients::request(two_clients::alice, "f", 1)), errc::not_started);

  store->fail_with(errc::success);
  w.recover();

  EXPECT_EQ(try_open(w, two_clients::request(two_clients::alice, "f", 1)), errc::success);
  auto& again = w.start(detail::start_request{});
  w.settle();
  EXPECT_EQ(again.error(), errc::invalid_argument);
}

} // namespace
} // namespace leasebreak::test

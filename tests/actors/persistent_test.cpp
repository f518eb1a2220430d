// Persistent opens across a restart, and opens that another client reconnects: limits,
// notifications, and the store.
#include "support/faulty_store.hpp"
#include "support/two_clients.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

using namespace std::chrono_literals;

constexpr auto guid = create_guid::of(7, 8);

coordinator_config persistent_with(const std::shared_ptr<lock_store>& store) {
  coordinator_config config;
  config.store = store;
  config.durable = true;
  return config;
}

template <class Request>
errc done(two_clients& w, Request r) {
  auto& p = w.start(std::move(r));
  w.settle();
  EXPECT_EQ(p.calls, 1);
  return p.error();
}

open_request persistent(const client_guid& client, const std::string& file, std::uint64_t key) {
  auto r = two_clients::request(client, file, key);
  r.share = "share";
  r.durable = durable_request{60s, true, guid, "path"};
  return r;
}

reconnect_request back(const client_guid& client, open_id open, std::uint64_t key) {
  reconnect_request r{"f", open, client, connection_id{5}, {}, guid};
  if (key != 0)
    r.key = lease_key::of(key);
  return r;
}

/// Alice has a persistent open of "f" with RWH by key 1 and two locks, and the server crashes.
struct crashed {
  crashed() {
    two_clients w(two_clients::time::driven, persistent_with(store));
    w.recover();
    auto& p = w.start(persistent(two_clients::alice, "f", 1));
    w.settle();
    open = p.as<open_result>().open;
    EXPECT_TRUE(p.as<open_result>().persistent);
    EXPECT_EQ(
      done(w, lock_request{"f", open, {{{0, 10}, true}, {{20, 5}, true}}, true}), errc::success);
    // Discards what the end of the process would have written.
    store->fail_with(errc::store_unavailable);
    w.c.reset();
    store->fail_with(errc::success);
  }

  std::shared_ptr<faulty_store> store = std::make_shared<faulty_store>();
  open_id open{};
};

TEST(PersistentOpens, AreStoredBeforeTheyAreAnswered) {
  const crashed before;

  const auto records = before.store->inner().list({}).value.records;

  ASSERT_EQ(records.size(), 4U) << "the lease, the open, the locks";
  EXPECT_EQ(std::ranges::count_if(records, [](const auto& r) { return r.is_open(); }), 1);
}

// Otherwise no client would close it again.
TEST(PersistentOpens, AreGoneFromTheStoreBeforeTheirCloseIsAnswered) {
  const crashed before;
  two_clients w(two_clients::time::driven, persistent_with(before.store));
  w.recover();
  EXPECT_EQ(done(w, back(two_clients::alice, before.open, 1)), errc::success);
  before.store->fail_with(errc::store_unavailable);
  auto& unlocked = w.start(unlock_request{"f", before.open, {{0, 10}}});
  auto& closed = w.start(close_request{"f", before.open});
  w.settle();
  EXPECT_EQ(unlocked.calls, 0);
  EXPECT_EQ(closed.calls, 0);

  before.store->fail_with(errc::success);
  w.advance(1s);

  EXPECT_EQ(unlocked.calls, 1);
  EXPECT_EQ(unlocked.error(), errc::success);
  EXPECT_EQ(closed.calls, 1);
  EXPECT_EQ(closed.error(), errc::success);
  EXPECT_TRUE(before.store->inner().list({}).value.records.empty());
}

// The open is deleted from the store before its close, which waits for a break, completes.
TEST(PersistentOpens, AreGoneFromTheStoreBeforeACloseThatWaitsIsAnswered) {
  const auto store = std::make_shared<faulty_store>();
  two_clients w(two_clients::time::driven, persistent_with(store));
  w.recover();
  auto r = persistent(two_clients::alice, "f", 0);
  r.access |= access::delete_file;
  r.delete_on_close = true;
  auto& p = w.start(std::move(r));
  w.settle();
  w.open(two_clients::bob, "f", 2, lease_state::rh);
  store->fail_with(errc::store_unavailable);
  auto& closed = w.start(close_request{"f", p.as<open_result>().open});
  w.settle();
  ASSERT_EQ(w.bob_saw.size(), 1U) << "it waits for Bob's handle cache";

  EXPECT_EQ(done(w, lease_acknowledgement{two_clients::bob, lease_key::of(2), lease_state::r}),
    errc::success);
  EXPECT_EQ(closed.calls, 0) << "it waits for the store";
  store->fail_with(errc::success);
  w.advance(1s);

  EXPECT_EQ(closed.error(), errc::success);
  const auto records = store->inner().list({}).value.records;
  EXPECT_EQ(std::ranges::count_if(records, [](const auto& x) { return x.is_open(); }), 0);
}

TEST(PersistentOpens, AreClosedAlsoIfTheStoreFails) {
  const crashed before;
  two_clients w(two_clients::time::driven, persistent_with(before.store));
  w.recover();
  EXPECT_EQ(done(w, back(two_clients::alice, before.open, 1)), errc::success);
  before.store->fail_with(errc::store_unavailable);

  auto& closed = w.start(close_request{"f", before.open});
  for (int second = 0; second < 10; ++second)
    w.advance(1s);

  EXPECT_EQ(closed.calls, 1);
  EXPECT_EQ(closed.error(), errc::success);
  EXPECT_EQ(w.c->stats().opens_now, 0U);
}

TEST(PersistentOpens, AreNamedByTheStart) {
  const crashed before;
  two_clients w(two_clients::time::driven, persistent_with(before.store));

  const auto found = w.recover();

  EXPECT_FALSE(found.clean);
  EXPECT_EQ(found.recovered, 4U);
  ASSERT_EQ(found.opens.size(), 1U);
  const auto& o = found.opens.front();
  EXPECT_EQ(o.file, "f");
  EXPECT_EQ(o.open, before.open);
  EXPECT_EQ(o.client, two_clients::alice);
  EXPECT_EQ(o.share, "share");
  EXPECT_EQ(o.access, access::read_data | access::write_data);
  EXPECT_EQ(o.share_access, share::all);
  EXPECT_FALSE(o.delete_on_close);
  EXPECT_EQ(o.guid, guid);
  EXPECT_EQ(o.key, lease_key::of(1));
  EXPECT_EQ(o.timeout, 60s);
  EXPECT_EQ(o.server_state, "path");
}

TEST(PersistentOpens, ComeBackWithTheirLeaseAndTheirLocks) {
  const crashed before;
  two_clients w(two_clients::time::driven, persistent_with(before.store));
  w.recover();
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  EXPECT_FALSE(waiting.done()) << "the holder must be notified first";

  EXPECT_EQ(done(w, back(two_clients::alice, before.open, 1)), errc::success);
  EXPECT_EQ(w.probes.back().as<open_result>().state, lease_state::rwh);

  EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(1)), "f");
  ASSERT_EQ(w.alice_saw.size(), 2U) << "once while disconnected, and again after the reconnect";
  EXPECT_EQ(w.alice_saw.back().notification.connection(), connection_id{5});
  EXPECT_EQ(done(w, lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh}),
    errc::success);
  ASSERT_TRUE(waiting.done());
  const auto other = waiting.as<open_result>().open;
  EXPECT_EQ(done(w, lock_request{"f", other, {{{5, 1}, true}}, true}), errc::lock_not_granted);
  EXPECT_EQ(done(w, io_request{"f", other, {20, 1}, false}), errc::file_lock_conflict);
  EXPECT_EQ(done(w, unlock_request{"f", before.open, {{0, 10}}}), errc::success);
  EXPECT_EQ(done(w, lock_request{"f", other, {{{5, 1}, true}}, true}), errc::success);
}

TEST(PersistentOpens, CountAgainstTheLimitsFromTheStartOn) {
  const crashed before;
  auto config = persistent_with(before.store);
  config.limit.opens_total = 1;
  config.limit.locks_total = 2;
  two_clients w(two_clients::time::driven, config);
  w.recover();
  EXPECT_EQ(w.c->stats().opens_now, 1U);
  EXPECT_EQ(w.c->stats().locks_now, 2U);
  EXPECT_EQ(done(w, two_clients::request(two_clients::bob, "other", 0)), errc::too_many_opens);

  EXPECT_EQ(done(w, back(two_clients::alice, before.open, 1)), errc::success);
  EXPECT_EQ(w.c->stats().opens_now, 1U);
  EXPECT_EQ(done(w, lock_request{"f", before.open, {{{50, 1}, true}}, true}), errc::too_many_locks);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::alice)), errc::client_busy);

  w.close("f", before.open);
  EXPECT_EQ(w.c->stats().opens_now, 0U);
  EXPECT_EQ(w.c->stats().locks_now, 0U);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::alice)), errc::success);
  w.advance(1s);
  EXPECT_TRUE(before.store->inner().list({}).value.records.empty());
}

TEST(PersistentOpens, LocksCountForTheClientThatReconnects) {
  const crashed before;
  auto config = persistent_with(before.store);
  config.limit.locks_per_client = 2;
  two_clients w(two_clients::time::driven, config);
  w.recover();
  EXPECT_EQ(done(w, back(two_clients::alice, before.open, 1)), errc::success);

  EXPECT_EQ(done(w, lock_request{"f", before.open, {{{50, 1}, true}}, true}),
    errc::too_many_locks_of_client);
  EXPECT_EQ(done(w, unlock_request{"f", before.open, {{0, 10}}}), errc::success);
  EXPECT_EQ(done(w, lock_request{"f", before.open, {{{50, 1}, true}}, true}), errc::success);
}

TEST(PersistentOpens, ExpireWithoutAReconnect) {
  const crashed before;
  std::vector<open_lost> lost;
  auto config = persistent_with(before.store);
  config.on_open_lost = [&](open_lost l) { lost.push_back(std::move(l)); };
  two_clients w(two_clients::time::driven, config);
  w.recover();
  w.advance(59s);
  EXPECT_TRUE(lost.empty());

  w.advance(1s);

  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.front().open, before.open);
  EXPECT_EQ(lost.front().client, two_clients::alice);
  EXPECT_EQ(lost.front().cause, end_cause::expired);
  EXPECT_EQ(w.c->stats().opens_now, 0U);
  EXPECT_EQ(w.c->stats().locks_now, 0U);
  EXPECT_EQ(done(w, back(two_clients::alice, before.open, 1)), errc::nothing_to_reclaim);
  EXPECT_EQ(done(w, two_clients::request(two_clients::bob, "f", 2)), errc::success);
}

TEST(PersistentOpens, AreListedBeforeAndAfterTheGracePeriod) {
  const crashed before;
  auto config = persistent_with(before.store);
  config.grace = 1s;
  two_clients w(two_clients::time::driven, config);
  w.recover();
  lock_query of_alice;
  of_alice.client_id = to_string(two_clients::alice);
  for (const auto after : {0s, 10s}) {
    w.advance(after);
    auto& p = w.start(lock_query{of_alice});
    w.settle();

    std::vector<entry_kind> kinds;
    for (const auto& e : p.as<std::vector<listed_entry>>())
      kinds.push_back(e.kind);

    EXPECT_THAT(kinds,
      testing::ElementsAre(entry_kind::open, entry_kind::lease, entry_kind::byte_range_lock,
        entry_kind::byte_range_lock));
  }
}

TEST(PersistentOpens, SurviveAnOrderlyStopToo) {
  const auto store = std::make_shared<memory_store>();
  open_id open{};
  {
    two_clients w(two_clients::time::driven, persistent_with(store));
    w.recover();
    auto& p = w.start(persistent(two_clients::alice, "f", 1));
    w.settle();
    open = p.as<open_result>().open;
    EXPECT_EQ(done(w, lock_request{"f", open, {{{0, 10}, true}}, true}), errc::success);
    EXPECT_EQ(done(w, detail::shutdown_request{}), errc::success);
  }
  two_clients w(two_clients::time::driven, persistent_with(store));

  EXPECT_TRUE(w.recover().clean);

  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  EXPECT_FALSE(waiting.done());
  EXPECT_EQ(done(w, back(two_clients::alice, open, 1)), errc::success);
  EXPECT_EQ(w.probes.back().as<open_result>().state, lease_state::rwh);
  EXPECT_EQ(w.c->stats().locks_now, 1U);
  EXPECT_EQ(done(w, unlock_request{"f", open, {{0, 10}}}), errc::success);
}

TEST(PersistentOpens, WhoseKeyIsUsedForAnotherFileCannotBeReconnected) {
  const crashed before;
  two_clients w(two_clients::time::driven, persistent_with(before.store));
  w.recover();
  const auto other = w.open(two_clients::alice, "other", 1).open;

  EXPECT_EQ(done(w, back(two_clients::alice, before.open, 1)), errc::nothing_to_reclaim);

  w.close("other", other);
  EXPECT_EQ(done(w, back(two_clients::alice, before.open, 1)), errc::success);
}

TEST(PersistentOpens, ComeBackWithWhatTheServerHasSetLast) {
  const crashed before;
  {
    two_clients w(two_clients::time::driven, persistent_with(before.store));
    w.recover();
    EXPECT_EQ(done(w, server_state_request{"f", before.open, "without a client"}), errc::success);
    EXPECT_EQ(done(w, back(two_clients::alice, before.open, 1)), errc::success);
    EXPECT_EQ(done(w, server_state_request{"f", before.open, "another path"}), errc::success);
    before.store->fail_with(errc::store_unavailable);
    w.c.reset();
    before.store->fail_with(errc::success);
  }
  two_clients w(two_clients::time::driven, persistent_with(before.store));

  const auto found = w.recover();

  ASSERT_EQ(found.opens.size(), 1U);
  EXPECT_EQ(found.opens.front().server_state, "another path");
}

TEST(PersistentOpens, WhatTheServerSetsIsStoredBeforeItIsAnswered) {
  const crashed before;
  two_clients w(two_clients::time::driven, persistent_with(before.store));
  w.recover();
  before.store->fail_with(errc::store_unavailable);
  auto& set = w.start(server_state_request{"f", before.open, "another path"});
  w.settle();
  EXPECT_EQ(set.calls, 0);

  before.store->fail_with(errc::success);
  w.advance(1s);

  EXPECT_EQ(set.calls, 1);
  EXPECT_EQ(set.error(), errc::success);
}

TEST(PersistentOpens, WhoseStateCannotBeStoredReturnAnError) {
  const crashed before;
  two_clients w(two_clients::time::driven, persistent_with(before.store));
  w.recover();
  before.store->fail_with(errc::store_unavailable);

  auto& set = w.start(server_state_request{"f", before.open, "another path"});
  for (int second = 0; second < 10; ++second)
    w.advance(1s);

  EXPECT_EQ(set.calls, 1);
  EXPECT_EQ(set.error(), errc::store_unavailable);
}

// -- reconnects, with or without a restart -------------------------------------------------------

TEST(Reconnecting, InVainReservesNothing) {
  const crashed before;
  two_clients w(two_clients::time::driven, persistent_with(before.store));
  w.recover();

  EXPECT_EQ(done(w, back(two_clients::bob, before.open, 1)), errc::nothing_to_reclaim);
  EXPECT_EQ(done(w, back(two_clients::bob, open_id{99}, 1)), errc::nothing_to_reclaim);
  EXPECT_EQ(done(w, reconnect_request{"none", before.open, two_clients::bob, {}, {}, {}}),
    errc::nothing_to_reclaim);
  EXPECT_EQ(done(w, back(client_guid::of(99), before.open, 1)), errc::unknown_client);

  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::bob)), errc::success);
  EXPECT_EQ(w.c->stats().opens_now, 1U);
}

TEST(Reconnecting, AgainAndAgainCountsOnce) {
  coordinator_config config;
  config.limit.opens_per_client = 1;
  two_clients w(two_clients::time::driven, config);
  auto& p = w.start(persistent(two_clients::alice, "f", 1));
  w.settle();
  const auto open = p.as<open_result>().open;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(done(w, close_request{"f", open, true}), errc::success);
    EXPECT_EQ(done(w, back(two_clients::alice, open, 1)), errc::success);
  }
  EXPECT_EQ(
    done(w, two_clients::request(two_clients::alice, "g", 0)), errc::too_many_opens_of_client);

  w.close("f", open);

  EXPECT_EQ(w.c->stats().opens_now, 0U);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::alice)), errc::success);
}

// MS-SMB2 3.3.5.9.7: a client with another ClientGuid may reconnect an open without a lease.
TEST(Reconnecting, AsAnotherClientTakesEverythingAlong) {
  coordinator_config config;
  config.limit.locks_per_client = 1;
  two_clients w(two_clients::time::driven, config);
  auto r = two_clients::request(two_clients::alice, "f", 0);
  r.oplock = oplock_level::batch;
  r.durable = durable_request{60s, false, guid, {}};
  auto& p = w.start(r);
  w.settle();
  const auto open = p.as<open_result>().open;
  EXPECT_EQ(done(w, lock_request{"f", open, {{{0, 1}, true}}, true}), errc::success);
  EXPECT_EQ(done(w, disconnect_request{two_clients::alice, {}}), errc::success);

  EXPECT_EQ(done(w, back(two_clients::bob, open, 0)), errc::success);

  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::alice)), errc::success);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::bob)), errc::client_busy);
  EXPECT_EQ(
    done(w, lock_request{"f", open, {{{5, 1}, true}}, true}), errc::too_many_locks_of_client);
  auto& gone = w.start(disconnect_request{two_clients::bob, {}});
  w.settle();
  EXPECT_EQ(gone.as<disconnect_result>().kept.size(), 1U)
    << "it ends with the connections of the new client now";
  EXPECT_EQ(done(w, close_request{"f", open, false}), errc::success);
  EXPECT_EQ(w.c->stats().locks_now, 0U);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::bob)), errc::success);
}

} // namespace
} // namespace leasebreak::test

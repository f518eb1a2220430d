// Clients: registration, lease tables, limits, break sinks.
#include "support/two_clients.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

errc open_error(two_clients& w, open_request r) {
  auto& p = w.start(std::move(r));
  w.settle();
  return p.error();
}

TEST(Clients, AreRegisteredOnce) {
  two_clients w;
  const auto sink = [](const break_notification&, const file_name_id&, const break_report&) {};

  EXPECT_EQ(to_errc(w.c->register_client(two_clients::alice, sink)), errc::client_exists);
  EXPECT_EQ(to_errc(w.c->register_client({}, sink)), errc::invalid_argument);
  EXPECT_EQ(to_errc(w.c->register_client(client_guid::of(3), {})), errc::invalid_argument);
  EXPECT_EQ(w.c->stats().clients, 2U);
}

TEST(Clients, AreUnregisteredWhenTheyHaveNoOpens) {
  two_clients w;
  const auto open = w.open(two_clients::alice, "f", 1).open;

  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::alice)), errc::client_busy);
  w.close("f", open);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::alice)), errc::success);

  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::alice)), errc::unknown_client);
  EXPECT_EQ(open_error(w, two_clients::request(two_clients::alice, "f", 1)), errc::unknown_client);
}

TEST(Clients, ALeaseKeyBelongsToOneFile) {
  two_clients w;
  const auto first = w.open(two_clients::alice, "f", 1).open;
  w.open(two_clients::alice, "f", 1);

  EXPECT_EQ(
    open_error(w, two_clients::request(two_clients::alice, "g", 1)), errc::lease_key_in_use);
  EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(1)), "f");
  w.close("f", first);
  EXPECT_EQ(open_error(w, two_clients::request(two_clients::alice, "g", 1)), errc::lease_key_in_use)
    << "one open is left";
  EXPECT_EQ(w.c->stats().files_alive, 2U);
}

TEST(Clients, TheSameKeyOfAnotherClientIsAnotherLease) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);

  EXPECT_EQ(open_error(w, two_clients::request(two_clients::bob, "g", 1)), errc::success);
  EXPECT_EQ(w.c->file_of_lease(two_clients::bob, lease_key::of(1)), "g");
}

TEST(Clients, AFailedOpenReleasesItsKey) {
  two_clients w;
  auto exclusive = two_clients::request(two_clients::bob, "f", 0);
  exclusive.share_access = share::none;
  ASSERT_EQ(open_error(w, exclusive), errc::success);

  EXPECT_EQ(
    open_error(w, two_clients::request(two_clients::alice, "f", 1)), errc::sharing_violation);

  EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(1)), "");
  EXPECT_EQ(open_error(w, two_clients::request(two_clients::alice, "g", 1)), errc::success);
  EXPECT_EQ(w.c->stats().opens_refused, 1U);
}

TEST(Clients, ADisconnectEndsAllOpensOnAllFiles) {
  two_clients w;
  for (std::uint64_t i = 1; i <= 20; ++i)
    w.open(two_clients::alice, "f" + std::to_string(i), i);
  w.open(two_clients::bob, "other", 100);

  auto& p = w.start(disconnect_request{two_clients::alice, {}});
  w.settle();

  EXPECT_EQ(p.as<disconnect_result>().opens, 20U);
  EXPECT_EQ(w.c->stats().opens_now, 1U);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::alice)), errc::success);
}

TEST(Clients, ADisconnectOfOneConnectionLeavesTheOthers) {
  two_clients w;
  auto r = two_clients::request(two_clients::alice, "f", 1);
  r.connection = connection_id{7};
  w.start(r);
  w.open(two_clients::alice, "g", 2);

  auto& p = w.start(disconnect_request{two_clients::alice, connection_id{7}});
  w.settle();

  EXPECT_EQ(p.as<disconnect_result>().opens, 1U);
  EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(2)), "g");
}

TEST(Clients, ADisconnectSaysWhichFilesToDelete) {
  two_clients w;
  auto r = two_clients::request(two_clients::alice, "f", 0);
  r.access |= access::delete_file;
  r.delete_on_close = true;
  w.start(r);
  w.settle();

  auto& p = w.start(disconnect_request{two_clients::alice, {}});
  w.settle();

  auto& result = p.as<disconnect_result>();
  ASSERT_EQ(result.to_delete.size(), 1U);
  EXPECT_EQ(result.to_delete[0].file, "f");
  EXPECT_EQ(open_error(w, two_clients::request(two_clients::bob, "f", 0)), errc::delete_pending);
  result.to_delete[0].hold.release();
  EXPECT_EQ(open_error(w, two_clients::request(two_clients::bob, "f", 0)), errc::success);
}

/// Accesses that may wait for a client that has no open of the file.
class WithoutAnOpen : public testing::TestWithParam<access_kind> {};

TEST_P(WithoutAnOpen, ADisconnectEndsWhatWaits) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(access_request{"f", GetParam(), open_id::none, two_clients::bob, {}});
  w.settle();
  ASSERT_EQ(waiting.calls, 0);
  lock_query of_bob;
  of_bob.client_id = to_string(two_clients::bob);
  auto& listed = w.start(of_bob);
  w.settle();
  EXPECT_EQ(listed.as<std::vector<listed_entry>>().size(), 1U);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::bob)), errc::client_busy);

  auto& p = w.start(disconnect_request{two_clients::bob, {}});
  w.settle();

  EXPECT_EQ(p.error(), errc::success);
  EXPECT_EQ(waiting.calls, 1);
  EXPECT_EQ(waiting.error(), errc::client_gone);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::bob)), errc::success);
  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::none});
  w.settle();
  EXPECT_EQ(waiting.calls, 1);
}

TEST_P(WithoutAnOpen, ADisconnectEndsWhatIsOnItsWay) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(access_request{"f", GetParam(), open_id::none, two_clients::bob, {}});

  w.start(disconnect_request{two_clients::bob, {}});
  w.settle();

  EXPECT_EQ(waiting.error(), errc::client_gone);
  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::bob)), errc::success);
}

TEST_P(WithoutAnOpen, AClientCanBeUnregisteredAfterItsOperation) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(access_request{"f", GetParam(), open_id::none, two_clients::bob, {}});
  w.settle();
  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::r});
  w.settle();
  ASSERT_EQ(waiting.calls, 1);

  EXPECT_EQ(to_errc(w.c->unregister_client(two_clients::bob)), errc::success);
}

INSTANTIATE_TEST_SUITE_P(Clients, WithoutAnOpen,
  testing::Values(access_kind::read, access_kind::rename, access_kind::rename_ancestor,
    access_kind::replace, access_kind::unlink));

TEST(Clients, WithoutRegistrationAreTreatedLikeAnyClient) {
  two_clients w(two_clients::time::driven);
  w.open(two_clients::alice, "f", 1, lease_state::r);

  auto& p =
    w.start(access_request{"f", access_kind::replace, open_id::none, client_guid::of(9), {}});
  w.settle();

  EXPECT_EQ(p.error(), errc::access_denied) << "other opens, as for any client";
}

TEST(Clients, AnUndeliverableBreakEndsAtOnce) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  ASSERT_EQ(waiting.calls, 0);

  w.alice_saw.front().report.undeliverable();
  w.alice_saw.front().report.undeliverable();
  w.settle();

  EXPECT_EQ(waiting.error(), errc::success);
  EXPECT_EQ(w.c->stats().breaks_by_outcome[index_of(break_outcome::undeliverable)], 1U);
}

TEST(Clients, ASinkThatThrowsHasNotDelivered) {
  two_clients w;
  const auto carol = client_guid::of(0xca201);
  w.c->register_client(
    carol, [](const break_notification&, const file_name_id&, const break_report&) { throw 1; });
  w.open(carol, "f", 1);

  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  EXPECT_EQ(waiting.error(), errc::success);
}

TEST(Clients, AReportMayOutliveTheCoordinator) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  w.c.reset();
  w.alice_saw.front().report.undeliverable();
  w.settle();

  EXPECT_EQ(w.probes.back().error(), errc::shutting_down);
}

TEST(Clients, HaveALimitOfOpens) {
  coordinator_config config;
  config.limit.opens_per_client = 2;
  config.limit.opens_total = 3;
  two_clients w(two_clients::time::real, config);
  w.open(two_clients::alice, "a", 1);
  const auto second = w.open(two_clients::alice, "b", 2).open;

  EXPECT_EQ(open_error(w, two_clients::request(two_clients::alice, "c", 3)),
    errc::too_many_opens_of_client);
  w.open(two_clients::bob, "z", 1);
  EXPECT_EQ(open_error(w, two_clients::request(two_clients::bob, "b", 2)), errc::too_many_opens);
  EXPECT_EQ(w.c->stats().opens_now, 3U);
  EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(3)), "");

  w.close("b", second);
  EXPECT_EQ(open_error(w, two_clients::request(two_clients::alice, "c", 3)), errc::success);
}

errc lock_error(two_clients& w, open_id open, std::uint64_t offset, std::size_t count = 1) {
  lock_request r{"f", open, {}, true};
  for (std::size_t i = 0; i < count; ++i)
    r.elements.push_back({{offset + 10 * i, 10}, true});
  auto& p = w.start(r);
  w.settle();
  return p.error();
}

TEST(Clients, HaveALimitOfLocks) {
  coordinator_config config;
  config.limit.locks_per_client = 3;
  config.limit.locks_total = 4;
  two_clients w(two_clients::time::real, config);
  const auto a = w.open(two_clients::alice, "f", 0).open;
  const auto b = w.open(two_clients::bob, "f", 0).open;
  ASSERT_EQ(lock_error(w, a, 0, 2), errc::success);

  EXPECT_EQ(lock_error(w, a, 100, 2), errc::too_many_locks_of_client);
  EXPECT_EQ(lock_error(w, a, 100, 1), errc::success);
  EXPECT_EQ(lock_error(w, b, 200, 2), errc::too_many_locks);
  EXPECT_EQ(lock_error(w, b, 100, 1), errc::lock_not_granted);
  EXPECT_EQ(w.c->stats().locks_now, 3U) << "a refused lock counts nothing";

  w.start(unlock_request{"f", a, {{100, 10}}});
  w.settle();
  EXPECT_EQ(w.c->stats().locks_now, 2U);
  w.close("f", a);
  EXPECT_EQ(w.c->stats().locks_now, 0U);
}

TEST(Clients, ALockThatIsSentTwiceCountsOnce) {
  two_clients w(two_clients::time::real);
  const auto a = w.open(two_clients::alice, "f", 0).open;
  lock_request r{"f", a, {{{0, 10}, true}}, true, lock_sequence{1, 1}};
  auto& first = w.start(r);
  w.settle();
  ASSERT_EQ(first.error(), errc::success);

  auto& second = w.start(r);
  w.settle();

  EXPECT_EQ(second.error(), errc::success);
  EXPECT_EQ(first.as<std::size_t>(), 1U);
  EXPECT_EQ(second.as<std::size_t>(), 0U) << "the open has the lock already";
  EXPECT_EQ(w.c->stats().locks_now, 1U);
  w.close("f", a);
  EXPECT_EQ(w.c->stats().locks_now, 0U);
}

// MS-FSA 2.1.5.12.27, whatever breaks are in progress.
TEST(Clients, AQuerySaysAtOnceWhetherTheFileWillBeDeleted) {
  two_clients w(two_clients::time::real);
  auto r = two_clients::request(two_clients::alice, "f", 1);
  r.access |= access::delete_file;
  auto& opened = w.start(r);
  w.settle();
  opened.as<open_result>().answer.sent();
  const auto a = opened.as<open_result>().open;
  const auto query = [&] {
    auto& p = w.start(file_query("f"));
    w.settle();
    EXPECT_EQ(p.error(), errc::success);
    return p.as<file_facts>().delete_pending;
  };
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 0));
  w.settle();
  EXPECT_EQ(waiting.calls, 0) << "alice has not answered";
  EXPECT_FALSE(query());
  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  w.settle();

  auto& deletion = w.start(access_request{"f", access_kind::set_delete, a, two_clients::alice, {}});
  w.settle();

  EXPECT_EQ(deletion.error(), errc::success);
  EXPECT_TRUE(query());
}

TEST(Clients, ALimitOfWaitingHolds) {
  coordinator_config config;
  config.limit.waiting_total = 1;
  two_clients w(two_clients::time::real, config);
  w.open(two_clients::alice, "f", 1);
  auto& first = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  EXPECT_EQ(open_error(w, two_clients::request(two_clients::bob, "f", 3)), errc::too_many_waiting);
  EXPECT_EQ(first.calls, 0);
  EXPECT_EQ(w.c->stats().waiting_most, 1U);
}

TEST(Clients, ALimitOfWaitingHoldsAlsoForWhatComesAtOnce) {
  coordinator_config config;
  config.limit.waiting_total = 3;
  two_clients w(two_clients::time::driven, config);
  const auto f = w.open(two_clients::alice, "f", 1).open;
  const auto g = w.open(two_clients::alice, "g", 0).open;
  w.start(lock_request{"g", g, {{{0, 10}, true}}, true});
  const auto other = w.open(two_clients::bob, "g", 0, lease_state::none).open;
  std::vector<probe*> burst;

  for (std::uint64_t i = 0; i < 10; ++i) {
    burst.push_back(&w.start(two_clients::request(two_clients::bob, "f", 100 + i)));
    burst.push_back(&w.start(lock_request{"g", other, {{{0, 10}, true}}, false}));
  }
  auto& reads = w.start(access_request{"f", access_kind::read, open_id::none, {}, {}});
  auto& forced = w.start(force_break_request{"f", {}, {}, lease_state::none});
  w.settle();

  EXPECT_EQ(std::count_if(burst.begin(), burst.end(), [](auto* p) { return !p->done(); }), 3);
  EXPECT_EQ(std::count_if(burst.begin(), burst.end(),
              [](auto* p) { return p->error() == errc::too_many_waiting; }),
    17);
  EXPECT_EQ(reads.error(), errc::too_many_waiting);
  EXPECT_EQ(forced.error(), errc::too_many_waiting);
  EXPECT_EQ(w.c->stats().waiting_now, 3U);
  EXPECT_EQ(w.c->stats().waiting_most, 3U);

  w.close("f", f);
  w.start(close_request{"g", g});
  w.start(close_request{"g", other});
  w.settle();
  EXPECT_EQ(w.c->stats().waiting_now, 0U);
}

TEST(Clients, OperationsThatNeedNotWaitSucceedAtTheLimit) {
  coordinator_config config;
  config.limit.waiting_total = 1;
  two_clients w(two_clients::time::driven, config);
  w.open(two_clients::alice, "f", 1);
  const auto g = w.open(two_clients::bob, "g", 7).open;
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  ASSERT_EQ(waiting.calls, 0);

  EXPECT_EQ(open_error(w, two_clients::request(two_clients::bob, "new", 3)), errc::success);
  EXPECT_EQ(open_error(w, two_clients::request(two_clients::bob, "g", 7)), errc::success);
  auto& lock = w.start(lock_request{"g", g, {{{0, 10}, true}}, false});
  auto& write = w.start(access_request{"g", access_kind::write, g, two_clients::bob, {}});
  auto& forced = w.start(force_break_request{"new", {}, lease_key::of(9), lease_state::none});
  w.settle();
  EXPECT_EQ(lock.error(), errc::success);
  EXPECT_EQ(write.error(), errc::success);
  EXPECT_EQ(forced.error(), errc::success);

  EXPECT_EQ(open_error(w, two_clients::request(two_clients::bob, "f", 4)), errc::too_many_waiting);
  waiting.signal.emit(asio::cancellation_type::terminal);
  w.settle();
  auto& next = w.start(two_clients::request(two_clients::bob, "f", 4));
  w.settle();
  EXPECT_EQ(next.calls, 0) << "there is room again";
}

// A close cannot fail: it proceeds without breaking cached handles first.
TEST(Clients, ALimitOfWaitingDoesNotPreventCloses) {
  coordinator_config config;
  config.limit.waiting_total = 1;
  two_clients w(two_clients::time::driven, config);
  w.open(two_clients::alice, "f", 1);
  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.open(two_clients::alice, "g", 3, lease_state::rh);
  auto r = two_clients::request(two_clients::bob, "g", 0);
  r.access |= access::delete_file;
  r.delete_on_close = true;
  auto& deleting = w.start(r);
  w.settle();
  ASSERT_EQ(deleting.error(), errc::success);

  w.close("g", deleting.as<open_result>().open);

  EXPECT_EQ(w.c->stats().waiting_now, 1U);
}

TEST(Clients, ZeroLeaseKeysAreRefused) {
  two_clients w;
  auto r = two_clients::request(two_clients::alice, "f", 1);
  r.lease->key = {};

  EXPECT_EQ(open_error(w, r), errc::zero_lease_key);
  EXPECT_EQ(w.c->stats().files_alive, 0U);
}

TEST(Listings, ShowWhatWaitsForWhat) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  w.open(two_clients::bob, "g", 7);
  w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();

  lock_query of_f;
  of_f.file_id = "f";
  auto& one = w.start(of_f);
  lock_query of_bob;
  of_bob.client_id = to_string(two_clients::bob);
  auto& bobs = w.start(of_bob);
  w.settle();

  const auto& entries = one.as<std::vector<listed_entry>>();
  EXPECT_EQ(std::count_if(entries.begin(), entries.end(),
              [](const auto& e) { return e.kind == entry_kind::lease && e.lease->breaking; }),
    1);
  EXPECT_EQ(std::count_if(entries.begin(), entries.end(),
              [](const auto& e) {
                return e.kind == entry_kind::waiting && e.client == two_clients::bob &&
                  e.blocker == two_clients::alice;
              }),
    1);
  const auto& of = bobs.as<std::vector<listed_entry>>();
  EXPECT_TRUE(
    std::all_of(of.begin(), of.end(), [](const auto& e) { return e.client == two_clients::bob; }));
  EXPECT_TRUE(std::is_sorted(
    of.begin(), of.end(), [](const auto& a, const auto& b) { return a.file_id < b.file_id; }));
}

TEST(Listings, NameClientsByTheirLabels) {
  two_clients w;
  EXPECT_EQ(to_errc(w.c->set_label(two_clients::alice, "alice at 10.0.0.1")), errc::success);
  EXPECT_EQ(to_errc(w.c->set_label(two_clients::bob, "bob at 10.0.0.2")), errc::success);
  EXPECT_EQ(to_errc(w.c->set_label(client_guid::of(9), "?")), errc::unknown_client);
  w.open(two_clients::alice, "f", 1);
  auto r = two_clients::request(two_clients::bob, "f", 2);
  r.root = "r";
  r.path = "d/f";
  w.start(std::move(r));
  w.settle();

  auto& listed = w.start(lock_query{});
  w.settle();

  const auto& entries = listed.as<std::vector<listed_entry>>();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].label, "alice at 10.0.0.1");
  EXPECT_EQ(entries[1].label, "alice at 10.0.0.1");
  const auto& waiting = entries[2];
  EXPECT_EQ(waiting.kind, entry_kind::waiting);
  EXPECT_EQ(waiting.label, "bob at 10.0.0.2");
  EXPECT_EQ(waiting.blocker_label, "alice at 10.0.0.1");
  EXPECT_EQ(waiting.path, "d/f");
  EXPECT_EQ(waiting.reason, "open");
}

TEST(Listings, NameClientsAndCountWhatTheyHave) {
  two_clients w;
  w.c->set_label(two_clients::alice, "alice");
  w.open(two_clients::alice, "f", 1);
  w.open(two_clients::alice, "g", 2);

  const auto all = w.c->list_clients();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_LT(all[0].client, all[1].client);
  const auto& alice = all[0].client == two_clients::alice ? all[0] : all[1];
  EXPECT_EQ(alice.label, "alice");
  EXPECT_EQ(alice.opens, 2U);

  const auto first = w.c->list_clients(1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].client, all[0].client);
  const auto second = w.c->list_clients(1, first[0].client);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].client, all[1].client);
  EXPECT_TRUE(w.c->list_clients(1, second[0].client).empty());
}

listed_page page_of(two_clients& w, list_request r) {
  auto& p = w.start(std::move(r));
  w.settle_until([&p] { return p.done(); }); // it pauses
  EXPECT_EQ(p.error(), errc::success);
  return p.error() == errc::success ? p.as<listed_page>() : listed_page{};
}

std::vector<listed_page> pages_of(two_clients& w, list_request r) {
  std::vector<listed_page> pages;
  do {
    pages.push_back(page_of(w, r));
    r.after = pages.back().next;
  } while (!r.after.empty() && pages.size() < 1'000);
  return pages;
}

TEST(PagedListings, ListEachFileOnceWholeAndInBoundedPages) {
  two_clients w;
  constexpr std::uint64_t files = 500; // more than are asked at once
  for (std::uint64_t i = 1; i <= files; ++i)
    w.open(two_clients::alice, "f" + std::to_string(i), i);
  list_request r;
  r.limit = 7; // a file has two entries: its open and its lease

  const auto pages = pages_of(w, r);

  std::map<std::string, std::size_t> seen;
  for (const auto& page : pages) {
    EXPECT_LE(page.entries.size(), 8U);
    std::set<std::string> here;
    for (const auto& e : page.entries) {
      ++seen[e.file_id];
      here.insert(e.file_id);
    }
    for (const auto& file : here)
      EXPECT_EQ(seen[file], 2U) << file;
    EXPECT_NE(page.now, time_point{});
  }
  EXPECT_EQ(seen.size(), files);
  EXPECT_EQ(pages.size(), files / 4 + 1) << "the last page finds nothing more";
}

TEST(PagedListings, ContinueAfterAFileThatHasEnded) {
  two_clients w;
  std::map<std::string, open_id> opens;
  for (std::uint64_t i = 1; i <= 10; ++i)
    opens["f" + std::to_string(i)] = w.open(two_clients::alice, "f" + std::to_string(i), i).open;
  list_request r;
  r.limit = 1;
  const auto first = page_of(w, r);
  ASSERT_EQ(first.entries.size(), 2U);
  w.close(first.next, opens.at(first.next));

  r.after = first.next;
  r.limit = 100;
  const auto rest = page_of(w, r);

  EXPECT_EQ(rest.entries.size(), 18U);
  EXPECT_EQ(rest.next, "");
}

TEST(PagedListings, ChooseByWhatHappensByClientAndByPath) {
  two_clients w;
  const auto placed = [](const client_guid& who, const std::string& path, std::uint64_t key) {
    auto r = two_clients::request(who, path, key);
    r.root = "r";
    r.path = path;
    return r;
  };
  w.start(placed(two_clients::alice, "docs/a", 1));
  w.start(placed(two_clients::alice, "docs/b", 2));
  w.start(placed(two_clients::alice, "other", 3));
  w.start(placed(two_clients::bob, "bobs", 4));
  w.settle();
  w.start(placed(two_clients::bob, "docs/b", 5));
  w.settle();

  list_request waiting;
  waiting.what = list_request::scope::waiting;
  const auto edges = page_of(w, waiting).entries;
  ASSERT_EQ(edges.size(), 1U);
  EXPECT_EQ(edges[0].path, "docs/b");
  EXPECT_EQ(edges[0].blocker, two_clients::alice);

  list_request breaking;
  breaking.what = list_request::scope::breaking;
  const auto breaks = page_of(w, breaking).entries;
  ASSERT_EQ(breaks.size(), 1U);
  EXPECT_EQ(breaks[0].kind, entry_kind::lease);
  EXPECT_EQ(breaks[0].path, "docs/b");

  list_request docs;
  docs.path_prefix = "docs/";
  EXPECT_EQ(page_of(w, docs).entries.size(), 5U);
  list_request tail;
  tail.path_tail = "b";
  EXPECT_EQ(page_of(w, tail).entries.size(), 3U);
  tail.path_tail = "ocs/b";
  EXPECT_TRUE(page_of(w, tail).entries.empty()) << "whole components";
  tail.path_tail = "docs/b";
  EXPECT_EQ(page_of(w, tail).entries.size(), 3U);

  list_request of_bob;
  of_bob.matching.client_id = to_string(two_clients::bob);
  const auto bobs = page_of(w, of_bob).entries;
  EXPECT_EQ(bobs.size(), 3U);
  for (const auto& e : bobs)
    EXPECT_EQ(e.client, two_clients::bob);
}

TEST(PagedListings, NeedALimit) {
  two_clients w;
  list_request r;
  r.limit = 0;
  auto& p = w.start(r);
  w.settle();

  EXPECT_EQ(p.error(), errc::invalid_argument);
}

TEST(ForcedBreaks, EndWhatASilentClientKeeps) {
  two_clients w;
  w.open(two_clients::alice, "f", 1);
  auto& waiting = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  ASSERT_FALSE(waiting.done());

  auto& forced = w.start(force_break_request{"f", {}, {}, lease_state::none, true});
  w.settle();

  EXPECT_EQ(forced.error(), errc::success);
  EXPECT_EQ(waiting.error(), errc::success);
}

} // namespace
} // namespace leasebreak::test

// Events for the host, the log lines about breaks that take long, and the waits that are counted.
#include "observe/unresponsive.hpp"
#include "support/kept_log.hpp"
#include "support/two_clients.hpp"

#include <leasebreak/events.hpp>

#include <boost/asio/thread_pool.hpp>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A coordinator whose events are kept.
struct watched {
  explicit watched(coordinator_config config = {})
    : w(two_clients::time::driven, listening(std::move(config))) {}

  [[nodiscard]] std::vector<std::string> kinds() const {
    std::vector<std::string> result;
    for (const auto& e : events)
      result.emplace_back(to_string(e.kind));
    return result;
  }
  [[nodiscard]] const event& the(event_kind kind) const {
    const auto found =
      std::find_if(events.begin(), events.end(), [kind](const event& e) { return e.kind == kind; });
    static const event none;
    EXPECT_NE(found, events.end()) << "no event " << to_string(kind);
    return found == events.end() ? none : *found;
  }

  std::vector<event> events;
  two_clients w;

private:
  coordinator_config listening(coordinator_config config) {
    config.on_event = [this](const event& e) { events.push_back(e); };
    return config;
  }
};

open_request at_path(open_request r, const std::string& path) {
  r.root = "root";
  r.path = path;
  return r;
}

TEST(Events, TellOfABreakFromItsBeginToItsEnd) {
  watched s;
  auto& held =
    s.w.start(at_path(two_clients::request(two_clients::alice, "f", 1), "docs/report.docx"));
  s.w.settle();
  s.w.start(two_clients::request(two_clients::bob, "f", 2));
  s.w.settle();

  s.w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  s.w.settle();

  EXPECT_THAT(s.kinds(),
    ElementsAre("opened", "granted", "break_begun", "break_notified", "wait_began", "acknowledged",
      "wait_ended", "opened", "granted"));
  const auto& begun = s.the(event_kind::break_begun);
  EXPECT_EQ(begun.file_id, "f");
  EXPECT_EQ(begun.path, "docs/report.docx");
  EXPECT_EQ(begun.client, two_clients::alice);
  EXPECT_EQ(begun.label, "alice");
  EXPECT_EQ(begun.key, lease_key::of(1));
  EXPECT_EQ(begun.open, held.as<open_result>().open);
  EXPECT_EQ(begun.cause, break_cause::open);
  EXPECT_EQ(begun.from, lease_state::rwh);
  EXPECT_EQ(begun.to, lease_state::rh);
  EXPECT_NE(begun.break_number, break_id::none);
  const auto& told = s.the(event_kind::break_notified);
  EXPECT_EQ(told.break_number, begun.break_number);
  EXPECT_TRUE(told.needs_acknowledgement);
  const auto& ended = s.the(event_kind::acknowledged);
  EXPECT_EQ(ended.break_number, begun.break_number);
  EXPECT_EQ(ended.outcome, break_outcome::acknowledged);
  EXPECT_EQ(ended.left, lease_state::rh);
  EXPECT_EQ(ended.waiting, 1U);
  const auto& waits = s.the(event_kind::wait_began);
  EXPECT_EQ(waits.client, two_clients::bob);
  EXPECT_EQ(waits.wait, wait_kind::open);
  EXPECT_EQ(s.the(event_kind::wait_ended).operation, waits.operation);
  EXPECT_EQ(s.events[7].operation, waits.operation) << "the open that waited";
}

TEST(Events, TellThatABreakExpiresAndHowLongItTook) {
  watched s;
  s.w.open(two_clients::alice, "f", 1);
  s.w.start(two_clients::request(two_clients::bob, "f", 2));
  s.w.settle();

  s.w.advance(std::chrono::seconds{36});

  EXPECT_THAT(s.kinds(),
    ElementsAre("opened", "granted", "break_begun", "break_notified", "wait_began", "break_overdue",
      "expired", "wait_ended", "opened", "granted"));
  EXPECT_EQ(s.the(event_kind::break_overdue).lasted, std::chrono::milliseconds{17'500});
  EXPECT_EQ(s.the(event_kind::expired).lasted, std::chrono::seconds{35});
  EXPECT_EQ(s.the(event_kind::expired).outcome, break_outcome::timed_out);
  EXPECT_EQ(s.the(event_kind::wait_ended).lasted, std::chrono::seconds{35});
}

TEST(Events, TellOfClosesRefusalsAndLostClients) {
  watched s;
  const auto open = s.w.open(two_clients::alice, "f", 1).open;
  s.w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::r});
  auto reclaims = two_clients::request(two_clients::bob, "f", 2);
  reclaims.reclaim = true;
  s.w.start(std::move(reclaims));
  s.w.settle();

  s.w.start(disconnect_request{two_clients::alice, {}});
  s.w.settle();

  EXPECT_THAT(s.kinds(),
    ElementsAre(
      "opened", "granted", "acknowledgement_refused", "open_refused", "client_lost", "closed"));
  EXPECT_EQ(s.the(event_kind::acknowledgement_refused).error, errc::lease_not_breaking);
  EXPECT_EQ(s.the(event_kind::open_refused).error, errc::nothing_to_reclaim);
  EXPECT_EQ(s.the(event_kind::client_lost).label, "alice");
  EXPECT_EQ(s.the(event_kind::closed).open, open);
  EXPECT_EQ(s.the(event_kind::closed).ended_by, end_cause::disconnected);
}

TEST(Events, HaveWords) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(event_kind::client_unresponsive); ++i)
    EXPECT_NE(to_string(static_cast<event_kind>(i)), "unknown") << i;
  for (std::size_t i = 0; i < wait_kinds; ++i)
    EXPECT_NE(to_string(static_cast<wait_kind>(i)), "unknown") << i;
  EXPECT_EQ(to_string(end_cause::superseded), "superseded");
}

/// Checks the order of a file's events: times do not run backwards, waits begin before they end,
/// and there are no calls at once. Keeps no state of a coordinator.
class order_of_events {
public:
  void tell(const event& e) {
    if (over_.load())
      ++late_;
    if (e.file_id.empty())
      return;
    per_file& f = files_[static_cast<std::size_t>(e.file_id.back() - '0')];
    if (f.busy.exchange(true))
      ++overlaps_;
    if (e.time < f.last)
      ++backwards_;
    f.last = e.time;
    if (e.kind == event_kind::wait_began)
      f.waits.push_back(e.operation);
    if (e.kind == event_kind::wait_ended && std::erase(f.waits, e.operation) != 1)
      ++unknown_;
    if (e.kind == event_kind::opened)
      f.opens.push_back(e.open);
    if (e.kind == event_kind::closed && std::erase(f.opens, e.open) != 1)
      ++unknown_;
    ++all_;
    f.busy.store(false);
  }
  void end() { over_.store(true); }
  void check() const {
    EXPECT_EQ(overlaps_, 0);
    EXPECT_EQ(backwards_, 0);
    EXPECT_EQ(unknown_, 0);
    EXPECT_EQ(late_, 0) << "events after the end of the coordinator";
    EXPECT_GT(all_, 0);
  }

private:
  struct per_file {
    std::atomic<bool> busy{false};
    time_point last{};
    std::vector<operation_id> waits;
    std::vector<open_id> opens;
  };
  std::array<per_file, 3> files_;
  std::atomic<bool> over_{false};
  std::atomic<int> overlaps_{0}, backwards_{0}, unknown_{0}, late_{0}, all_{0};
};

// Two clients that open three files on four threads.
TEST(Events, OfAFileComeInOrderAndEndWithTheCoordinator) {
  for (int round = 0; round < 20; ++round) {
    order_of_events order;
    asio::thread_pool pool(4);
    coordinator_config config;
    config.on_event = [&order](const event& e) { order.tell(e); };
    auto c = std::make_unique<coordinator>(pool.get_executor(), config);
    for (const auto& who : {two_clients::alice, two_clients::bob})
      c->register_client(
        who, [&c = *c, who](const break_notification& n, const file_name_id&, const break_report&) {
          if (n.ack_required)
            c.async_acknowledge(
              lease_acknowledgement{who, n.key, n.to}, [](error_code, lease_state) {});
        });
    std::atomic<int> opened{0};
    for (std::uint64_t i = 0; i < 300; ++i)
      c->async_open(two_clients::request(i % 2 == 0 ? two_clients::alice : two_clients::bob,
                      std::to_string(i % 3), i + 1),
        [&opened](error_code, open_result o) {
          o.answer.sent();
          ++opened;
        });
    two_clients::wait_for([&] { return opened.load() > 20; });
    c->async_disconnect(
      disconnect_request{two_clients::alice, {}}, [](error_code, disconnect_result) {});
    c.reset(); // in the middle of it
    order.end();
    pool.join();
    order.check();
  }
}

// -- breaks that take long ------------------------------------------------------------------------

struct logged : kept_log, watched {
  logged() : watched(logging()) {}

private:
  coordinator_config logging() {
    coordinator_config config;
    config.logger = logger();
    return config;
  }
};

TEST(OverdueBreaks, AreLoggedOnceWithPathHolderAndWaiters) {
  logged s;
  s.w.start(at_path(two_clients::request(two_clients::alice, "f", 1), "docs/report.docx"));
  s.w.settle();
  s.w.start(two_clients::request(two_clients::bob, "f", 2));
  s.w.advance(std::chrono::seconds{17});
  EXPECT_EQ(s.count("overdue"), 0U);
  EXPECT_EQ(s.w.c->stats().breaks_overdue, 0U);

  s.w.advance(std::chrono::seconds{1});

  EXPECT_THAT(s.text(), HasSubstr("[warning] break overdue: client \"alice\" ("));
  EXPECT_THAT(s.text(), HasSubstr("file \"f\", path \"docs/report.docx\", lease "));
  EXPECT_THAT(s.text(), HasSubstr("RWH -> RH, cause open, told 17500 ms ago, 17500 ms left"));
  EXPECT_THAT(s.text(), HasSubstr("waiting: open by \"bob\" ("));
  EXPECT_EQ(s.w.c->stats().breaks_overdue, 1U);
  s.w.advance(std::chrono::seconds{10});
  EXPECT_EQ(s.count("break overdue"), 1U);

  s.w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  s.w.settle();
  EXPECT_EQ(s.w.c->stats().breaks_overdue, 0U);
}

TEST(OverdueBreaks, AreFoundWhileOthersBeginAndEnd) {
  logged s;
  s.w.open(two_clients::alice, "f", 1, lease_state::rh);
  s.w.open(two_clients::bob, "f", 2, lease_state::rh);
  auto writes = two_clients::request(two_clients::bob, "f", 0);
  writes.overwrites = true;
  s.w.start(std::move(writes));
  s.w.advance(std::chrono::seconds{10});
  s.w.start(lease_acknowledgement{two_clients::bob, lease_key::of(2), lease_state::none});
  s.w.advance(std::chrono::seconds{8});

  EXPECT_EQ(s.count("break overdue: client \"alice\""), 1U);
  EXPECT_EQ(s.count("break overdue: client \"bob\""), 0U);
  EXPECT_EQ(s.w.c->stats().breaks_overdue, 1U);
  s.w.advance(std::chrono::seconds{18});
  EXPECT_EQ(s.w.c->stats().breaks_overdue, 0U);
}

TEST(UnresponsiveClients, AreLoggedWhenThreeBreaksExpire) {
  logged s;
  for (std::uint64_t i = 1; i <= 4; ++i) {
    const auto file = "f" + std::to_string(i);
    s.w.open(two_clients::alice, file, i);
    s.w.start(two_clients::request(two_clients::bob, file, 10 + i));
    s.w.advance(std::chrono::seconds{36});
    EXPECT_EQ(s.count("client unresponsive: client \"alice\""), i < 3 ? 0U : 1U);
    EXPECT_EQ(s.w.c->stats().clients_unresponsive, i < 3 ? 0U : 1U);
  }
  EXPECT_EQ(s.the(event_kind::client_unresponsive).client, two_clients::alice);

  s.w.advance(std::chrono::hours{1});
  EXPECT_EQ(s.w.c->stats().clients_unresponsive, 0U);
}

TEST(UnresponsiveClients, AreRememberedInBoundedMemory) {
  detail::unresponsive_clients clients;
  time_point now{std::chrono::hours{1'000}};
  for (std::uint64_t i = 1; i <= 5'000; ++i) {
    now += std::chrono::milliseconds{1};
    EXPECT_FALSE(clients.add(client_guid::of(i), now));
  }
  EXPECT_EQ(clients.count(now), 0U);
  // The first was forgotten; the last was not.
  EXPECT_FALSE(clients.add(client_guid::of(1), now));
  EXPECT_FALSE(clients.add(client_guid::of(1), now));
  EXPECT_FALSE(clients.add(client_guid::of(5'000), now));
  EXPECT_TRUE(clients.add(client_guid::of(5'000), now));
  EXPECT_FALSE(clients.add(client_guid::of(5'000), now)) << "it is known already";
  EXPECT_TRUE(clients.add(client_guid::of(1), now));
  EXPECT_EQ(clients.count(now), 2U);
  now += std::chrono::hours{1};
  EXPECT_EQ(clients.count(now), 0U);
  EXPECT_FALSE(clients.add(client_guid::of(1), now));
}

// -- counters -------------------------------------------------------------------------------------

TEST(Waits, AreCountedByKindWhenTheyEnd) {
  watched s;
  s.w.open(two_clients::alice, "f", 1);
  s.w.start(two_clients::request(two_clients::bob, "f", 2));
  s.w.settle();
  s.w.advance(std::chrono::seconds{2});
  EXPECT_EQ(s.w.c->stats().wait_latency[index_of(wait_kind::open)].total(), 0U);

  s.w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  s.w.start(force_break_request("f", {}));
  s.w.settle();
  s.w.advance(std::chrono::seconds{36});

  const auto now = s.w.c->stats();
  EXPECT_EQ(now.wait_latency[index_of(wait_kind::open)].total(), 1U);
  EXPECT_EQ(now.wait_latency[index_of(wait_kind::open)].sum_us, 2'000'000U);
  EXPECT_EQ(now.wait_latency[index_of(wait_kind::forced)].total(), 1U);
  EXPECT_EQ(now.wait_latency[index_of(wait_kind::lock)].total(), 0U);
  EXPECT_EQ(now.forced_breaks, 1U);
}

TEST(Waits, NotificationsThatCannotBeSentAreCounted) {
  watched s;
  s.w.open(two_clients::alice, "f", 1);
  s.w.start(two_clients::request(two_clients::bob, "f", 2));
  s.w.settle();
  ASSERT_EQ(s.w.alice_saw.size(), 1U);

  s.w.alice_saw.front().report.undeliverable();
  s.w.settle();

  EXPECT_EQ(s.w.c->stats().sink_failures, 1U);
  EXPECT_EQ(s.the(event_kind::break_ended).outcome, break_outcome::undeliverable);
}

} // namespace
} // namespace leasebreak::test

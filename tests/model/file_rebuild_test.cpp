// A file that is rebuilt from the reports of the nodes that survive its owner.
#include "random_steps.hpp"
#include "support/seed.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <iostream>

namespace leasebreak::model_test {
namespace {

constexpr std::uint64_t next_view = 5;

/// Alice uses the first node, Bob the second_node.
class RebuiltFiles : public model_test {
protected:
  RebuiltFiles() : model_test(keeping_records()) {
    is_strict_about_breaks = false;
    keeps_holds = true;
    nodes = [](const client_guid& client) { return client == bob.guid ? second_node : first_node; };
  }

  [[nodiscard]] node_report report_of(node_id node, const client& who) const {
    return {node, file.report_client(node, who.guid, now())};
  }
  [[nodiscard]] std::vector<node_report> reports_of(std::initializer_list<node_id> some) const {
    return leasebreak::model_test::reports_of(file, some, now());
  }
  [[nodiscard]] std::variant<file_state, snapshot_error> try_rebuild(
    const std::vector<node_report>& reports) {
    out.clear();
    return file_state::rebuild(policy, file.file_id(), next_view, reports, now(), out);
  }
  [[nodiscard]] file_state rebuild(const std::vector<node_report>& reports) {
    auto rebuilt = try_rebuild(reports);
    if (const auto* const error = std::get_if<snapshot_error>(&rebuilt)) {
      ADD_FAILURE() << to_string(*error);
      return {policy, file.file_id()};
    }
    auto& result = std::get<file_state>(rebuilt);
    EXPECT_EQ(result.check_invariants(), "");
    return std::move(result);
  }
  [[nodiscard]] std::string error_of(const std::vector<node_report>& reports) {
    const auto rebuilt = try_rebuild(reports);
    const auto* const error = std::get_if<snapshot_error>(&rebuilt);
    EXPECT_TRUE(out.empty());
    return error != nullptr ? to_string(*error) : "";
  }
  [[nodiscard]] static std::optional<lease_info> lease_in(
    const file_state& file, const lease_key& key) {
    for (const auto& entry : file.list({}))
      if (entry.lease && !entry.lease->is_oplock && entry.lease->key == key)
        return entry.lease;
    return std::nullopt;
  }
  [[nodiscard]] static std::size_t count_opens(const file_state& file) {
    return static_cast<std::size_t>(std::ranges::count_if(
      file.list({}), [](const auto& entry) { return entry.kind == entry_kind::open; }));
  }

  effects out;
};

TEST_F(RebuiltFiles, HaveTheOpensOfAllReports) {
  const auto mine = open(by(alice).lease(k1, rh).shares(share::read | share::write));
  lock(mine, {10, 5}, true);
  const auto other = open(by(bob).access(access::read_data).oplock(oplock_level::level_ii));

  auto rebuilt = rebuild(reports_of({first_node, second_node}));

  EXPECT_EQ(count_opens(rebuilt), 2U);
  EXPECT_EQ(rebuilt.locks_of(mine.open), 1U);
  EXPECT_EQ(rebuilt.check_io(other.open, {12, 1}, false), errc::file_lock_conflict);
  EXPECT_EQ(rebuilt.channel_of(other.open), (channel_id{bob.connection, {}, second_node}));
}

TEST_F(RebuiltFiles, LackTheOpensOfNodesWithoutAReport) {
  open(by(alice).lease(k1, rh));
  open(by(bob).lease(k2, rh));

  const auto rebuilt = rebuild(reports_of({second_node}));

  EXPECT_EQ(count_opens(rebuilt), 1U);
  EXPECT_FALSE(lease_in(rebuilt, k1));
  EXPECT_TRUE(lease_in(rebuilt, k2));
}

TEST_F(RebuiltFiles, ContinueBreaksWithTheRemainingTime) {
  open(by(alice).lease(k1, rwh));
  const auto waiting = open(by(bob).lease(k2, rh));
  pass(seconds{10});

  auto rebuilt = rebuild(reports_of({first_node, second_node}));

  EXPECT_EQ(rebuilt.waiting(), 0U);
  EXPECT_EQ(rebuilt.breaking(), 1U);
  EXPECT_EQ(rebuilt.next_deadline(), now() + seconds{25});
  auto again = by(bob).lease(k2, rh).request; // the node sends its pending operations again
  again.operation = waiting.operation;
  again.open = waiting.open;
  again.node = second_node;
  (void)rebuilt.apply(again, now());
  EXPECT_EQ(rebuilt.waiting(), 1U);
  const auto acknowledged =
    rebuilt.apply(acknowledge_lease{{alice.guid, k1, rh}, operation_id{900}}, now());
  EXPECT_TRUE(std::ranges::any_of(acknowledged.completions, [&](const completion& c) {
    return c.operation == waiting.operation && c.error == errc::success;
  }));
}

TEST_F(RebuiltFiles, CanSendTheBreaksInProgressAgain) {
  open(by(alice).lease(k1, rwh));
  open(by(bob).lease(k2, rh));
  auto rebuilt = rebuild(reports_of({first_node, second_node}));
  EXPECT_TRUE(out.notifications.empty());

  rebuilt.tell_breaks_again(now(), out);

  ASSERT_EQ(out.notifications.size(), 1U);
  const auto& told = out.notifications.front();
  EXPECT_EQ(told.key, k1);
  EXPECT_EQ(told.to, rh);
  EXPECT_EQ(told.id, rebuilt.break_of(alice.guid, k1, {}));
  EXPECT_EQ(told.offer, 1U);
  EXPECT_EQ(rebuilt.check_invariants(), "");
}

TEST_F(RebuiltFiles, LeaveHalfOfItsTimeToABreakThatIsSentAgain) {
  open(by(alice).lease(k1, rwh));
  open(by(bob).lease(k2, rh));
  pass(seconds{30});
  auto rebuilt = rebuild(reports_of({first_node, second_node}));
  EXPECT_EQ(rebuilt.next_deadline(), now() + seconds{5});

  rebuilt.tell_breaks_again(now(), out);

  pass(milliseconds{17'499});
  (void)rebuilt.apply(deadline_reached{}, now());
  EXPECT_EQ(rebuilt.breaking(), 1U);
  EXPECT_EQ(rebuilt.check_invariants(), "");
  pass(milliseconds{1});
  (void)rebuilt.apply(deadline_reached{}, now());
  EXPECT_EQ(rebuilt.breaking(), 0U);
}

TEST_F(RebuiltFiles, CountTheAgeOfAReport) {
  open(by(alice).lease(k1, rwh));
  open(by(bob).lease(k2, rh));
  pass(seconds{10});
  auto early = report_of(first_node, alice);
  early.age = seconds{20};
  auto late = early;
  late.age = seconds{26};

  EXPECT_EQ(rebuild({early}).next_deadline(), now() + seconds{5});
  auto overdue = rebuild({late});
  EXPECT_EQ(overdue.next_deadline(), now() - seconds{1});
  (void)overdue.apply(deadline_reached{}, now());
  EXPECT_EQ(overdue.breaking(), 0U);
}

TEST_F(RebuiltFiles, RefuseAnAgeOutOfRange) {
  open(by(alice).lease(k1, rwh));
  auto report = report_of(first_node, alice);
  for (const auto age :
    {duration{-1}, duration{std::chrono::hours{24 * 400}}, duration::min(), duration::max()}) {
    report.age = age;
    EXPECT_THAT(error_of({report}), testing::EndsWith("a report that is too old"));
  }
}

TEST_F(RebuiltFiles, KnowWhoUsesThem) {
  constexpr client_guid nobody_at_all{};
  EXPECT_FALSE(file.is_used_by(first_node, alice.guid));
  const auto mine = open(by(alice));
  EXPECT_TRUE(file.is_used_by(first_node, alice.guid));
  EXPECT_FALSE(file.is_used_by(second_node, alice.guid));
  EXPECT_FALSE(file.is_used_by(first_node, carol.guid));
  EXPECT_FALSE(file.is_used_by(first_node, nobody_at_all));
  const auto change = access(alice, access_kind::write, mine);
  close(mine);
  EXPECT_FALSE(file.is_used_by(first_node, alice.guid));
  EXPECT_TRUE(file.is_used_by(first_node, nobody_at_all)) << "its change hold is left";
  end(result_of<access_granted>(change).hold);
  EXPECT_FALSE(file.is_used_by(first_node, nobody_at_all));
}

TEST_F(RebuiltFiles, KnowTheBreakOfALease) {
  open(by(alice).lease(k1, rwh));
  EXPECT_EQ(file.break_of(alice.guid, k1, {}), break_id::none);
  open(by(bob).lease(k2, rh));
  const auto told = expect_break(k1, rwh, rh);

  const auto rebuilt = rebuild(reports_of({first_node}));

  EXPECT_EQ(file.break_of(alice.guid, k1, {}), told.id);
  EXPECT_EQ(rebuilt.break_of(alice.guid, k1, {}), told.id);
  EXPECT_EQ(file.break_of(bob.guid, k1, {}), break_id::none);
  EXPECT_EQ(file.break_of(alice.guid, k2, {}), break_id::none);
}

TEST_F(RebuiltFiles, KnowTheBreakOfAnOplock) {
  const auto mine = open(by(alice).oplock(oplock_level::batch));
  open(by(bob));
  const auto told = expect_oplock_break(mine, rwh, r);

  EXPECT_EQ(file.break_of(alice.guid, {}, mine.open), told.id);
  EXPECT_EQ(file.break_of(alice.guid, {}, open_id{99}), break_id::none);
}

TEST_F(RebuiltFiles, NumberNewBreaksAboveOldOnes) {
  open(by(alice).lease(k1, rwh));
  auto rebuilt = rebuild(reports_of({first_node}));

  auto newcomer = by(bob).request;
  newcomer.operation = operation_id{900};
  newcomer.open = open_id{900};
  const auto broken = rebuilt.apply(newcomer, now());

  ASSERT_EQ(broken.notifications.size(), 1U);
  EXPECT_EQ(broken.notifications.front().id, break_id{(next_view << 40) + 1});
}

TEST_F(RebuiltFiles, BelieveTheLaterOfTwoReports) {
  const client bob_elsewhere{bob.guid, connection_id{22}};
  const auto here = open(by(bob).lease(k2, rwh));
  const auto old = report_of(second_node, bob);
  const auto waiting = open(by(alice));
  acknowledge(bob, k2, rh);
  expect_done(waiting);
  nodes = nullptr;
  auto there = by(bob_elsewhere).lease(k2, rh);
  there.request.node = first_node;
  open(there);
  auto recent = reports_of({first_node});

  for (const auto old_at : {recent.begin(), recent.end()}) {
    auto reports = recent;
    reports.insert(reports.begin() + (old_at - recent.begin()), old);
    const auto rebuilt = rebuild(reports);
    EXPECT_EQ(count_opens(rebuilt), 3U);
    const auto lease = lease_in(rebuilt, k2);
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->state, rh);
    EXPECT_FALSE(lease->breaking);
  }
  (void)here;
}

TEST_F(RebuiltFiles, SendBreaksThatWereHeldBackForALostNode) {
  const client bob_elsewhere{bob.guid, connection_id{22}};
  nodes = nullptr;
  auto known = by(bob).lease(k2, rwh);
  known.request.node = second_node;
  open(known);
  auto unanswered = by(bob_elsewhere).lease(k2, rwh).answered_later();
  unanswered.request.node = first_node;
  open(unanswered);
  const auto waiting = open(by(carol));
  expect_no_break();
  expect_waits(waiting);

  const auto rebuilt = rebuild(reports_of({second_node}));

  ASSERT_EQ(out.notifications.size(), 1U);
  EXPECT_EQ(out.notifications.front().key, k2);
  EXPECT_EQ(out.notifications.front().to, rh);
  EXPECT_FALSE(rebuilt.holds_back());
}

TEST_F(RebuiltFiles, HaveTheChangeHoldsOfTheNodes) {
  const auto mine = open(by(alice));
  const auto change = access(alice, access_kind::write, mine);
  const auto hold = result_of<access_granted>(change).hold;
  auto rebuilt = rebuild(reports_of({first_node}));

  auto newcomer = by(bob).lease(k2, rh).request;
  newcomer.operation = operation_id{900};
  newcomer.open = open_id{900};
  const auto during = rebuilt.apply(newcomer, now());
  (void)rebuilt.apply(end_hold{hold}, now());
  newcomer.lease->key = k3;
  newcomer.open = open_id{901};
  const auto afterwards = rebuilt.apply(newcomer, now());

  EXPECT_EQ(std::get<open_granted>(during.completions.front().result).state, none);
  EXPECT_EQ(std::get<open_granted>(afterwards.completions.front().result).state, rh);
}

TEST_F(RebuiltFiles, CanBeMadeOfReportsOfSingleOpens) {
  const auto mine = open(by(alice).lease(k1, rh));
  const auto again = open(by(alice).lease(k1, rh));

  const auto rebuilt = rebuild({{first_node, file.report_open(mine.open, now()).value()},
    {first_node, file.report_open(again.open, now()).value()}});

  EXPECT_EQ(count_opens(rebuilt), 2U);
  EXPECT_FALSE(file.report_open(open_id{99}, now()));
}

TEST_F(RebuiltFiles, RefuseReportsThatAreNotTrue) {
  open(by(alice).lease(k1, rwh));
  world other(policy);
  other.nodes = nodes;
  other.close(other.open(by(bob))); // so that the next one has an id of its own
  other.open(by(bob).lease(k2, rwh));
  const node_report contradicting{
    second_node, other.file.report_client(second_node, bob.guid, other.now())};
  const node_report of_another_node{second_node, file.report_client(first_node, alice.guid, now())};
  const file_state elsewhere(policy, "another file");
  const node_report of_another_file{
    second_node, elsewhere.report_client(second_node, bob.guid, now())};

  EXPECT_EQ(error_of({report_of(first_node, alice), contradicting}),
    "snapshot 2 is wrong near byte 0: lease 02000000000000000000000000000000 of "
    "0b000000000000000000000000000000: two leases hold Write");
  EXPECT_THAT(error_of({report_of(first_node, alice), of_another_node}),
    testing::AllOf(
      testing::StartsWith("snapshot 1"), testing::EndsWith("an open of another node")));
  EXPECT_THAT(error_of({of_another_file}),
    testing::AllOf(
      testing::StartsWith("snapshot 0"), testing::EndsWith("a report of another file")));
}

/// What a client is told, apart from numbers that depend on the view.
std::string told(const effects& out) {
  std::string text;
  for (auto n : out.notifications) {
    n.id = break_id::none;
    text += describe(n) + "\n";
  }
  for (const auto& c : out.completions) {
    text += to_string(c.error);
    if (const auto* const granted = std::get_if<open_granted>(&c.result))
      text += " " + std::to_string(bits(granted->state)) + " epoch " +
        std::to_string(granted->epoch) + (granted->break_in_progress ? " breaking" : "");
    text += "\n";
  }
  return text;
}

/// Everything that clients hold, without the operations that wait for it.
std::vector<std::string> held_in(const file_state& file) {
  std::vector<std::string> lines;
  for (const auto& entry : file.list({}))
    if (entry.kind != entry_kind::waiting)
      lines.push_back(describe(entry));
  return lines;
}

/// Commands of another client, to compare what two files grant, break and refuse.
std::vector<command> probes(bool is_directory) {
  std::vector<command> all;
  const auto add = [&](opening how, bool overwrites) {
    how.request.operation = operation_id{1'000'000};
    how.request.open = open_id{1'000'000};
    how.request.is_directory = is_directory;
    how.request.overwrites = overwrites && !is_directory;
    all.emplace_back(how.request);
  };
  const client newcomer{client_guid::of(0xD), connection_id{4}};
  for (const auto mask : {access::all, access::read_data, access::delete_file, attributes_alone})
    for (const auto shares : {share::all, share::read, share::none})
      for (const bool overwrites : {false, true})
        add(by(newcomer).access(mask).shares(shares).lease(k4, rwh), overwrites);
  for (const auto kind : {access_kind::write, access_kind::rename, access_kind::unlink,
         access_kind::replace, access_kind::change_children})
    all.emplace_back(access_file{{kind, {}, newcomer.guid}, operation_id{1'000'000}});
  return all;
}

std::string compare_rebuilt(const world& w, bool is_directory) {
  // Only the owner knows what waits, unclaimed records, and holds of its own.
  if (w.file.waiting() != 0)
    return "";
  const auto reports = reports_of(w.file, {node_id::none, first_node, second_node}, w.now());
  effects out;
  auto rebuilt = file_state::rebuild(w.policy, w.file.file_id(), next_view, reports, w.now(), out);
  if (const auto* const error = std::get_if<snapshot_error>(&rebuilt))
    return to_string(*error);
  const auto& file = std::get<file_state>(rebuilt);
  if (const auto problem = file.check_invariants(); !problem.empty())
    return problem;
  if (!out.empty())
    return "effects, although nothing is missing";
  if (held_in(file) != held_in(w.file))
    return "the rebuilt file has other holders";
  if (file.next_deadline() != w.file.next_deadline() ||
    file.is_delete_pending() != w.file.is_delete_pending())
    return "the rebuilt file has other deadlines, or another deletion";
  const auto original = w.file.export_state(w.now());
  const auto copied = file.export_state(w.now());
  for (const auto& probe : probes(is_directory)) {
    auto a = std::get<file_state>(file_state::import_state(w.policy, original, w.now()));
    auto b = std::get<file_state>(file_state::import_state(w.policy, copied, w.now()));
    if (told(a.apply(probe, w.now())) != told(b.apply(probe, w.now())))
      return "the rebuilt file behaves differently at: " + describe(probe);
  }
  return "";
}

/// The first node fails together with the owner.
std::string check_survivors(const world& w) {
  effects out;
  const auto reports = reports_of(w.file, {second_node}, w.now());
  auto rebuilt = file_state::rebuild(w.policy, w.file.file_id(), next_view, reports, w.now(), out);
  if (const auto* const error = std::get_if<snapshot_error>(&rebuilt))
    return to_string(*error);
  return std::get<file_state>(rebuilt).check_invariants();
}

void run_with_rebuilds(bool is_directory, int sequences) {
  std::mt19937_64 random(test::seed_of_this_run());
  for (int i = 0; i < sequences && !testing::Test::HasFailure(); ++i) {
    const auto steps = random_steps(random, 60);
    simulation run(is_directory);
    run.use_nodes();
    std::string problem;
    run.watch = [&](const world& w) {
      if (random() % 8 != 0 || !problem.empty())
        return;
      problem = compare_rebuilt(w, is_directory);
      if (problem.empty())
        problem = check_survivors(w);
      if (!problem.empty())
        problem += " after " + std::to_string(run.history().size()) + " lines";
    };
    EXPECT_EQ(run.run(steps), "");
    EXPECT_EQ(problem, "");
    if (testing::Test::HasFailure())
      for (const auto& line : run.history())
        std::cout << line << "\n";
  }
}

TEST(RandomRebuilds, AreLikeTheOriginalFiles) {
  run_with_rebuilds(false, 100);
}

TEST(RandomRebuilds, AreLikeTheOriginalDirectories) {
  run_with_rebuilds(true, 60);
}

} // namespace
} // namespace leasebreak::model_test

// A file that is used through several nodes of a cluster, of which one fails.
#include "random_steps.hpp"
#include "simulation/small_world/peek.hpp"
#include "support/seed.hpp"

#include <algorithm>

namespace leasebreak::model_test {
namespace {

/// Alice uses the first node, Bob the second_node.
class NodeGone : public model_test {
protected:
  NodeGone() {
    is_strict_about_breaks = false;
    keeps_holds = true;
    nodes = [](const client_guid& client) { return client == bob.guid ? second_node : first_node; };
  }
};

TEST_F(NodeGone, EndsTheOpensThatCameFromIt) {
  const auto mine = open(by(alice).lease(k1, rh));
  const auto other = open(by(bob).lease(k2, rh));

  const auto removed = result_of<client_removed>(fail_node(second_node));

  EXPECT_EQ(removed.opens, 1U);
  EXPECT_EQ(live_opens(), std::set{mine.open});
  EXPECT_FALSE(lease_of(bob, k2));
  (void)other;
}

// If the node of the new open and the owner fail together, the other node reports the lease as it
// was before.
TEST_F(NodeGone, WouldNotBeNoticedByALeaseThatWasPromotedThroughAnotherNode) {
  open(by(alice).lease(k1, rh));
  nodes = nullptr;
  auto elsewhere = by(client{alice.guid, connection_id{22}}).lease(k1, rwh);
  elsewhere.request.node = second_node;
  const auto shared = open(elsewhere);
  expect_granted(shared, rh);
  auto here = by(alice).lease(k1, rwh);
  here.request.node = first_node;
  expect_granted(open(here), rh);

  close(shared);
  expect_granted(open(here), rwh);
}

TEST_F(NodeGone, KeepsDurableOpensAsDisconnected) {
  const auto kept = open(by(bob).lease(k2, rwh).durable());

  const auto removed = result_of<client_removed>(fail_node(second_node));

  EXPECT_EQ(removed.kept, std::vector{kept.open});
  expect_done(reconnect(bob, kept, k2));
}

TEST_F(NodeGone, LetsOthersGoOn) {
  const auto writer = open(by(bob).lease(k2, rwh));
  const auto waiting = open(by(alice).lease(k1, rh));
  expect_break(k2, rwh, rh);
  expect_waits(waiting);

  fail_node(second_node);

  expect_granted(waiting, rh);
  (void)writer;
}

TEST_F(NodeGone, FailsItsPendingOperations) {
  const auto writer = open(by(alice).lease(k1, rwh));
  const auto waiting = open(by(bob));
  expect_waits(waiting);

  fail_node(second_node);

  expect_error(waiting, errc::client_gone);
  expect_done(acknowledge(alice, k1, rh));
  (void)writer;
}

TEST_F(NodeGone, EndsItsChangeHolds) {
  const auto announced = access(bob, access_kind::replace);
  const auto waiting = open(by(alice));
  expect_waits(waiting);

  fail_node(second_node);

  expect_done(waiting);
  (void)announced;
}

TEST_F(NodeGone, SendsItsBreaksOnTheOtherNode) {
  const client elsewhere{bob.guid, connection_id{22}};
  nodes = nullptr;
  auto here = by(bob).lease(k2, rwh);
  here.request.node = second_node;
  const auto lost = open(here);
  auto there = by(elsewhere).lease(k2, rwh);
  there.request.node = first_node;
  const auto stays = open(there);
  const auto recent = open(here); // the second node is the one to notify first_node
  auto newcomer = by(alice);
  newcomer.request.node = first_node;
  const auto waiting = open(newcomer);
  expect_break(k2, rwh, rh);

  fail_node(second_node);

  const auto again = expect_break(k2, rwh, rh);
  EXPECT_EQ(again.offer, 1U);
  EXPECT_EQ(again.channels, (std::vector{channel_id{connection_id{22}, {}, first_node}}));
  EXPECT_EQ(live_opens(), std::set{stays.open});
  (void)waiting;
  (void)recent;
  (void)lost;
}

TEST_F(NodeGone, IsNotAConnectionWithTheSameNumberOnAnotherNode) {
  nodes = nullptr;
  auto here = by(bob).lease(k2, rh);
  here.request.node = second_node;
  const auto gone = open(here);
  auto there = by(bob).lease(k3, rh);
  there.request.node = first_node;
  const auto stays = open(there);

  disconnect_from(bob, second_node);

  EXPECT_EQ(live_opens(), std::set{stays.open});
  (void)gone;
}

TEST_F(NodeGone, NeedsANode) {
  const auto mine = open(by(alice));

  const auto failing = fail_node(node_id::none);

  expect_error(failing, errc::invalid_argument);
  EXPECT_EQ(live_opens(), std::set{mine.open});
}

TEST(Views, KeepNumbersOfBreaksAndHoldsApart) {
  const file_policy policy;
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t view = 0; view != 3; ++view) {
    file_state file(policy, "file", view);
    const auto out =
      file.apply(access_file{{access_kind::write}, operation_id{1}}, time_point{seconds{1}});
    numbers.push_back(
      static_cast<std::uint64_t>(std::get<access_granted>(out.completions.front().result).hold));
  }

  EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, (1ULL << 40) + 1, (2ULL << 40) + 1}));
}

/// Everything that is left must be the same.
void compare_with_lost_connections(const world& w, node_id node) {
  const auto& before = file_state_peek::of(w.file);
  // Which operations of other nodes get through depends on the order in which things end.
  if (before.rare)
    for (const auto& waiting : before.rare->waiting)
      if (waiting.channel.node != node)
        return;
  const auto start = w.file.export_state(w.now());
  auto at_once = std::get<file_state>(file_state::import_state(w.policy, start, w.now()));
  auto one_by_one = std::get<file_state>(file_state::import_state(w.policy, start, w.now()));

  (void)at_once.apply(node_gone{operation_id{1'000'000}, node}, w.now());

  if (before.rare)
    for (const auto& waiting : before.rare->waiting)
      (void)one_by_one.apply(cancel_operation{waiting.id}, w.now());
  for (const auto& who : {alice, bob, carol})
    (void)one_by_one.apply(
      client_gone{operation_id{1'000'000}, who.guid, {}, {}, {}, {}, node}, w.now());
  if (before.rare)
    for (const auto& hold : before.rare->holds)
      if (hold.node == node)
        (void)one_by_one.apply(end_hold{hold.id}, w.now());
  const auto lines = [](const file_state& file) {
    std::vector<std::string> text;
    for (const auto& entry : file.list({}))
      text.push_back(describe(entry));
    return text;
  };
  EXPECT_EQ(lines(at_once), lines(one_by_one));
  EXPECT_EQ(at_once.check_invariants(), "");
  EXPECT_EQ(at_once.is_delete_pending(), one_by_one.is_delete_pending());
}

void run_with_failures(bool is_directory, int sequences) {
  std::mt19937_64 random(test::seed_of_this_run());
  for (int i = 0; i < sequences && !testing::Test::HasFailure(); ++i) {
    const auto steps = random_steps(random, 60);
    simulation run(is_directory);
    run.use_nodes();
    run.watch = [&](const world& w) {
      if (random() % 8 == 0 && !testing::Test::HasFailure())
        compare_with_lost_connections(w, node_id{1 + static_cast<std::uint32_t>(random() % 2)});
    };
    EXPECT_EQ(run.run(steps), "");
    if (testing::Test::HasFailure())
      for (const auto& line : run.history())
        std::cout << line << "\n";
  }
}

TEST(RandomNodeFailures, AreLikeLostConnectionsOfFiles) {
  run_with_failures(false, 150);
}

TEST(RandomNodeFailures, AreLikeLostConnectionsOfDirectories) {
  run_with_failures(true, 60);
}

} // namespace
} // namespace leasebreak::model_test

// Nodes of a cluster on a perfect network. The simulation has the bad ones.
#include <leasebreak/cluster/cluster_node.hpp>
#include <leasebreak/cluster/local_files.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A node with its files. Its clients are counted by node.
struct test_node {
  test_node(const std::string& name, node_id run, const file_policy& policy)
    : id(run), node({}, {name, run, name + ":1", 0}, 8), files(run, policy) {}

  node_id id;
  cluster_node node;
  local_files files;
  bool is_dead = false;
  std::vector<operation_completed> completed;
  std::vector<break_arrived> breaks;
  std::vector<stepped_down> downs;
};

class ClusterNodes : public testing::Test {
protected:
  test_node& start(const std::string& name) {
    nodes.push_back(std::make_unique<test_node>(
      name, node_id{static_cast<std::uint32_t>(nodes.size() + 1)}, policy));
    return *nodes.back();
  }
  /// Starts two nodes, and lets both become members.
  std::pair<test_node&, test_node&> start_two() {
    auto& first = start("a");
    auto& second = start("b");
    pass(seconds{2});
    return {first, second};
  }
  test_node* find(node_id run) {
    const auto at =
      std::ranges::find_if(nodes, [run](const auto& n) { return n->id == run && !n->is_dead; });
    return at != nodes.end() ? at->get() : nullptr;
  }

  /// Lets time pass in small steps.
  void pass(duration time) {
    for (const auto end = now + time; now < end;) {
      now += milliseconds{50};
      for (std::size_t i = 0; i < nodes.size(); ++i)
        if (auto& n = *nodes[i]; !n.is_dead)
          tick(n);
    }
  }
  void tick(test_node& n) {
    run(n, [&](auto& out) { n.node.tick(now, out); });
    std::vector<files_result> results;
    n.files.expire(now, n.node.is_unheard(now), results);
    take(n, std::move(results));
  }

  template <class Function>
  void run(test_node& n, const Function& f) {
    node_effects out;
    f(out);
    for (auto& effect : out)
      todo.emplace_back(&n, std::move(effect));
    if (is_running)
      return;
    is_running = true;
    while (!todo.empty()) {
      auto [by, effect] = std::move(todo.front());
      todo.pop_front();
      if (!by->is_dead)
        std::visit([&, by = by](const auto& e) { execute(*by, e); }, effect);
    }
    is_running = false;
  }

  void execute(test_node& n, const renew_lease& e) {
    document.living[n.id] = e.suspected;
    run(n, [&](auto& out) { n.node.lease_renewed(e.sent, now, out); });
  }
  void execute(test_node& n, const read_document& e) {
    run(n, [&](auto& out) { n.node.document_read(document, e.sent, now, out); });
  }
  void execute(test_node&, const propose_view& e) {
    if (e.next.number == document.current.number + 1)
      document.current = e.next;
  }
  void execute(test_node& n, const revoke_lease&) { document.living.erase(n.id); }
  void execute(test_node&, const send_packet& e) {
    if (auto* const to = find(e.what.to); to != nullptr && !is_cut)
      run(*to, [&](auto& out) { to->node.packet_arrived(e.what, now, out); });
  }
  void execute(test_node& n, const fence_node& e) {
    if (fences)
      run(n, [&](auto& out) { n.node.node_fenced(e.node, now, out); });
  }
  void execute(test_node& n, const operation_completed& e) { n.completed.push_back(e); }
  void execute(test_node& n, const break_arrived& e) { n.breaks.push_back(e); }
  void execute(test_node&, const part_changed&) {}
  void execute(test_node&, const opens_lost&) { ADD_FAILURE() << "opens are lost"; }
  void execute(test_node& n, const stepped_down& e) { n.downs.push_back(e); }
  void execute(test_node& n, const files_request& e) {
    std::vector<files_result> results;
    n.files.execute(e, now, results);
    take(n, std::move(results));
  }
  void take(test_node& n, std::vector<files_result> results) {
    for (auto& r : results)
      run(n, [&](auto& out) { n.node.files_did(std::move(r), now, out); });
  }

  void die(test_node& n) {
    n.is_dead = true;
    document.living.erase(n.id);
  }

  operation_id open(test_node& n, std::uint64_t who, lease_state state) {
    open_file c;
    c.operation = n.node.new_operation();
    c.open = open_id{++last_open};
    c.client = client_guid::of(who);
    c.connection = connection_id{who};
    c.access = 0x3;
    c.lease = lease_request{lease_key::of(who), state, 2, 0, {}};
    c.node = n.id;
    run(n, [&](auto& out) { EXPECT_EQ(n.node.submit(file, c, now, out), errc::success); });
    return c.operation;
  }
  void acknowledge(test_node& n, std::uint64_t who, lease_state state, break_id about) {
    acknowledge_lease c;
    c.operation = n.node.new_operation();
    c.client = client_guid::of(who);
    c.key = lease_key::of(who);
    c.state = state;
    run(n, [&](auto& out) { EXPECT_EQ(n.node.submit(file, c, now, out, about), errc::success); });
  }
  /// Returns what the operation was granted; nothing while it waits.
  static std::optional<lease_state> granted(const test_node& n, operation_id operation) {
    for (const auto& c : n.completed)
      if (c.what.operation == operation)
        if (const auto* const g = std::get_if<open_granted>(&c.what.result))
          return g->state;
    return std::nullopt;
  }
  /// Returns the node that has the file.
  test_node* owner() {
    const auto slot = slot_of(file, 8);
    for (const auto& n : nodes)
      if (!n->is_dead && n->node.serves(slot))
        return n.get();
    return nullptr;
  }
  std::size_t opens_at_owner() {
    std::size_t count = 0;
    if (auto* const o = owner())
      if (const auto* const f = o->files.find(slot_of(file, 8), file))
        for (const auto& entry : f->list({}))
          count += entry.kind == entry_kind::open ? 1U : 0U;
    return count;
  }

  const std::string file = "file";
  file_policy policy;
  time_point now = time_point{} + std::chrono::hours{24};
  engine_document document{first_view(8), {}};
  bool fences = true;
  bool is_cut = false; ///< No packet arrives.
  std::vector<std::unique_ptr<test_node>> nodes;
  std::deque<std::pair<test_node*, node_effect>> todo;
  bool is_running = false;
  std::uint64_t last_open = 0;
};

TEST_F(ClusterNodes, RefuseRequestsBeforeTheyJoin) {
  auto& n = start("a");
  node_effects out;

  EXPECT_EQ(n.node.stage(), node_stage::joining);
  EXPECT_EQ(n.node.submit(file, end_hold{}, now, out), errc::not_started);
}

TEST_F(ClusterNodes, ServeAllSlotsAlone) {
  auto& n = start("a");
  pass(seconds{1});

  EXPECT_EQ(n.node.stage(), node_stage::member);
  for (slot_number slot = 0; slot < 8; ++slot)
    EXPECT_TRUE(n.node.serves(slot));
  EXPECT_EQ(granted(n, open(n, 1, lease_state::rwh)), lease_state::rwh);
}

TEST_F(ClusterNodes, BreakLeasesOfEachOther) {
  auto [first, second] = start_two();
  EXPECT_EQ(granted(first, open(first, 1, lease_state::rwh)), lease_state::rwh);

  const auto waiting = open(second, 2, lease_state::rh);
  ASSERT_EQ(first.breaks.size(), 1U);
  EXPECT_FALSE(granted(second, waiting));
  acknowledge(first, 1, lease_state::rh, first.breaks.front().what.id);

  EXPECT_EQ(granted(second, waiting), lease_state::rh);
}

// While the node of the holder may not have heard of the break, its client uses its cache.
TEST_F(ClusterNodes, LetNoDeadlinePassOfWhichANodeMayNotKnow) {
  policy.break_timeout = seconds{1};
  auto two = start_two();
  auto& at = *owner();
  auto& other = &at == &two.first ? two.second : two.first;
  ASSERT_EQ(granted(other, open(other, 1, lease_state::rwh)), lease_state::rwh);
  is_cut = true;
  const auto waiting = open(at, 2, lease_state::rh);
  pass(milliseconds{2'500});
  EXPECT_EQ(granted(at, waiting), std::nullopt);

  is_cut = false;
  pass(milliseconds{400});
  EXPECT_EQ(other.breaks.size(), 1U);
  EXPECT_EQ(granted(at, waiting), std::nullopt);
  pass(seconds{1});
  EXPECT_NE(granted(at, waiting), std::nullopt);
  EXPECT_TRUE(at.downs.empty() && other.downs.empty());
}

TEST_F(ClusterNodes, RefuseTheAcknowledgementOfAnotherBreak) {
  auto [first, second] = start_two();
  open(first, 1, lease_state::rwh);
  const auto waiting = open(second, 2, lease_state::rh);
  ASSERT_EQ(first.breaks.size(), 1U);

  acknowledge(first, 1, lease_state::rh, break_id{7}); // real numbers are above the term << 40

  EXPECT_EQ(first.completed.back().what.error, errc::lease_not_breaking);
  EXPECT_FALSE(granted(second, waiting));
}

TEST_F(ClusterNodes, KeepWhatClientsHaveWhenTheOwnerFails) {
  auto [first, second] = start_two();
  auto* const before = owner();
  ASSERT_NE(before, nullptr);
  auto& other = before == &first ? second : first;
  open(other, 1, lease_state::rwh);
  EXPECT_EQ(other.node.mirrored(), 1U);

  die(*before);
  pass(seconds{1});

  EXPECT_EQ(owner(), &other);
  EXPECT_EQ(opens_at_owner(), 1U);
  EXPECT_EQ(other.node.mirrored(), 0U);
  const auto waiting = open(other, 2, lease_state::rh);
  EXPECT_EQ(other.breaks.size(), 1U);
  EXPECT_FALSE(granted(other, waiting));
}

TEST_F(ClusterNodes, EndTheOpensOfAFailedNodeWhenItIsFenced) {
  auto [first, second] = start_two();
  auto* const o = owner();
  auto& other = o == &first ? second : first;
  open(other, 1, lease_state::rwh);
  fences = false;
  die(other);
  pass(seconds{1});
  EXPECT_EQ(opens_at_owner(), 1U);

  run(*o, [&](auto& out) { o->node.node_fenced(other.id, now, out); });

  EXPECT_EQ(opens_at_owner(), 0U);
}

TEST_F(ClusterNodes, OpenNoSlotOfAFailedNodeBeforeItIsFenced) {
  auto [first, second] = start_two();
  auto* const before = owner();
  auto& other = before == &first ? second : first;
  fences = false;
  die(*before);
  pass(seconds{1});
  EXPECT_EQ(owner(), nullptr);

  run(other, [&](auto& out) { other.node.node_fenced(before->id, now, out); });

  EXPECT_EQ(owner(), &other);
}

TEST_F(ClusterNodes, CloseWhatAnAbandonedOperationIsGranted) {
  auto [first, second] = start_two();
  auto& other = owner() == &first ? second : first;
  const auto operation = other.node.new_operation();
  open_file c;
  c.operation = operation;
  c.open = open_id{77};
  c.client = client_guid::of(1);
  c.connection = connection_id{1};
  c.access = 0x3;
  c.node = other.id;
  run(other, [&](auto& out) {
    EXPECT_EQ(other.node.submit(file, c, now, out), errc::success);
    other.node.abandon(operation, now, out);
  });
  pass(seconds{1});

  EXPECT_EQ(opens_at_owner(), 0U);
  EXPECT_TRUE(other.completed.empty());
  EXPECT_EQ(other.node.pending(), 0U);
}

TEST_F(ClusterNodes, StepDownWhenTheirLeaseExpires) {
  auto& n = start("a");
  pass(seconds{1});
  now += seconds{5};
  node_effects out;
  n.node.tick(now, out);

  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(std::get<stepped_down>(out.front()).cause, step_down_cause::expired);
  EXPECT_EQ(n.node.stage(), node_stage::stopped);
  EXPECT_EQ(n.node.submit(file, end_hold{}, now, out), errc::shutting_down);
}

TEST_F(ClusterNodes, StepDownWhenTheyAreRemoved) {
  auto& n = start("a");
  pass(seconds{1});
  document.current = next_view(document.current, {{n.id}, std::nullopt, {}}).value();
  pass(seconds{1});

  ASSERT_EQ(n.downs.size(), 1U);
  EXPECT_EQ(n.downs.front().cause, step_down_cause::removed);
}

TEST_F(ClusterNodes, NotFollowADocumentThatIsOlderThanAnother) {
  auto& n = start("a");
  pass(seconds{1});
  auto removed = document;
  removed.current = next_view(document.current, {{n.id}, std::nullopt, {}}).value();

  run(n, [&](auto& out) { n.node.document_read(document, now, now, out); });
  run(n, [&](auto& out) { n.node.document_read(removed, now - milliseconds{1}, now, out); });
  EXPECT_TRUE(n.downs.empty());
  run(n, [&](auto& out) { n.node.document_read(removed, now, now, out); });
  EXPECT_EQ(n.downs.size(), 1U);
}

TEST_F(ClusterNodes, AnswerALimitedNumberOfStrangers) {
  auto& only = start("a");
  pass(seconds{2});
  const auto answers_to = [&](std::uint32_t first) {
    node_effects out;
    for (std::uint32_t i = 0; i != 200; ++i)
      only.node.packet_arrived({node_id{first + i}, only.id, true, 0, {}}, now, out);
    return std::ranges::count_if(
      out, [](const auto& e) { return std::holds_alternative<send_packet>(e); });
  };
  EXPECT_EQ(answers_to(100), node_settings{}.strangers_max);
  EXPECT_EQ(answers_to(1000), 0);
  pass(seconds{4}); // they are silent
  EXPECT_EQ(answers_to(2000), node_settings{}.strangers_max);
}

TEST_F(ClusterNodes, LeaveOnRequest) {
  auto two = start_two();
  auto& first = two.first;
  auto& second = two.second;
  run(first, [&](auto& out) { first.node.leave(now, out); });
  EXPECT_FALSE(document.living.contains(first.id));
  pass(seconds{1});

  EXPECT_EQ(second.node.current_view()->members.size(), 1U);
  EXPECT_EQ(owner(), &second);
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

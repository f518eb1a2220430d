// Nodes with a real etcd and real connections.
#include "certificates.hpp"
#include "cluster_engine/etcd_server.hpp"
#include "given_engine.hpp"
#include "loop.hpp"

#include <leasebreak/cluster/etcd_engine.hpp>
#include <leasebreak/cluster/running_node.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using namespace std::chrono_literals;
using cluster_engine_test::etcd_server;
using cluster_engine_test::folder_of_test;
using cluster_engine_test::free_port;
using cluster_engine_test::has_etcd;
using cluster_net_test::authority;
using cluster_net_test::given_engine;
namespace asio = boost::asio;

/// A node with one client, and what it was told.
struct test_node {
  std::unique_ptr<running_node> node;
  std::map<operation_id, completion> completed;
  std::vector<break_arrived> breaks;
  std::vector<step_down_cause> downs;
  std::vector<std::string> notes;
  bool has_lost = false;
};

class RunningNodes : public testing::Test {
protected:
  void SetUp() override {
    if (!has_etcd())
      GTEST_SKIP() << "etcd is not installed";
    etcd.emplace();
    signer.emplace(folder.path());
  }

  test_node& start(const std::string& name) {
    auto& t = *nodes.emplace_back(std::make_unique<test_node>());
    etcd_settings e;
    e.endpoints = std::get<std::vector<etcd_endpoint>>(parse_etcd_endpoints(etcd->url()));
    e.cluster = "files";
    e.lease = lease;
    e.timeout = 5s;
    node_config c;
    c.name = name;
    c.settings.lease.length = lease;
    c.settings.peer_timeout = lease;
    c.settings.lease.renewal = 300ms;
    c.slots = 16;
    c.links.cluster = "files";
    c.links.listen = "127.0.0.1:" + std::to_string(free_port());
    c.links.tls = signer->context_for(name);
    node_events v;
    v.completed = [&t](const operation_completed& o) { t.completed[o.what.operation] = o.what; };
    v.broken = [&t](const break_arrived& b) { t.breaks.push_back(b); };
    v.lost = [&t](const opens_lost&) { t.has_lost = true; };
    v.stepped_down = [&t](step_down_cause cause) { t.downs.push_back(cause); };
    v.noted = [&t](const std::string& what) { t.notes.push_back(what); };
    t.node = std::make_unique<running_node>(
      loop.io.get_executor(), make_etcd_engine(loop.io.get_executor(), e), c, v);
    asio::co_spawn(
      loop.io,
      [](running_node& n) -> asio::awaitable<void> {
        const auto failed = co_await n.start();
        EXPECT_FALSE(failed) << failed->what;
      }(*t.node),
      asio::detached);
    return t;
  }
  static std::size_t members_of(const test_node& t) {
    const auto* const n = t.node->node();
    const auto* const v = n != nullptr ? n->current_view() : nullptr;
    return v != nullptr ? v->members.size() : 0;
  }
  bool wait_for_members(std::size_t count) {
    return loop.run_until([&] {
      return std::ranges::all_of(
        nodes, [&](const auto& t) { return t->node == nullptr || members_of(*t) == count; });
    });
  }

  open_file open_for(test_node& t) {
    open_file c;
    c.operation = t.node->new_operation();
    c.open = open_id{static_cast<std::uint64_t>(c.operation)};
    c.node = t.node->id();
    c.client = client_guid::of(static_cast<std::uint32_t>(c.node));
    c.connection = connection_id{static_cast<std::uint32_t>(c.node)};
    c.access = access::read_data;
    c.lease.emplace();
    c.lease->key = lease_key::of(static_cast<std::uint32_t>(c.node));
    c.lease->state = lease_state::rwh;
    return c;
  }
  /// Submits a command until the node takes it, and waits for its result.
  completion result_of(test_node& t, const std::string& file, command what, break_id about = {}) {
    const auto operation = std::visit([](const auto& c) { return operation_in(c); }, what);
    EXPECT_EQ(t.node->submit(file, std::move(what), about), errc::success);
    EXPECT_TRUE(loop.run_until([&] { return t.completed.contains(operation); }));
    return t.completed[operation];
  }
  template <class Command>
  static operation_id operation_in(const Command& c) {
    if constexpr (requires { c.operation; })
      return c.operation;
    return operation_id::none;
  }

  /// Longer than a busy machine makes a node wait.
  static constexpr auto lease = 8s;
  cluster_net_test::event_loop loop;
  folder_of_test folder;
  std::optional<etcd_server> etcd;
  std::optional<authority> signer;
  std::vector<std::unique_ptr<test_node>> nodes;
};

// Nothing follows from a view in which others own everything.
TEST(RunningNode, TellsThatItHasJoinedIfNothingElseFollows) {
  cluster_net_test::event_loop loop;
  node_config c;
  c.name = "b";
  c.settings.lease = {3h, 1h};
  c.settings.reading = 1h;
  c.settings.greeting = 1h;
  c.settings.peer_timeout = 1h;
  c.links.cluster = "files";
  c.links.listen = "127.0.0.1:" + std::to_string(free_port());
  bool has_joined = false;
  node_events v;
  v.joined = [&] { has_joined = true; };
  running_node node(loop.io.get_executor(),
    std::make_unique<given_engine>(std::vector<std::string>{"a", "b"}, 1), c, v);
  asio::co_spawn(loop.io, node.start(), asio::detached);
  EXPECT_TRUE(loop.run_until([&] { return has_joined; }));
}

TEST_F(RunningNodes, BreakLeasesOfEachOther) {
  auto& a = start("a");
  auto& b = start("b");
  ASSERT_TRUE(wait_for_members(2));
  // Some of these files belong to each node.
  for (int i = 0; i != 6; ++i) {
    const auto file = "file " + std::to_string(i);
    const auto first = result_of(a, file, open_for(a));
    ASSERT_EQ(first.error, errc::success);
    EXPECT_EQ(std::get<open_granted>(first.result).state, lease_state::rwh);
    const auto second = open_for(b);
    ASSERT_EQ(b.node->submit(file, second), errc::success);
    ASSERT_TRUE(loop.run_until([&] { return a.breaks.size() == std::size_t(i) + 1; }));
    const auto& told = a.breaks.back().what;
    EXPECT_TRUE(told.ack_required);
    acknowledge_lease ack;
    ack.operation = a.node->new_operation();
    ack.client = told.client;
    ack.key = told.key;
    ack.state = told.to;
    EXPECT_EQ(result_of(a, file, ack, told.id).error, errc::success);
    ASSERT_TRUE(loop.run_until([&] { return b.completed.contains(second.operation); }));
    EXPECT_EQ(b.completed[second.operation].error, errc::success);
  }
}

TEST_F(RunningNodes, TakeOverFromANodeThatDies) {
  auto& a = start("a");
  auto& b = start("b");
  auto& c = start("c");
  ASSERT_TRUE(wait_for_members(3));
  std::vector<std::string> files;
  for (int i = 0; i != 8; ++i)
    files.push_back("file " + std::to_string(i));
  for (const auto& f : files)
    ASSERT_EQ(result_of(a, f, open_for(a)).error, errc::success);
  b.node.reset();
  ASSERT_TRUE(wait_for_members(2));
  // All files are served again, and each still knows of the lease.
  for (const auto& f : files) {
    const auto seen = a.breaks.size();
    const auto second = open_for(c);
    ASSERT_EQ(c.node->submit(f, second), errc::success);
    ASSERT_TRUE(loop.run_until([&] { return a.breaks.size() != seen; })) << f;
    EXPECT_EQ(a.breaks.back().file_id, f);
  }
  EXPECT_FALSE(a.has_lost);
}

TEST_F(RunningNodes, LeaveAndComeBackAsAnotherRun) {
  auto& a = start("a");
  auto& b = start("b");
  ASSERT_TRUE(wait_for_members(2));
  const auto before = b.node->id();
  b.node->leave();
  ASSERT_TRUE(loop.run_until([&] { return !b.downs.empty(); }));
  EXPECT_EQ(b.downs, std::vector<step_down_cause>{step_down_cause::left});
  b.node.reset();
  ASSERT_TRUE(loop.run_until([&] { return members_of(a) == 1; }));
  auto& again = start("b");
  ASSERT_TRUE(loop.run_until([&] { return members_of(a) == 2 && members_of(again) == 2; }));
  EXPECT_GT(again.node->id(), before);
  EXPECT_EQ(result_of(again, "file", open_for(again)).error, errc::success);
}

TEST_F(RunningNodes, StepDownWithoutEtcd) {
  auto& a = start("a");
  ASSERT_TRUE(wait_for_members(1));
  etcd->stop();
  ASSERT_TRUE(loop.run_until([&] { return !a.downs.empty(); }));
  EXPECT_EQ(a.downs, std::vector<step_down_cause>{step_down_cause::expired});
  EXPECT_FALSE(a.notes.empty());
  EXPECT_EQ(a.node->submit("file", open_for(a)), errc::shutting_down);
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

// Coordinators of several servers, as one cluster with a real etcd: what clients of one server see
// of those of another.
#include "cluster_engine/etcd_server.hpp"
#include "cluster_net/given_engine.hpp"
#include "cluster_net/loop.hpp"

#include <leasebreak/cluster/etcd_engine.hpp>
#include <leasebreak/cluster/member.hpp>
#include <leasebreak/coordinator.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using namespace std::chrono_literals;
using cluster_engine_test::etcd_server;
using cluster_engine_test::free_port;
using cluster_engine_test::has_etcd;
using cluster_net_test::given_engine;

/// The result of an operation, when it has come.
template <class Result>
struct outcome {
  bool is_there = false;
  error_code error;
  Result value{};
};
template <class Result>
using outcome_ptr = std::shared_ptr<outcome<Result>>;

/// A server with one client.
struct test_server {
  client_guid client;
  std::shared_ptr<member> membership;
  std::unique_ptr<coordinator> files;
  std::size_t joins = 0;
  std::vector<step_down_cause> downs;
  std::vector<open_lost> lost;
  std::deque<break_notification> breaks;
  std::vector<std::string> notes;
};

class Members : public testing::Test {
protected:
  void SetUp() override {
    if (!has_etcd())
      GTEST_SKIP() << "etcd is not installed";
    etcd.emplace();
  }

  test_server& start(const std::string& name) {
    auto& s = *servers.emplace_back(std::make_unique<test_server>());
    member_config m;
    m.make_engine = [this](boost::asio::any_io_executor on) {
      etcd_settings e;
      e.endpoints = std::get<std::vector<etcd_endpoint>>(parse_etcd_endpoints(etcd->url()));
      e.cluster = "files";
      e.lease = lease;
      return make_etcd_engine(std::move(on), e);
    };
    m.node.name = name;
    m.node.settings.lease.length = lease;
    m.node.settings.peer_timeout = lease;
    m.node.settings.lease.renewal = 500ms;
    m.node.slots = 16;
    m.node.links.cluster = "files";
    m.node.links.listen = "127.0.0.1:" + std::to_string(free_port());
    m.rejoin = 100ms;
    m.on_join = [&s](node_id) { ++s.joins; };
    m.on_step_down = [&s](step_down_cause cause) { s.downs.push_back(cause); };
    m.noted = [&s](std::string what) { s.notes.push_back(std::move(what)); };
    s.membership = std::make_shared<member>(loop.io.get_executor(), m);
    coordinator_config c;
    c.cluster = s.membership;
    c.on_open_lost = [&s](open_lost what) { s.lost.push_back(std::move(what)); };
    s.files = std::make_unique<coordinator>(loop.io.get_executor(), c);
    s.client = client_guid::of(servers.size());
    EXPECT_FALSE(s.files->register_client(
      s.client, [&s](const break_notification& n, const file_name_id&, break_report) {
        s.breaks.push_back(n);
      }));
    s.membership->start();
    return s;
  }
  /// Waits until all servers that are left are members of one view.
  bool wait_for_members(std::size_t count) {
    return loop.run_until([&] {
      return std::ranges::all_of(servers,
        [&](const auto& s) { return s->membership == nullptr || members_of(*s) == count; });
    });
  }
  std::size_t members_of(const test_server& s) {
    const auto seen = std::make_shared<std::optional<member_status>>();
    s.membership->status([seen](member_status now) { *seen = std::move(now); });
    EXPECT_TRUE(loop.run_until([&] { return seen->has_value(); }));
    return (*seen)->stage == node_stage::member ? (*seen)->members.size() : 0;
  }

  template <class Result>
  bool comes(const outcome_ptr<Result>& what) {
    return loop.run_until([&] { return what->is_there; });
  }
  template <class Result>
  static auto to(const outcome_ptr<Result>& result) {
    return [result](error_code e, Result value) {
      result->is_there = true;
      result->error = e;
      result->value = std::move(value);
    };
  }

  static open_request open_of(
    const test_server& s, const std::string& file, lease_state want = lease_state::rwh) {
    open_request r;
    r.file = file;
    r.client = s.client;
    r.share = "share";
    r.access = access::read_data | access::write_data;
    r.share_access = share::all;
    if (want != lease_state::none)
      r.lease = lease_request{lease_key::of(++last_key, 1), want, 2, 0, {}};
    return r;
  }
  outcome_ptr<open_result> begin_open(test_server& s, open_request r) {
    auto result = std::make_shared<outcome<open_result>>();
    s.files->async_open(std::move(r), to(result));
    return result;
  }
  /// Opens the file, and sends the response.
  open_result opened(test_server& s, const open_request& r) {
    const auto result = begin_open(s, r);
    EXPECT_TRUE(comes(result));
    EXPECT_FALSE(result->error) << result->error.message();
    result->value.answer = {};
    return std::move(result->value);
  }
  /// Waits until the client of the server is told of a break.
  break_notification next_break(test_server& s) {
    EXPECT_TRUE(loop.run_until([&] { return !s.breaks.empty(); }));
    if (s.breaks.empty())
      return {};
    auto told = std::move(s.breaks.front());
    s.breaks.pop_front();
    return told;
  }
  error_code acknowledged(test_server& s, const break_notification& n) {
    auto result = std::make_shared<outcome<lease_state>>();
    s.files->async_acknowledge({n.client, n.key, n.to}, to(result));
    EXPECT_TRUE(comes(result));
    return result->error;
  }
  error_code closed(test_server& s, const std::string& file, open_id open) {
    auto result = std::make_shared<outcome<close_result>>();
    s.files->async_close({file, open}, to(result));
    EXPECT_TRUE(comes(result));
    return result->error;
  }
  error_code locked(test_server& s, const std::string& file, open_id open, byte_range range) {
    auto result = std::make_shared<outcome<std::size_t>>();
    lock_request r;
    r.file = file;
    r.open = open;
    r.elements.push_back({range, true});
    r.fail_immediately = true;
    s.files->async_lock(r, to(result));
    EXPECT_TRUE(comes(result));
    return result->error;
  }
  error_code may_write(test_server& s, const std::string& file, open_id open, byte_range range) {
    auto result = std::make_shared<outcome<int>>();
    io_request r;
    r.file = file;
    r.open = open;
    r.range = range;
    r.is_write = true;
    s.files->async_check_io(r, [result](error_code e) {
      result->is_there = true;
      result->error = e;
    });
    EXPECT_TRUE(comes(result));
    return result->error;
  }
  static std::vector<std::string> some_files() {
    std::vector<std::string> files; // some belong to each server
    for (int i = 0; i != 6; ++i)
      files.push_back("file " + std::to_string(i));
    return files;
  }

  /// Longer than a busy machine makes a server wait.
  static constexpr auto lease = 8s;
  static inline std::uint64_t last_key = 0;
  cluster_net_test::event_loop loop;
  std::optional<etcd_server> etcd;
  std::vector<std::unique_ptr<test_server>> servers;
};

TEST(Member, CallsNothingWhenItIsGone) {
  cluster_net_test::event_loop loop;
  bool is_called = false;
  member_config m;
  m.make_engine = [&](auto) {
    is_called = true;
    return std::unique_ptr<engine>();
  };
  coordinator_config c;
  auto membership = std::make_shared<member>(loop.io.get_executor(), m);
  c.cluster = membership;
  auto files = std::make_unique<coordinator>(loop.io.get_executor(), c);
  membership->start();
  membership->status([&](const member_status&) { is_called = true; });
  membership->leave([&] { is_called = true; });
  files.reset();
  c.cluster.reset();
  membership.reset();
  loop.io.run();
  EXPECT_FALSE(is_called);
}

// A program that sees a member begins operations at once. Asks before each step, thus also before
// the coordinator is told.
TEST(Member, IsSeenAsOneWhenItsCoordinatorKnows) {
  cluster_net_test::event_loop loop;
  bool has_joined = false;
  member_config m;
  m.make_engine = [](auto) {
    return std::make_unique<given_engine>(std::vector<std::string>{"a"}, 1);
  };
  m.node.name = "a";
  m.node.slots = 1;
  m.node.links.cluster = "files";
  m.node.links.listen = "127.0.0.1:" + std::to_string(free_port());
  m.on_join = [&](node_id) { has_joined = true; };
  coordinator_config c;
  const auto membership = std::make_shared<member>(loop.io.get_executor(), m);
  c.cluster = membership;
  const coordinator files(loop.io.get_executor(), c);
  membership->start();
  bool is_seen = false;
  EXPECT_TRUE(loop.run_until([&] {
    membership->status([&](const member_status& s) {
      is_seen = s.stage == node_stage::member;
      EXPECT_TRUE(has_joined || !is_seen);
    });
    return is_seen;
  }));
}

TEST_F(Members, RefuseOperationsBeforeTheyHaveJoined) {
  auto& a = start("a");
  const auto early = begin_open(a, open_of(a, "file"));
  ASSERT_TRUE(comes(early));
  EXPECT_EQ(early->error, errc::not_a_member);
  ASSERT_TRUE(wait_for_members(1));
  EXPECT_EQ(opened(a, open_of(a, "file")).state, lease_state::rwh);
}

TEST_F(Members, BreakLeasesOfTheClientsOfEachOther) {
  auto& a = start("a");
  auto& b = start("b");
  ASSERT_TRUE(wait_for_members(2));
  for (const auto& file : some_files()) {
    const auto first = opened(a, open_of(a, file));
    EXPECT_EQ(first.state, lease_state::rwh);
    const auto second = begin_open(b, open_of(b, file));
    const auto told = next_break(a);
    EXPECT_EQ(told.client, a.client);
    EXPECT_EQ(told.key, first.key);
    EXPECT_TRUE(told.ack_required);
    EXPECT_FALSE(second->is_there);
    EXPECT_FALSE(acknowledged(a, told));
    ASSERT_TRUE(comes(second));
    EXPECT_FALSE(second->error);
    EXPECT_EQ(second->value.state, lease_state::rh);
    second->value.answer = {};
    EXPECT_FALSE(closed(a, file, first.open));
    EXPECT_FALSE(closed(b, file, second->value.open));
  }
  EXPECT_EQ(a.files->stats().opens_now, 0U);
  EXPECT_EQ(b.files->stats().opens_now, 0U);
  EXPECT_EQ(a.files->stats().waiting_now, 0U);
}

TEST_F(Members, HoldABreakBackUntilTheResponseIsSent) {
  auto& a = start("a");
  auto& b = start("b");
  ASSERT_TRUE(wait_for_members(2));
  for (const auto& file : some_files()) {
    const auto first = begin_open(a, open_of(a, file));
    ASSERT_TRUE(comes(first));
    const auto second = begin_open(b, open_of(b, file));
    // Results of other files go there and back meanwhile.
    for (int i = 0; i != 20; ++i)
      opened(b, open_of(b, "another " + file + std::to_string(i), lease_state::none));
    EXPECT_TRUE(a.breaks.empty()) << file;
    first->value.answer = {};
    EXPECT_FALSE(acknowledged(a, next_break(a))) << file;
    ASSERT_TRUE(comes(second));
  }
}

TEST_F(Members, LetAnOpenWaitForACloseOrALostConnection) {
  auto& a = start("a");
  auto& b = start("b");
  ASSERT_TRUE(wait_for_members(2));
  bool disconnects = false;
  for (const auto& file : some_files()) {
    const auto first = opened(a, open_of(a, file));
    const auto second = begin_open(b, open_of(b, file));
    EXPECT_TRUE(next_break(a).ack_required) << file;
    if (disconnects) {
      auto gone = std::make_shared<outcome<disconnect_result>>();
      a.files->async_disconnect({a.client, {}}, to(gone));
      ASSERT_TRUE(comes(gone));
      EXPECT_EQ(gone->value.opens, 1U);
    } else {
      EXPECT_FALSE(closed(a, file, first.open));
    }
    ASSERT_TRUE(comes(second));
    EXPECT_FALSE(second->error);
    EXPECT_EQ(second->value.state, lease_state::rwh);
    disconnects = !disconnects;
  }
}

TEST_F(Members, ShareShareModesAndByteRangeLocks) {
  auto& a = start("a");
  auto& b = start("b");
  ASSERT_TRUE(wait_for_members(2));
  for (const auto& file : some_files()) {
    const auto first = opened(a, open_of(a, file, lease_state::none));
    const auto second = opened(b, open_of(b, file, lease_state::none));
    auto alone = open_of(b, file, lease_state::none);
    alone.share_access = 0;
    const auto refused = begin_open(b, alone);
    ASSERT_TRUE(comes(refused));
    EXPECT_EQ(refused->error, errc::sharing_violation);
    EXPECT_FALSE(locked(a, file, first.open, {10, 10}));
    EXPECT_EQ(locked(b, file, second.open, {15, 10}), errc::lock_not_granted);
    EXPECT_EQ(may_write(b, file, second.open, {15, 1}), errc::file_lock_conflict);
    EXPECT_FALSE(may_write(b, file, second.open, {20, 1}));
    EXPECT_FALSE(closed(a, file, first.open));
    EXPECT_FALSE(may_write(b, file, second.open, {15, 1}));
    EXPECT_EQ(a.files->stats().locks_now, 0U);
  }
}

TEST_F(Members, CancelAnOpenThatWaits) {
  auto& a = start("a");
  auto& b = start("b");
  ASSERT_TRUE(wait_for_members(2));
  for (const auto& file : some_files()) {
    const auto first = opened(a, open_of(a, file));
    boost::asio::cancellation_signal signal;
    auto second = std::make_shared<outcome<open_result>>();
    b.files->async_open(
      open_of(b, file), boost::asio::bind_cancellation_slot(signal.slot(), to(second)));
    EXPECT_TRUE(next_break(a).ack_required) << file;
    signal.emit(boost::asio::cancellation_type::total);
    ASSERT_TRUE(comes(second));
    EXPECT_EQ(second->error, errc::cancelled);
    EXPECT_FALSE(closed(a, file, first.open));
  }
  EXPECT_EQ(b.files->stats().opens_now, 0U);
}

TEST_F(Members, KeepWhatClientsHaveWhenAnotherServerDies) {
  auto& a = start("a");
  auto& b = start("b");
  auto& c = start("c");
  ASSERT_TRUE(wait_for_members(3));
  std::vector<std::pair<std::string, open_result>> held;
  for (const auto& file : some_files())
    held.emplace_back(file, opened(a, open_of(a, file)));
  opened(c, open_of(c, "of c"));
  c.files.reset();
  c.membership.reset();
  ASSERT_TRUE(wait_for_members(2));
  EXPECT_EQ(opened(b, open_of(b, "of c")).state, lease_state::rwh);
  for (const auto& [file, first] : held) {
    const auto second = begin_open(b, open_of(b, file));
    EXPECT_FALSE(acknowledged(a, next_break(a))) << file;
    ASSERT_TRUE(comes(second));
    EXPECT_EQ(second->value.state, lease_state::rh);
  }
  EXPECT_TRUE(a.lost.empty());
  EXPECT_TRUE(a.downs.empty());
}

TEST_F(Members, EndEverythingWhenTheyStepDownAndJoinAgain) {
  auto& a = start("a");
  ASSERT_TRUE(wait_for_members(1));
  opened(a, open_of(a, "file"));
  etcd->stop();
  const auto waits = begin_open(a, open_of(a, "file"));
  ASSERT_TRUE(loop.run_until([&] { return !a.downs.empty(); }));
  EXPECT_EQ(a.downs, std::vector<step_down_cause>{step_down_cause::expired});
  ASSERT_TRUE(comes(waits));
  EXPECT_EQ(waits->error, errc::not_a_member);
  ASSERT_TRUE(loop.run_until([&] { return a.files->stats().opens_now == 0; }));
  EXPECT_TRUE(a.lost.empty());
  etcd->start();
  ASSERT_TRUE(loop.run_until([&] { return a.joins == 2; }));
  EXPECT_EQ(opened(a, open_of(a, "file")).state, lease_state::rwh);
}

TEST_F(Members, LeaveAndLetOthersTakeOver) {
  auto& a = start("a");
  auto& b = start("b");
  ASSERT_TRUE(wait_for_members(2));
  for (const auto& file : some_files())
    opened(a, open_of(a, file));
  bool has_left = false;
  a.membership->leave([&] { has_left = true; });
  ASSERT_TRUE(loop.run_until([&] { return has_left; }));
  EXPECT_EQ(a.downs, std::vector<step_down_cause>{step_down_cause::left});
  for (const auto& file : some_files())
    EXPECT_EQ(opened(b, open_of(b, file)).state, lease_state::rwh);
  EXPECT_EQ(begin_open(a, open_of(a, "file"))->is_there, false);
}

TEST(Membership, RefusesBreaksThatEndBeforeAllServersHaveHeard) {
  boost::asio::io_context io;
  member_config m;
  m.node.settings.lease.length = 2s;
  m.node.settings.session.repetition = 250ms;
  coordinator_config c;
  c.cluster = std::make_shared<member>(io.get_executor(), m);
  c.break_timeout = 5s;
  EXPECT_THROW(coordinator(io.get_executor(), c), std::invalid_argument);
  c.break_timeout = 5s + 1ms;
  EXPECT_NO_THROW(coordinator(io.get_executor(), c));
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

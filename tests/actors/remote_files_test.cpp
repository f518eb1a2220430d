// A coordinator whose files' commands are executed elsewhere: what it sends, and what it makes of
// what it is told, in both orders where two things may meet.
#include <leasebreak/model/file_state.hpp>
#include <leasebreak/persistence/memory_store.hpp>
#include <leasebreak/remote_files.hpp>
#include <leasebreak/testing/driven_coordinator.hpp>
#include <leasebreak/testing/recording_sink.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace {

using testkit::driven_coordinator;
using testkit::probe;
using testkit::recording_sink;

constexpr auto alice = client_guid::of(1);
constexpr node_id first_run{7};
constexpr node_id second_run{8};

/// Keeps commands until the test has them executed.
class manual_cluster final : public remote_files {
public:
  struct sent {
    node_id run{};
    std::string file;
    command what;
    break_id about{};
  };

  void use(std::shared_ptr<remote_files_user> u, const file_policy& p) override {
    user = std::move(u);
    policy = p;
    policy.live = nullptr;
  }
  void submit(node_id run, const std::string& file, command what, break_id about) override {
    queue.push_back({run, file, std::move(what), about});
  }

  /// Executes the oldest command, and tells what follows from it.
  void execute_one() {
    const auto next = std::move(queue.front());
    queue.pop_front();
    auto& file = files.try_emplace(next.file, policy, next.file, 1).first->second;
    tell(next.run, file, file.apply(next.what, now));
  }
  void execute_all() {
    while (!queue.empty())
      execute_one();
  }
  void tell(node_id run, const file_state& file, effects out) {
    remote_change change{std::move(out.ended), {}};
    for (const auto& entry : file.list({}))
      clients[file.file_id()].insert(entry.client);
    for (const auto& client : clients[file.file_id()])
      change.parts.push_back({client,
        file.is_used_by(run, client) ? std::optional(file.report_client(run, client, now))
                                     : std::nullopt});
    user->changed(run, file.file_id(), std::move(change));
    for (auto& n : out.notifications)
      user->broken(run, file.file_id(), std::move(n));
    for (auto& c : out.completions)
      user->completed(run, file.file_id(), std::move(c));
  }
  /// A client of another server opens the file.
  void open_elsewhere(const std::string& name) {
    auto& file = files.try_emplace(name, policy, name, 1).first->second;
    open_file c;
    c.operation = operation_id{99'000 + ++others};
    c.open = open_id{1'000 + others};
    c.client = client_guid::of(1'000 + others);
    c.connection = connection_id{1'000 + others};
    c.access = access::read_data;
    c.share_access = share::all;
    c.node = node_id{3};
    tell(first_run, file, file.apply(c, now));
  }
  template <class Command>
  [[nodiscard]] std::size_t count() const {
    std::size_t n = 0;
    for (const auto& s : queue)
      n += std::holds_alternative<Command>(s.what) ? 1 : 0;
    return n;
  }

  std::shared_ptr<remote_files_user> user;
  file_policy policy;
  std::deque<sent> queue;
  std::map<std::string, file_state> files;
  std::map<std::string, std::set<client_guid>> clients; ///< All that each file has had.
  time_point now = time_point{} + std::chrono::hours{9'000};
  std::uint64_t others = 0;
};

class RemoteFiles : public testing::Test {
protected:
  RemoteFiles() {
    coordinator_config config;
    config.cluster = cluster;
    config.limit.waiting_total = 3;
    config.on_open_lost = [this](open_lost l) { lost.push_back(std::move(l)); };
    w = std::make_unique<driven_coordinator>(config);
    EXPECT_FALSE(w->leases().register_client(alice, sink.sink()));
  }
  void join(node_id run = first_run) {
    cluster->user->joined(run);
    w->settle();
  }
  static open_request open_of(const std::string& file, std::uint64_t key = 1) {
    open_request r;
    r.file = file;
    r.client = alice;
    r.connection = connection_id{1};
    r.access = access::read_data | access::write_data;
    r.share_access = share::all;
    r.lease = lease_request{lease_key::of(key), lease_state::rwh, 2, 0, {}};
    return r;
  }
  template <class Request>
  probe& begin(Request r) {
    auto& p = w->start(std::move(r));
    w->settle();
    return p;
  }
  /// Lets the cluster execute everything.
  void run() {
    do {
      cluster->execute_all();
      w->settle();
    } while (!cluster->queue.empty());
  }
  template <class Request>
  probe& finished(Request r) {
    auto& p = begin(std::move(r));
    run();
    EXPECT_TRUE(p.done());
    return p;
  }
  open_id opened(const std::string& file, std::uint64_t key = 1) {
    auto& p = finished(open_of(file, key));
    EXPECT_EQ(p.error(), errc::success);
    return p.as<open_result>().open;
  }

  std::shared_ptr<manual_cluster> cluster = std::make_shared<manual_cluster>();
  std::vector<open_lost> lost;
  recording_sink sink;
  std::unique_ptr<driven_coordinator> w;
};

TEST_F(RemoteFiles, RefuseOperationsOutsideOfTheCluster) {
  EXPECT_EQ(begin(open_of("f")).error(), errc::not_a_member);
  EXPECT_TRUE(cluster->queue.empty());
  join();
  EXPECT_EQ(finished(open_of("f")).error(), errc::success);
}

TEST_F(RemoteFiles, NameTheRunInOpensAndOperations) {
  join();
  begin(open_of("f"));
  ASSERT_EQ(cluster->queue.size(), 1U);
  const auto& what = std::get<open_file>(cluster->queue.front().what);
  EXPECT_EQ(what.node, first_run);
  EXPECT_EQ(static_cast<std::uint64_t>(what.open) >> 40U, static_cast<std::uint64_t>(first_run));
  EXPECT_EQ(
    static_cast<std::uint64_t>(what.operation) >> 40U, static_cast<std::uint64_t>(first_run));
}

TEST_F(RemoteFiles, TellClientsOfBreaksAndSendTheirAcknowledgements) {
  join();
  opened("f");
  cluster->open_elsewhere("f");
  w->settle();
  ASSERT_EQ(sink.seen().size(), 1U);
  const auto told = sink.seen().front().notification;
  EXPECT_EQ(told.to, lease_state::rh);
  EXPECT_EQ(told.connection(), connection_id{1});
  auto& acknowledged = begin(lease_acknowledgement{alice, told.key, told.to});
  ASSERT_EQ(cluster->queue.size(), 1U);
  EXPECT_EQ(cluster->queue.front().about, told.id);
  run();
  EXPECT_EQ(acknowledged.error(), errc::success);
}

TEST_F(RemoteFiles, SendTheResponseAtOnceAndOnce) {
  join();
  auto& p = w->start(open_of("f"));
  p.answers_later = true;
  w->settle();
  run();
  EXPECT_EQ(cluster->count<answer_sent>(), 0U);
  cluster->open_elsewhere("f");
  w->settle();
  EXPECT_TRUE(sink.seen().empty()) << "the client does not know of its lease";
  p.as<open_result>().answer = {};
  w->settle();
  EXPECT_EQ(cluster->count<answer_sent>(), 1U);
  run();
  EXPECT_EQ(sink.seen().size(), 1U);
}

TEST_F(RemoteFiles, AreNotClosedByAnotherServer) {
  join();
  const auto open = opened("f");
  EXPECT_EQ(w->leases().stats().opens_now, 1U);
  EXPECT_EQ(finished(close_request{"f", open}).error(), errc::success);
  EXPECT_EQ(w->leases().stats().opens_now, 0U);
  EXPECT_EQ(w->leases().file_of_lease(alice, lease_key::of(1)), "");
  EXPECT_TRUE(lost.empty());
}

TEST_F(RemoteFiles, LoseOpensThatAFailedServerHasForgotten) {
  join();
  const auto open = opened("f");
  EXPECT_EQ(finished(lock_request{"f", open, {{{0, 10}, true}}, true}).error(), errc::success);
  cluster->user->changed(first_run, "f", {{}, {{alice, std::nullopt}}});
  w->settle();
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.front().open, open);
  EXPECT_EQ(lost.front().cause, end_cause::lost);
  EXPECT_EQ(w->leases().stats().opens_now, 0U);
  EXPECT_EQ(w->leases().stats().locks_now, 0U);
}

TEST_F(RemoteFiles, RefuseAPartThatIsNotUnderstood) {
  join();
  opened("f");
  cluster->user->changed(first_run, "f", {{}, {{alice, file_snapshot{"nonsense"}}}});
  w->settle();
  EXPECT_EQ(lost.size(), 1U);
  EXPECT_EQ(w->leases().stats().opens_now, 0U);
}

TEST_F(RemoteFiles, EndWithTheRun) {
  join();
  opened("f");
  auto& waits = begin(open_of("f", 2));
  cluster->user->stepped_down(first_run);
  w->settle();
  EXPECT_EQ(waits.error(), errc::not_a_member);
  EXPECT_EQ(w->leases().stats().opens_now, 0U);
  EXPECT_EQ(w->leases().stats().waiting_now, 0U);
  EXPECT_TRUE(lost.empty()) << "the server disconnects its clients";
  EXPECT_EQ(begin(open_of("f")).error(), errc::not_a_member);
  EXPECT_EQ(begin(disconnect_request{alice, {}}).error(), errc::success);
}

TEST_F(RemoteFiles, IgnoreResultsOfAFormerRun) {
  join();
  auto& first = begin(open_of("f"));
  cluster->user->stepped_down(first_run);
  join(second_run);
  EXPECT_EQ(first.error(), errc::not_a_member);
  auto& second = begin(open_of("f"));
  ASSERT_EQ(cluster->queue.size(), 2U);
  EXPECT_EQ(cluster->queue.back().run, second_run);
  cluster->execute_one();
  w->settle();
  EXPECT_EQ(first.calls, 1);
  EXPECT_FALSE(second.done());
  EXPECT_EQ(w->leases().stats().opens_now, 1U) << "the open that waits";
}

TEST_F(RemoteFiles, MeetTheEndOfTheRunBeforeAndBehindAResult) {
  for (const bool result_first : {true, false}) {
    join(result_first ? first_run : second_run);
    const auto run_now = result_first ? first_run : second_run;
    auto& p = begin(open_of("f"));
    if (result_first)
      cluster->execute_all();
    cluster->user->stepped_down(run_now);
    w->settle();
    EXPECT_EQ(p.error(), result_first ? errc::success : errc::not_a_member);
    cluster->execute_all();
    w->settle();
    EXPECT_EQ(p.calls, 1);
    EXPECT_EQ(w->leases().stats().opens_now, 0U);
    cluster->files.clear();
  }
}

TEST_F(RemoteFiles, CancelBeforeAndBehindTheResult) {
  for (const bool result_first : {true, false}) {
    join();
    auto& p = begin(open_of("f"));
    if (result_first)
      cluster->execute_one();
    p.signal.emit(boost::asio::cancellation_type::total);
    w->settle();
    run();
    EXPECT_EQ(p.calls, 1);
    EXPECT_EQ(p.error(), errc::success) << "it did not wait for anything";
    finished(close_request{"f", p.as<open_result>().open});
  }
  EXPECT_EQ(w->leases().stats().opens_now, 0U);
}

TEST_F(RemoteFiles, AreLimitedInWhatIsOnItsWay) {
  join();
  std::vector<probe*> all;
  for (std::uint64_t i = 0; i != 4; ++i)
    all.push_back(&begin(open_of("f" + std::to_string(i), i + 1)));
  EXPECT_EQ(all.back()->error(), errc::too_many_waiting);
  run();
  for (std::size_t i = 0; i != 3; ++i)
    EXPECT_EQ(all[i]->error(), errc::success);
  EXPECT_EQ(w->leases().stats().opens_now, 3U);
  opened("f9", 9);
}

TEST_F(RemoteFiles, EndTheirWaitsAtTheShutdown) {
  join();
  auto& p = begin(open_of("f"));
  w->shut_down();
  w->settle();
  EXPECT_EQ(p.error(), errc::shutting_down);
  run();
  EXPECT_EQ(p.calls, 1);
}

TEST_F(RemoteFiles, AskForReadsAndWrites) {
  join();
  const auto open = opened("f");
  auto& locked = finished(lock_request{"f", open, {{{0, 10}, true}}, true});
  EXPECT_EQ(locked.error(), errc::success);
  io_request r;
  r.file = "f";
  r.open = open;
  r.range = {5, 1};
  r.is_write = true;
  EXPECT_EQ(finished(r).error(), errc::success);
  r.open = open_id{5};
  EXPECT_EQ(finished(r).error(), errc::unknown_open);
}

TEST_F(RemoteFiles, HaveNoStore) {
  coordinator_config config;
  config.cluster = cluster;
  EXPECT_EQ(config.validate(), "");
  config.store = std::make_shared<memory_store>();
  EXPECT_EQ(config.validate(), "cluster: a server in a cluster has no store");
}

TEST_F(RemoteFiles, MayOutliveTheCoordinator) {
  join();
  begin(open_of("f"));
  w->destroy();
  w->settle();
  cluster->execute_all();
  cluster->user->stepped_down(first_run);
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

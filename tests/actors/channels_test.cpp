// Channels, sessions and tree connects: the channels of notifications, and what ends with each of
// them, on many files at once.
#include "support/two_clients.hpp"

#include "api/coordinator_impl.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

namespace leasebreak::test {
namespace {

constexpr std::uint16_t v302 = 0x0302;
constexpr std::uint16_t v311 = 0x0311;

constexpr channel_id first{connection_id{1}, session_id{10}};
constexpr channel_id second{connection_id{2}, session_id{10}};
constexpr channel_id other_user{connection_id{3}, session_id{20}};
constexpr tree_id tree{5};

/// Alice has a session with two channels, and another session.
class Channels : public testing::Test {
protected:
  Channels() {
    for (const auto& c : {first, second, other_user})
      EXPECT_FALSE(w.c->add_channel(two_clients::alice, c, v311));
  }

  static open_request at(const channel_id& c, const std::string& file, std::uint64_t key,
    lease_state want = lease_state::rwh) {
    auto r = two_clients::request(two_clients::alice, file, key, want);
    r.connection = c.connection;
    r.session = c.session;
    r.tree = tree;
    return r;
  }
  static open_request durable(open_request r) {
    r.durable.emplace();
    r.durable->timeout = std::chrono::minutes{1};
    r.durable->guid = create_guid::of(1);
    return r;
  }
  template <class Request>
  probe& run(Request r) {
    auto& p = w.start(std::move(r));
    w.settle();
    return p;
  }
  open_id open(open_request r) {
    auto& p = run(std::move(r));
    EXPECT_EQ(p.error(), errc::success);
    return p.as<open_result>().open;
  }
  probe& rival_opens(const std::string& file) {
    return run(two_clients::request(two_clients::bob, file, 0));
  }
  [[nodiscard]] std::vector<channel_id> last_route() const {
    return w.alice_saw.back().notification.channels;
  }

  two_clients w{two_clients::time::driven};
};

class BreakRoutes : public Channels {};
class EndsOfSessions : public Channels {};
class LostConnections : public Channels {};

using route = std::vector<channel_id>;

TEST_F(BreakRoutes, AreTheOpensChannelThenTheSessionsThenTheClients) {
  open(at(first, "f", 1));
  rival_opens("f");

  ASSERT_EQ(w.alice_saw.size(), 1U);
  EXPECT_EQ(last_route(), (route{first, second, other_user}));
}

TEST_F(BreakRoutes, AreNoOthersForABreakThatWasHeldBackForAnAnswer) {
  open(at(first, "f", 1, lease_state::rh));
  auto& upgrade = w.start(at(other_user, "f", 1));
  upgrade.answers_later = true;
  w.settle();
  rival_opens("f");
  EXPECT_TRUE(w.alice_saw.empty());

  upgrade.as<open_result>().answer.sent();
  w.settle();

  ASSERT_EQ(w.alice_saw.size(), 1U);
  EXPECT_EQ(last_route().front(), first);
}

TEST_F(BreakRoutes, OfAnOplockStayInItsSession) {
  auto r = at(second, "f", 0);
  r.lease.reset();
  r.oplock = oplock_level::batch;
  open(std::move(r));
  rival_opens("f");

  ASSERT_EQ(w.alice_saw.size(), 1U);
  EXPECT_EQ(last_route(), (route{second, first}));
}

TEST_F(BreakRoutes, DoNotHaveAConnectionWithoutASession) {
  open(at(other_user, "f", 1));
  run(end_session_request{two_clients::alice, first.session});
  rival_opens("f");

  ASSERT_EQ(w.alice_saw.size(), 1U);
  EXPECT_EQ(last_route(), route{other_user});
}

// The session has ended, and its opens are about to end: no acknowledgement can come, and nothing
// waits for one.
TEST_F(BreakRoutes, ThatAreEmptyEndTheBreakWithoutACallOfTheSink) {
  open(at(other_user, "f", 1));
  auto& rival = w.start(two_clients::request(two_clients::bob, "f", 0));
  w.start(end_session_request{two_clients::alice, other_user.session});
  w.settle();

  EXPECT_EQ(rival.error(), errc::success);
  EXPECT_TRUE(w.alice_saw.empty());
}

TEST_F(LostConnections, LeaveASessionToItsOtherChannelsAndSendItsBreaksThere) {
  const auto f = open(at(first, "f", 1));
  auto& rival = rival_opens("f");
  EXPECT_FALSE(rival.done());
  auto& lost = run(disconnect_request{two_clients::alice, first.connection});

  EXPECT_EQ(lost.as<disconnect_result>().opens, 0U);
  ASSERT_EQ(w.alice_saw.size(), 2U);
  EXPECT_EQ(last_route(), (route{second, other_user}));
  w.alice_saw.front().report.undeliverable();
  w.settle();
  EXPECT_FALSE(rival.done()) << "the report was about the lost connection";
  w.alice_saw.back().report.undeliverable();
  w.settle();
  EXPECT_TRUE(rival.done());
  w.close("f", f);
}

TEST_F(LostConnections, EndASessionWithItsLast) {
  open(at(first, "f", 1));
  run(disconnect_request{two_clients::alice, second.connection});
  auto& lost = run(disconnect_request{two_clients::alice, first.connection});

  EXPECT_EQ(lost.as<disconnect_result>().opens, 1U);
  EXPECT_EQ(run(at(first, "g", 2)).error(), errc::unknown_session);
}

TEST_F(LostConnections, KeepAReplayableCreateOnAnotherChannel) {
  rival_opens("f"); // without a lease
  w.open(two_clients::bob, "g", 9);
  auto& waits = run(durable(at(first, "g", 1, lease_state::rh)));
  auto& ends = run(at(first, "g", 2, lease_state::rh));
  run(disconnect_request{two_clients::alice, first.connection});

  EXPECT_FALSE(waits.done());
  EXPECT_EQ(ends.error(), errc::client_gone);
  run(lease_acknowledgement{two_clients::bob, lease_key::of(9), lease_state::rh});
  EXPECT_EQ(waits.error(), errc::success);
}

// A CREATE and the end of its connection, in both orders, on their way to the file.
TEST_F(LostConnections, MissNoCreateThatIsOnItsWay) {
  auto& before = w.start(at(first, "f", 1));
  auto& gone = w.start(disconnect_request{two_clients::alice, first.connection});
  auto& after = w.start(at(first, "f", 1));
  auto& after_again = w.start(durable(at(first, "f", 1)));
  w.settle();

  EXPECT_EQ(before.error(), errc::client_gone) << "it was decided on when the loss was known";
  EXPECT_EQ(gone.error(), errc::success);
  EXPECT_EQ(after.error(), errc::client_gone);
  EXPECT_EQ(after_again.error(), errc::success);
  rival_opens("f");
  EXPECT_EQ(last_route(), (route{second, other_user}));
}

TEST_F(LostConnections, EndRequestsThatWaitOnThem) {
  w.open(two_clients::bob, "f", 9, lease_state::rh);
  access_request ask{"f", access_kind::rename_ancestor, {}, two_clients::alice, {}};
  ask.connection = first.connection;
  ask.session = first.session;
  auto& on_first = run(ask);
  ask.connection = second.connection;
  auto& on_second = run(ask);
  EXPECT_FALSE(on_first.done());
  run(disconnect_request{two_clients::alice, first.connection});

  EXPECT_EQ(on_first.error(), errc::client_gone);
  EXPECT_FALSE(on_second.done());
  EXPECT_EQ(run(ask).calls, 0);
  ask.connection = first.connection;
  EXPECT_EQ(run(ask).error(), errc::client_gone) << "it is lost already";
  run(end_session_request{two_clients::alice, first.session});
  EXPECT_EQ(on_second.error(), errc::client_gone);
}

TEST_F(LostConnections, WithoutASessionEndRequestsThatWaitOnThem) {
  w.open(two_clients::alice, "f", 9, lease_state::rh);
  access_request ask{"f", access_kind::rename_ancestor, {}, two_clients::bob, {}};
  ask.connection = connection_id{7};
  auto& waits = run(ask);
  ask.connection = connection_id{8};
  auto& other = run(ask);
  run(disconnect_request{two_clients::bob, connection_id{7}});

  EXPECT_EQ(waits.error(), errc::client_gone);
  EXPECT_FALSE(other.done());
}

TEST_F(EndsOfSessions, TakeTheirOpensOfAllFilesAtOnce) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    open(at(i % 2 == 0 ? first : second, "f" + std::to_string(i), i));
    EXPECT_EQ(
      w.open(two_clients::bob, "g" + std::to_string(i), i, lease_state::rh).state, lease_state::rh);
    auto deleting = at(first, "g" + std::to_string(i), 0);
    deleting.access = access::delete_file;
    deleting.delete_on_close = true;
    open(std::move(deleting));
  }
  open(at(other_user, "h", 50));
  auto& ended = run(end_session_request{two_clients::alice, first.session});

  // All five were broken for Bob, and nothing waited for Bob.
  EXPECT_EQ(ended.error(), errc::success);
  EXPECT_EQ(ended.as<disconnect_result>().opens, 10U);
  EXPECT_TRUE(ended.as<disconnect_result>().to_delete.empty()) << "bob has them open";
  EXPECT_EQ(w.bob_saw.size(), 5U);
  EXPECT_TRUE(w.alice_saw.empty());
  EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(50)), "h");
}

TEST_F(EndsOfSessions, SayWhatIsKept) {
  const auto kept = open(durable(at(first, "f", 1)));
  open(at(first, "g", 2));
  auto& ended = run(end_session_request{two_clients::alice, first.session});

  EXPECT_EQ(ended.as<disconnect_result>().opens, 1U);
  EXPECT_EQ(ended.as<disconnect_result>().kept, std::vector{kept});
  EXPECT_EQ(
    run(end_session_request{two_clients::alice, first.session}).error(), errc::unknown_session);
}

TEST_F(EndsOfSessions, LetNothingMoreBeOpenedInThem) {
  auto& ended = w.start(end_session_request{two_clients::alice, first.session});
  auto& late = w.start(at(second, "f", 1));
  w.settle();

  EXPECT_EQ(ended.error(), errc::success);
  EXPECT_EQ(late.error(), errc::unknown_session);
  EXPECT_EQ(w.c->stats().opens_now, 0U);
  EXPECT_EQ(w.c->file_of_lease(two_clients::alice, lease_key::of(1)), "");
}

TEST_F(EndsOfSessions, OfATreeLeaveTheOthers) {
  open(durable(at(first, "f", 1)));
  auto beside = at(first, "g", 2);
  beside.tree = tree_id{6};
  open(std::move(beside));
  auto& ended = run(end_tree_request{two_clients::alice, first.session, tree});

  EXPECT_EQ(ended.as<disconnect_result>().opens, 1U) << "what is durable, too";
  EXPECT_EQ(w.c->stats().opens_now, 1U);
  EXPECT_EQ(
    run(end_tree_request{two_clients::alice, first.session, {}}).error(), errc::invalid_argument);
  EXPECT_EQ(
    run(end_tree_request{two_clients::alice, session_id{99}, tree}).error(), errc::unknown_session);
}

TEST_F(EndsOfSessions, AreAskedForByRegisteredClients) {
  EXPECT_EQ(
    run(end_session_request{client_guid::of(77), first.session}).error(), errc::unknown_client);
  EXPECT_EQ(
    run(end_tree_request{client_guid::of(77), first.session, tree}).error(), errc::unknown_client);
}

TEST_F(Channels, AreRefusedWithReasons) {
  EXPECT_EQ(to_errc(w.c->add_channel(client_guid::of(77), first, v311)), errc::unknown_client);
  EXPECT_EQ(to_errc(w.c->add_channel(two_clients::alice, {}, v311)), errc::invalid_argument);
  // MS-SMB2 3.3.5.5.3, Client.Dialect.
  constexpr channel_id mixed{connection_id{4}, session_id{40}};
  EXPECT_EQ(to_errc(w.c->add_channel(two_clients::alice, mixed, v302)), errc::dialect_mismatch);
  EXPECT_EQ(run(at(mixed, "f", 1)).error(), errc::unknown_session);
  EXPECT_FALSE(w.c->add_channel(two_clients::bob, mixed, v302)) << "of another client";
}

TEST(ChannelLimits, AreThoseOfTheClient) {
  coordinator_config config;
  config.limit.channels_per_client = 1;
  two_clients w(two_clients::time::driven, config);
  EXPECT_FALSE(w.c->add_channel(two_clients::alice, first, v311));
  EXPECT_EQ(to_errc(w.c->add_channel(two_clients::alice, second, v311)), errc::too_many_channels);
  EXPECT_FALSE(w.c->add_channel(two_clients::bob, first, v311));
}

// -- another sink ---------------------------------------------------------------------------------

class Sinks : public Channels {
protected:
  break_sink writing_down(std::string name) {
    return [this, name = std::move(name)](
             const break_notification&, const file_name_id& file, const break_report&) {
      told.push_back(name + ":" + file);
      if (during)
        std::exchange(during, nullptr)();
    };
  }

  std::vector<std::string> told;
  std::function<void()> during;
};

TEST_F(Sinks, CanBeReplacedWhileSomethingIsKept) {
  const auto f = open(durable(at(first, "f", 1)));
  run(disconnect_request{two_clients::alice, {}});
  ASSERT_EQ(to_errc(w.c->unregister_client(two_clients::alice)), errc::client_busy);

  EXPECT_FALSE(w.c->replace_sink(two_clients::alice, writing_down("new")));
  EXPECT_FALSE(w.c->add_channel(two_clients::alice, other_user, v311));
  reconnect_request back{"f", f, two_clients::alice, other_user.connection, lease_key::of(1),
    create_guid::of(1), other_user.session, tree};
  EXPECT_EQ(run(back).error(), errc::success);
  rival_opens("f");

  EXPECT_EQ(told, std::vector<std::string>{"new:f"});
  EXPECT_TRUE(w.alice_saw.empty());
}

// Notifications after the replacement go to the new sink, in order, even if the old one is just
// being called.
TEST_F(Sinks, AreReplacedInTheMiddleOfTheirCalls) {
  ASSERT_FALSE(w.c->replace_sink(two_clients::alice, writing_down("old")));
  asio::io_context elsewhere;
  during = [&] {
    EXPECT_FALSE(
      w.c->replace_sink(two_clients::alice, writing_down("new"), elsewhere.get_executor()));
  };
  std::vector<std::string> files{"a", "b", "c"};
  for (std::size_t i = 0; i < files.size(); ++i)
    open(at(first, files[i], i + 1));
  for (const auto& file : files)
    w.start(two_clients::request(two_clients::bob, file, 0));
  w.settle();
  EXPECT_EQ(told, std::vector<std::string>{"old:a"});
  elsewhere.run();

  EXPECT_EQ(told, (std::vector<std::string>{"old:a", "new:b", "new:c"}));
}

TEST_F(Sinks, ThatAreReplacedAreDestroyedAndNotCalled) {
  auto alive = std::make_shared<int>(0);
  const std::weak_ptr<int> watch = alive;
  ASSERT_FALSE(w.c->replace_sink(two_clients::alice,
    [alive = std::move(alive)](
      const break_notification&, const file_name_id&, const break_report&) { FAIL(); }));
  ASSERT_FALSE(w.c->replace_sink(two_clients::alice, writing_down("new")));

  EXPECT_TRUE(watch.expired());
  open(at(first, "f", 1));
  rival_opens("f");
  EXPECT_EQ(told, std::vector<std::string>{"new:f"});
}

TEST_F(Sinks, AreOfRegisteredClientsAndNotEmpty) {
  EXPECT_EQ(to_errc(w.c->replace_sink(two_clients::alice, {})), errc::invalid_argument);
  EXPECT_EQ(
    to_errc(w.c->replace_sink(client_guid::of(77), writing_down("x"))), errc::unknown_client);
}

} // namespace
} // namespace leasebreak::test

// Connections, sessions and tree connects (MS-SMB2 3.3.4.6, 3.3.4.7, 3.3.5.6, 3.3.5.8, 3.3.7.1):
// the channels of notifications, and what ends with each of them.
#include "file_fixture.hpp"

#include "file/channel_list.hpp"

namespace leasebreak::model_test {
namespace {

constexpr session_id s1{101};
constexpr session_id s2{102};
constexpr session_id s3{103};
constexpr tree_id t1{1};
constexpr tree_id t2{2};

// One client: two channels of a session, a second session, and a second tree connect of the first.
const client first{alice.guid, connection_id{1}, s1, t1};
const client second{alice.guid, connection_id{2}, s1, t1};
const client other_session{alice.guid, connection_id{3}, s2, t1};
const client other_tree{alice.guid, connection_id{1}, s1, t2};
const client rival{bob.guid, connection_id{4}, s3, t1};

constexpr create_guid create_id = create_guid::of(7);

class BreakRoutes : public model_test {};
class LostChannels : public model_test {};
class SessionEnds : public model_test {};
class TreeEnds : public model_test {};
class WaitsOfAConnection : public model_test {};

TEST(ChannelList, HasTheChannelThatWasUsedLastFirst) {
  detail::channel_list list;
  list.join(first.channel());
  list.join(second.channel());
  list.join(other_session.channel());
  list.join(second.channel());

  EXPECT_EQ(list.all(), (std::vector{second.channel(), other_session.channel(), first.channel()}));
  EXPECT_EQ(list.opens(), 4U);

  list.leave(second.channel());
  EXPECT_EQ(list.newest().connection, second.connection);
  list.leave(second.channel());
  EXPECT_EQ(list.all(), (std::vector{other_session.channel(), first.channel()}));
  list.leave(other_session.channel());
  list.leave(first.channel());
  EXPECT_EQ(list.newest().connection, connection_id::none);
  EXPECT_TRUE(list.all().empty());
}

TEST(ChannelList, PutsAnHeirInThePlaceOfTheLostOne) {
  detail::channel_list list;
  list.join(first.channel());
  list.join(first.channel());
  list.join(other_session.channel());

  list.move(first.channel(), second.channel());
  list.move(first.channel(), second.channel());

  EXPECT_EQ(list.all(), (std::vector{other_session.channel(), second.channel()}));
  EXPECT_EQ(list.opens(), 3U);
}

TEST_F(BreakRoutes, AreTheOldestChannelAndThenTheOthersTheNewestFirst) {
  open(by(first).lease(k1, rwh));
  open(by(other_session).lease(k1, rwh));
  open(by(second).lease(k1, rwh));
  open(by(rival));

  EXPECT_EQ(expect_break(k1, rwh, rh).channels,
    (std::vector{first.channel(), second.channel(), other_session.channel()}));
}

// smb2.lease.v2_complex1: a client expects breaks where it has opened the file first.
TEST_F(BreakRoutes, BeginWithTheOldestChannelOfAllTheClientsLeasesOfTheFile) {
  const auto a = open(by(first).lease(k1, r));
  open(by(second).lease(k2, r));
  open(by(second).lease(k3, r));
  access(bob, access_kind::write);
  expect_break(k1, r, none);
  EXPECT_EQ(expect_break(k2, r, none).channels, (std::vector{first.channel(), second.channel()}));
  expect_break(k3, r, none);

  close(a);
  open(by(second).lease(k2, r));
  access(bob, access_kind::write);
  EXPECT_EQ(expect_break(k2, r, none).channels, std::vector{second.channel()});
}

TEST_F(BreakRoutes, AreNotOfOtherClientsOrOfOpensWithoutALease) {
  open(by(rival).lease(k1, r));
  open(by(first));
  open(by(second).lease(k2, r));
  open(by(other_session).oplock(oplock_level::level_ii));
  access(carol, access_kind::write);
  expect_break(k1, r, none);
  EXPECT_EQ(expect_break(k2, r, none).channels, std::vector{second.channel()});
}

TEST_F(BreakRoutes, DoNotHaveChannelsWhoseOpensAreClosed) {
  open(by(first).lease(k1, rwh));
  const auto b = open(by(second).lease(k1, rwh));
  close(b);
  open(by(rival));

  EXPECT_EQ(expect_break(k1, rwh, rh).channels, std::vector{first.channel()});
}

TEST_F(BreakRoutes, OfAnOplockAreTheChannelThatOpened) {
  open(by(first));
  const auto a = open(by(second).oplock(oplock_level::level_ii));
  open(by(rival).overwriting());

  EXPECT_EQ(expect_oplock_break(a, r, none).channels, std::vector{second.channel()});
}

TEST_F(BreakRoutes, FollowACreateThatIsSentAgainOnAnotherChannel) {
  const auto a = open(by(first).oplock(oplock_level::batch).durable(seconds{60}, create_id));
  replay(a, by(second).oplock(oplock_level::batch));
  open(by(rival));

  EXPECT_EQ(expect_oplock_break(a, rwh, r).channels, std::vector{second.channel()});
}

TEST_F(BreakRoutes, HaveTheChannelOfAReconnectFirst) {
  const auto a = open(by(first).lease(k1, rh).durable());
  open(by(other_session).lease(k1, rh));
  disconnect_connection(first);
  reconnect(second, a, k1);
  access(bob, access_kind::rename_ancestor);

  EXPECT_EQ(
    expect_break(k1, rh, r).channels, (std::vector{second.channel(), other_session.channel()}));
}

TEST_F(BreakRoutes, OfABreakThatIsHeldBackAreThoseOfWhenItIsTold) {
  const auto a = open(by(first).lease(k1, rwh).answered_later());
  const auto b = open(by(rival));
  expect_waits(b);
  disconnect_connection(first, {second.channel()});
  answer(a);

  EXPECT_EQ(expect_break(k1, rwh, rh).channels, std::vector{second.channel()});
}

// -- a channel is lost, and its session has another ----------------------------------------------

TEST_F(LostChannels, LeaveTheOpensToAnother) {
  const auto a = open(by(first).lease(k1, rwh));
  const auto l = lock(a, {0, 1}, true);
  expect_done(l);
  const auto gone = disconnect_connection(first, {second.channel()});

  EXPECT_EQ(result_of<client_removed>(gone).opens, 0U);
  EXPECT_TRUE(result_of<client_removed>(gone).kept.empty());
  EXPECT_TRUE(file.has_open(a.open));
  EXPECT_EQ(file.locks_of(a.open), 1U);
  open(by(rival));
  EXPECT_EQ(expect_break(k1, rwh, rh).channels, std::vector{second.channel()});
}

TEST_F(LostChannels, TakeTheOpensOfSessionsWithoutAnother) {
  const client beside{alice.guid, first.connection, s2, t1};
  const auto a = open(by(first));
  const auto b = open(by(beside));
  const client alone{alice.guid, first.connection};
  const auto c = open(by(alone));
  disconnect_connection(first, {second.channel()});

  EXPECT_TRUE(file.has_open(a.open));
  EXPECT_FALSE(file.has_open(b.open));
  EXPECT_FALSE(file.has_open(c.open));
}

TEST_F(LostChannels, HaveABreakSentAgainOnAnother) {
  open(by(first).lease(k1, rwh));
  const auto b = open(by(rival));
  const auto told = expect_break(k1, rwh, rh);
  pass(seconds{20});
  disconnect_connection(first, {second.channel()});

  const auto again = expect_break(k1, rwh, rh);
  EXPECT_EQ(again.channels, std::vector{second.channel()});
  EXPECT_EQ(again.id, told.id);
  EXPECT_EQ(again.epoch, told.epoch);
  EXPECT_EQ(again.offer, told.offer + 1);
  expect_waits(b);
  pass(seconds{15}); // the break keeps its deadline
  expect_done(b);
}

// The client is alive, and believes in a cache that it has lost.
TEST_F(LostChannels, HaveABreakThatHasTimedOutToldOnAnother) {
  open(by(first).lease(k1, rwh));
  const auto b = open(by(rival));
  const auto told = expect_break(k1, rwh, rh);
  pass(policy.break_timeout);
  expect_done(b);
  take_breaks();

  disconnect_connection(first, {second.channel()});

  const auto again = take_breaks();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again.front().to, none);
  EXPECT_FALSE(again.front().ack_required);
  EXPECT_EQ(again.front().channels, std::vector{second.channel()});
  EXPECT_GT(again.front().epoch, told.epoch);
  disconnect_connection(second, {first.channel()}); // which it may not have heard, either
  EXPECT_EQ(take_breaks().size(), 1U);
}

TEST_F(LostChannels, HaveNothingToldOfATimeoutIfTheLeaseIsGrantedAnew) {
  const auto a = open(by(first).lease(k1, rwh));
  const auto b = open(by(rival));
  expect_break(k1, rwh, rh);
  pass(policy.break_timeout);
  take_breaks();
  close(b);
  expect_granted(open(by(first).lease(k1, rh)), rh);

  disconnect_connection(first, {second.channel()});

  expect_no_break();
  static_cast<void>(a);
}

TEST_F(LostChannels, HaveAnOplockBreakSentAgainOnAnother) {
  const auto a = open(by(first).oplock(oplock_level::batch));
  const auto b = open(by(rival));
  expect_oplock_break(a, rwh, r);
  disconnect_connection(first, {second.channel()});

  EXPECT_EQ(expect_oplock_break(a, rwh, r).channels, std::vector{second.channel()});
  expect_acknowledged(acknowledge_oplock(second, a, oplock_level::level_ii), r);
  expect_done(b);
}

TEST_F(LostChannels, HaveABreakSentAgainWhereTheLeaseHasOtherOpens) {
  open(by(first).lease(k1, rwh)); // notified here, and this session has no other channel
  open(by(other_session).lease(k1, rwh));
  const auto b = open(by(rival));
  expect_break(k1, rwh, rh);
  disconnect_connection(first);

  EXPECT_EQ(expect_break(k1, rwh, rh).channels, std::vector{other_session.channel()});
  expect_waits(b);
}

TEST_F(LostChannels, WithoutANotificationHaveNoBreakSentAgain) {
  open(by(other_session).lease(k1, rwh));
  open(by(first).lease(k1, rwh));
  open(by(rival));
  expect_break(k1, rwh, rh); // on the connection of the other session
  disconnect_connection(first, {second.channel()});

  expect_no_break();
}

TEST_F(LostChannels, HaveNoBreakSentAgainThatHasEnded) {
  open(by(first).lease(k1, rwh));
  open(by(rival));
  expect_break(k1, rwh, rh);
  acknowledge(first, k1, rh);
  disconnect_connection(first, {second.channel()});

  expect_no_break();
}

TEST_F(LostChannels, LeaveAReportAboutWhatWasToldOnThemWithoutEffect) {
  open(by(first).lease(k1, rwh));
  const auto b = open(by(rival));
  const auto told = expect_break(k1, rwh, rh);
  disconnect_connection(first, {second.channel()});
  const auto again = expect_break(k1, rwh, rh);

  undeliverable(told.id, told.offer);
  expect_waits(b);
  undeliverable(again.id, again.offer);
  expect_done(b);
}

// MS-SMB2 3.3.5.9.10: such a CREATE can be replayed.
TEST_F(LostChannels, LetACreateWithACreateGuidGoOn) {
  const auto b = open(by(rival).lease(k2, rwh));
  const auto a = open(by(first).lease(k1, rh).durable(seconds{60}, create_id));
  expect_break(k2, rwh, rh);
  disconnect_connection(first, {second.channel()});
  expect_waits(a);
  acknowledge(rival, k2, rh);
  expect_granted(a, rh);

  access(bob, access_kind::rename_ancestor);
  take_breaks();
  EXPECT_TRUE(file.has_open(b.open));
  EXPECT_EQ(listing(entry_kind::open).back().connection, second.connection);
}

TEST_F(LostChannels, CancelACreateThatCannotBeReplayed) {
  open(by(rival).lease(k2, rwh));
  const auto a = open(by(first).lease(k1, rh));
  expect_break(k2, rwh, rh);
  const auto b = open(by(first).lease(k1, rh).durable());
  disconnect_connection(first, {second.channel()});

  expect_error(a, errc::client_gone);
  expect_error(b, errc::client_gone);
}

TEST_F(LostChannels, EndACreateWhoseSessionHasNoOther) {
  open(by(rival).lease(k2, rwh));
  const auto a = open(by(first).lease(k1, rh).durable(seconds{60}, create_id));
  expect_break(k2, rwh, rh);
  disconnect_connection(first);

  expect_error(a, errc::client_gone);
}

// -- pending requests ----------------------------------------------------------------------------

TEST_F(WaitsOfAConnection, EndWithItThoughTheyHaveNoOpen) {
  open(by(rival).lease(k1, rh));
  const auto a = access_on(first, access_kind::rename_ancestor, {});
  expect_break(k1, rh, r);
  const auto b = access_on(other_session, access_kind::rename_ancestor, {});
  disconnect_connection(first);

  expect_error(a, errc::client_gone);
  expect_waits(b);
}

TEST_F(WaitsOfAConnection, EndWithItThoughTheirOpenGoesOn) {
  const auto holder = open(by(rival));
  expect_done(lock(holder, {0, 1}, true));
  const auto a = open(by(first));
  const auto on_first = lock_on(first, a, {0, 1});
  const auto on_second = lock_on(second, a, {0, 1});
  const auto unnamed = blocking_lock(a, {0, 1}, true);
  disconnect_connection(first, {second.channel()});

  expect_error(on_first, errc::client_gone);
  expect_waits(on_second);
  expect_waits(unnamed);
}

TEST_F(WaitsOfAConnection, ThroughAnOpenOfAnotherEndWithThatOne) {
  open(by(rival).lease(k1, rh));
  const auto a = open(by(first));
  const auto rename = access_on(second, access_kind::rename, a);
  expect_break(k1, rh, r);
  disconnect_connection(first, {second.channel()});

  expect_waits(rename);
  disconnect_connection(second);
  expect_error(rename, errc::client_gone);
}

TEST_F(WaitsOfAConnection, EndWithTheirSession) {
  open(by(rival).lease(k1, rh));
  const auto a = access_on(first, access_kind::rename_ancestor, {});
  expect_break(k1, rh, r);
  const auto b = access_on(second, access_kind::rename_ancestor, {});
  const auto c = access_on(other_session, access_kind::rename_ancestor, {});
  end_session(first);

  expect_error(a, errc::client_gone);
  expect_error(b, errc::client_gone);
  expect_waits(c);
}

TEST_F(WaitsOfAConnection, EndWithTheirTree) {
  open(by(rival).lease(k1, rwh));
  const auto a = open(by(first));
  expect_break(k1, rwh, rh);
  const auto b = open(by(other_tree));
  end_tree(first);

  expect_error(a, errc::client_gone);
  expect_waits(b);
}

TEST_F(WaitsOfAConnection, ForALockEndAsByACloseWhenTheSessionEnds) {
  const auto holder = open(by(rival));
  expect_done(lock(holder, {0, 1}, true));
  const auto a = open(by(first));
  const auto l = blocking_lock(a, {0, 1}, true);
  end_session(first);

  expect_error(l, errc::range_not_locked);
}

// The conflicting lock ends with the session, and so does the pending one.
TEST_F(WaitsOfAConnection, AreNotReleasedByOpensThatEndWithThem) {
  const auto a = open(by(first));
  const auto b = open(by(second));
  expect_done(lock(a, {0, 1}, true));
  const auto l = blocking_lock(b, {0, 1}, true);
  end_session(first);

  expect_error(l, errc::range_not_locked);
}

// -- sessions and tree connects that end ----------------------------------------------------------

TEST_F(SessionEnds, TakeTheOpensOfAllItsChannelsAndNoOthers) {
  const auto a = open(by(first));
  const auto b = open(by(second));
  const auto c = open(by(other_session));
  const auto d = open(by(other_tree));
  const auto ended = end_session(first);

  EXPECT_EQ(result_of<client_removed>(ended).opens, 3U);
  EXPECT_FALSE(file.has_open(a.open));
  EXPECT_FALSE(file.has_open(b.open));
  EXPECT_TRUE(file.has_open(c.open));
  EXPECT_FALSE(file.has_open(d.open));
}

TEST_F(SessionEnds, KeepWhatIsDurable) {
  const auto a = open(by(first).lease(k1, rwh).durable());
  const auto ended = end_session(second);

  EXPECT_EQ(result_of<client_removed>(ended).kept, std::vector{a.open});
  expect_done(reconnect(other_session, a, k1));
}

TEST_F(SessionEnds, BreakNothingOfTheSessionAndDoNotWait) {
  const auto a = open(by(first).lease(k1, rh));
  const auto b = open(by(second).lease(k2, rh));
  open(by(rival).lease(k3, rh));
  const auto c = open(by(first).deleting_on_close());
  const auto ended = end_session(first);

  expect_done(ended);
  expect_break(k3, rh, r);
  expect_no_break();
  for (const auto& o : {a, b, c})
    EXPECT_FALSE(file.has_open(o.open));
}

TEST_F(SessionEnds, DeleteTheFileWithoutOtherOpens) {
  open(by(first).lease(k1, rwh));
  open(by(first).lease(k1, rwh).deleting_on_close());
  const auto ended = end_session(first);

  EXPECT_TRUE(result_of<client_removed>(ended).delete_file);
  expect_no_break();
}

TEST_F(SessionEnds, LetTheOthersInAtOnce) {
  open(by(first).lease(k1, rwh).shares(0));
  const auto b = open(by(rival));
  expect_break(k1, rwh, rw);
  end_session(first);

  expect_done(b);
}

TEST_F(SessionEnds, LeaveALeaseToTheOpensOfAnotherSession) {
  open(by(first).lease(k1, rwh));
  open(by(other_session).lease(k1, rwh));
  end_session(first);
  open(by(rival));

  EXPECT_EQ(expect_break(k1, rwh, rh).channels, std::vector{other_session.channel()});
}

TEST_F(SessionEnds, LeaveThoseThatAReconnectTookToAnother) {
  const auto a = open(by(first).lease(k1, rwh).durable());
  disconnect_connection(first);
  reconnect(other_session, a, k1);
  end_session(first);
  EXPECT_TRUE(file.has_open(a.open));

  end_session(other_session);
  EXPECT_TRUE(file.has_open(a.open)) << "it is durable";
}

TEST_F(TreeEnds, TakeTheOpensOfTheTreeAndNoOthers) {
  const auto a = open(by(first));
  const auto b = open(by(second));
  const auto c = open(by(other_session));
  const auto d = open(by(other_tree));
  end_tree(first);

  EXPECT_FALSE(file.has_open(a.open));
  EXPECT_FALSE(file.has_open(b.open));
  EXPECT_TRUE(file.has_open(c.open));
  EXPECT_TRUE(file.has_open(d.open));
}

// MS-SMB2 3.3.5.8: its opens are closed.
TEST_F(TreeEnds, CloseWhatIsDurableToo) {
  const auto a = open(by(first).lease(k1, rh).durable());
  const auto b = open(by(first).persistent(seconds{60}, create_id));
  const auto ended = end_tree(first);

  EXPECT_EQ(result_of<client_removed>(ended).opens, 2U);
  EXPECT_FALSE(file.has_open(a.open));
  EXPECT_FALSE(file.has_open(b.open));
}

TEST_F(TreeEnds, LeaveWhatIsKeptWithoutAConnection) {
  const auto a = open(by(first).lease(k1, rwh).durable());
  disconnect_connection(first);
  end_tree(first);

  EXPECT_TRUE(file.has_open(a.open));
}

} // namespace
} // namespace leasebreak::model_test

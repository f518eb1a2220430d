// Opens that outlive their connection: when they are granted, kept and purged, and how they are
// reconnected (MS-SMB2 3.3.5.9.6 to 3.3.5.9.12, 3.3.7.1).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

constexpr auto guid = create_guid::of(77);

// -- granting -------------------------------------------------------------------------------------

class DurableGrants : public model_test {};

TEST_F(DurableGrants, NeedHandleCaching) {
  for (const auto state : file_states) {
    world w;
    const auto granted = w.expect_granted(w.open(by(alice).lease(k1, state).durable()), state);

    EXPECT_EQ(granted.durable, intersects(state, handle)) << to_string(state);
    EXPECT_FALSE(granted.persistent);
  }
}

TEST_F(DurableGrants, NeedABatchOplock) {
  for (const auto level : oplocks) {
    world w;
    const auto granted = w.expect_oplock(w.open(by(alice).oplock(level).durable()), level);

    EXPECT_EQ(granted.durable, level == oplock_level::batch) << to_string(level);
  }
}

TEST_F(DurableGrants, DependOnWhatIsGrantedNotAskedFor) {
  open(by(bob).oplock(oplock_level::level_ii));

  const auto granted = expect_granted(open(by(alice).lease(k1, rwh).durable()), r);

  EXPECT_FALSE(granted.durable);
}

TEST_F(DurableGrants, ArePersistentWithoutAnyCaching) {
  const auto granted = expect_granted(open(by(alice).persistent()), none);

  EXPECT_TRUE(granted.durable);
  EXPECT_TRUE(granted.persistent);
}

// MS-SMB2 3.3.5.9.6, 3.3.5.9.10: whatever the open caches, and whatever the share promises.
TEST_F(DurableGrants, AreNotForDirectories) {
  const auto durable = expect_granted(open(by(alice).directory().lease(k1, rh).durable()), rh);
  EXPECT_FALSE(durable.durable);
  const auto persistent =
    expect_granted(open(by(alice).directory().lease(k1, rh).persistent()), rh);
  EXPECT_FALSE(persistent.durable);
  EXPECT_FALSE(persistent.persistent);
  EXPECT_FALSE(expect_granted(open(by(alice).directory().persistent()), none).persistent);
}

TEST_F(DurableGrants, ArePossibleForAttributesAlone) {
  const auto granted =
    expect_granted(open(by(alice).access(access::read_attributes).lease(k1, rh).durable()), rh);

  EXPECT_TRUE(granted.durable);
}

// -- keeping --------------------------------------------------------------------------------------

class DurableOpens : public model_test {
protected:
  [[nodiscard]] bool is_kept(const attempt& open) { return file.has_open(open.open); }
};

TEST_F(DurableOpens, StayWhenTheConnectionGoes) {
  const auto a = open(by(alice).lease(k1, rwh).durable());

  const auto gone = disconnect(alice);

  EXPECT_EQ(result_of<client_removed>(gone).kept, std::vector{a.open});
  EXPECT_EQ(result_of<client_removed>(gone).opens, 0U);
  EXPECT_TRUE(is_kept(a));
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
}

TEST_F(DurableOpens, EndWithoutTheRequest) {
  const auto a = open(by(alice).lease(k1, rwh));

  disconnect(alice);

  EXPECT_FALSE(is_kept(a));
}

TEST_F(DurableOpens, StayWhenTheirSessionEnds) {
  const auto a = open(by(alice).lease(k1, rh).durable());

  const auto dropped = drop(a);

  EXPECT_TRUE(result_of<open_closed>(dropped).kept);
  EXPECT_TRUE(is_kept(a));
}

TEST_F(DurableOpens, EndWhenTheyAreClosed) {
  const auto a = open(by(alice).lease(k1, rh).durable());

  expect_done(close(a));

  EXPECT_FALSE(is_kept(a));
}

TEST_F(DurableOpens, EndWhenHandleCachingIsLost) {
  const auto a = open(by(alice).lease(k1, rh).durable());
  open(by(bob).shares(share::all));
  const auto writer = open(by(carol));
  write_data(carol, writer);
  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);

  disconnect(alice);

  EXPECT_FALSE(is_kept(a));
}

// MS-SMB2 3.3.7.1: a breaking lease does not count as held.
TEST_F(DurableOpens, EndWhenTheConnectionGoesDuringABreak) {
  const auto a = open(by(alice).lease(k1, rwh).durable());
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  disconnect(alice);

  EXPECT_FALSE(is_kept(a));
  expect_granted(b, none);
}

// smb2.durable-open.delete_on_close2.
TEST_F(DurableOpens, StayWithDeleteOnClose) {
  const auto a = open(by(alice).lease(k1, rwh).durable().deleting_on_close());

  const auto gone = disconnect(alice);

  EXPECT_TRUE(is_kept(a));
  EXPECT_FALSE(result_of<client_removed>(gone).delete_file);
  expect_granted(reconnect(alice, a, k1), rwh);
  EXPECT_TRUE(result_of<open_closed>(close(a)).delete_file);
}

TEST_F(DurableOpens, EndWhenTheFileIsToBeDeleted) {
  const auto a = open(by(alice).lease(k1, rwh).durable());
  expect_done(access(alice, access_kind::set_delete, a));

  const auto gone = disconnect(alice);

  EXPECT_FALSE(is_kept(a));
  EXPECT_TRUE(result_of<client_removed>(gone).delete_file);
}

TEST_F(DurableOpens, WithLocksNeedWrite) {
  const auto a = open(by(alice).lease(k1, rh).durable());
  expect_done(lock(a, {0, 10}, true));

  disconnect(alice);

  EXPECT_FALSE(is_kept(a));
}

TEST_F(DurableOpens, KeepTheirLocks) {
  const auto a = open(by(alice).lease(k1, rwh).durable());
  expect_done(lock(a, {0, 10}, true));

  disconnect(alice);

  EXPECT_TRUE(is_kept(a));
  EXPECT_EQ(listing(entry_kind::byte_range_lock).size(), 1U);
}

TEST_F(DurableOpens, ExpireWithoutAReconnect) {
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{60}));
  disconnect(alice);
  pass(seconds{59});
  EXPECT_TRUE(is_kept(a));

  pass(seconds{1});

  EXPECT_FALSE(is_kept(a));
  const auto ended = take_ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended.front().cause, end_cause::expired);
  EXPECT_EQ(ended.front().key, k1);
  EXPECT_TRUE(file.empty());
}

TEST_F(DurableOpens, WhatTheyWaitedForEnds) {
  const auto a = open(by(alice).lease(k1, rh).durable());
  const auto b = open(by(bob));
  expect_done(lock(b, {0, 10}, true));
  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
  const auto waiting = blocking_lock(a, {0, 10}, true);
  expect_waits(waiting);

  disconnect(alice);

  EXPECT_FALSE(waits(waiting));
}

// -- purging -------------------------------------------------------------------------------------

class DisconnectedOpens : public DurableOpens {};

TEST_F(DisconnectedOpens, AreEndedByWhatWouldBreakThem) {
  const auto a = open(by(alice).lease(k1, rwh).durable());
  disconnect(alice);

  expect_granted(open(by(bob).lease(k2, rwh)), rwh);

  EXPECT_FALSE(is_kept(a));
  const auto ended = take_ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended.front().cause, end_cause::purged);
}

TEST_F(DisconnectedOpens, AreEndedByABatchOplockInTheirPlace) {
  const auto a = open(by(alice).oplock(oplock_level::batch).durable());
  disconnect(alice);

  expect_oplock(open(by(bob).oplock(oplock_level::batch)), oplock_level::batch);

  EXPECT_FALSE(is_kept(a));
}

TEST_F(DisconnectedOpens, StayBesideWhatBreaksNothing) {
  const auto a = open(by(alice).lease(k1, rh).durable());
  disconnect(alice);

  expect_granted(open(by(bob).lease(k2, rwh)), rh);

  EXPECT_TRUE(is_kept(a));
}

TEST_F(DisconnectedOpens, StayBesideOpensForAttributes) {
  const auto a = open(by(alice).lease(k1, rwh).shares(share::none).durable());
  disconnect(alice);

  expect_granted(open(by(bob).access(access::read_attributes)), none);

  EXPECT_TRUE(is_kept(a));
}

TEST_F(DisconnectedOpens, DoNotDenySharing) {
  const auto a = open(by(alice).lease(k1, rh).shares(share::none).durable());
  disconnect(alice);

  expect_granted(open(by(bob)), none);

  EXPECT_FALSE(is_kept(a));
}

TEST_F(DisconnectedOpens, ArePurgedByWrites) {
  const auto b = open(by(bob));
  const auto a = open(by(alice).lease(k1, rh).durable());
  disconnect(alice);

  write_data(bob, b);

  EXPECT_FALSE(is_kept(a));
}

TEST_F(DisconnectedOpens, ArePurgedByRenames) {
  const auto b = open(by(bob));
  const auto a = open(by(alice).lease(k1, rh).durable());
  disconnect(alice);

  expect_done(access(bob, access_kind::rename, b));

  EXPECT_FALSE(is_kept(a));
}

TEST_F(DisconnectedOpens, StayWhileTheLeaseHasAnotherConnection) {
  const auto a = open(by(alice).lease(k1, rwh).durable());
  const auto again = open(by(alice_again).lease(k1, rwh));
  disconnect_connection(alice);

  const auto b = open(by(bob));
  const auto told = expect_break(k1, rwh, rh);
  acknowledge(alice_again, k1, rh);

  expect_granted(b, none);
  EXPECT_EQ(told.connection(), alice_again.connection);
  EXPECT_TRUE(is_kept(a));
  EXPECT_TRUE(is_kept(again));
}

// MS-SMB2 3.3.5.9: conflicting operations fail and must be retried.
TEST_F(DisconnectedOpens, ThatArePersistentComeFirst) {
  const auto a = open(by(alice).persistent());
  disconnect(alice);

  expect_error(open(by(bob)), errc::reclaim_needed);

  EXPECT_TRUE(is_kept(a));
}

// MS-SMB2 3.3.5.9, note 276: with Handle caching, its client is notified on reconnect.
TEST_F(DisconnectedOpens, ThatArePersistentLetOthersWait) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  disconnect(alice);

  const auto b = open(by(bob));

  expect_waits(b);
  EXPECT_TRUE(expect_break(k1, rwh, rh).channels.empty());
  EXPECT_TRUE(is_kept(a));
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
}

TEST_F(DisconnectedOpens, ThatArePersistentEndInTheEnd) {
  open(by(alice).persistent(seconds{30}));
  disconnect(alice);
  pass(seconds{30});

  expect_granted(open(by(bob).lease(k2, rwh)), rwh);
}

// smb2.durable-open.delete_on_close1: a conflicting open finds the file completely deleted.
TEST_F(DisconnectedOpens, WithDeleteOnCloseAreDeletedBeforeAnotherOpen) {
  keeps_holds = true;
  open(by(alice).lease(k1, rwh).durable().deleting_on_close());
  disconnect(alice);

  const auto b = open(by(bob).lease(k2, rwh));

  expect_waits(b);
  const auto ended = take_ended();
  ASSERT_EQ(ended.size(), 1U);
  ASSERT_NE(ended.front().hold, hold_id::none);
  end(ended.front().hold);
  expect_granted(b, rwh);
}

TEST_F(DisconnectedOpens, WithDeleteOnCloseLeaveTheFilePendingBesideOthers) {
  open(by(alice).lease(k1, rwh).durable().deleting_on_close());
  const auto reader = open(by(alice).lease(k1, rwh).access(access::read_attributes));
  disconnect_connection(alice);
  static_cast<void>(reader);

  const auto b = open(by(bob).lease(k2, rwh));

  EXPECT_FALSE(waits(b));
}

// -- deletion and Handle --------------------------------------------------------------------------

TEST_F(DisconnectedOpens, EndWhenTheirClientDeletesTheFileWithTheSameConnection) {
  for (const bool deleter_is_first : {false, true}) {
    world w;
    const auto deleting = by(alice).deleting_on_close();
    if (deleter_is_first)
      w.open(deleting);
    w.open(by(alice).lease(k1, rh).durable(seconds{900}));
    if (!deleter_is_first)
      w.open(deleting);

    const auto gone = w.result_of<client_removed>(w.disconnect(alice));

    w.expect_no_break();
    EXPECT_EQ(gone.opens, 2U);
    EXPECT_TRUE(gone.kept.empty());
    EXPECT_TRUE(gone.delete_file);
  }
}

TEST_F(DisconnectedOpens, EndWhenAnotherClientDeletesTheFile) {
  for (const bool closes : {false, true}) {
    world w;
    w.open(by(alice).lease(k1, rh).durable(seconds{900}));
    const auto b = w.open(by(bob).deleting_on_close());
    w.disconnect(alice);

    const auto end = closes ? w.close(b) : w.disconnect(bob);

    w.expect_no_break();
    EXPECT_TRUE(closes ? w.result_of<open_closed>(end).delete_file
                       : w.result_of<client_removed>(end).delete_file);
    w.expect_granted(w.open(by(carol)), none);
  }
}

TEST_F(DisconnectedOpens, EndWhenTheirLeasesOtherConnectionDeletesTheFile) {
  const auto a = open(by(alice).lease(k1, rh).durable(seconds{900}));
  const auto again = open(by(alice_again).lease(k1, rh));
  disconnect_connection(alice);
  EXPECT_TRUE(is_kept(a));

  expect_done(access(alice_again, access_kind::set_delete, again));

  EXPECT_FALSE(is_kept(a));
  EXPECT_TRUE(result_of<open_closed>(close(again)).delete_file);
}

TEST_F(DisconnectedOpens, EndWithTheFirstOneThatDeletesTheFileWhenItIsInTheWay) {
  keeps_holds = true;
  open(by(alice).lease(k1, rh).shares(share::none).durable().deleting_on_close());
  disconnect(alice);
  const auto seen = open(by(bob).access(access::read_attributes).lease(k2, rh).durable());
  disconnect(bob);
  EXPECT_TRUE(is_kept(seen));

  const auto c = open(by(carol));

  EXPECT_FALSE(is_kept(seen));
  expect_waits(c);
  auto ended = take_ended();
  ASSERT_EQ(ended.size(), 2U);
  ASSERT_NE(ended.back().hold, hold_id::none);
  end(ended.back().hold);
  expect_granted(c, none);
}

// MS-SMB2 3.3.4.7, 3.3.5.22.2: a disconnected open is not durable without Handle.
TEST_F(DisconnectedOpens, EndWhenAnotherConnectionGivesUpHandle) {
  const auto a = open(by(alice).lease(k1, rh).durable(seconds{900}));
  const auto again = open(by(alice_again).lease(k1, rh));
  const auto b = open(by(bob));
  disconnect_connection(alice);
  const auto deleting = access(bob, access_kind::set_delete, b);
  EXPECT_EQ(expect_break(k1, rh, r).connection(), alice_again.connection);
  EXPECT_TRUE(is_kept(a));

  acknowledge(alice_again, k1, r);

  expect_done(deleting);
  EXPECT_FALSE(is_kept(a));
  close(again);
  EXPECT_TRUE(result_of<open_closed>(close(b)).delete_file);
}

TEST_F(DisconnectedOpens, EndWhenHandleIsTakenFromAnotherConnection) {
  for (const bool in_time : {false, true}) {
    world w;
    const auto a = w.open(by(alice).lease(k1, rwh).durable(seconds{900}));
    w.open(by(alice_again).lease(k1, rwh));
    w.disconnect_connection(alice);
    const auto b = w.open(by(bob));
    const auto told = w.expect_break(k1, rwh, rh);

    if (in_time)
      w.undeliverable(told.id);
    else
      w.pass(seconds{35});

    EXPECT_FALSE(w.file.has_open(a.open));
    w.expect_granted(b, none);
  }
}

TEST_F(DisconnectedOpens, StayWhileAnotherConnectionReleasesOnlyWrite) {
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{900}));
  open(by(alice_again).lease(k1, rwh));
  disconnect_connection(alice);
  open(by(bob));
  expect_break(k1, rwh, rh);

  acknowledge(alice_again, k1, rh);

  EXPECT_TRUE(is_kept(a));
}

// The break cannot be continued without a connection, and thus ends.
TEST_F(DisconnectedOpens, EndWithTheLastConnectionOfABreakingLease) {
  const auto connected = open(by(alice).lease(k1, rh));
  const auto a = open(by(alice_again).lease(k1, rh).durable(seconds{900}));
  const auto b = open(by(bob));
  disconnect_connection(alice_again);
  write_data(bob, b);
  expect_break(k1, rh, none);
  EXPECT_TRUE(is_kept(a));

  close(connected);

  EXPECT_FALSE(is_kept(a));
  expect_granted(open(by(carol)), none);
}

TEST_F(DisconnectedOpens, StayBesideAPersistentOpenThatWaitsForItsClient) {
  const auto connected = open(by(alice).lease(k1, rh).persistent(seconds{900}));
  const auto a = open(by(alice_again).lease(k1, rh).durable(seconds{900}));
  const auto b = open(by(bob));
  disconnect_connection(alice_again);
  write_data(bob, b);
  expect_break(k1, rh, none);

  EXPECT_TRUE(result_of<open_closed>(drop(connected)).kept);

  EXPECT_TRUE(is_kept(a));
  reconnect(alice, connected, k1);
  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
  EXPECT_FALSE(is_kept(a));
  EXPECT_TRUE(is_kept(connected));
}

TEST_F(DisconnectedOpens, ArePurgedByForcedBreaks) {
  const auto a = open(by(alice).lease(k1, rh).durable(seconds{900}));
  disconnect(alice);

  expect_done(force({}));

  expect_no_break();
  EXPECT_FALSE(is_kept(a));
}

TEST_F(DisconnectedOpens, ArePurgedByForcedBreaksWithThePersistentOpensBesideThem) {
  const auto a = open(by(alice).lease(k1, rh).durable(seconds{900}));
  const auto kept = open(by(alice).lease(k1, rh).persistent(seconds{900}));
  disconnect(alice);
  ASSERT_TRUE(is_kept(a));

  force({});

  expect_break(k1, rh, none);
  EXPECT_TRUE(is_kept(a)) << "their client may come back";
  pass(seconds{35});
  EXPECT_FALSE(is_kept(a));
  EXPECT_TRUE(is_kept(kept));
}

TEST_F(DisconnectedOpens, ThatArePersistentKeepAfterAForcedBreakWhatItLeaves) {
  const auto a = open(by(alice).lease(k1, rh).persistent(seconds{900}));
  disconnect(alice);

  const auto forced = force({});
  expect_break(k1, rh, none);
  pass(seconds{35});

  expect_done(forced);
  EXPECT_TRUE(is_kept(a));
  EXPECT_EQ(state_of_lease(alice, k1), none);
}

// -- reconnecting --------------------------------------------------------------------------------

class Reconnects : public DurableOpens {};

TEST_F(Reconnects, FindTheLeaseAsItWas) {
  const auto a = open(by(alice).lease(k1, rwh, 0x10).durable(seconds{60}, guid));
  disconnect(alice);

  const auto back = reconnect(alice_again, a, k1, guid);

  const auto granted = expect_granted(back, rwh);
  EXPECT_EQ(granted.open, a.open);
  EXPECT_EQ(granted.oplock, oplock_level::lease);
  EXPECT_EQ(granted.key, k1);
  EXPECT_EQ(granted.epoch, 0x11);
  EXPECT_TRUE(granted.durable);
}

TEST_F(Reconnects, AreToldOfBreaksOnTheNewConnection) {
  const auto a = open(by(alice).lease(k1, rwh).durable());
  disconnect(alice);
  reconnect(alice_again, a, k1);

  open(by(bob));

  EXPECT_EQ(expect_break(k1, rwh, rh).connection(), alice_again.connection);
  acknowledge(alice_again, k1, rh);
}

// The open that was notified was disconnected, too, and the notification may be lost.
TEST_F(Reconnects, AreToldOfABreakThatAnotherOpenOfTheLeaseMayHaveMissed) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  open(by(alice_again).lease(k1, rwh));
  disconnect_connection(alice);
  const auto b = open(by(bob));
  const auto first = expect_break(k1, rwh, rh);
  cancel(b); // otherwise it would purge the lease once it is disconnected
  disconnect_connection(alice_again);
  ASSERT_TRUE(is_kept(a));

  reconnect(alice, a, k1);

  EXPECT_EQ(expect_break(k1, rwh, rh).id, first.id);
  expect_acknowledged(acknowledge(alice, k1, rh), rh);
  expect_granted(open(by(bob)), none);
}

// The lease's first open is disconnected then; another one is connected.
TEST_F(Reconnects, OfALaterOpenAreToldOfBreaksOnTheNewConnection) {
  open(by(alice).lease(k1, rh).durable());
  const auto later = open(by(alice).lease(k1, rh).durable());
  disconnect(alice);
  reconnect(alice_again, later, k1);

  open(by(bob).overwriting());

  EXPECT_EQ(expect_break(k1, rh, none).connection(), alice_again.connection);
  acknowledge(alice_again, k1, none);
}

TEST_F(DurableOpens, LeaveBreaksToAConnectionThatIsThere) {
  const client third{alice.guid, connection_id{21}};
  open(by(alice).lease(k1, rh).durable());
  const auto second = open(by(alice_again).lease(k1, rh).durable());
  open(by(third).lease(k1, rh));
  disconnect_connection(alice);
  drop(second);

  open(by(bob).overwriting());

  EXPECT_EQ(expect_break(k1, rh, none).connection(), third.connection);
  acknowledge(third, k1, none);
}

TEST_F(DurableOpens, LeaveBreaksToAConnectionThatIsThereWhenTheFirstOpenIsClosed) {
  const client third{alice.guid, connection_id{21}};
  const auto first = open(by(alice).lease(k1, rh).durable());
  open(by(alice_again).lease(k1, rh).durable());
  open(by(third).lease(k1, rh));
  disconnect_connection(alice_again);
  close(first);

  open(by(bob).overwriting());

  EXPECT_EQ(expect_break(k1, rh, none).connection(), third.connection);
  acknowledge(third, k1, none);
}

TEST_F(DurableOpens, LeaveBreaksToAnotherOpenOfTheirLease) {
  const auto a = open(by(alice).lease(k1, rh).persistent());
  open(by(alice_again).lease(k1, rh));
  disconnect_connection(alice);

  open(by(bob).overwriting());

  EXPECT_EQ(expect_break(k1, rh, none).connection(), alice_again.connection);
  acknowledge(alice_again, k1, none);
  EXPECT_TRUE(is_kept(a));
}

// The invariants, which are checked after each of them, require few and ordered deadlines.
TEST_F(Reconnects, AtTheMomentOfTheLossLeaveDeadlinesInOrder) {
  const auto comes_back = open(by(alice).lease(k1, rwh).durable());
  const auto first = open(by(alice).lease(k1, rwh).durable());
  const auto second = open(by(alice).lease(k1, rwh).durable());
  drop(first);
  drop(second);

  for (int i = 0; i < 100; ++i) {
    drop(comes_back);
    expect_done(reconnect(alice, comes_back, k1));
  }
  drop(comes_back);

  pass(std::chrono::seconds{60});
  for (const auto& a : {first, second, comes_back})
    EXPECT_FALSE(is_kept(a));
}

TEST_F(Reconnects, StopTheClock) {
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{60}));
  disconnect(alice);
  pass(seconds{59});
  expect_granted(reconnect(alice, a, k1), rwh);

  pass(seconds{600});

  EXPECT_TRUE(is_kept(a));
}

TEST_F(Reconnects, CanBeRepeatedAfterEachLoss) {
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{60}));
  for (int i = 0; i < 3; ++i) {
    disconnect(alice);
    pass(seconds{40});

    expect_granted(reconnect(alice, a, k1), rwh);
  }
}

TEST_F(Reconnects, OfAnOplockNeedNoLease) {
  const auto a = open(by(alice).oplock(oplock_level::batch).durable());
  disconnect(alice);

  expect_oplock(reconnect(alice, a), oplock_level::batch);
}

// An acknowledgement in flight when the connection ended comes too late.
TEST_F(Reconnects, AreNeededBeforeAnythingIsDone) {
  const auto a = open(by(alice).oplock(oplock_level::batch).durable());
  expect_done(lock(a, {0, 10}, true));
  disconnect(alice);

  expect_error(lock(a, {20, 10}, true), errc::unknown_open);
  expect_error(access(alice, access_kind::write, a), errc::unknown_open);
  expect_error(access(alice, access_kind::rename, a), errc::unknown_open);
  expect_error(access(alice, access_kind::set_delete, a), errc::unknown_open);
  EXPECT_EQ(file.check_io(a.open, {0, 10}, true), errc::unknown_open);

  expect_oplock(reconnect(alice, a), oplock_level::batch);
  expect_done(lock(a, {20, 10}, true));
  expect_done(access(alice, access_kind::write, a));
  EXPECT_EQ(file.check_io(a.open, {0, 10}, true), errc::success);
}

// A lock breaks level II, even that of its own open. A disconnected open must not be purged in the
// middle of its own lock.
TEST_F(Reconnects, AreNeededBeforeALockTakesTheOpensOwnLevelII) {
  const auto a = open(by(alice).oplock(oplock_level::batch).persistent());
  disconnect(alice);
  force_break how;
  how.keep = rh;
  const auto forced = force(how);
  expect_oplock_break(a, rwh, r);
  expect_acknowledged(acknowledge_oplock(alice, a, oplock_level::level_ii), r);
  expect_done(forced);

  expect_error(lock(a, {0, 10}, true), errc::unknown_open);
  EXPECT_TRUE(listing(entry_kind::byte_range_lock).empty());
}

// A client may have been restarted with another ClientGuid; only a lease requires the old one.
TEST_F(Reconnects, OfAnOplockMakeItTheNewClients) {
  const auto a = open(by(alice).oplock(oplock_level::batch).durable());
  lock(a, {0, 10}, true);
  disconnect(alice);

  expect_oplock(reconnect(carol, a), oplock_level::batch);

  disconnect(alice);
  const auto b = open(by(bob));
  const auto n = expect_oplock_break(a, rwh, r);
  EXPECT_EQ(n.client, carol.guid);
  EXPECT_EQ(n.connection(), carol.connection);
  expect_error(acknowledge_oplock(alice, a, oplock_level::level_ii), errc::wrong_owner);
  expect_acknowledged(acknowledge_oplock(carol, a, oplock_level::level_ii), r);
  expect_granted(b, none);
  disconnect(carol);
  EXPECT_TRUE(listing(entry_kind::byte_range_lock).empty());
}

TEST_F(Reconnects, OfAnOplockLeaveRecordsOfTheNewClient) {
  file_policy keeping;
  keeping.keep_records = true;
  world w(keeping);
  const auto a = w.open(by(alice).oplock(oplock_level::batch).durable());
  w.lock(a, {0, 10}, true);
  w.disconnect(alice);

  w.expect_oplock(w.reconnect(carol, a), oplock_level::batch);

  EXPECT_EQ(w.store().size(), 2U);
  for (const auto& [id, record] : w.store())
    EXPECT_EQ(record.client_id, to_string(carol.guid));
}

// MS-SMB2 3.3.5.9.12: a V2 durable open may be reconnected with a V1 context.
TEST_F(Reconnects, OfVersionTwoMayUseVersionOne) {
  const auto a = open(by(alice).oplock(oplock_level::batch).durable(seconds{60}, guid));
  disconnect(alice);

  expect_oplock(reconnect(alice, a), oplock_level::batch);
}

TEST_F(Reconnects, OfVersionOneCannotUseVersionTwo) {
  const auto a = open(by(alice).oplock(oplock_level::batch).durable());
  disconnect(alice);

  expect_error(reconnect(alice, a, std::nullopt, guid), errc::nothing_to_reclaim);
}

TEST_F(Reconnects, NeedWhatTheOpenHad) {
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{60}, guid));

  // It is still connected.
  expect_error(reconnect(alice, a, k1, guid), errc::nothing_to_reclaim);
  disconnect(alice);
  // Another open, another key, no lease, another create guid, another client.
  expect_error(
    reconnect(alice, {operation_id::none, open_id{999}}, k1, guid), errc::nothing_to_reclaim);
  expect_error(reconnect(alice, a, k2, guid), errc::nothing_to_reclaim);
  expect_error(reconnect(alice, a, std::nullopt, guid), errc::nothing_to_reclaim);
  expect_error(reconnect(alice, a, k1, create_guid::of(78)), errc::nothing_to_reclaim);
  expect_error(reconnect(bob, a, k1, guid), errc::nothing_to_reclaim);

  expect_granted(reconnect(alice, a, k1, guid), rwh);
}

TEST_F(Reconnects, AfterAPurgeFindNothing) {
  const auto a = open(by(alice).lease(k1, rwh).durable());
  disconnect(alice);
  const auto b = open(by(bob));
  expect_done(close(b));

  expect_error(reconnect(alice, a, k1), errc::nothing_to_reclaim);
}

TEST_F(Reconnects, OfAnOplockWithALeaseFindNothing) {
  const auto a = open(by(alice).oplock(oplock_level::batch).durable());
  disconnect(alice);

  expect_error(reconnect(alice, a, k1), errc::nothing_to_reclaim);
}

} // namespace
} // namespace leasebreak::model_test

// Resilient opens: kept for some time while disconnected, regardless of their caching (MS-SMB2
// 3.3.5.15.9, 3.3.5.9.7, 3.3.7.1).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

class Resilient : public model_test {
protected:
  Resilient() = default;
  explicit Resilient(const file_policy& p) : model_test(p) {}

  /// Alice's open, just disconnected.
  attempt lost(const opening& how, duration time = seconds{120}) {
    const auto a = open(how);
    expect_done(resilient(a, time));
    expect_done(drop(a));
    EXPECT_TRUE(is_kept(a));
    return a;
  }

  [[nodiscard]] bool is_kept(const attempt& a) const {
    for (const auto& e : listing(entry_kind::open))
      if (e.open == a.open)
        return e.connection == connection_id::none;
    return false;
  }
};

TEST_F(Resilient, StayWithoutAnyCaching) {
  const auto a = lost(by(alice));

  pass(seconds{119});

  EXPECT_TRUE(is_kept(a));
  expect_done(reconnect(alice, a));
  expect_done(close(a));
}

TEST_F(Resilient, EndWhenTheirTimeIsUp) {
  const auto a = lost(by(alice));
  pass(seconds{119});
  EXPECT_TRUE(take_ended().empty());

  pass(seconds{1});

  const auto ended = take_ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended.front().cause, end_cause::expired);
  expect_error(reconnect(alice, a), errc::nothing_to_reclaim);
}

TEST_F(Resilient, EndWhenTheyAreClosed) {
  const auto a = open(by(alice));
  expect_done(resilient(a));
  expect_done(close(a));
  expect_error(reconnect(alice, a), errc::nothing_to_reclaim);
}

TEST_F(Resilient, EndWithTheirTreeConnect) {
  const client in_tree{client_guid::of(0xA), connection_id{1}, session_id{5}, tree_id{6}};
  const auto a = open(by(in_tree));
  expect_done(resilient(a));
  expect_done(end_tree(in_tree));
  expect_error(close(a), errc::unknown_open);
}

TEST_F(Resilient, StayWhenTheirSessionEnds) {
  const client in_session{client_guid::of(0xA), connection_id{1}, session_id{5}, tree_id{6}};
  const auto a = open(by(in_session));
  expect_done(resilient(a));
  expect_done(end_session(in_session));
  expect_done(reconnect(alice, a));
}

TEST_F(Resilient, CanBeLostAndHadBackAgain) {
  const auto a = lost(by(alice));
  for (int i = 0; i < 3; ++i) {
    pass(seconds{100});
    expect_done(reconnect(alice, a));
    expect_done(drop(a));
  }
  pass(seconds{120});
  expect_error(reconnect(alice, a), errc::nothing_to_reclaim);
}

TEST_F(Resilient, NeedATimeWithinTheLimit) {
  const auto a = open(by(alice));
  expect_error(resilient(a, seconds{0}), errc::invalid_argument);
  expect_error(resilient(a, -seconds{1}), errc::invalid_argument);
  expect_error(resilient(a, policy.limit.resilience_max + milliseconds{1}), errc::invalid_argument);
  expect_done(drop(a));
  EXPECT_FALSE(is_kept(a)) << "what was refused has changed nothing";

  const auto b = open(by(alice));
  expect_done(resilient(b, policy.limit.resilience_max));
}

TEST_F(Resilient, TakeTheTimeThatWasAskedForLast) {
  const auto a = open(by(alice));
  expect_done(resilient(a, seconds{10}));
  expect_done(resilient(a, seconds{50}));
  expect_done(drop(a));
  pass(seconds{49});
  EXPECT_TRUE(is_kept(a));
  pass(seconds{1});
  EXPECT_FALSE(is_kept(a));
}

TEST_F(Resilient, AreNoOpensThatAreGoneOrAway) {
  const auto a = open(by(alice));
  expect_done(close(a));
  expect_error(resilient(a), errc::unknown_open);
  const auto b = lost(by(alice));
  expect_error(resilient(b), errc::unknown_open);
}

TEST_F(Resilient, AreNoOpensThatStandForStreams) {
  const auto a = open(by(alice).of_stream(share::all));
  expect_error(resilient(a), errc::invalid_argument);
}

TEST_F(Resilient, AreListed) {
  const auto a = lost(by(alice));
  const auto listed = listing(entry_kind::open);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_TRUE(listed.front().resilient);
  EXPECT_FALSE(listed.front().durable);
  EXPECT_EQ(listed.front().deadline, now() + seconds{120});
  expect_done(reconnect(alice, a));
}

TEST_F(Resilient, MayBeDirectories) {
  const auto a = lost(by(alice).directory());
  expect_done(reconnect(alice, a));
}

// -- conflicts -----------------------------------------------------------------------------------

TEST_F(Resilient, KeepTheirShareMode) {
  const auto a = lost(by(alice).shares(share::read));

  expect_error(open(by(bob).access(access::write_data)), errc::sharing_violation);

  expect_done(open(by(bob).access(access::read_data)));
  expect_done(reconnect(alice, a));
}

TEST_F(Resilient, KeepTheirAccess) {
  lost(by(alice).access(access::write_data));
  expect_error(open(by(bob).shares(share::read)), errc::sharing_violation);
}

TEST_F(Resilient, KeepTheirLocks) {
  const auto a = open(by(alice));
  expect_done(lock(a, {0, 10}, true));
  expect_done(resilient(a));
  expect_done(drop(a));
  const auto b = open(by(bob));

  expect_error(lock(b, {5, 1}, true), errc::lock_not_granted);
  EXPECT_EQ(file.check_io(b.open, {5, 1}, true), errc::file_lock_conflict);

  expect_done(reconnect(alice, a));
  expect_done(unlock(a, {{0, 10}}));
  expect_done(lock(b, {5, 1}, true));
}

TEST_F(Resilient, LetALockWaitUntilTheyEnd) {
  const auto a = open(by(alice));
  expect_done(lock(a, {0, 10}, true));
  expect_done(resilient(a));
  expect_done(drop(a));
  const auto b = open(by(bob));
  const auto waiting = blocking_lock(b, {0, 1}, true);
  expect_waits(waiting);

  pass(seconds{120});

  expect_done(waiting);
}

TEST_F(Resilient, LetOthersInWhenTheyEnd) {
  lost(by(alice).shares(0));
  expect_error(open(by(bob)), errc::sharing_violation);
  pass(seconds{120});
  expect_done(open(by(bob)));
}

TEST_F(Resilient, KeepTheNumbersOfTheirLocks) {
  const lock_sequence first{1, 3};
  const auto a = open(by(alice));
  expect_done(lock(a, {0, 10}, first));
  expect_done(resilient(a));
  expect_done(drop(a));
  expect_done(reconnect(alice, a));

  const auto again = lock(a, {0, 10}, first);

  expect_done(again);
  expect_done(unlock(a, {{0, 10}}));
  expect_error(unlock(a, {{0, 10}}), errc::range_not_locked);
}

TEST_F(Resilient, KeepTheFileFromBeingReplaced) {
  const auto a = lost(by(alice));
  expect_error(access(bob, access_kind::remove_unopened), errc::access_denied);
  expect_done(reconnect(alice, a));
}

// -- caching -------------------------------------------------------------------------------------

TEST_F(Resilient, FindTheirLeaseAsItWas) {
  const auto a = lost(by(alice).lease(k1, rwh));
  const auto back = reconnect(alice, a, k1);
  expect_done(back);
  EXPECT_EQ(result_of<open_granted>(back).state, rwh);
  EXPECT_FALSE(result_of<open_granted>(back).durable);
}

TEST_F(Resilient, LoseTheirLeaseAtOnceToAConflictingOpen) {
  const auto a = lost(by(alice).lease(k1, rwh, 0x10));

  expect_granted(open(by(bob).lease(k2, rwh)), rh);

  expect_no_break();
  const auto back = reconnect(alice, a, k1);
  expect_done(back);
  EXPECT_EQ(result_of<open_granted>(back).state, none);
  EXPECT_EQ(result_of<open_granted>(back).epoch, 0x12);
}

TEST_F(Resilient, LoseTheirOplockAtOnceToAConflictingOpen) {
  const auto a = lost(by(alice).oplock(oplock_level::batch));

  expect_oplock(open(by(bob).oplock(oplock_level::batch)), oplock_level::level_ii);

  expect_no_break();
  const auto back = reconnect(alice, a);
  expect_done(back);
  EXPECT_EQ(result_of<open_granted>(back).oplock, oplock_level::none);
}

TEST_F(Resilient, LoseTheirLeaseToAWrite) {
  const auto b = open(by(bob));
  const auto a = lost(by(alice).lease(k1, r));

  write_data(bob, b);

  EXPECT_EQ(state_of_lease(alice, k1), none);
  expect_done(reconnect(alice, a, k1));
}

TEST_F(Resilient, LoseTheirLeaseToALock) {
  const auto b = open(by(bob));
  const auto a = lost(by(alice).lease(k1, rh));
  expect_done(lock(b, {0, 1}, true));
  EXPECT_EQ(state_of_lease(alice, k1), none);
  expect_done(reconnect(alice, a, k1));
}

TEST_F(Resilient, LoseTheirLeaseToARename) {
  const auto b = open(by(bob));
  const auto a = lost(by(alice).lease(k1, rh));
  const auto renamed = access(bob, access_kind::rename, b);
  expect_done(renamed);
  end(result_of<access_granted>(renamed).hold);
  EXPECT_EQ(state_of_lease(alice, k1), none);
  expect_done(reconnect(alice, a, k1));
}

TEST_F(Resilient, KeepTheirLeaseIfTheNewOpenIsRefused) {
  const auto a = lost(by(alice).lease(k1, rwh).shares(0));

  expect_error(open(by(bob)), errc::sharing_violation);

  const auto back = reconnect(alice, a, k1);
  expect_done(back);
  EXPECT_EQ(result_of<open_granted>(back).state, rwh);
}

TEST_F(Resilient, KeepTheirLeaseFromARenameThatIsRefused) {
  const auto a = lost(by(alice).lease(k1, rh));

  expect_error(access(bob, access_kind::rename_ancestor), errc::access_denied);
  expect_error(access(bob, access_kind::replace), errc::access_denied);

  EXPECT_EQ(state_of_lease(alice, k1), rh);
  expect_done(reconnect(alice, a, k1));
}

TEST_F(Resilient, EndABreakByTheLossOfTheirConnection) {
  const auto a = open(by(alice).lease(k1, rwh));
  expect_done(resilient(a));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  expect_waits(b);

  expect_done(drop(a));

  expect_done(b);
  const auto back = reconnect(alice, a, k1);
  expect_done(back);
  EXPECT_EQ(result_of<open_granted>(back).state, none);
}

TEST_F(Resilient, LeaveABreakToAnotherOpenOfTheirLease) {
  const auto a = open(by(alice).lease(k1, rwh));
  const auto beside = open(by(alice_again).lease(k1, rwh));
  expect_done(resilient(a));
  expect_done(drop(a));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  expect_waits(b);

  expect_done(close(beside));

  expect_done(b);
  EXPECT_TRUE(is_kept(a));
}

TEST_F(Resilient, LoseTheirLeaseToAnOperator) {
  const auto a = lost(by(alice).lease(k1, rwh));
  expect_done(force({}));
  EXPECT_EQ(state_of_lease(alice, k1), none);
  expect_done(reconnect(alice, a, k1));
}

TEST_F(Resilient, AreAskedForWithTheirLease) {
  const auto a = lost(by(alice).lease(k1, rh));
  expect_error(reconnect(alice, a), errc::nothing_to_reclaim);
  expect_error(reconnect(bob, a, k1), errc::nothing_to_reclaim);
  expect_done(reconnect(alice, a, k1));
}

// -- deletions ------------------------------------------------------------------------------------

TEST_F(Resilient, StayWithAFileThatIsToBeDeleted) {
  const auto a = open(by(alice).deleting_on_close());
  expect_done(resilient(a));
  expect_done(drop(a));
  EXPECT_TRUE(is_kept(a));

  pass(seconds{120});

  const auto ended = take_ended();
  ASSERT_EQ(ended.size(), 1U);
  ASSERT_NE(ended.front().hold, hold_id::none);
  end(ended.front().hold);
}

TEST_F(Resilient, StayWhenAnotherDeletesTheFile) {
  const auto a = lost(by(alice));
  const auto b = open(by(bob));
  expect_done(access(bob, access_kind::set_delete, b));
  expect_done(close(b));

  EXPECT_TRUE(is_kept(a));
  expect_done(reconnect(alice, a));
}

// -- beside durable and persistent ----------------------------------------------------------------

TEST_F(Resilient, StayDurableForTheRestOfThatTime) {
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{200}));
  expect_done(resilient(a, seconds{50}));
  expect_done(drop(a));
  pass(seconds{199});
  EXPECT_TRUE(is_kept(a));
  EXPECT_FALSE(listing(entry_kind::open).front().resilient);
  const auto back = reconnect(alice, a, k1);
  expect_done(back);
  EXPECT_TRUE(result_of<open_granted>(back).durable);
  EXPECT_TRUE(listing(entry_kind::open).front().resilient);
}

TEST_F(Resilient, ArePurgedOnceTheyAreOnlyDurable) {
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{200}).shares(0));
  expect_done(resilient(a, seconds{50}));
  expect_done(drop(a));
  expect_error(open(by(bob)), errc::sharing_violation);
  pass(seconds{50});

  expect_done(open(by(bob)));

  expect_error(reconnect(alice, a, k1), errc::nothing_to_reclaim);
}

TEST_F(Resilient, EndWithTheirTimeIfTheyHaveLostWhatADurableOneNeeds) {
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{200}));
  expect_done(resilient(a, seconds{50}));
  expect_done(drop(a));
  expect_done(open(by(bob)));
  EXPECT_TRUE(is_kept(a));

  pass(seconds{50});

  EXPECT_FALSE(is_kept(a));
}

TEST_F(Resilient, OutlastADurableTimeThatIsShorter) {
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{10}));
  expect_done(resilient(a, seconds{50}));
  expect_done(drop(a));
  pass(seconds{49});
  EXPECT_TRUE(is_kept(a));
  pass(seconds{1});
  EXPECT_FALSE(is_kept(a));
}

TEST_F(Resilient, StayPersistent) {
  const auto a = open(by(alice).persistent(seconds{60}));
  expect_done(resilient(a, seconds{100}));
  expect_done(drop(a));

  expect_error(open(by(bob)), errc::reclaim_needed);
  pass(seconds{99});
  EXPECT_TRUE(is_kept(a)) << "for the longer of the two times";
  expect_error(open(by(bob)), errc::reclaim_needed);
  pass(seconds{1});
  EXPECT_FALSE(is_kept(a));
}

TEST_F(Resilient, BesideADurableOpenOfTheirLeaseStayAlone) {
  const auto a = open(by(alice).lease(k1, rwh));
  const auto b = open(by(alice_again).lease(k1, rwh).durable());
  expect_done(resilient(a));
  expect_done(drop(a));
  expect_done(drop(b));

  expect_done(open(by(bob)));

  EXPECT_TRUE(is_kept(a));
  expect_error(reconnect(alice, b, k1), errc::nothing_to_reclaim);
}

TEST_F(Resilient, BesideAPersistentOpenOfTheirLeaseLeaveTheBreakToThat) {
  const auto a = open(by(alice).lease(k1, rwh));
  const auto b = open(by(alice_again).lease(k1, rwh).persistent(seconds{30}));
  expect_done(resilient(a));
  expect_done(drop(a));
  expect_done(drop(b));
  const auto c = open(by(bob));
  take_breaks();
  expect_waits(c);

  pass(seconds{30});

  expect_done(c);
  EXPECT_TRUE(is_kept(a));
}

TEST_F(Resilient, GoWithTheirApplication) {
  const auto a = lost(by(alice).shares(0).instance(app_instance_id::of(1)));
  expect_done(open(by(bob).shares(0).instance(app_instance_id::of(1))));
  expect_error(reconnect(alice, a), errc::nothing_to_reclaim);
}

// If the open of an application ends, its lease may have only disconnected opens, which cannot
// release Handle.
TEST_F(Resilient, BesideOneThatEndsWithItsApplicationRefuseTheNewOpen) {
  const auto a = open(by(alice).access(access::read_data).shares(share::read).lease(k1, rh));
  const auto b =
    open(by(alice_again).lease(k1, rh).access(attributes_alone).instance(app_instance_id::of(1)));
  expect_done(resilient(a));
  expect_done(drop(a));

  expect_error(open(by(bob).instance(app_instance_id::of(1))), errc::sharing_violation);

  EXPECT_TRUE(take_ended().empty());
  expect_done(close(b));
}

class ResilientRecords : public Resilient {
protected:
  ResilientRecords() : Resilient(keeping_records()) {}
};

TEST_F(ResilientRecords, AreThoseOfAnyOpen) {
  lost(by(alice).lease(k1, rwh));
  ASSERT_EQ(store().size(), 1U);
  EXPECT_TRUE(store().begin()->second.is_lease()) << "a restart ends the open itself";
}

} // namespace
} // namespace leasebreak::model_test

// Defects of DittoFS, the system with the same data model. Each defect that could occur within one
// file has a test with its name. B8 (records), B11 and B22 involve several files, B14 and B28 in
// part a kind of lock that does not exist here, and B25 a wait graph over files; see the tests of
// the actors and the stores.
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

class DittofsDefects : public model_test {};

TEST_F(DittofsDefects, B1ABreakWithoutPendingOperationsHasADeadline) {
  const auto b = open(by(bob));
  open(by(alice).lease(k1, rh));
  write_data(bob, b);
  expect_break(k1, rh, none);
  EXPECT_EQ(file.waiting(), 0U);
  ASSERT_EQ(file.next_deadline(), now() + seconds{35});

  pass(seconds{35});

  EXPECT_FALSE(lease_of(alice, k1)->breaking);
  EXPECT_FALSE(expect_granted(open(by(alice).lease(k1, r)), r).break_in_progress);
}

TEST_F(DittofsDefects, B1ALocksBreakHasADeadline) {
  const auto b = open(by(bob));
  open(by(alice).lease(k1, rh));
  lock(b, {0, 1}, true);
  expect_break(k1, rh, none);

  pass(seconds{35});

  EXPECT_FALSE(lease_of(alice, k1)->breaking);
}

TEST_F(DittofsDefects, B1ADirectorysBreakHasADeadline) {
  open(by(alice).directory().lease(k1, rh));
  access(nobody, access_kind::change_children);
  expect_break(k1, rh, none);

  pass(seconds{35});

  EXPECT_FALSE(lease_of(alice, k1)->breaking);
}

TEST_F(DittofsDefects, B2ACancelledOperationLeavesTheHoldersBreakAlone) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  pass(milliseconds{5});
  cancel(b);

  EXPECT_EQ(state_of_lease(alice, k1), rwh);
  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  expect_acknowledged(acknowledge(alice, k1, rh), rh);
}

TEST_F(DittofsDefects, B3ALateWaiterDoesNotExtendTheDeadline) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);
  pass(seconds{34});
  const auto c = open(by(carol));

  pass(seconds{1});

  expect_granted(c, none);
}

TEST_F(DittofsDefects, B3AnImpatientWaiterTakesNothingFromAPatientOne) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  const auto c = open(by(carol));
  pass(seconds{5});
  cancel(b);

  pass(seconds{20});
  expect_waits(c);
  acknowledge(alice, k1, rh);

  expect_granted(c, none);
  EXPECT_EQ(state_of_lease(alice, k1), rh);
}

// Whichever holder of the directory ends its break first, and however, the others have been
// notified.
TEST_F(DittofsDefects, B4TheLossOfOneDirectoryHolderLosesNoOthersBreak) {
  for (const int how : {0, 1, 2, 3, 4}) {
    SCOPED_TRACE(how);
    world w;
    const auto a = w.open(by(alice).directory().lease(k1, rh));
    w.open(by(bob).directory().lease(k2, rh));
    w.open(by(carol).directory().lease(k3, rh));
    w.access(nobody, access_kind::change_children);
    const auto n = w.expect_break(k1, rh, none);
    w.expect_break(k2, rh, none);
    w.expect_break(k3, rh, none);

    if (how == 0)
      w.close(a);
    else if (how == 1)
      w.disconnect(alice);
    else if (how == 2)
      w.undeliverable(n.id);
    else if (how == 3)
      w.acknowledge(alice, k1, none);
    else
      w.pass(seconds{34});

    w.expect_acknowledged(w.acknowledge(bob, k2, none), none);
    w.expect_acknowledged(w.acknowledge(carol, k3, none), none);
  }
}

TEST_F(DittofsDefects, B5ADirectorysReadIsNotLeftBreaking) {
  world w(keeping_records());
  w.open(by(alice).directory().lease(k1, r, 1));

  w.access(nobody, access_kind::change_children);

  EXPECT_FALSE(w.expect_break(k1, r, none).ack_required);
  EXPECT_FALSE(w.lease_of(alice, k1)->breaking);
  EXPECT_EQ(w.lease_of(alice, k1)->epoch, 3);
  EXPECT_TRUE(w.store().empty());
}

TEST_F(DittofsDefects, B6ATimeoutDoesNotTakeALeaseThatWasAcknowledged) {
  world w(keeping_records());
  w.open(by(alice).lease(k1, rwh));
  w.open(by(bob));
  w.expect_break(k1, rwh, rh);
  w.pass(seconds{35} - milliseconds{1});
  w.acknowledge(alice, k1, rh);

  w.pass(seconds{100});
  w.apply(deadline_reached{});

  EXPECT_EQ(w.state_of_lease(alice, k1), rh);
  EXPECT_EQ(w.store().size(), 1U);
}

TEST_F(DittofsDefects, B7EveryEndOfALeaseWakesPendingOperations) {
  for (const int how : {0, 1, 2, 3}) {
    SCOPED_TRACE(how);
    world w;
    const auto a = w.open(by(alice).lease(k1, rwh));
    const auto b = w.open(by(bob));
    const auto n = w.expect_break(k1, rwh, rh);

    if (how == 0)
      w.close(a);
    else if (how == 1)
      w.disconnect(alice);
    else if (how == 2)
      w.disconnect_connection(alice);
    else
      w.undeliverable(n.id);

    w.expect_granted(b, none);
  }
}

TEST_F(DittofsDefects, B8ADisconnectRemovesLocksAndTheirRecordsAlike) {
  world w(keeping_records());
  const auto a = w.open(by(alice).lease(k1, rwh));
  w.lock(a, {{{0, 1}, true}, {{2, 1}, true}});
  EXPECT_EQ(w.store().size(), 3U);

  w.disconnect(alice);

  EXPECT_TRUE(w.store().empty());
  EXPECT_TRUE(w.listing(entry_kind::byte_range_lock).empty());
  EXPECT_TRUE(w.file.empty());
}

TEST_F(DittofsDefects, B9TwoWaitingOpensWithOneKeyGetOneLease) {
  open(by(alice).lease(k1, rwh));
  const auto first = open(by(bob).lease(k2, r));
  expect_break(k1, rwh, rh);
  const auto second = open(by(bob).lease(k2, rh));

  acknowledge(alice, k1, rh);

  expect_granted(first, r);
  expect_granted(second, rh);
  const auto leases = listing(entry_kind::lease);
  EXPECT_EQ(leases.size(), 2U);
}

TEST_F(DittofsDefects, B10TheSameKeyOfTwoClientsIsTwoLeases) {
  const auto a = open(by(alice).lease(k1, rh, 1));
  open(by(bob).lease(k1, rh, 100));
  const auto c = open(by(carol));
  write_data(carol, c);
  EXPECT_EQ(take_breaks().size(), 2U);

  expect_acknowledged(acknowledge(alice, k1, none), none);

  EXPECT_EQ(state_of_lease(bob, k1), rh);
  EXPECT_TRUE(lease_of(bob, k1)->breaking);
  EXPECT_EQ(lease_of(bob, k1)->epoch, 102);
  close(a);
  EXPECT_TRUE(lease_of(bob, k1)->breaking);
  expect_acknowledged(acknowledge(bob, k1, none), none);
}

TEST_F(DittofsDefects, B10TheDisconnectOfOneClientLeavesTheOthersLease) {
  open(by(alice).lease(k1, rh));
  open(by(bob).lease(k1, rh));

  disconnect(alice);

  EXPECT_EQ(state_of_lease(bob, k1), rh);
}

TEST_F(DittofsDefects, B11ARefusedOpenLeavesTheLeaseOfItsKeyAlone) {
  open(by(alice).lease(k1, rwh).shares(share::none));

  expect_error(open(by(alice).lease(k1, rwh)), errc::sharing_violation);

  EXPECT_EQ(state_of_lease(alice, k1), rwh);
  open(by(bob));
  expect_break(k1, rwh, rw);
  expect_acknowledged(acknowledge(alice, k1, rw), rw);
}

TEST_F(DittofsDefects, B12TheSameKeyIsAnsweredWithItsStateBesideLocks) {
  const auto a = open(by(alice).lease(k1, rwh, 1));
  lock(a, {0, 1}, true);

  const auto granted = expect_granted(open(by(alice).lease(k1, none)), rwh);

  EXPECT_EQ(granted.epoch, 2);
}

TEST_F(DittofsDefects, B12TheSameKeyIsAnsweredWithItsStateAfterADirectoryBreak) {
  open(by(alice).directory().lease(k1, rh, 1));
  open(by(bob).directory().lease(k2, rh));
  access(alice, access_kind::change_children, k1);
  expect_break(k2, rh, none);

  EXPECT_EQ(expect_granted(open(by(alice).directory().lease(k1, rh)), rh).epoch, 2);
  acknowledge(bob, k2, none);
}

TEST_F(DittofsDefects, B13LocksAndLeasesAreDifferentThings) {
  const auto a = open(by(alice).lease(k1, rwh));
  constexpr auto whole = byte_range{0, UINT64_MAX};

  expect_error(unlock(a, {{0, 0}}), errc::range_not_locked);
  expect_error(unlock(a, {whole}), errc::range_not_locked);
  expect_done(lock(a, {0, 0}, true));
  expect_done(lock(a, whole, true));
  expect_done(unlock(a, {{0, 0}, whole}));

  EXPECT_EQ(state_of_lease(alice, k1), rwh);
  EXPECT_EQ(listing(entry_kind::lease).size(), 1U);
}

TEST_F(DittofsDefects, B15AnAcknowledgementWithHandleAloneIsRefused) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);

  expect_error(acknowledge(alice, k1, handle), errc::ack_exceeds_break);

  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  acknowledge(alice, k1, rh);
}

TEST_F(DittofsDefects, B16ALeaseGrantedAgainHasForgottenItsTimeout) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  pass(seconds{35});
  EXPECT_TRUE(lease_of(alice, k1)->timed_out);
  close(b);

  expect_granted(open(by(alice).lease(k1, rwh)), rwh);

  EXPECT_FALSE(lease_of(alice, k1)->timed_out);
  expect_error(acknowledge(alice, k1, rwh), errc::lease_not_breaking);
  EXPECT_FALSE(take_facts<acknowledgement_refused>().at(0).late);
}

// A lease that was lost by a timeout must not be recovered after a restart.
TEST_F(DittofsDefects, B17ATimedOutLeaseIsNoHolderAfterARestart) {
  world before(keeping_records());
  before.open(by(alice).lease(k1, rwh));
  before.open(by(bob));
  before.expect_break(k1, rwh, rh);
  before.pass(seconds{35});

  world after(keeping_records());
  after.continue_after(before);
  for (const auto& [id, record] : before.store())
    after.load(record);

  after.expect_granted(after.open(by(carol).lease(k3, rwh)), rwh);
}

TEST_F(DittofsDefects, B18ALeaseNeedsAKeyThatIsNotZero) {
  expect_error(open(by(alice).lease(lease_key{}, r)), errc::zero_lease_key);
}

TEST_F(DittofsDefects, B19AnEpochGoesOnAfterItsEnd) {
  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, r, 0xfffe)), r).epoch, 0xffff);
  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, rh)), rh).epoch, 0);
  open(by(bob).overwriting());
  EXPECT_EQ(expect_break(k1, rh, none).epoch, 1);
  acknowledge(alice, k1, none);

  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, r, 0xffff)), r).epoch, 2);
}

TEST_F(DittofsDefects, B20ACancelledLockIsNeverGranted) {
  const auto a = open(by(alice));
  const auto b = open(by(bob));
  lock(a, {0, 10}, true);
  const auto cancelled = blocking_lock(b, {0, 10}, true);
  cancel(cancelled);

  close(a);

  expect_error(cancelled, errc::cancelled);
  EXPECT_TRUE(listing(entry_kind::byte_range_lock).empty());
}

TEST_F(DittofsDefects, B20ALockOfAClosedOpenIsNeverGranted) {
  const auto a = open(by(alice));
  const auto b = open(by(bob));
  lock(a, {0, 10}, true);
  const auto waiting = blocking_lock(b, {0, 10}, true);
  close(b);

  close(a);

  expect_error(waiting, errc::range_not_locked);
  EXPECT_TRUE(file.empty());
}

// A client is identified by its ClientGuid, not by its session id.
TEST_F(DittofsDefects, B21ANewSessionOfTheSameClientReclaims) {
  world before(keeping_records());
  before.open(by(alice).lease(k1, rwh));
  world after(keeping_records());
  after.continue_after(before);
  for (const auto& [id, record] : before.store())
    after.load(record);

  after.expect_granted(after.open(by(alice_again).lease(k1, rwh).reclaiming()), rwh);
  after.end_grace();

  EXPECT_EQ(after.state_of_lease(alice, k1), rwh);
  EXPECT_EQ(after.store().size(), 1U);
}

TEST_F(DittofsDefects, B21AnOpenDuringGraceDoesNotWaitForAnAbsentHolder) {
  world before(keeping_records());
  before.open(by(alice).lease(k1, rwh));
  world after(keeping_records());
  after.continue_after(before);
  for (const auto& [id, record] : before.store())
    after.load(record);

  const auto b = after.open(by(bob));

  after.expect_error(b, errc::reclaim_needed);
  after.expect_no_break();
}

TEST_F(DittofsDefects, B23AnUndeliverableBreakEndsAtOnce) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  const auto n = expect_break(k1, rwh, rh);

  undeliverable(n.id);

  expect_granted(b, none);
  EXPECT_FALSE(lease_of(alice, k1)->breaking);
}

TEST_F(DittofsDefects, B24ReclaimingChecksTheClient) {
  world before(keeping_records());
  before.open(by(alice).lease(k1, rwh));
  world after(keeping_records());
  after.continue_after(before);
  for (const auto& [id, record] : before.store())
    after.load(record);

  const auto thief = after.open(by(bob).lease(k1, rwh).reclaiming());

  after.expect_error(thief, errc::nothing_to_reclaim);
  after.expect_granted(after.open(by(alice).lease(k1, rwh).reclaiming()), rwh);
}

TEST_F(DittofsDefects, B26AnOplockIsAcknowledgedByItsOwner) {
  const auto a = open(by(alice).oplock(oplock_level::batch));
  const auto b = open(by(bob));
  expect_oplock_break(a, rwh, r);

  expect_error(acknowledge_oplock(bob, a, oplock_level::none), errc::wrong_owner);

  expect_waits(b);
  expect_acknowledged(acknowledge_oplock(alice, a, oplock_level::level_ii), r);
}

// A lock is not granted before another client has written its data back.
TEST_F(DittofsDefects, B27ALockWaitsForAForeignWrite) {
  const auto stat = open(by(bob).access(access::read_attributes));
  expect_granted(open(by(alice).lease(k1, rwh)), rwh);

  const auto locking = lock(stat, {0, 1}, true);

  expect_break(k1, rwh, none);
  expect_waits(locking);
  acknowledge(alice, k1, none);
  expect_done(locking);
}

TEST_F(DittofsDefects, B28AfterATimeoutNoOperationWaitsForTheSameBreakAgain) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  pass(seconds{35});
  expect_granted(b, none);

  for (int i = 0; i < 3; ++i)
    expect_granted(open(by(carol).overwriting()), none);
  expect_no_break();
}

TEST_F(DittofsDefects, B29ARefusedOverwriteHoldsNothingAndBreaksNothing) {
  open(by(alice).lease(k1, rh));

  const auto zero_key = open(by(bob).lease(lease_key{}, r).overwriting());

  expect_error(zero_key, errc::zero_lease_key);
  EXPECT_EQ(result_of<open_granted>(zero_key).hold, hold_id::none);
  expect_no_break();
  EXPECT_EQ(state_of_lease(alice, k1), rh);
}

} // namespace
} // namespace leasebreak::model_test

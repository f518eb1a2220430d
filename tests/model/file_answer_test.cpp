// No notification overtakes the response that grants what it breaks (MS-SMB2 3.3.4.6, 3.3.4.7).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

class Answers : public model_test {};

TEST_F(Answers, HoldBackTheBreakOfWhatTheyGrant) {
  const auto a = open(by(alice).lease(k1, rwh).answered_later());
  expect_granted(a, rwh);
  const auto b = open(by(bob));

  expect_no_break();
  expect_waits(b);
  answer(a);
  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, ThatAreSentHoldNothingBack) {
  const auto a = open(by(alice).lease(k1, rwh).answered_later());
  answer(a);
  const auto b = open(by(bob));

  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, AreFollowedByOneNotificationOfAllThatHasCome) {
  const auto a = open(by(alice).lease(k1, rwh, 7).answered_later());
  const auto granted = expect_granted(a, rwh);
  const auto b = open(by(bob));
  const auto c = open(by(carol).overwriting());

  answer(a);

  const auto told = expect_break(k1, rwh, none);
  EXPECT_EQ(told.epoch, granted.epoch + 1);
  acknowledge(alice, k1, none);
  expect_granted(b, none);
  expect_granted(c, none);
  expect_no_break();
}

TEST_F(Answers, HoldBackTheBreaksOfOplocks) {
  for (const auto level : oplocks) {
    SCOPED_TRACE(to_string(level));
    world w;
    const auto a = w.open(by(alice).oplock(level).answered_later());
    w.expect_oplock(a, level);
    const auto b = w.open(by(bob).overwriting());

    w.expect_no_break();
    w.answer(a);

    w.expect_oplock_break(a, state_of(level), none);
    if (level != oplock_level::level_ii)
      w.acknowledge_oplock(alice, a, oplock_level::none);
    w.expect_granted(b, none);
  }
}

TEST_F(Answers, OfOneLeaseHoldItBackUntilTheLastIsSent) {
  const auto first = open(by(alice).lease(k1, rwh).answered_later());
  const auto second = open(by(alice).lease(k1, rwh).answered_later());
  const auto b = open(by(bob));

  answer(first);
  expect_no_break();
  answer(second);

  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

// A V1 response has no epoch: the client assumes the state of the last message.
TEST_F(Answers, ToAnUpgradeHoldBackTheBreakOfIt) {
  const auto first = open(by(alice).lease_v1(k1, r));
  expect_granted(first, r);
  const auto upgrade = open(by(alice).lease_v1(k1, rwh).answered_later());
  expect_granted(upgrade, rwh);
  const auto b = open(by(bob));

  expect_no_break();
  answer(upgrade);

  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, DoNotKeepAHolderThatIsNotWaitedForInTheDark) {
  const auto first = open(by(alice).lease(k1, r, 7));
  const auto second = open(by(alice).lease(k1, r, 7).answered_later());
  const auto granted = expect_granted(second, r);

  access(nobody, access_kind::write);

  EXPECT_EQ(expect_break(k1, r, none).epoch, granted.epoch + 1);
  answer(second);
  EXPECT_EQ(expect_break(k1, r, none).epoch, granted.epoch + 2) << "newer than the answer, again";
  static_cast<void>(first);
}

// Without an epoch the client assumes the state of the last message.
TEST_F(Answers, OfVersion1ThatComeLateAreEachFollowedByTheBreak) {
  open(by(alice).lease_v1(k1, r));
  const auto second = open(by(alice).lease_v1(k1, r).answered_later());
  const auto third = open(by(alice).lease_v1(k1, r).answered_later());
  access(nobody, access_kind::write);
  expect_break(k1, r, none);

  answer(second);
  expect_break(k1, r, none);
  answer(third);
  expect_break(k1, r, none);
}

// The operation that needs Handle waits. If the client were told twice, its first acknowledgement,
// which may be late, could not be told apart from the second one.
TEST_F(Answers, OfVersion1HoldBackTheBreakOfHandle) {
  open(by(alice).lease_v1(k1, rh));
  const auto second = open(by(alice).lease_v1(k1, rh).answered_later());
  expect_granted(second, rh);
  const auto rename = access(nobody, access_kind::rename);
  expect_no_break();

  answer(second);

  expect_break(k1, rh, r);
  expect_waits(rename);
  acknowledge(alice, k1, r);
  expect_no_break();
}

TEST_F(Answers, OfVersion1DoNotHoldBackTheBreakOfReadForWhichNobodyWaits) {
  open(by(alice).lease_v1(k1, rh));
  const auto second = open(by(alice).lease_v1(k1, rh).answered_later());
  access(nobody, access_kind::rename);
  expect_no_break();

  access(nobody, access_kind::write);

  expect_break(k1, rh, none);
  answer(second);
  expect_break(k1, rh, none);
}

TEST_F(Answers, OfVersion2DoNotHoldBackTheBreakOfHandle) {
  open(by(alice).lease(k1, rh));
  open(by(alice).lease(k1, rh).answered_later());
  access(nobody, access_kind::rename);

  expect_break(k1, rh, r);
}

TEST_F(Answers, AreFollowedByTheBreakOnAConnectionThatIsThere) {
  open(by(alice).lease(k1, r).answered_later());
  const auto second = open(by(alice_again).lease(k1, r).answered_later());
  access(nobody, access_kind::write);
  disconnect_connection(alice);

  answer(second);

  const auto told = expect_break(k1, r, none);
  EXPECT_EQ(told.connection(), alice_again.connection);
  EXPECT_EQ(told.open, second.open);
}

// The lease was promoted after the break; the client would drop what it has.
TEST_F(Answers, OfALeaseThatWasPromotedSinceAreNotFollowedByTheBreakBefore) {
  for (const bool in_order : {true, false}) {
    SCOPED_TRACE(in_order);
    world w;
    const auto first = w.open(by(alice).lease(k1, r).answered_later());
    w.access(nobody, access_kind::write);
    const auto promoted = w.open(by(alice).lease(k1, rh).answered_later());
    w.expect_granted(promoted, rh);

    w.answer(in_order ? first : promoted);
    w.answer(in_order ? promoted : first);

    w.expect_no_break();
    EXPECT_EQ(w.state_of_lease(alice, k1), rh);
  }
}

TEST_F(Answers, OfVersion1ThatSayMoreThanALaterPromotionAreFollowedByWhatIsLeft) {
  open(by(alice).lease_v1(k1, rh));
  const auto late = open(by(alice).lease_v1(k1, rh).answered_later());
  access(nobody, access_kind::write);
  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
  expect_granted(open(by(alice).lease_v1(k1, r)), r);

  answer(late);

  const auto told = take_breaks();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().from, rh);
  EXPECT_EQ(told.front().to, r);
  EXPECT_FALSE(told.front().ack_required);
}

TEST_F(Answers, ThatAreLostLetTheBreakGoToAnotherConnection) {
  open(by(alice).lease(k1, rwh).persistent().answered_later());
  const auto second = open(by(alice_again).lease(k1, rwh).persistent());
  const auto b = open(by(bob));
  expect_no_break();

  disconnect_connection(alice);

  EXPECT_EQ(expect_break(k1, rwh, rh).connection(), alice_again.connection);
  acknowledge(alice_again, k1, rh);
  expect_granted(b, none);
  static_cast<void>(second);
}

TEST_F(Answers, ThatWereOverdueLetTheBreakGoOnIfItsConnectionIsLost) {
  const auto first = open(by(alice).lease(k1, rwh).answered_later());
  const auto b = open(by(bob));
  pass(policy.answer_wait_max);
  expect_break(k1, rwh, rh);
  const auto second = open(by(alice_again).lease(k1, rwh).answered_later());
  answer(first);
  take_breaks();
  close(first);
  answer(second);
  EXPECT_EQ(expect_break(k1, rwh, rh).connection(), alice_again.connection);
  open(by(alice).lease(k1, rwh));

  disconnect_connection(alice_again);

  EXPECT_EQ(expect_break(k1, rwh, rh).connection(), alice.connection);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, SayWhatWasGrantedAlthoughItIsBrokenMeanwhile) {
  const auto a = open(by(alice).lease(k1, rwh).answered_later());
  open(by(bob));
  const auto again = open(by(alice).lease(k1, rwh).answered_later());

  const auto granted = expect_granted(again, rwh);

  EXPECT_FALSE(granted.break_in_progress) << "the client has not been told of a break";
  answer(a);
  answer(again);
  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
}

TEST_F(Answers, CannotBePrecededByAnAcknowledgement) {
  const auto a = open(by(alice).lease(k1, rwh).answered_later());
  const auto b = open(by(bob));

  expect_error(acknowledge(alice, k1, rh), errc::lease_not_breaking);

  expect_waits(b);
  answer(a);
  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, StartTheTimeOfTheBreakThatTheyHeldBack) {
  const auto a = open(by(alice).lease(k1, rwh).answered_later());
  const auto b = open(by(bob));
  pass(seconds{4});
  answer(a);
  expect_break(k1, rwh, rh);

  pass(policy.break_timeout - milliseconds{1});
  expect_waits(b);
  pass(milliseconds{1});
  expect_granted(b, none);
}

TEST_F(Answers, ThatAreNeverSentHoldNothingBackForEver) {
  open(by(alice).lease(k1, rwh).answered_later());
  const auto b = open(by(bob));
  pass(policy.answer_wait_max - milliseconds{1});
  expect_no_break();

  pass(milliseconds{1});

  expect_break(k1, rwh, rh);
  EXPECT_EQ(take_facts<answer_overdue>().size(), 1U);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, ThatAreOverdueAreFollowedByTheBreakOnceMore) {
  const auto a = open(by(alice).lease(k1, rwh, 7).answered_later());
  const auto b = open(by(bob));
  pass(policy.answer_wait_max);
  const auto dropped = expect_break(k1, rwh, rh);

  answer(a);

  const auto again = expect_break(k1, rwh, rh);
  EXPECT_EQ(again.epoch, dropped.epoch + 1);
  expect_waits(b);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, ThatAreOverdueHoldBackNoFurtherBreak) {
  const auto a = open(by(alice).lease(k1, rwh).answered_later());
  const auto b = open(by(bob));
  pass(policy.answer_wait_max);
  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);

  access(nobody, access_kind::write);
  expect_break(k1, rh, none);

  static_cast<void>(a);
}

TEST_F(Answers, OfOplocksThatAreOverdueAreFollowedByTheBreakOnceMore) {
  for (const auto level : oplocks) {
    SCOPED_TRACE(to_string(level));
    world w;
    const auto a = w.open(by(alice).oplock(level).answered_later());
    w.open(by(bob).overwriting());
    w.pass(w.policy.answer_wait_max);
    w.expect_oplock_break(a, state_of(level), none);

    w.answer(a);

    w.expect_oplock_break(a, state_of(level), none);
    w.answer(a);
    w.expect_no_break();
    if (level != oplock_level::level_ii)
      w.acknowledge_oplock(alice, a, oplock_level::none);
  }
}

// Its break continues with the old deadline, which ends before the client is notified.
TEST_F(Answers, ToAReconnectAreFollowedByTheBreakThatHasTimedOutMeanwhile) {
  reconnects_are_answered_later = true;
  const auto a = open(by(alice).oplock(oplock_level::batch).persistent(seconds{60}));
  open(by(bob));
  expect_oplock_break(a, rwh, r);
  drop(a);
  pass(policy.break_timeout - seconds{1});
  const auto back = reconnect(alice, a);
  expect_oplock(back, oplock_level::batch);
  pass(seconds{10});
  take_breaks();

  answer(back);

  const auto told = take_breaks();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().to, none);
}

// The client had received the break before its connection was lost.
TEST_F(Answers, ToAReconnectMayComeAfterTheAcknowledgement) {
  reconnects_are_answered_later = true;
  const auto a = open(by(alice).oplock(oplock_level::batch).persistent(seconds{60}));
  open(by(bob));
  expect_oplock_break(a, rwh, r);
  drop(a);
  const auto back = reconnect(alice, a);
  acknowledge_oplock(alice, a, oplock_level::none);
  pass(seconds{10});
  answer(back);

  expect_no_break();
}

TEST_F(Answers, ThatNothingWaitsForAreNotMissed) {
  open(by(alice).lease(k1, rwh).answered_later());

  EXPECT_FALSE(file.next_deadline());
  pass(seconds{60});
  EXPECT_TRUE(take_facts<answer_overdue>().empty());
}

TEST_F(Answers, OfOpensThatEndHoldNothingBack) {
  const auto first = open(by(alice).lease(k1, rwh));
  const auto second = open(by(alice).lease(k1, rwh).answered_later());
  const auto b = open(by(bob));
  expect_no_break();

  close(second);

  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
  static_cast<void>(first);
}

TEST_F(Answers, OfALeaseThatEndsLeaveNothingToTell) {
  const auto a = open(by(alice).lease(k1, rwh).answered_later());
  const auto b = open(by(bob));

  disconnect(alice);

  expect_no_break();
  expect_granted(b, none);
  static_cast<void>(a);
}

TEST_F(Answers, ToAReplayDeferBreaksAgain) {
  const auto a = open(by(alice).lease(k1, rwh));
  opening again = by(alice).lease(k1, rwh);
  again.answered_later();
  const auto replayed = replay(a, again);
  const auto b = open(by(bob));

  expect_no_break();
  answer(replayed);

  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, ToAnOpenAndItsReplayHoldBreaksBackUntilBothAreSent) {
  const auto how = by(alice).lease(k1, rwh).answered_later();
  const auto a = open(how);
  const auto replayed = replay(a, how);
  const auto b = open(by(bob));

  answer(replayed);
  expect_no_break();
  answer(a);

  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, ToAReconnectHoldBreaksBack) {
  reconnects_are_answered_later = true;
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{60}));
  drop(a);
  const auto back = reconnect(alice, a, k1);
  const auto b = open(by(bob));

  expect_no_break();
  answer(back);

  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

// The client may have forgotten the lease with its connection, and then ignores the break that
// comes before the response.
TEST_F(Answers, ToAReconnectAreFollowedByABreakInProgressThatMustBeAcknowledged) {
  reconnects_are_answered_later = true;
  const auto a = open(by(alice).lease(k1, rh).durable(seconds{60}));
  drop(a);
  const auto back = reconnect(alice, a, k1);
  const auto renamed = access(nobody, access_kind::rename);
  EXPECT_TRUE(expect_break(k1, rh, r).ack_required);
  expect_waits(renamed);

  answer(back);

  EXPECT_TRUE(expect_break(k1, rh, r).ack_required);
  acknowledge(alice, k1, r);
  expect_done(renamed);
}

TEST_F(Answers, FromBeforeAConnectionWasLostDoNotCount) {
  reconnects_are_answered_later = true;
  const auto a = open(by(alice).lease(k1, rwh).durable(seconds{60}).answered_later());
  drop(a);
  const auto back = reconnect(alice, a, k1);
  const auto b = open(by(bob));

  answer(a);
  expect_no_break();
  answer(back);

  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(Answers, AreStoredWithTheEpochThatTheyAreFollowedBy) {
  file_policy with_records;
  with_records.keep_records = true;
  world w{with_records};
  const auto a = w.open(by(alice).lease(k1, rwh, 7).answered_later());
  w.open(by(bob));
  ASSERT_FALSE(w.store().empty());
  const auto stored = w.store().begin()->second.lease_epoch;

  w.answer(a);

  EXPECT_EQ(w.expect_break(k1, rwh, rh).epoch, stored);
  w.acknowledge(alice, k1, rh);
}

} // namespace
} // namespace leasebreak::model_test

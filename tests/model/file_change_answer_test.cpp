// A client's own change of a directory breaks its lease of the directory, unless it names the key
// of that lease. The client is notified after the response to the change (smb2.dirlease.rename).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

class AnswersToChanges : public model_test {
protected:
  open_granted open_directory(
    const client& who, const lease_key& key, lease_state state, std::uint16_t epoch = 0) {
    return expect_granted(open(by(who).directory().lease(key, state, epoch)), state);
  }
  [[nodiscard]] bool is_answered_later(const attempt& change) const {
    return result_of<access_granted>(change).answer != 0;
  }
};

TEST_F(AnswersToChanges, HoldBackTheBreakOfTheClientsOwnLease) {
  for (const auto held : {r, rh}) {
    SCOPED_TRACE(testing::Message() << held);
    world w;
    const auto granted = w.expect_granted(w.open(by(alice).directory().lease(k1, held, 7)), held);
    const auto change = w.change_answered_later(alice);
    w.expect_done(change);
    w.expect_no_break();

    w.answer(change);

    EXPECT_EQ(w.expect_break(k1, held, none).epoch, granted.epoch + 1);
    if (held == rh)
      w.expect_acknowledged(w.acknowledge(alice, k1, none), none);
    EXPECT_EQ(w.state_of_lease(alice, k1), none);
  }
}

TEST_F(AnswersToChanges, HoldNothingBackFromOthers) {
  open_directory(alice, k1, rh);
  open_directory(bob, k2, rh);
  open_directory(carol, k3, r);

  const auto change = change_answered_later(alice);

  expect_break(k2, rh, none);
  expect_break(k3, r, none);
  expect_no_break();
  answer(change);
  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
  acknowledge(bob, k2, none);
}

TEST_F(AnswersToChanges, AreNotWaitedForIfNothingIsHeldBack) {
  open_directory(alice, k1, rh);
  open_directory(bob, k2, r);

  EXPECT_FALSE(is_answered_later(change_answered_later(alice, k1))) << "its key is spared";
  expect_break(k2, r, none);
  EXPECT_FALSE(is_answered_later(change_answered_later(carol))) << "the lease is another's";
  expect_break(k1, rh, none);
  EXPECT_FALSE(is_answered_later(change_answered_later(alice))) << "it is told already";
  acknowledge(alice, k1, none);
  EXPECT_FALSE(is_answered_later(change_answered_later(alice))) << "nothing is left";
  EXPECT_FALSE(is_answered_later(change_answered_later(nobody)));
}

TEST_F(AnswersToChanges, AreThoseOfAllTheClientsConnections) {
  expect_granted(open(by(alice).directory().lease(k1, rh)), rh);
  expect_granted(open(by(alice_again).directory().lease(k2, rh)), rh);

  const auto change = change_answered_later(alice_again);

  expect_no_break();
  answer(change);
  expect_break(k1, rh, none);
  expect_break(k2, rh, none);
  acknowledge(alice, k1, none);
  acknowledge(alice, k2, none);
}

TEST_F(AnswersToChanges, StartTheTimeOfTheBreak) {
  open_directory(alice, k1, rh);
  const auto change = change_answered_later(alice);
  pass(seconds{3});
  expect_error(acknowledge(alice, k1, none), errc::lease_not_breaking);

  answer(change);
  expect_break(k1, rh, none);

  pass(seconds{34});
  EXPECT_EQ(state_of_lease(alice, k1), rh);
  pass(seconds{1});
  EXPECT_EQ(state_of_lease(alice, k1), none);
}

TEST_F(AnswersToChanges, ThatAreNeverSentHoldNothingBackForEver) {
  open_directory(alice, k1, rh);
  const auto change = change_answered_later(alice);

  pass(policy.answer_wait_max);

  expect_break(k1, rh, none);
  EXPECT_EQ(take_facts<answer_overdue>().size(), 1U);
  acknowledge(alice, k1, none);
  answer(change);
  expect_no_break(); // once is enough: its epoch tells what is newer
}

TEST_F(AnswersToChanges, OfSeveralTheFirstIsTheCause) {
  open_directory(alice, k1, rh);
  const auto first = change_answered_later(alice);
  EXPECT_FALSE(is_answered_later(change_answered_later(alice)));
  expect_no_break();

  answer(first);

  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
}

TEST_F(AnswersToChanges, OfTwoClientsHoldBackEachItsOwn) {
  open_directory(alice, k1, rh);
  open_directory(bob, k2, rh);
  const auto of_alice = change_answered_later(alice);
  expect_break(k2, rh, none); // Bob is notified of Alice's change,
  acknowledge(bob, k2, none);
  open_directory(bob, k3, rh);

  const auto of_bob = change_answered_later(bob);

  expect_break(k1, rh, none); // and Alice of Bob's.
  acknowledge(alice, k1, none);
  answer(of_alice);
  expect_no_break();
  answer(of_bob);
  expect_break(k3, rh, none);
  acknowledge(bob, k3, none);
}

// Otherwise other clients would see a change that this client does not.
TEST_F(AnswersToChanges, HoldNothingBackThatAnotherClientsChangeTakesToo) {
  for (const auto held : {r, rh}) {
    for (const auto& other : {bob, nobody}) {
      SCOPED_TRACE(testing::Message() << held << " " << other.guid.is_zero());
      world w;
      w.expect_granted(w.open(by(alice).directory().lease(k1, held)), held);
      const auto change = w.change_answered_later(alice);
      w.expect_no_break();

      w.access(other, access_kind::change_children);

      w.expect_break(k1, held, none);
      if (held == rh)
        w.acknowledge(alice, k1, none);
      w.answer(change);
      w.expect_no_break();
    }
  }
}

// Otherwise an operation could wait for one that waits for it.
TEST_F(AnswersToChanges, DeferNoBreakThatAnOperationWaitsFor) {
  for (const auto& other : {alice, bob}) {
    SCOPED_TRACE(other.guid == alice.guid);
    world w;
    w.expect_granted(w.open(by(alice).directory().lease(k1, rh).access(access::delete_file)), rh);
    const auto change = w.change_answered_later(alice);
    w.expect_no_break();

    const auto rename = w.access(other, access_kind::rename_into);

    w.expect_waits(rename);
    w.expect_break(k1, rh, none);
    w.answer(change);
    w.acknowledge(alice, k1, none);
    w.expect_error(rename, errc::sharing_violation);
  }
}

TEST_F(AnswersToChanges, DeferNothingWhileAnOperationWaitsAlready) {
  const auto opened = open(by(alice).directory().lease(k1, rh).access(access::delete_file));
  expect_granted(open(by(bob).directory().lease(k2, rh).access(access::read_data)), rh);
  const auto rename = access(carol, access_kind::rename_into);
  expect_waits(rename);
  expect_break(k1, rh, r);

  change_answered_later(bob);

  expect_break(k2, rh, none);
  close(opened);
  expect_done(rename);
  acknowledge(bob, k2, none);
}

TEST_F(AnswersToChanges, OfLeasesThatAreClosedMeanwhileTellNothing) {
  const auto opened = open(by(alice).directory().lease(k1, rh));
  const auto change = change_answered_later(alice);

  close(opened);
  answer(change);

  expect_no_break();
}

TEST_F(AnswersToChanges, OfALeaseThatIsGrantedAgainSendNothing) {
  const auto opened = open(by(alice).directory().lease(k1, rh));
  const auto change = change_answered_later(alice);
  close(opened);
  open_directory(alice, k1, rh);

  answer(change);

  expect_no_break();
  EXPECT_EQ(state_of_lease(alice, k1), rh);
}

// The client's cache is from before the change, whatever is granted now.
TEST_F(AnswersToChanges, DoNotHoldBackWhatComesBeforeANewGrant) {
  for (const auto held : {r, rh}) {
    SCOPED_TRACE(testing::Message() << held);
    world w;
    const auto before = w.expect_granted(w.open(by(alice).directory().lease(k1, held, 7)), held);
    const auto change = w.change_answered_later(alice);

    const auto again = w.open(by(alice).directory().lease(k1, held, 7));

    EXPECT_EQ(w.expect_break(k1, held, none).epoch, before.epoch + 1);
    const auto granted = w.expect_granted(again, held);
    EXPECT_EQ(granted.break_in_progress, held == rh);
    EXPECT_EQ(granted.epoch, before.epoch + (held == rh ? 1 : 2));
    w.answer(change);
    w.expect_no_break();
    if (held == rh)
      w.acknowledge(alice, k1, none);
  }
}

TEST_F(AnswersToChanges, AreNotTheOnlyOnesThatABreakMustNotOvertake) {
  for (const bool open_first : {true, false}) {
    SCOPED_TRACE(open_first);
    world w;
    const auto opened = w.open(by(alice).directory().lease(k1, rh).answered_later());
    const auto change = w.change_answered_later(alice);
    w.expect_no_break();

    w.answer(open_first ? opened : change);
    w.expect_no_break();
    w.answer(open_first ? change : opened);

    w.expect_break(k1, rh, none);
    w.acknowledge(alice, k1, none);
  }
}

TEST_F(AnswersToChanges, AreFollowedByTheBreakOnAConnectionThatIsThere) {
  open(by(alice).directory().lease(k1, rh));
  const auto second = open(by(alice_again).directory().lease(k1, rh));
  const auto change = change_answered_later(alice);
  disconnect_connection(alice);

  answer(change);

  const auto told = expect_break(k1, rh, none);
  EXPECT_EQ(told.connection(), alice_again.connection);
  EXPECT_EQ(told.open, second.open);
  acknowledge(alice, k1, none);
}

TEST_F(AnswersToChanges, LeaveForcedBreaksAlone) {
  open_directory(alice, k1, rh);
  const auto change = change_answered_later(alice);

  const auto forced = force({});

  expect_break(k1, rh, none);
  expect_waits(forced);
  acknowledge(alice, k1, none);
  expect_done(forced);
  answer(change);
}

TEST_F(AnswersToChanges, AreKnownToTheRecords) {
  world w{keeping_records()};
  const auto granted = w.expect_granted(w.open(by(alice).directory().lease(k1, rh, 7)), rh);
  const auto change = w.change_answered_later(alice);
  ASSERT_EQ(w.store().size(), 1U);
  const auto& stored = w.store().begin()->second;
  EXPECT_TRUE(stored.breaking);
  EXPECT_EQ(stored.lease_epoch, granted.epoch + 1) << "what the client will have heard";

  w.answer(change);

  w.expect_break(k1, rh, none);
  w.acknowledge(alice, k1, none);
  EXPECT_TRUE(w.store().empty());
}

} // namespace
} // namespace leasebreak::model_test

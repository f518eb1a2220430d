// The ends of breaks: acknowledgements and refused ones, closes, disconnects, timeouts,
// undeliverable notifications; further stages; pending operations (MS-SMB2 3.3.4.7, 3.3.5.22,
// 3.3.6, 3.3.7.1).
#include "file_fixture.hpp"

#include <array>

namespace leasebreak::model_test {
namespace {

class Acknowledgements : public model_test {};

TEST_F(Acknowledgements, OfAnUnknownKeyAreRefused) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);

  expect_error(acknowledge(alice, k2, rh), errc::unknown_lease);
  // WPTS InvalidClientGuidInLeaseBreakAck: the key belongs to another client.
  expect_error(acknowledge(bob, k1, rh), errc::unknown_lease);

  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  acknowledge(alice, k1, rh);
}

TEST_F(Acknowledgements, WithoutABreakAreRefused) {
  open(by(alice).lease(k1, rwh));

  expect_error(acknowledge(alice, k1, rwh), errc::lease_not_breaking);
  expect_error(acknowledge(alice, k1, none), errc::lease_not_breaking);

  EXPECT_EQ(state_of_lease(alice, k1), rwh);
}

TEST_F(Acknowledgements, CountOnce) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);
  expect_acknowledged(acknowledge(alice, k1, rh), rh);

  expect_error(acknowledge(alice, k1, rh), errc::lease_not_breaking);

  EXPECT_EQ(state_of_lease(alice, k1), rh);
}

TEST_F(Acknowledgements, AfterTheCloseFindNoLease) {
  const auto a = open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);
  close(a);

  expect_error(acknowledge(alice, k1, rh), errc::unknown_lease);
}

// Every combination of bits against every break: a subset is accepted if it is a valid state.
TEST(AcknowledgementMatrix, AcceptsEveryStateWithinWhatTheBreakLeft) {
  const std::array<std::pair<lease_state, lease_state>, 6> breaks{
    {{rwh, rh}, {rw, r}, {rwh, none}, {rh, none}, {rwh, rw}, {rh, r}}};
  for (const auto& [held, to] : breaks) {
    for (const auto acked : all_requests) {
      SCOPED_TRACE(
        testing::Message() << held << " to " << to << ", acknowledged with " << int{bits(acked)});
      world w;
      const bool is_share_conflict = to == held - handle;
      w.open(by(alice).lease(k1, held).shares(is_share_conflict ? share::none : share::all));
      auto how = by(bob);
      how.request.overwrites = to == none;
      const auto b = w.open(how);
      w.expect_break(k1, held, to);

      const auto ack = w.acknowledge(alice, k1, acked);

      // A subset, not a lower state: RH does not acknowledge a break to RW.
      if (is_valid(acked, false) && is_subset(acked, to)) {
        w.expect_acknowledged(ack, acked);
        EXPECT_EQ(w.state_of_lease(alice, k1), acked);
      } else {
        w.expect_error(ack, errc::ack_exceeds_break);
        EXPECT_TRUE(w.lease_of(alice, k1)->breaking);
        EXPECT_EQ(w.state_of_lease(alice, k1), held);
        if (intersects(held, lease_state::write) || is_share_conflict)
          w.expect_waits(b);
        w.expect_acknowledged(w.acknowledge(alice, k1, to), to);
      }
      w.expect_error(b, is_share_conflict ? errc::sharing_violation : errc::success);
    }
  }
}

// smb2.lease.breaking2.
TEST_F(Acknowledgements, BeyondABreakToNoneAreRefusedUntilOneIsRight) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob).overwriting());
  expect_break(k1, rwh, none);

  for (const auto acked : {rwh, rw, write | handle, rh, write, handle, r})
    expect_error(acknowledge(alice, k1, acked), errc::ack_exceeds_break);
  expect_waits(b);

  expect_acknowledged(acknowledge(alice, k1, none), none);
  expect_error(acknowledge(alice, k1, none), errc::lease_not_breaking);
  expect_granted(b, none);
  expect_granted(open(by(alice).lease(k1, none)), none);
}

// smb2.lease.breaking6.
TEST_F(Acknowledgements, MayReleaseMoreThanRequested) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  expect_acknowledged(acknowledge(alice, k1, none), none);

  expect_granted(b, none);
  expect_no_break();
}

TEST_F(Acknowledgements, ThatAreRefusedDoNotMoveTheDeadline) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  pass(seconds{20});
  expect_error(acknowledge(alice, k1, rwh), errc::ack_exceeds_break);

  pass(seconds{15} - milliseconds{1});
  expect_waits(b);
  pass(milliseconds{1});

  expect_granted(b, none);
}

// smb2.lease.v2_complex2: on any connection of the client.
TEST_F(Acknowledgements, ComeFromTheClientNotFromAConnection) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  EXPECT_EQ(expect_break(k1, rwh, rh).connection(), alice.connection);

  expect_acknowledged(acknowledge(alice_again, k1, rh), rh);

  expect_granted(b, none);
}

TEST_F(Acknowledgements, ThatAreRefusedAreReported) {
  open(by(alice).lease(k1, rwh));
  acknowledge(alice, k1, rh);

  const auto facts = take_facts<acknowledgement_refused>();

  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(facts[0].client, alice.guid);
  EXPECT_EQ(facts[0].key, k1);
  EXPECT_EQ(facts[0].error, errc::lease_not_breaking);
  EXPECT_FALSE(facts[0].late);
}

// A stage that requires less than an earlier one is impossible; every other is accepted.
TEST(FollowUps, GoDownInTheStepsOfWindows) {
  world w;
  w.open(by(alice).lease(k1, rwh, 1).shares(share::none));
  // Handle first, because of the share conflict; then everything.
  const auto b = w.open(by(bob));
  w.expect_break(k1, rwh, rw);
  force_break all;
  const auto forced = w.force(all);
  w.expect_no_break();

  w.expect_acknowledged(w.acknowledge(alice, k1, rw), rw);
  EXPECT_EQ(w.expect_break(k1, rw, r).epoch, 3);
  w.expect_waits(forced);
  w.expect_acknowledged(w.acknowledge(alice, k1, r), r);
  EXPECT_EQ(w.expect_break(k1, r, none).epoch, 3);

  w.expect_done(forced);
  w.expect_error(b, errc::sharing_violation);
}

TEST(FollowUps, AreNotNeededIfTheHolderGivesUpEnoughAtOnce) {
  world w;
  w.open(by(alice).lease(k1, rwh));
  const auto b = w.open(by(bob));
  w.expect_break(k1, rwh, rh);
  const auto c = w.open(by(carol).overwriting());

  w.acknowledge(alice, k1, none);

  w.expect_no_break();
  w.expect_granted(b, none);
  w.expect_granted(c, none);
}

TEST(FollowUps, AreRefusedWhatExceedsThem) {
  world w;
  w.open(by(alice).lease(k1, rwh));
  const auto b = w.open(by(bob));
  w.expect_break(k1, rwh, rh);
  w.open(by(carol).overwriting());
  w.acknowledge(alice, k1, rh);
  w.expect_break(k1, rh, r);

  w.expect_error(w.acknowledge(alice, k1, rh), errc::ack_exceeds_break);

  w.expect_waits(b);
  w.expect_acknowledged(w.acknowledge(alice, k1, r), r);
  w.expect_break(k1, r, none);
}

TEST(FollowUps, EndWithACloseAsWell) {
  world w;
  const auto a = w.open(by(alice).lease(k1, rwh));
  const auto b = w.open(by(bob));
  w.expect_break(k1, rwh, rh);
  const auto c = w.open(by(carol).overwriting());
  w.acknowledge(alice, k1, rh);
  w.expect_break(k1, rh, r);

  w.close(a);

  w.expect_granted(b, none);
  w.expect_granted(c, none);
}

TEST(FollowUps, AreOneBreakInTheReport) {
  world w;
  w.open(by(alice).lease(k1, rwh));
  w.open(by(bob));
  w.expect_break(k1, rwh, rh);
  w.open(by(carol).overwriting());
  w.acknowledge(alice, k1, rh);
  w.expect_break(k1, rh, r);
  w.acknowledge(alice, k1, r);
  w.expect_break(k1, r, none);

  EXPECT_EQ(w.take_facts<break_begun>().size(), 1U);
  const auto ended = w.take_facts<break_ended>();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].from, rwh);
  EXPECT_EQ(ended[0].left, none);
  EXPECT_EQ(ended[0].outcome, break_outcome::acknowledged);
}

// -- ends with equal effect ----------------------------------------------------------------------

enum class ending { acknowledgement, close, disconnect, timeout, undeliverable };

const std::vector<ending> endings{ending::acknowledgement, ending::close, ending::disconnect,
  ending::timeout, ending::undeliverable};

break_outcome outcome_of(ending e) {
  switch (e) {
  case ending::acknowledgement:
    return break_outcome::acknowledged;
  case ending::close:
    return break_outcome::closed;
  case ending::disconnect:
    return break_outcome::disconnected;
  case ending::timeout:
    return break_outcome::timed_out;
  case ending::undeliverable:
    return break_outcome::undeliverable;
  }
  return {};
}

/// Alice holds RWH, and bob waits. Two ends come one after the other.
class race : public world {
public:
  race() : holder_(open(by(alice).lease(k1, rwh))), waiter(open(by(bob).lease(k2, rwh))) {
    notification_ = expect_break(k1, rwh, rh);
    expect_waits(waiter);
  }

  attempt happen(ending e) {
    switch (e) {
    case ending::acknowledgement:
      return acknowledge(alice, k1, rh);
    case ending::close:
      return close(holder_);
    case ending::disconnect:
      return disconnect(alice);
    case ending::timeout:
      pass(policy.break_timeout);
      return {};
    case ending::undeliverable:
      undeliverable(notification_.id);
      return {};
    }
    return {};
  }

private:
  attempt holder_;
  break_notification notification_;

public:
  attempt waiter;
};

// Acknowledgement, close, disconnect, timeout and an undeliverable notification, in every order:
// the first ends the break, and the second finds nothing to end.
TEST(EqualEnds, TheFirstCountsAndTheSecondChangesNothing) {
  for (const auto first : endings) {
    for (const auto second : endings) {
      SCOPED_TRACE(testing::Message()
        << to_string(outcome_of(first)) << ", then " << to_string(outcome_of(second)));
      race w;

      w.happen(first);
      const bool holder_is_gone = first == ending::close || first == ending::disconnect;
      w.expect_granted(w.waiter, holder_is_gone ? rwh : rh);
      const auto ended = w.take_facts<break_ended>();
      ASSERT_EQ(ended.size(), 1U);
      EXPECT_EQ(ended[0].outcome, outcome_of(first));
      EXPECT_EQ(ended[0].left, first == ending::acknowledgement ? rh : none);
      EXPECT_EQ(ended[0].cause, break_cause::open);
      EXPECT_EQ(ended[0].client, alice.guid);
      EXPECT_EQ(ended[0].key, k1);

      const auto late = w.happen(second);
      EXPECT_TRUE(w.take_facts<break_ended>().empty());
      if (second == ending::acknowledgement)
        w.expect_error(late, holder_is_gone ? errc::unknown_lease : errc::lease_not_breaking);
      if (second == ending::close)
        w.expect_error(late, holder_is_gone ? errc::unknown_open : errc::success);
      if (second == ending::disconnect) {
        EXPECT_EQ(w.result_of<client_removed>(late).opens, holder_is_gone ? 0U : 1U);
      }
      w.expect_no_break();
    }
  }
}

TEST(EqualEnds, LetTheOpenInAlsoAfterAnOplockBreak) {
  for (const auto end : endings) {
    world w;
    const auto a = w.open(by(alice).oplock(oplock_level::batch));
    const auto b = w.open(by(bob).oplock(oplock_level::batch));
    const auto n = w.expect_oplock_break(a, rwh, r);

    if (end == ending::acknowledgement)
      w.expect_acknowledged(w.acknowledge_oplock(alice, a, oplock_level::level_ii), r);
    else if (end == ending::close)
      w.close(a);
    else if (end == ending::disconnect)
      w.disconnect(alice);
    else if (end == ending::timeout)
      w.pass(w.policy.break_timeout);
    else
      w.undeliverable(n.id);

    // batch22b: if the holder is gone altogether, everything is granted.
    const bool is_alone = end == ending::close || end == ending::disconnect;
    w.expect_oplock(b, is_alone ? oplock_level::batch : oplock_level::level_ii);
  }
}

// -- time -----------------------------------------------------------------------------------------

class Deadlines : public model_test {};

// smb2.lease.timeout.
TEST_F(Deadlines, AHolderThatDoesNotAnswerLosesEverything) {
  const auto a = open(by(alice).lease(k1, rwh, 1));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  pass(seconds{35} - std::chrono::nanoseconds{1});
  expect_waits(b);
  pass(std::chrono::nanoseconds{1});

  expect_granted(b, none);
  EXPECT_EQ(state_of_lease(alice, k1), none);
  EXPECT_TRUE(file.has_open(a.open));
  expect_error(acknowledge(alice, k1, rh), errc::lease_not_breaking);
  const auto refused = take_facts<acknowledgement_refused>();
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_TRUE(refused[0].late);
  // The open is valid, and a new open is granted the lease again, with increasing epochs.
  expect_done(close(b));
  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, rwh)), rwh).epoch, 4);
}

TEST_F(Deadlines, FireWithAndWithoutPendingOperations) {
  open(by(alice).lease(k1, rh));
  expect_granted(open(by(bob).overwriting()), none);
  expect_break(k1, rh, none);

  pass(seconds{35});

  EXPECT_EQ(state_of_lease(alice, k1), none);
  EXPECT_FALSE(lease_of(alice, k1)->breaking);
  EXPECT_TRUE(lease_of(alice, k1)->timed_out);
  expect_error(acknowledge(alice, k1, none), errc::lease_not_breaking);
}

TEST_F(Deadlines, CountFromTheBreakAndNotFromTheWaiter) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  pass(seconds{34});
  const auto c = open(by(carol));

  pass(seconds{1});

  expect_granted(b, none);
  expect_granted(c, none);
}

TEST_F(Deadlines, AreEachForOneBreak) {
  open(by(alice).lease(k1, rh));
  open(by(bob).lease(k2, rh));
  open(by(carol).overwriting());
  expect_break(k1, rh, none);
  expect_break(k2, rh, none);
  pass(seconds{20});
  acknowledge(alice, k1, none);
  pass(seconds{15} - milliseconds{1});

  EXPECT_TRUE(lease_of(bob, k2)->breaking);
  pass(milliseconds{1});

  EXPECT_FALSE(lease_of(bob, k2)->breaking);
  EXPECT_TRUE(lease_of(bob, k2)->timed_out);
  EXPECT_FALSE(lease_of(alice, k1)->timed_out);
}

TEST_F(Deadlines, OfABreakThatIsOverDoNotStrikeTheNext) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob).lease(k2, none));
  expect_break(k1, rwh, rh);
  pass(seconds{10});
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
  open(by(carol).overwriting());
  expect_break(k1, rh, none);

  pass(seconds{25});
  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  pass(seconds{10});

  EXPECT_FALSE(lease_of(alice, k1)->breaking);
}

// MS-SMB2 3.3.4.7: each notification that requires an acknowledgement restarts the deadline.
TEST_F(Deadlines, AFollowUpHasItsOwnTime) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  const auto c = open(by(carol).overwriting());
  pass(seconds{30});
  acknowledge(alice, k1, rh);
  expect_break(k1, rh, r);

  pass(seconds{35} - milliseconds{1});
  expect_waits(b);
  pass(milliseconds{1});

  expect_granted(b, none);
  expect_granted(c, none);
  EXPECT_EQ(state_of_lease(alice, k1), none);
}

TEST_F(Deadlines, OfAnOplockLeaveNothing) {
  // smb2.oplock.batch22a.
  const auto a = open(by(alice).oplock(oplock_level::batch));
  const auto b = open(by(bob).oplock(oplock_level::batch));
  expect_oplock_break(a, rwh, r);

  pass(seconds{35});

  expect_oplock(b, oplock_level::level_ii);
  expect_no_break();
  EXPECT_FALSE(oplock_of_open(a).has_value());
  expect_error(acknowledge_oplock(alice, a, oplock_level::level_ii), errc::invalid_oplock_ack);
  EXPECT_TRUE(take_facts<acknowledgement_refused>().at(0).late);
}

TEST_F(Deadlines, AreConfigurable) {
  file_policy brief;
  brief.break_timeout = milliseconds{1500};
  world w(brief);
  w.open(by(alice).lease(k1, rwh));
  const auto b = w.open(by(bob));
  w.expect_break(k1, rwh, rh);
  EXPECT_EQ(w.file.next_deadline(), w.now() + milliseconds{1500});

  w.pass(milliseconds{1500});

  w.expect_granted(b, none);
}

TEST_F(Deadlines, ThatAreForEverDoNotCome) {
  file_policy patient;
  patient.break_timeout = duration::max();
  patient.wait_max = duration::max();
  world w(patient);
  w.open(by(alice).lease(k1, rwh));
  const auto b = w.open(by(bob));
  w.expect_break(k1, rwh, rh);

  w.pass(std::chrono::hours{100'000});

  w.expect_waits(b);
  w.expect_acknowledged(w.acknowledge(alice, k1, rh), rh);
  w.expect_granted(b, none);
}

// The holder acknowledges each time, but there is always another break to wait for.
TEST_F(Deadlines, LimitEveryWait) {
  file_policy brief;
  brief.wait_max = seconds{50};
  world w(brief);
  w.is_strict_about_breaks = false;
  w.open(by(alice).lease(k1, rwh));
  const auto b = w.open(by(bob));
  const auto c = w.open(by(carol).overwriting());
  w.pass(seconds{30});
  w.acknowledge(alice, k1, rh);

  w.pass(seconds{20} - milliseconds{1});
  w.expect_waits(b);
  w.expect_waits(c);
  w.pass(milliseconds{1});

  w.expect_error(b, errc::sharing_violation);
  EXPECT_FALSE(w.waits(c));
}

TEST_F(Deadlines, TellHowLongABreakTook) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);
  pass(milliseconds{1234});
  acknowledge(alice, k1, rh);

  const auto ended = take_facts<break_ended>();

  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].age, milliseconds{1234});
  EXPECT_EQ(ended[0].waiting, 1U);
}

// The time of the whole break, not only of its last stage: it shows how long operations had to
// wait.
TEST_F(Deadlines, CountTheirAgeFromTheFirstNotification) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);
  open(by(carol).overwriting());
  pass(seconds{10});
  acknowledge(alice, k1, rh);
  expect_break(k1, rh, r);
  pass(seconds{5});

  acknowledge(alice, k1, r);

  expect_break(k1, r, none);
  const auto ended = take_facts<break_ended>();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].age, seconds{15});
}

// -- pending operations --------------------------------------------------------------------------

class PendingOperations : public model_test {};

TEST_F(PendingOperations, ThatAreCancelledLeaveTheBreakAlone) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  cancel(b);

  expect_error(b, errc::cancelled);
  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
  expect_acknowledged(acknowledge(alice, k1, rh), rh);
}

TEST_F(PendingOperations, ThatAreCancelledLeaveNoDeadlinesBehind) {
  open(by(alice).lease(k1, rwh));
  const auto first = open(by(bob));
  expect_break(k1, rwh, rh);

  for (int i = 0; i < 300; ++i)
    cancel(open(by(bob)));

  // The invariants, which are checked after each of them, limit the number of deadlines.
  acknowledge(alice, k1, rh);
  expect_granted(first, none);
}

TEST_F(PendingOperations, ThatDisconnectLeaveTheBreakAlone) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  disconnect(bob);

  expect_error(b, errc::client_gone);
  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  expect_acknowledged(acknowledge(alice, k1, rh), rh);
}

TEST_F(PendingOperations, OfOtherConnectionsStay) {
  open(by(bob).lease(k1, rwh));
  const auto first = open(by(alice));
  expect_break(k1, rwh, rh);
  const auto second = open(by(alice_again));

  disconnect_connection(alice);

  expect_error(first, errc::client_gone);
  expect_waits(second);
  acknowledge(bob, k1, rh);
  expect_granted(second, none);
}

TEST_F(PendingOperations, CanBeCancelledOnlyWhileTheyWait) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);

  cancel(b);
  cancel({operation_id{4711}, {}});

  expect_granted(b, none);
}

TEST_F(PendingOperations, EndWhenEverythingEnds) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  apply(stop_waiting{});

  expect_error(b, errc::shutting_down);
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
}

TEST_F(PendingOperations, AreListedWithWhatTheyWaitFor) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);

  const auto waiting = listing(entry_kind::waiting);

  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].client, bob.guid);
  EXPECT_EQ(waiting[0].blocker, alice.guid);
  EXPECT_FALSE(waiting[0].waits_for.empty());
  EXPECT_FALSE(waiting[0].reason.empty());
  EXPECT_EQ(waiting[0].since, now());
  EXPECT_EQ(waiting[0].deadline, now() + policy.wait_max);
  acknowledge(alice, k1, rh);
}

TEST_F(PendingOperations, DoNotWaitForTheirOwnLease) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob).lease(k2, rwh));
  expect_break(k1, rwh, rh);

  // Bob's lease does not exist yet: the second open is treated like the first.
  const auto again = open(by(bob).lease(k2, r));

  expect_waits(again);
  acknowledge(alice, k1, rh);
  expect_granted(b, rh);
  expect_granted(again, rh);
}

// MS-SMB2 3.3.4.7: an undeliverable break ends immediately with none.
TEST_F(PendingOperations, ContinueIfTheBreakIsUndeliverable) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  const auto n = expect_break(k1, rwh, rh);

  undeliverable(n.id);

  expect_granted(b, none);
  EXPECT_EQ(state_of_lease(alice, k1), none);
}

// If each acknowledgement made every operation scan all holders, this would take a minute.
TEST(ManyPendingOperations, AreAnsweredInTheirOrderWhenTheLastOfManyHoldersHasAnswered) {
  constexpr std::uint64_t holders = 2'000;
  constexpr std::uint64_t waiters = 1'000;
  const file_policy policy;
  file_state file(policy, "f");
  const auto now = time_point{} + std::chrono::hours{1};
  for (std::uint64_t i = 1; i <= holders; ++i) {
    auto holder =
      by(alice).access(access::read_data).shares(share::read).lease(lease_key::of(i), rh);
    holder.request.open = open_id{i};
    static_cast<void>(file.apply(holder.request, now));
  }
  for (std::uint64_t i = 1; i <= waiters; ++i) {
    auto waiter = by(bob).access(access::write_attributes | access::delete_file);
    waiter.request.open = open_id{holders + i};
    waiter.request.operation = operation_id{i};
    static_cast<void>(file.apply(waiter.request, now));
  }
  ASSERT_EQ(file.waiting(), waiters);

  effects last;
  for (std::uint64_t i = 0; i < holders; ++i) {
    ASSERT_EQ(file.waiting(), waiters);
    last.clear();
    // Not in the order of the file's list.
    file.apply(
      acknowledge_lease{{alice.guid, lease_key::of(1 + i * 1'103 % holders), r}}, now, last);
  }

  EXPECT_EQ(file.waiting(), 0U);
  ASSERT_EQ(last.completions.size(), 1 + waiters);
  for (std::uint64_t i = 1; i <= waiters; ++i)
    EXPECT_EQ(last.completions[i].operation, operation_id{i});
}

TEST_F(PendingOperations, IgnoreAReportAboutAnOlderBreak) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  const auto old = expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  open(by(carol).overwriting());
  expect_break(k1, rh, none);

  undeliverable(old.id);
  undeliverable(break_id{4711});

  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  acknowledge(alice, k1, none);
}

// -- forced breaks --------------------------------------------------------------------------------

TEST(ForcedBreaks, AreAskedOfEverybodyAndWaitedFor) {
  world w;
  w.open(by(alice).lease(k1, rh));
  w.open(by(bob).lease(k2, r));

  const auto forced = w.force({});

  EXPECT_EQ(w.expect_break(k1, rh, none).cause, break_cause::forced);
  w.expect_break(k2, r, none);
  w.expect_waits(forced);
  w.acknowledge(alice, k1, none);
  w.expect_done(forced);
}

TEST(ForcedBreaks, CanBeNarrowedToAClientAKeyAndAState) {
  world w;
  w.open(by(alice).lease(k1, rh));
  w.open(by(alice).lease(k2, rh));
  w.open(by(bob).lease(k1, rh));
  force_break how;
  how.client = alice.guid;
  how.key = k1;
  how.keep = r;

  const auto forced = w.force(how);

  EXPECT_EQ(w.expect_break(k1, rh, r).client, alice.guid);
  w.expect_no_break();
  w.acknowledge(alice, k1, r);
  w.expect_done(forced);
  EXPECT_EQ(w.state_of_lease(alice, k2), rh);
}

TEST(ForcedBreaks, CanEndThoseThatAreInProgress) {
  world w;
  w.open(by(alice).lease(k1, rwh));
  const auto waiting = w.open(by(bob));
  w.expect_break(k1, rwh, rh);
  w.expect_waits(waiting);
  force_break how;
  how.ends_running = true;

  const auto forced = w.force(how);

  w.expect_done(forced);
  w.expect_granted(waiting, none);
  EXPECT_EQ(w.state_of_lease(alice, k1), none);
}

TEST(ForcedBreaks, EndOnlyWhatWasAskedForBefore) {
  world w;
  w.open(by(alice).lease(k1, rwh));
  force_break how;
  how.ends_running = true;

  const auto first = w.force(how);
  w.expect_break(k1, rwh, none);
  w.expect_waits(first);
  const auto second = w.force(how);

  w.expect_done(first);
  w.expect_done(second);
}

TEST(ForcedBreaks, WithNothingToBreakAreDone) {
  world w;
  w.open(by(alice));

  w.expect_done(w.force({}));
}

TEST(ForcedBreaks, KeepNothingThatIsNoState) {
  world w;
  w.open(by(alice).lease(k1, rwh));
  force_break how;
  how.keep = handle;

  w.expect_error(w.force(how), errc::invalid_lease_state);
}

} // namespace
} // namespace leasebreak::model_test

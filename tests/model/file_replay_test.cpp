// Replays of a CREATE, and their results (MS-SMB2 3.3.5.9.10).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

class Replays : public model_test {
protected:
  open_granted answer(const attempt& open, const opening& again) {
    const auto a = replay(open, again);
    expect_done(a);
    return result_of<open_granted>(a);
  }
};

TEST_F(Replays, OfALeaseAreAnsweredAsTheFirstOne) {
  const auto how = by(alice).lease(k1, rwh, 0x4711).parent(k3).durable();
  const auto a = open(how);
  const auto first = result_of<open_granted>(a);

  EXPECT_EQ(answer(a, how), first);
}

// smb2.replay.replay-dhv2-oplock1
TEST_F(Replays, OfAnOplockAreAnsweredAsTheFirstOne) {
  for (const auto level : oplocks) {
    world w;
    const auto how = by(alice).oplock(level).durable();
    const auto a = w.open(how);
    const auto first = w.result_of<open_granted>(a);

    EXPECT_EQ(w.result_of<open_granted>(w.replay(a, how)), first) << to_string(level);
  }
}

TEST_F(Replays, WithoutCachingAreAnsweredAsTheFirstOne) {
  const auto a = open(by(alice));

  EXPECT_EQ(answer(a, by(alice)), result_of<open_granted>(a));
}

// smb2.replay.replay-dhv2-lease1, replay-dhv2-lease2
TEST_F(Replays, TellWhatTheLeaseHasBecome) {
  const auto a = open(by(alice).lease(k1, rh, 5).durable());
  const auto first = result_of<open_granted>(a);
  open(by(alice).lease(k1, rwh));

  const auto again = answer(a, by(alice).lease(k1, rh));

  EXPECT_EQ(again.state, rwh);
  EXPECT_EQ(again.epoch, first.epoch + 1);
  EXPECT_TRUE(again.durable);
}

TEST_F(Replays, TellOfABreakInProgress) {
  const auto a = open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);

  const auto again = answer(a, by(alice).lease(k1, rwh));

  EXPECT_TRUE(again.break_in_progress);
  EXPECT_EQ(again.state, rwh);
}

TEST_F(Replays, TellTheEpochOfTheSecondVersionOnly) {
  const auto a = open(by(alice).lease_v1(k1, rh));

  const auto again = answer(a, by(alice).lease(k1, rh).parent(k3));

  EXPECT_EQ(again.version, 1);
  EXPECT_EQ(again.epoch, 0);
  EXPECT_FALSE(again.parent_key.has_value());
}

// smb2.replay.replay-dhv2-oplock2
TEST_F(Replays, ConfirmOfAnOplockNoMoreThanTheyAskFor) {
  const auto a = open(by(alice).oplock(oplock_level::batch).durable());

  const auto less = answer(a, by(alice).oplock(oplock_level::level_ii));
  EXPECT_EQ(less.oplock, oplock_level::level_ii);
  EXPECT_EQ(less.state, r);
  EXPECT_FALSE(less.durable);

  EXPECT_EQ(answer(a, by(alice)).oplock, oplock_level::none);
  // Nothing has changed.
  EXPECT_EQ(answer(a, by(alice).oplock(oplock_level::batch)).oplock, oplock_level::batch);
}

TEST_F(Replays, ConfirmOfAnOplockNoMoreThanIsLeft) {
  const auto a = open(by(alice).oplock(oplock_level::batch).durable());
  open(by(bob));
  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, oplock_level::none);

  const auto again = answer(a, by(alice).oplock(oplock_level::batch));

  EXPECT_EQ(again.oplock, oplock_level::none);
  EXPECT_EQ(again.state, none);
  EXPECT_FALSE(again.durable);
}

TEST_F(Replays, OfAPersistentOpenSayThatItIs) {
  const auto a = open(by(alice).oplock(oplock_level::batch).persistent());

  const auto again = answer(a, by(alice));

  EXPECT_EQ(again.oplock, oplock_level::none);
  EXPECT_TRUE(again.durable);
  EXPECT_TRUE(again.persistent);
}

TEST_F(Replays, AskForTheSameKindAndKey) {
  const auto lease = open(by(alice).lease(k1, r));
  const auto plain = open(by(alice));

  expect_error(replay(lease, by(alice).lease(k2, r)), errc::access_denied);
  expect_error(replay(lease, by(alice).oplock(oplock_level::batch)), errc::access_denied);
  expect_error(replay(plain, by(alice).lease(k1, r)), errc::access_denied);
}

TEST_F(Replays, AreForTheClientAlone) {
  const auto a = open(by(alice).lease(k1, rwh));

  expect_error(replay(a, by(bob).lease(k1, rwh)), errc::unknown_open);
}

TEST_F(Replays, AreForOpensThatHaveAConnection) {
  const auto a = open(by(alice).lease(k1, rwh).durable());
  disconnect(alice);
  expect_error(replay(a, by(alice).lease(k1, rwh)), errc::unknown_open);

  reconnect(alice, a, k1);
  expect_done(replay(a, by(alice).lease(k1, rwh)));

  close(a);
  expect_error(replay(a, by(alice).lease(k1, rwh)), errc::unknown_open);
}

// The response of an overwriting open is repeated, but nothing must be truncated again.
TEST_F(Replays, LeaveNoHold) {
  const auto how = by(alice).lease(k1, rwh).overwriting();
  const auto a = open(how);

  EXPECT_EQ(answer(a, how).hold, hold_id::none);
}

} // namespace
} // namespace leasebreak::model_test

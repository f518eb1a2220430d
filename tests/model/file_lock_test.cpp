// Byte-range locks: the cases of smb2.lock, pending locks, and the effect of locks on caches
// (MS-FSA 2.1.5.8, 2.1.4.10, MS-SMB2 3.3.5.14).
#include "file_fixture.hpp"

#include <limits>

namespace leasebreak::model_test {
namespace {

constexpr auto max = std::numeric_limits<std::uint64_t>::max();
constexpr auto max_index = std::numeric_limits<std::uint32_t>::max();
constexpr bool exclusive = true;
constexpr bool shared = false;

class SmbtortureLock : public model_test {
protected:
  attempt a = open(by(alice));
  attempt b = open(by(bob));
};

TEST_F(SmbtortureLock, ValidRequest) {
  expect_error(lock(a, std::vector<lock_element>{}), errc::invalid_argument);
  expect_error(lock({{}, open_id{4711}}, {0, 1}, shared), errc::unknown_open);
  expect_error(unlock(a, {}), errc::invalid_argument);
  expect_error(unlock({{}, open_id{4711}}, {{0, 1}}), errc::unknown_open);
  // A request with several elements cannot wait.
  expect_error(lock(a, {{{0, 1}, exclusive}, {{2, 1}, exclusive}}, false), errc::invalid_argument);
  expect_done(lock(b, {0, 10}, exclusive));
}

// MS-SMB2 3.3.5.14.2: the elements are locked in order, and the first failure determines the error.
TEST_F(SmbtortureLock, OfSeveralTheFirstThatFailsSaysWhy) {
  lock(b, {0, 10}, exclusive);
  const lock_element taken{{5, 1}, exclusive};
  const lock_element free{{20, 1}, exclusive};
  const lock_element wraps{{max, 2}, exclusive};
  const lock_element malformed{{30, 1}, exclusive, false};

  expect_error(lock(a, {taken, wraps}), errc::lock_not_granted);
  expect_error(lock(a, {taken, malformed}), errc::lock_not_granted);
  expect_error(lock(a, {wraps, taken}), errc::invalid_lock_range);
  expect_error(lock(a, {wraps, malformed}), errc::invalid_lock_range);
  expect_error(lock(a, {malformed, taken}), errc::invalid_argument);
  expect_error(lock(a, {free, malformed}), errc::invalid_argument);
  expect_error(lock(a, {free, wraps}), errc::invalid_lock_range);
  expect_error(lock(a, {malformed}, false), errc::invalid_argument);
  EXPECT_EQ(file.locks_of(a.open), 0U);
}

// A failure is reported immediately and breaks nothing.
TEST_F(SmbtortureLock, ThatFailForAnElementBreakNothing) {
  world w;
  w.open(by(alice).lease(k1, r));
  const auto through = w.open(by(bob));

  w.expect_error(
    w.lock(through, {{{0, 1}, exclusive}, {{1, 1}, exclusive, false}}), errc::invalid_argument);

  w.expect_no_break();
  w.lock(through, {0, 1}, exclusive);
  w.expect_break(k1, r, none);
}

TEST_F(SmbtortureLock, LocksOnADirectoryAreNone) {
  world w;
  const auto d = w.open(by(alice).directory());

  w.expect_error(w.lock(d, {0, 1}, shared), errc::locks_on_directory);
  w.expect_error(w.unlock(d, {{0, 1}}), errc::locks_on_directory);
  // MS-FSA 2.1.5.8, 2.1.5.9
  EXPECT_EQ(to_ntstatus(errc::locks_on_directory), 0xC000000DU);
}

TEST_F(SmbtortureLock, RwShared) {
  lock(a, {10, 10}, shared);

  EXPECT_EQ(file.check_io(a.open, {10, 10}, false), errc::success);
  EXPECT_EQ(file.check_io(b.open, {10, 10}, false), errc::success);
  EXPECT_EQ(file.check_io(a.open, {10, 10}, true), errc::file_lock_conflict);
  EXPECT_EQ(file.check_io(b.open, {10, 10}, true), errc::file_lock_conflict);
  EXPECT_EQ(file.check_io(b.open, {20, 1}, true), errc::success);
}

TEST_F(SmbtortureLock, RwExclusive) {
  lock(a, {10, 10}, exclusive);

  EXPECT_EQ(file.check_io(a.open, {10, 10}, false), errc::success);
  EXPECT_EQ(file.check_io(a.open, {10, 10}, true), errc::success);
  EXPECT_EQ(file.check_io(b.open, {10, 10}, false), errc::file_lock_conflict);
  EXPECT_EQ(file.check_io(b.open, {10, 10}, true), errc::file_lock_conflict);
  EXPECT_EQ(file.check_io(b.open, {0, 10}, true), errc::success);
  EXPECT_EQ(file.check_io(open_id{4711}, {0, 10}, true), errc::unknown_open);
}

TEST_F(SmbtortureLock, AutoUnlock) {
  lock(a, {0, 10}, exclusive);
  expect_error(lock(b, {0, 10}, exclusive), errc::lock_not_granted);

  close(a);

  EXPECT_EQ(take_ended().at(0).locks, 1U);
  expect_done(lock(b, {0, 10}, exclusive));
}

TEST_F(SmbtortureLock, Async) {
  lock(a, {100, 10}, exclusive);
  const auto waiting = blocking_lock(b, {100, 10}, exclusive);
  expect_waits(waiting);

  unlock(a, {{100, 10}});

  expect_done(waiting);
  expect_error(lock(a, {100, 10}, exclusive), errc::lock_not_granted);
}

TEST_F(SmbtortureLock, Cancel) {
  lock(a, {100, 10}, exclusive);
  const auto waiting = blocking_lock(b, {100, 10}, exclusive);

  cancel(waiting);

  expect_error(waiting, errc::cancelled);
  unlock(a, {{100, 10}});
  expect_error(waiting, errc::cancelled);
  expect_done(lock(a, {100, 10}, exclusive));
}

TEST_F(SmbtortureLock, CancelByClose) {
  lock(a, {100, 10}, exclusive);
  const auto waiting = blocking_lock(b, {100, 10}, exclusive);

  close(b);

  expect_error(waiting, errc::range_not_locked);
}

// cancel-tdis, cancel-logoff
TEST_F(SmbtortureLock, CancelByDisconnect) {
  lock(a, {100, 10}, exclusive);
  const auto waiting = blocking_lock(b, {100, 10}, exclusive);

  disconnect(bob);

  expect_error(waiting, errc::client_gone);
  unlock(a, {{100, 10}});
  EXPECT_EQ(listing(entry_kind::byte_range_lock).size(), 0U);
}

TEST_F(SmbtortureLock, Errorcode) {
  lock(a, {0, 100}, exclusive);

  for (int i = 0; i < 3; ++i) {
    expect_error(lock(b, {50, 100}, exclusive), errc::lock_not_granted);
    EXPECT_EQ(file.check_io(b.open, {50, 1}, false), errc::file_lock_conflict);
  }
}

TEST_F(SmbtortureLock, ZeroByteLength) {
  lock(a, {10, 0}, exclusive);

  for (const byte_range range :
    {byte_range{9, 1}, {10, 1}, {11, 1}, {10, 2}, {10, 0}, {9, 0}, {11, 0}, {0, 0}}) {
    SCOPED_TRACE(testing::Message() << range.offset << "+" << range.length);
    expect_done(lock(b, range, exclusive));
    expect_done(unlock(b, {range}));
  }
  for (const byte_range range : {byte_range{9, 2}, {9, 3}, {0, 100}}) {
    SCOPED_TRACE(testing::Message() << range.offset << "+" << range.length);
    expect_error(lock(b, range, exclusive), errc::lock_not_granted);
  }
}

TEST_F(SmbtortureLock, ZeroByteRead) {
  lock(a, {5, 1}, exclusive);
  lock(a, {20, 0}, exclusive);

  EXPECT_EQ(file.check_io(b.open, {5, 0}, false), errc::success);
  EXPECT_EQ(file.check_io(b.open, {5, 0}, true), errc::success);
  EXPECT_EQ(file.check_io(b.open, {15, 10}, true), errc::success);
}

TEST_F(SmbtortureLock, Unlock) {
  lock(a, {0, 10}, exclusive);

  expect_error(unlock(a, {{0, 9}}), errc::range_not_locked);
  expect_error(unlock(a, {{1, 9}}), errc::range_not_locked);
  expect_error(unlock(b, {{0, 10}}), errc::range_not_locked);
  expect_done(unlock(a, {{0, 10}}));
  expect_error(unlock(a, {{0, 10}}), errc::range_not_locked);
}

TEST_F(SmbtortureLock, MultipleUnlock) {
  const byte_range first{0, 10};
  const byte_range second{20, 10};
  lock(a, {{first, exclusive}, {second, exclusive}});

  // The first range that is not locked stops the request; those before it stay unlocked.
  const auto result = unlock(a, {first, {100, 1}, second});

  expect_error(result, errc::range_not_locked);
  EXPECT_EQ(result_of<ranges_unlocked>(result).count, 1U);
  expect_done(lock(b, first, exclusive));
  expect_error(lock(b, second, exclusive), errc::lock_not_granted);
  const auto all = unlock(a, {second});
  EXPECT_EQ(result_of<ranges_unlocked>(all).count, 1U);
}

TEST_F(SmbtortureLock, ALockRequestIsAllOrNothing) {
  lock(b, {20, 10}, exclusive);

  const auto both = lock(a, {{{0, 10}, exclusive}, {{20, 10}, exclusive}});

  expect_error(both, errc::lock_not_granted);
  expect_done(lock(b, {0, 10}, exclusive));
}

TEST_F(SmbtortureLock, ALockRequestMayConflictWithItself) {
  expect_error(lock(a, {{{0, 10}, exclusive}, {{5, 10}, exclusive}}), errc::lock_not_granted);

  expect_done(lock(b, {0, 20}, exclusive));
}

TEST_F(SmbtortureLock, Stacking) {
  const byte_range range{10, 10};
  expect_done(lock(a, range, exclusive));
  expect_done(lock(a, range, shared));
  expect_error(lock(a, range, exclusive), errc::lock_not_granted);
  expect_error(lock(b, range, shared), errc::lock_not_granted);

  // The exclusive one is released first.
  expect_done(unlock(a, {range}));
  expect_done(lock(b, range, shared));
  expect_error(lock(a, range, exclusive), errc::lock_not_granted);
  expect_error(lock(b, range, exclusive), errc::lock_not_granted);

  expect_done(unlock(a, {range}));
  expect_error(unlock(a, {range}), errc::range_not_locked);
  expect_error(lock(b, range, exclusive), errc::lock_not_granted);
  expect_done(unlock(b, {range}));
  expect_done(lock(b, range, exclusive));
}

TEST_F(SmbtortureLock, SharedLocksStackAndAreReleasedOneByOne) {
  for (int i = 0; i < 3; ++i)
    expect_done(lock(a, {0, 10}, shared));

  for (int i = 0; i < 3; ++i) {
    expect_error(lock(b, {0, 10}, exclusive), errc::lock_not_granted);
    expect_done(unlock(a, {{0, 10}}));
  }

  expect_done(lock(b, {0, 10}, exclusive));
}

// contend, context: the owner is the open, even within one client.
TEST_F(SmbtortureLock, Context) {
  const auto other = open(by(alice));
  lock(a, {0, 10}, exclusive);

  expect_error(lock(other, {0, 10}, shared), errc::lock_not_granted);
  expect_error(unlock(other, {{0, 10}}), errc::range_not_locked);
  EXPECT_EQ(file.check_io(other.open, {0, 1}, false), errc::file_lock_conflict);
}

TEST_F(SmbtortureLock, Range) {
  expect_done(lock(a, {max, 1}, exclusive));
  expect_error(lock(a, {max, 2}, exclusive), errc::invalid_lock_range);
  expect_error(lock(a, {max - 1, 3}, exclusive), errc::invalid_lock_range);
  expect_error(lock(a, {1, max}, exclusive), errc::lock_not_granted);
  expect_done(lock(b, {0, max}, exclusive));
  expect_error(lock(b, {2, max}, exclusive), errc::invalid_lock_range);
  // A request with one bad range locks nothing.
  expect_error(lock(a, {{{max, 0}, shared}, {{max, 2}, shared}}), errc::invalid_lock_range);
  EXPECT_EQ(listing(entry_kind::byte_range_lock).size(), 2U);
}

TEST_F(SmbtortureLock, Overlap) {
  lock(a, {100, 100}, exclusive);

  for (const byte_range range : {byte_range{50, 51}, {100, 1}, {150, 10}, {199, 100}, {0, 1000}})
    expect_error(lock(b, range, exclusive), errc::lock_not_granted);
  for (const byte_range range : {byte_range{50, 50}, {200, 100}})
    expect_done(lock(b, range, exclusive));
}

TEST_F(SmbtortureLock, Truncate) {
  lock(a, {0, 10}, exclusive);

  expect_granted(open(by(carol).overwriting()), none);
}

// Every pair of held and wanted locks, of the same and of different owners, on the same range
// (MS-FSA 2.1.5.8).
TEST(LockMatrix, SharedGoTogetherAndOntoOnesOwnExclusive) {
  for (const bool held : {exclusive, shared}) {
    for (const bool wanted : {exclusive, shared}) {
      for (const bool own : {true, false}) {
        SCOPED_TRACE(testing::Message() << held << wanted << own);
        world w;
        const auto a = w.open(by(alice));
        const auto b = w.open(by(bob));
        w.lock(a, {0, 10}, held);

        const auto second = w.lock(own ? a : b, {5, 10}, wanted);

        const bool goes =
          (held == shared && wanted == shared) || (own && held == exclusive && wanted == shared);
        w.expect_error(second, goes ? errc::success : errc::lock_not_granted);
      }
    }
  }
}

// -- waiting --------------------------------------------------------------------------------------

class WaitingLocks : public SmbtortureLock {
protected:
  attempt c = open(by(carol));
};

TEST_F(WaitingLocks, AreServedInTheirOrder) {
  lock(a, {0, 10}, exclusive);
  const auto first = blocking_lock(b, {0, 10}, exclusive);
  const auto second = blocking_lock(c, {5, 10}, exclusive);

  unlock(a, {{0, 10}});

  expect_done(first);
  expect_waits(second);
  unlock(b, {{0, 10}});
  expect_done(second);
}

TEST_F(WaitingLocks, DoNotWaitBehindAnotherRange) {
  lock(a, {{{0, 10}, exclusive}, {{20, 10}, exclusive}});
  const auto first = blocking_lock(b, {0, 10}, exclusive);
  const auto second = blocking_lock(c, {20, 10}, exclusive);

  unlock(a, {{20, 10}});

  expect_waits(first);
  expect_done(second);
}

TEST_F(WaitingLocks, ThatAreSharedAreGrantedTogether) {
  lock(a, {0, 10}, exclusive);
  const auto first = blocking_lock(b, {0, 10}, shared);
  const auto second = blocking_lock(c, {0, 10}, shared);

  close(a);

  expect_done(first);
  expect_done(second);
}

TEST_F(WaitingLocks, AreGrantedWhenTheHolderDisconnects) {
  lock(a, {0, 10}, exclusive);
  const auto waiting = blocking_lock(b, {0, 10}, exclusive);

  disconnect(alice);

  expect_done(waiting);
}

TEST_F(WaitingLocks, WaitForAsLongAsTheirClientLikes) {
  lock(a, {0, 10}, exclusive);
  const auto waiting = blocking_lock(b, {0, 10}, exclusive);

  pass(std::chrono::hours{100});

  expect_waits(waiting);
  unlock(a, {{0, 10}});
  expect_done(waiting);
}

TEST_F(WaitingLocks, ThatAreGoneAreNotGrantedAfterwards) {
  lock(a, {0, 10}, exclusive);
  const auto first = blocking_lock(b, {0, 10}, exclusive);
  const auto second = blocking_lock(c, {0, 10}, exclusive);
  cancel(first);

  unlock(a, {{0, 10}});

  expect_error(first, errc::cancelled);
  expect_done(second);
  EXPECT_EQ(listing(entry_kind::byte_range_lock).size(), 1U);
}

TEST_F(WaitingLocks, AreListedWithTheirBlocker) {
  lock(a, {0, 10}, exclusive);
  const auto waiting = blocking_lock(b, {0, 10}, exclusive);

  const auto entries = listing(entry_kind::waiting);

  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].client, bob.guid);
  EXPECT_EQ(entries[0].blocker, alice.guid);
  expect_waits(waiting);
}

// -- caches ---------------------------------------------------------------------------------------

class LocksAndLeases : public model_test {};

// smb2.lease.lock1: two leases of one client and one of another.
TEST_F(LocksAndLeases, ALockTakesReadFromAllOthers) {
  const auto first = open(by(alice).lease(k1, rwh));
  const auto second = open(by(alice_again).lease(k2, rwh));
  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(second, rh);
  const auto third = open(by(bob).lease(k3, rwh));
  expect_granted(third, rh);

  expect_done(lock(first, {0, 10}, exclusive));
  expect_break(k2, rh, none);
  expect_break(k3, rh, none);
  expect_no_break();
  acknowledge(alice, k2, none);
  acknowledge(bob, k3, none);
  EXPECT_EQ(state_of_lease(alice, k1), rh);

  expect_done(lock(third, {20, 10}, shared));
  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
}

TEST(LockBreakMatrix, ALockThroughAnotherOpenBreaksReadAndDoesNotWait) {
  for (const auto held : {none, r, rh}) {
    for (const bool kind : {exclusive, shared}) {
      world w;
      const auto b = w.open(by(bob));
      w.expect_granted(w.open(by(alice).lease(k1, held)), held);

      w.expect_done(w.lock(b, {0, 1}, kind));

      if (held != none) {
        EXPECT_EQ(w.expect_break(k1, held, none).cause, break_cause::lock);
      }
      w.expect_no_break();
      if (held == rh)
        w.acknowledge(alice, k1, none);
      EXPECT_EQ(w.state_of_lease(alice, k1), none);
    }
  }
}

// -- replayed requests ---------------------------------------------------------------------------

class LockSequences : public model_test {
protected:
  attempt a = open(by(alice).lease(k1, rwh).durable());
};

// MS-SMB2 3.3.5.14, smb2.lock.replay_smb3_specification_durable.
TEST_F(LockSequences, TheSameNumberAtTheSameIndexIsDoneOnce) {
  expect_done(lock(a, {100, 100}, lock_sequence{1, 1}));

  expect_done(lock(a, {100, 100}, lock_sequence{1, 1}));
  expect_done(unlock(a, {100, 100}, lock_sequence{1, 1}));

  EXPECT_EQ(listing(entry_kind::byte_range_lock).size(), 1U);
}

TEST_F(LockSequences, AnotherNumberOrIndexIsAnotherRequest) {
  expect_done(lock(a, {100, 100}, lock_sequence{1, 1}));

  expect_error(lock(a, {100, 100}, lock_sequence{1, 2}), errc::lock_not_granted);
  expect_error(lock(a, {100, 100}, lock_sequence{2, 1}), errc::lock_not_granted);
}

TEST_F(LockSequences, WhatFailedIsTriedAgain) {
  const auto b = open(by(alice).lease(k1, rwh));
  expect_done(lock(b, {0, 10}, exclusive));
  expect_error(lock(a, {0, 10}, lock_sequence{64, 0}), errc::lock_not_granted);
  unlock(b, {{0, 10}});

  const auto again = lock(a, {0, 10}, lock_sequence{64, 0});

  expect_done(again);
  EXPECT_EQ(listing(entry_kind::byte_range_lock).size(), 1U);
}

TEST_F(LockSequences, AFailureForgetsWhatWasDoneBefore) {
  expect_done(lock(a, {0, 10}, lock_sequence{3, 1}));
  expect_error(lock(a, {0, 10}, lock_sequence{3, 2}), errc::lock_not_granted);

  expect_error(lock(a, {0, 10}, lock_sequence{3, 1}), errc::lock_not_granted);
}

TEST_F(LockSequences, AnUnlockIsDoneOnce) {
  expect_done(lock(a, {0, 10}, lock_sequence{1, 1}));
  expect_done(unlock(a, {0, 10}, lock_sequence{1, 2}));

  expect_done(unlock(a, {0, 10}, lock_sequence{1, 2}));

  expect_error(unlock(a, {0, 10}, lock_sequence{1, 3}), errc::range_not_locked);
}

TEST_F(LockSequences, IndexesThatDoNotExistNumberNothing) {
  for (const std::uint32_t index : {0U, 65U, max_index}) {
    expect_done(lock(a, {0, 10}, lock_sequence{index, 1}));
    expect_error(lock(a, {0, 10}, lock_sequence{index, 1}), errc::lock_not_granted);
    expect_done(unlock(a, {0, 10}, lock_sequence{index, 1}));
  }
}

TEST_F(LockSequences, AWaitingLockCountsOnceItIsGranted) {
  const auto b = open(by(alice).lease(k1, rwh));
  lock(b, {0, 10}, exclusive);
  const auto waiting = lock(a, {0, 10}, lock_sequence{1, 5}, false);
  expect_waits(waiting);
  unlock(b, {{0, 10}});
  expect_done(waiting);

  expect_done(lock(a, {0, 10}, lock_sequence{1, 5}, false));

  EXPECT_EQ(listing(entry_kind::byte_range_lock).size(), 1U);
}

TEST_F(LockSequences, AreKnownWhenTheClientIsBack) {
  expect_done(lock(a, {0, 10}, lock_sequence{1, 1}));
  drop(a);
  expect_done(reconnect(alice, a, k1));

  expect_done(lock(a, {0, 10}, lock_sequence{1, 1}));
}

TEST_F(LockSequences, OfAnotherOpenAreItsOwn) {
  const auto b = open(by(alice).lease(k1, rwh));
  expect_done(lock(a, {0, 10}, lock_sequence{1, 1}));

  expect_error(lock(b, {0, 10}, lock_sequence{1, 1}), errc::lock_not_granted);
}

TEST_F(LocksAndLeases, ALockThatIsRefusedBreaksNothing) {
  const auto a = open(by(alice).lease(k1, rh));
  const auto b = open(by(bob));
  expect_done(lock(a, {0, 10}, exclusive));

  expect_error(lock(b, {0, 10}, exclusive), errc::lock_not_granted);

  expect_no_break();
  EXPECT_EQ(state_of_lease(alice, k1), rh);
}

TEST_F(LocksAndLeases, AWaitingLockBreaksWhenItIsGranted) {
  const auto a = open(by(alice).lease(k1, rh));
  const auto b = open(by(bob));
  lock(a, {0, 10}, exclusive);
  const auto waiting = blocking_lock(b, {0, 10}, exclusive);
  expect_no_break();

  unlock(a, {{0, 10}});

  expect_break(k1, rh, none);
  expect_done(waiting);
  acknowledge(alice, k1, none);
}

// MS-FSA 2.1.5.18.2: applications lock sentinels far beyond any real file size.
TEST_F(LocksAndLeases, ALockBeyondTheAllocationLimitsNoGrant) {
  for (const std::uint64_t allocation : {0U, 9'999U, 10'000U}) {
    world w;
    w.lock(w.open(by(carol)), {10'000, 1}, exclusive);

    w.expect_granted(w.open(by(alice).lease(k1, rwh).allocated(allocation)), rh);
    w.expect_oplock(
      w.open(by(bob).oplock(oplock_level::batch).allocated(allocation)), oplock_level::none);
    w.expect_granted(w.open(by(bob).lease(k2, rh).allocated(allocation)), rh);
  }
}

// The holder may have extended the file before it released Write.
TEST_F(LocksAndLeases, AnOpenThatWaitedCountsLocksBeyondTheAllocationOfBefore) {
  const auto holder = open(by(alice).lease(k1, rwh));
  lock(holder, {10'000, 1}, exclusive);
  const auto waiting = open(by(bob).lease(k2, rh).allocated(5'000));
  expect_break(k1, rwh, rh);
  expect_waits(waiting);

  acknowledge(alice, k1, rh);

  expect_granted(waiting, none);
}

TEST_F(LocksAndLeases, ALockWithinTheAllocationLimitsGrants) {
  lock(open(by(carol)), {10'000, 1}, shared);
  lock(open(by(carol)), {5'000, 0}, shared);

  expect_granted(open(by(alice).lease(k1, rwh).allocated(5'001)), none);
  expect_granted(open(by(alice).lease(k2, rwh).allocated(10'001)), none);
  expect_granted(open(by(alice).lease(k3, rwh)), none);
  expect_granted(open(by(alice).lease(k4, rwh).allocated(5'000)), rh);
}

TEST_F(LocksAndLeases, AnOplockIsGrantedBesideALockBeyondTheAllocation) {
  lock(open(by(carol)), {10'000, 1}, shared);

  expect_oplock(
    open(by(alice).oplock(oplock_level::batch).allocated(10'000)), oplock_level::level_ii);
}

// MS-FSA 2.1.5.8.
TEST_F(LocksAndLeases, ALockBeyondTheAllocationBreaksNothing) {
  open(by(alice).lease(k1, rh));
  const auto b = open(by(bob).access(access::read_data).oplock(oplock_level::none));

  expect_done(lock_of_allocated(10'000, b, {10'000, 1}, exclusive));
  expect_no_break();
  expect_done(lock_of_allocated(10'000, b, {9'999, 1}, exclusive));
  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
}

TEST_F(LocksAndLeases, ALockBeyondTheAllocationWaitsForNoBreak) {
  open(by(alice).lease(k1, rwh));
  const auto stat = open(by(bob).access(access::read_attributes));

  expect_done(lock_of_allocated(10'000, stat, {10'000, 1}, exclusive));
  expect_no_break();

  const auto waiting = lock_of_allocated(10'000, stat, {9'999, 1}, exclusive);
  expect_break(k1, rwh, none);
  expect_waits(waiting);
  acknowledge(alice, k1, none);
  expect_done(waiting);
}

TEST_F(LocksAndLeases, ALockBeyondTheAllocationThatWaitedBreaksNothing) {
  const auto a = open(by(alice).lease(k1, rh));
  const auto b = open(by(bob));
  lock_of_allocated(10'000, a, {10'000, 10}, exclusive);
  const auto waiting = lock_of_allocated(10'000, b, {10'000, 10}, exclusive, false);
  expect_waits(waiting);

  unlock(a, {{10'000, 10}});

  expect_done(waiting);
  expect_no_break();
}

// smb2.lease.lock1: a new file has nothing allocated.
TEST_F(LocksAndLeases, ALockOfTheFirstClusterAlwaysCounts) {
  open(by(alice).lease(k1, rh));
  const auto b = open(by(bob));

  expect_done(lock_of_allocated(0, b, {4'096, 1}, exclusive));
  expect_no_break();
  expect_done(lock_of_allocated(0, b, {4'095, 1}, exclusive));
  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);

  expect_granted(open(by(carol).lease(k3, rh).allocated(0)), none);
}

TEST_F(LocksAndLeases, AnUnlockBreaksNothing) {
  const auto a = open(by(alice).lease(k1, rh));
  const auto b = open(by(bob));
  lock(a, {0, 10}, shared);

  unlock(a, {{0, 10}});

  expect_no_break();
  static_cast<void>(b);
}

TEST_F(LocksAndLeases, AHolderOfWriteLocksWithoutABreak) {
  const auto a = open(by(alice).lease(k1, rwh));

  expect_done(lock(a, {0, 10}, exclusive));

  expect_no_break();
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
}

// The writes of smb2.lease.complex1, with locks: a lock through a lease without caching breaks the
// other lease.
TEST_F(LocksAndLeases, AHolderOfNothingBreaksTheOther) {
  const auto a = open(by(alice).lease(k1, r));
  const auto b = open(by(bob).lease(k2, r));
  lock(a, {0, 1}, shared);
  expect_break(k2, r, none);

  lock(b, {1, 1}, shared);

  expect_break(k1, r, none);
}

} // namespace
} // namespace leasebreak::model_test

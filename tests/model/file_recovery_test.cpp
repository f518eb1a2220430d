// Stored records, and their recovery after a restart: recovered leases and locks, the grace period,
// reclaiming (docs/storage-format.md; MS-SMB2 3.3.5.9.7 for the owner).
#include "file_fixture.hpp"

#include <memory>

namespace leasebreak::model_test {
namespace {

/// Returns a world after a restart, with the records that `before` had stored.
std::unique_ptr<world> restarted(const world& before) {
  auto after = std::make_unique<world>(keeping_records());
  after->continue_after(before);
  after->load_all(before.store());
  return after;
}

class Records : public model_test {
protected:
  Records() : model_test(keeping_records()) {}
};

TEST_F(Records, SayWhoHoldsWhat) {
  open(by(alice).lease(k1, rh, 0x10).parent(k4));

  ASSERT_EQ(store().size(), 1U);
  const auto& record = store().begin()->second;
  EXPECT_EQ(record.id, store().begin()->first);
  EXPECT_EQ(record.file_id, "file");
  EXPECT_EQ(record.share_name, "share");
  EXPECT_EQ(record.client_id, to_string(alice.guid));
  EXPECT_TRUE(std::ranges::equal(record.lease_key, k1.bytes));
  EXPECT_EQ(record.lease_state, 3U);
  EXPECT_EQ(record.lease_epoch, 0x11);
  EXPECT_EQ(record.lease_version, 2);
  EXPECT_TRUE(std::ranges::equal(record.parent_lease_key, k4.bytes));
  EXPECT_FALSE(record.breaking);
  EXPECT_EQ(record.server_epoch, 7U);
  EXPECT_FALSE(record.is_traditional_oplock);
  EXPECT_FALSE(validate(record).has_value());
}

TEST_F(Records, OfABreakSaySinceWhenAndToWhat) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);
  open(by(carol).overwriting());

  const auto& record = store().begin()->second;

  EXPECT_TRUE(record.breaking);
  EXPECT_EQ(record.lease_state, 7U);
  EXPECT_EQ(record.break_to_state, 3U);
  EXPECT_EQ(record.breaking_to_required, 0U);
  EXPECT_EQ(record.break_started, now());
  EXPECT_FALSE(validate(record).has_value());
  acknowledge(alice, k1, none);
}

TEST_F(Records, OfLocksAreWrittenAndRemovedWithThem) {
  const auto a = open(by(alice));
  lock(a, {{{0, 10}, true}, {{20, 10}, false}});
  EXPECT_EQ(store().size(), 2U);
  for (const auto& [id, record] : store())
    EXPECT_FALSE(validate(record).has_value());

  unlock(a, {{0, 10}});
  EXPECT_EQ(store().size(), 1U);
  close(a);

  EXPECT_TRUE(store().empty());
}

TEST_F(Records, OfARefusedLockAreNone) {
  const auto a = open(by(alice));
  const auto b = open(by(bob));
  lock(a, {20, 10}, true);

  expect_error(lock(b, {{{0, 10}, true}, {{20, 10}, true}}), errc::lock_not_granted);

  EXPECT_EQ(store().size(), 1U);
}

TEST_F(Records, OfWhatIsHeldNoLongerAreRemoved) {
  const auto b = open(by(bob));
  open(by(alice).lease(k1, r));
  open(by(carol).oplock(oplock_level::level_ii));
  EXPECT_EQ(store().size(), 2U);

  write_data(bob, b);

  expect_break(k1, r, none);
  take_breaks();
  EXPECT_TRUE(store().empty());
}

TEST_F(Records, AreOnePerLeaseWhateverItsOpens) {
  open(by(alice).lease(k1, r));
  open(by(alice).lease(k1, rh));
  open(by(alice_again).lease(k1, rwh));

  EXPECT_EQ(store().size(), 1U);
}

TEST_F(Records, AreNotWrittenWithoutAStore) {
  world w;
  w.open(by(alice).lease(k1, rwh));

  EXPECT_TRUE(w.store().empty());
}

// -- grace ----------------------------------------------------------------------------------------

class Recovery : public model_test {
protected:
  Recovery() : model_test(keeping_records()) {}

  /// The server crashes and restarts. The old world is not checked any more.
  world& restart() {
    after_ = restarted(*this);
    return *after_;
  }

private:
  std::unique_ptr<world> after_;
};

TEST_F(Recovery, AHolderReclaimsItsLease) {
  expect_granted(open(by(alice).lease(k1, rwh, 0x10)), rwh);
  auto& w = restart();
  ASSERT_EQ(w.listing(entry_kind::recovered).size(), 1U);

  const auto a = w.open(by(alice).lease(k1, rwh).reclaiming());

  const auto granted = w.expect_granted(a, rwh);
  EXPECT_EQ(granted.epoch, 0x11);
  EXPECT_EQ(granted.version, 2);
  EXPECT_TRUE(w.listing(entry_kind::recovered).empty());
  w.end_grace();
  EXPECT_EQ(w.state_of_lease(alice, k1), rwh);
  const auto b = w.open(by(bob));
  EXPECT_EQ(w.expect_break(k1, rwh, rh).epoch, 0x12);
  w.acknowledge(alice, k1, rh);
  w.expect_granted(b, none);
}

TEST_F(Recovery, OnlyItsClientReclaimsALease) {
  open(by(alice).lease(k1, rwh));
  auto& w = restart();

  w.expect_error(w.open(by(bob).lease(k1, rwh).reclaiming()), errc::nothing_to_reclaim);
  w.expect_error(w.open(by(alice).lease(k2, rwh).reclaiming()), errc::nothing_to_reclaim);

  w.expect_granted(w.open(by(alice).lease(k1, rwh).reclaiming()), rwh);
}

TEST_F(Recovery, WithoutARecordThereIsNothingToReclaim) {
  world w;

  w.expect_error(w.open(by(alice).lease(k1, rwh).reclaiming()), errc::nothing_to_reclaim);
}

TEST_F(Recovery, WhatConflictsIsRefusedDuringGrace) {
  open(by(alice).lease(k1, rwh));
  auto& w = restart();

  w.expect_error(w.open(by(bob)), errc::reclaim_needed);
  w.expect_error(w.open(by(bob).overwriting()), errc::reclaim_needed);
  w.expect_error(w.access(nobody, access_kind::read), errc::reclaim_needed);
  w.expect_error(w.access(nobody, access_kind::write), errc::reclaim_needed);
  w.expect_no_break();

  w.end_grace();
  w.expect_granted(w.open(by(bob).lease(k2, rwh)), rwh);
}

TEST_F(Recovery, WhatDoesNotConflictGoesOn) {
  open(by(alice).lease(k1, rh));
  auto& w = restart();

  const auto b = w.open(by(bob).lease(k2, rwh));

  w.expect_granted(b, rh);
  w.expect_error(w.access(bob, access_kind::write, b), errc::reclaim_needed);
  w.expect_granted(w.open(by(alice).lease(k1, rh).reclaiming()), rh);
}

TEST_F(Recovery, ADirectoryLeaseIsReclaimed) {
  open(by(alice).directory().lease(k1, rh));
  auto& w = restart();

  w.expect_granted(w.open(by(alice).directory().lease(k1, rh).reclaiming()), rh);
}

// The holder's listing of the directory is stale, whether it has reconnected or not.
TEST_F(Recovery, AChildChangeTakesARecoveredDirectoryLease) {
  open(by(alice).directory().lease(k1, rh));
  auto& w = restart();

  w.expect_done(w.access(nobody, access_kind::change_children));

  w.expect_error(
    w.open(by(alice).directory().lease(k1, rh).reclaiming()), errc::nothing_to_reclaim);
}

TEST_F(Recovery, AnOplockIsReclaimed) {
  open(by(alice).oplock(oplock_level::batch));
  auto& w = restart();

  const auto a = w.open(by(alice).oplock(oplock_level::batch).reclaiming());

  w.expect_oplock(a, oplock_level::batch);
  w.end_grace();
  w.open(by(bob));
  w.expect_oplock_break(a, rwh, r);
  w.acknowledge_oplock(alice, a, oplock_level::level_ii);
}

TEST_F(Recovery, ADeletionDuringGraceTakesHandleFromPresentHolders) {
  open(by(alice).lease(k1, rh));
  auto& w = restart();
  w.open(by(carol).lease(k2, rh));
  const auto b = w.open(by(bob).deleting_on_close());

  const auto closing = w.close(b);

  w.expect_break(k2, rh, r);
  w.expect_waits(closing);
  w.acknowledge(carol, k2, r);
  w.expect_done(closing);
}

TEST_F(Recovery, UnreclaimedStateIsReleased) {
  open(by(alice).lease(k1, rwh));
  auto& w = restart();
  ASSERT_EQ(w.store().size(), 1U);
  const auto id = w.store().begin()->first;

  w.end_grace();

  const auto dropped = w.take_facts<record_dropped>();
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0].id, id);
  EXPECT_TRUE(w.store().empty());
  EXPECT_TRUE(w.file.empty());
  w.expect_error(w.open(by(alice).lease(k1, rwh).reclaiming()), errc::nothing_to_reclaim);
}

TEST_F(Recovery, ABreakInProgressKeepsItsStart) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);
  const auto started = now();
  pass(seconds{20});
  auto& w = restart();
  EXPECT_EQ(w.file.next_deadline(), started + seconds{35});

  w.pass(seconds{15} - milliseconds{1});
  w.expect_error(w.open(by(bob)), errc::reclaim_needed);
  w.pass(milliseconds{1});

  EXPECT_EQ(w.take_facts<record_dropped>().size(), 1U);
  w.expect_granted(w.open(by(bob)), none);
}

// The clock was set back between the two runs.
TEST_F(Recovery, ABreakThatBeganInTheFutureEndsInItsTime) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);
  auto record = store().begin()->second;
  record.break_started += std::chrono::hours{2};
  world w(keeping_records());
  w.continue_after(*this);
  w.load(record);
  EXPECT_EQ(w.file.next_deadline(), w.now() + seconds{35});
  w.expect_granted(w.open(by(alice).lease(k1, rwh).reclaiming()), rwh);
  w.expect_break(k1, rwh, rh);

  w.pass(seconds{35});

  EXPECT_EQ(w.state_of_lease(alice, k1), none);
  const auto ended = w.take_facts<break_ended>();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended.front().age, seconds{35});
}

TEST_F(Recovery, ABreakInProgressGoesOnAfterTheReclaim) {
  open(by(alice).lease(k1, rwh, 0x10));
  open(by(bob));
  expect_break(k1, rwh, rh);
  pass(seconds{20});
  auto& w = restart();

  const auto granted = w.expect_granted(w.open(by(alice).lease(k1, rwh).reclaiming()), rwh);

  EXPECT_TRUE(granted.break_in_progress);
  EXPECT_EQ(granted.epoch, 0x12);
  EXPECT_EQ(w.expect_break(k1, rwh, rh).epoch, 0x12);
  w.expect_acknowledged(w.acknowledge(alice, k1, rh), rh);
  EXPECT_FALSE(w.lease_of(alice, k1)->breaking);
}

TEST_F(Recovery, AHolderReclaimsItsLocks) {
  const auto a = open(by(alice).lease(k1, rwh));
  lock(a, {{{0, 10}, true}, {{20, 10}, true}});
  auto& w = restart();
  const auto again = w.open(by(alice).lease(k1, rwh).reclaiming());
  std::string first;
  for (const auto& [id, record] : w.store())
    if (!record.is_lease() && record.offset == 0)
      first = id;

  w.expect_done(w.reclaim(again, first, {}, false));
  w.expect_done(w.reclaim(again, "", {20, 10}, true));

  w.expect_error(w.reclaim(again, first, {}, false), errc::nothing_to_reclaim);
  EXPECT_EQ(w.listing(entry_kind::byte_range_lock).size(), 2U);
  w.end_grace();
  EXPECT_EQ(w.listing(entry_kind::byte_range_lock).size(), 2U);
  w.expect_done(w.unlock(again, {{0, 10}, {20, 10}}));
}

TEST_F(Recovery, OnlyItsClientReclaimsALock) {
  const auto a = open(by(alice));
  lock(a, {0, 10}, true);
  auto& w = restart();
  const auto id = w.store().begin()->first;
  const auto b = w.open(by(bob));

  w.expect_error(w.reclaim(b, id, {}, false), errc::wrong_owner);
  w.expect_error(w.reclaim(b, "", {0, 10}, true), errc::nothing_to_reclaim);
  w.expect_error(w.reclaim(b, "no such record", {}, false), errc::nothing_to_reclaim);
  w.expect_error(w.reclaim({{}, open_id{4711}}, id, {}, false), errc::unknown_open);
}

TEST_F(Recovery, ALockThatMeetsARecoveredOneIsRefusedDuringGrace) {
  const auto a = open(by(alice));
  lock(a, {0, 10}, true);
  auto& w = restart();
  const auto b = w.open(by(bob));

  w.expect_error(w.lock(b, {5, 10}, true), errc::reclaim_needed);
  w.expect_done(w.lock(b, {10, 10}, true));

  w.end_grace();
  w.expect_done(w.lock(b, {0, 10}, true));
}

TEST_F(Recovery, ALockBeyondTheAllocationLimitsNoGrantDuringGrace) {
  lock(open(by(alice)), {10'000, 10}, true);
  auto& w = restart();

  w.expect_granted(w.open(by(bob).lease(k2, rh).allocated(10'001)), none);
  w.expect_granted(w.open(by(carol).lease(k3, rh).allocated(10'000)), rh);
}

// A client that has locked its range again has what it could reclaim.
TEST_F(Recovery, ALockIsNotReclaimedOntoOneInItsWay) {
  const auto a = open(by(alice));
  lock(a, {{{0, 10}, true}, {{20, 10}, false}});
  auto& w = restart();
  const auto anew = w.open(by(alice));
  const auto again = w.open(by(alice));
  w.expect_done(w.lock(anew, {{{0, 10}, true}, {{20, 10}, true}}));

  w.expect_error(w.reclaim(again, "", {0, 10}, true), errc::lock_not_granted);
  w.expect_error(w.reclaim(anew, "", {0, 10}, true), errc::lock_not_granted);
  w.expect_error(w.reclaim(again, "", {20, 10}, false), errc::lock_not_granted);

  w.expect_done(w.unlock(anew, {{0, 10}}));
  w.expect_done(w.reclaim(again, "", {0, 10}, true));
  EXPECT_EQ(w.listing(entry_kind::byte_range_lock).size(), 2U);
}

// Locks that were held together can be held together again, in whatever order they are reclaimed.
TEST_F(Recovery, LocksThatLayOnEachOtherAreReclaimedInAnyOrder) {
  for (const bool shared_first : {false, true}) {
    world before(keeping_records());
    const auto a = before.open(by(alice));
    before.lock(a, {0, 10}, true);
    before.lock(a, {0, 10}, false);
    const auto after = restarted(before);
    const auto again = after->open(by(alice));

    after->expect_done(after->reclaim(again, "", {0, 10}, !shared_first));
    after->expect_done(after->reclaim(again, "", {0, 10}, shared_first));
  }
}

TEST_F(Recovery, ASharedLockOfAnotherOpenIsInTheWayOfAnExclusiveOne) {
  const auto a = open(by(alice));
  lock(a, {{{0, 10}, true}, {{0, 10}, false}});
  auto& w = restart();
  const auto one = w.open(by(alice));
  const auto other = w.open(by(alice));
  w.expect_done(w.reclaim(one, "", {0, 10}, false));

  w.expect_error(w.reclaim(other, "", {0, 10}, true), errc::lock_not_granted);

  w.expect_done(w.reclaim(one, "", {0, 10}, true));
}

TEST_F(Recovery, ALockIsNotReclaimedWithoutAConnection) {
  const auto a = open(by(alice).lease(k1, rh));
  lock(a, {0, 10}, true);
  auto& w = restart();
  const auto again = w.open(by(alice).lease(k1, rh).reclaiming().durable());
  w.disconnect(alice);

  w.expect_error(w.reclaim(again, "", {0, 10}, true), errc::unknown_open);

  w.expect_granted(w.reconnect(alice, again, k1), rh);
  w.expect_done(w.reclaim(again, "", {0, 10}, true));
}

TEST_F(Recovery, AReadOrWriteThatMeetsARecoveredLockIsRefusedDuringGrace) {
  const auto a = open(by(alice));
  lock(a, {{{0, 10}, true}, {{20, 10}, false}, {{45, 0}, true}});
  auto& w = restart();
  const auto b = w.open(by(bob));
  const auto again = w.open(by(alice));

  EXPECT_EQ(w.file.check_io(b.open, {5, 10}, true), errc::reclaim_needed);
  EXPECT_EQ(w.file.check_io(b.open, {5, 10}, false), errc::reclaim_needed);
  EXPECT_EQ(w.file.check_io(b.open, {20, 1}, true), errc::reclaim_needed);
  EXPECT_EQ(w.file.check_io(b.open, {20, 1}, false), errc::success) << "it is shared";
  EXPECT_EQ(w.file.check_io(b.open, {10, 10}, true), errc::success) << "between them";
  EXPECT_EQ(w.file.check_io(b.open, {5, 0}, true), errc::success) << "no bytes";
  EXPECT_EQ(w.file.check_io(b.open, {40, 10}, true), errc::success) << "a lock of no bytes";
  EXPECT_EQ(w.file.check_io(again.open, {0, 10}, true), errc::success) << "her own";

  w.expect_done(w.reclaim(again, "", {0, 10}, true));
  EXPECT_EQ(w.file.check_io(b.open, {5, 10}, true), errc::file_lock_conflict);
  w.end_grace();
  EXPECT_EQ(w.file.check_io(b.open, {20, 1}, true), errc::success);
}

TEST_F(Recovery, AMalformedRecordIsLeftAlone) {
  open(by(alice).lease(k1, rwh));
  auto record = store().begin()->second;
  record.lease_key.resize(3);
  world w(keeping_records());

  EXPECT_TRUE(w.file.apply(load_record{record}, w.now()).empty());

  EXPECT_TRUE(w.file.empty());
  EXPECT_TRUE(w.file.list({}).empty());
}

TEST_F(Recovery, ADirectorysWriteOfOldRecordsIsTakenOff) {
  open(by(alice).directory().lease(k1, rh));
  auto record = store().begin()->second;
  record.lease_state = 7;
  world w;
  w.load(record);

  w.expect_granted(w.open(by(alice).directory().lease(k1, rh).reclaiming()), rh);
}

// An open of the same lease without `reclaim` has the same effect as one with it.
TEST_F(Recovery, AnEndOfGraceWithoutRecordsChangesNothing) {
  open(by(alice).lease(k1, rwh));

  end_grace();

  EXPECT_EQ(state_of_lease(alice, k1), rwh);
}

} // namespace
} // namespace leasebreak::model_test

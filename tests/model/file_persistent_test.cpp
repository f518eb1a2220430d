// Persistent opens: their records, and their recovery after a restart with their lease, their locks
// and their share mode (MS-SMB2 3.3.1.10, 3.3.5.9, 3.3.5.9.12, 3.3.7.1).
#include "file_fixture.hpp"
#include "support/effort.hpp"
#include "support/seed.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>

namespace leasebreak::model_test {
namespace {

constexpr auto persistent_guid = create_guid::of(77, 78);

/// A file whose server can crash.
class Persistent : public model_test {
protected:
  Persistent() : model_test(keeping_records()) {}

  /// The server crashes and restarts.
  world& restart() {
    auto after = std::make_unique<world>(keeping_records());
    after->continue_after(after_ ? *after_ : *this);
    after->load_all(after_ ? after_->store() : store());
    if (after_)
      before_.push_back(std::move(after_));
    after_ = std::move(after);
    return *after_;
  }

  [[nodiscard]] const persisted_lock* record_of(const attempt& a) const {
    for (const auto& [id, record] : store())
      if (record.is_open() && record.open->id == static_cast<std::uint64_t>(a.open))
        return &record;
    return nullptr;
  }

private:
  std::vector<std::unique_ptr<world>> before_;
  std::unique_ptr<world> after_;
};

// -- records --------------------------------------------------------------------------------------

class PersistentRecords : public Persistent {};

TEST_F(PersistentRecords, SayWhatTheOpenIs) {
  auto how = by(alice).lease(k1, rwh, 0x10).persistent(seconds{90}, persistent_guid);
  how.access(access::read_data | access::delete_file).shares(share::write);
  how.request.durable->server_state = "user and path";

  const auto a = open(how);

  const auto* const record = record_of(a);
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(store().size(), 2U) << "the lease has its own";
  EXPECT_FALSE(validate(*record).has_value());
  EXPECT_EQ(record->file_id, "file");
  EXPECT_EQ(record->share_name, "share");
  EXPECT_EQ(record->client_id, to_string(alice.guid));
  EXPECT_EQ(record->server_epoch, 7U);
  EXPECT_EQ(record->acquired_at, now());
  EXPECT_TRUE(record->is_zero_byte) << "no obstacle for systems that do not know opens";
  EXPECT_EQ(record->share_reservation, 1) << "denies reading";
  EXPECT_EQ(record->lease_version, 2);
  EXPECT_EQ(record->lease_epoch, 0x11);
  const auto& kept = *record->open;
  EXPECT_EQ(kept.access, access::read_data | access::delete_file);
  EXPECT_EQ(kept.share_access, share::write);
  EXPECT_FALSE(kept.delete_on_close);
  EXPECT_FALSE(kept.delete_pending);
  EXPECT_TRUE(std::ranges::equal(kept.create_guid, persistent_guid.bytes));
  EXPECT_EQ(kept.timeout_ms, 90'000U);
  EXPECT_TRUE(std::ranges::equal(kept.lease_key, k1.bytes));
  EXPECT_EQ(kept.server_state, "user and path");
}

TEST_F(PersistentRecords, AreForPersistentOpensAlone) {
  open(by(alice).lease(k1, rh).durable());
  open(by(bob));

  EXPECT_EQ(store().size(), 1U);
  EXPECT_TRUE(store().begin()->second.is_lease());
}

TEST_F(PersistentRecords, GoWithTheOpen) {
  const auto a = open(by(alice).persistent());
  ASSERT_NE(record_of(a), nullptr);
  disconnect(alice);
  EXPECT_NE(record_of(a), nullptr);
  reconnect(alice, a);

  close(a);

  EXPECT_TRUE(store().empty());
}

TEST_F(PersistentRecords, SayThatTheFileIsToBeDeleted) {
  const auto a = open(by(alice).persistent());
  const auto b = open(by(bob).deleting_on_close());
  EXPECT_FALSE(record_of(a)->open->delete_pending);

  close(b);
  EXPECT_TRUE(record_of(a)->open->delete_pending);
  access(alice, access_kind::clear_delete, a);
  EXPECT_FALSE(record_of(a)->open->delete_pending);
  access(alice, access_kind::set_delete, a);
  EXPECT_TRUE(record_of(a)->open->delete_pending);
}

TEST_F(PersistentRecords, KeepTheEpochOfALeaseThatCachesNothing) {
  const auto a = open(by(alice).lease(k1, r, 0x20).persistent());
  const auto b = open(by(bob));
  write_data(bob, b);
  expect_break(k1, r, none);

  EXPECT_EQ(store().size(), 1U) << "the lease's own record is gone";
  EXPECT_EQ(record_of(a)->lease_epoch, 0x22);
}

TEST_F(PersistentRecords, HaveALimitForWhatTheServerPutsIn) {
  auto how = by(alice).persistent();
  how.request.durable->server_state.assign(policy.limit.server_state_bytes, 'x');
  const auto a = open(how);
  EXPECT_EQ(record_of(a)->open->server_state.size(), policy.limit.server_state_bytes);

  how.request.durable->server_state += 'x';

  expect_error(open(how), errc::invalid_argument);
}

TEST_F(PersistentRecords, SayWhatTheServerPutsInLater) {
  const auto a = open(by(alice).persistent());

  expect_done(set_state(a, "another path"));
  EXPECT_EQ(record_of(a)->open->server_state, "another path");
  disconnect(alice);
  expect_done(set_state(a, "a third"));

  EXPECT_EQ(record_of(a)->open->server_state, "a third");
}

TEST_F(PersistentRecords, TakeNothingMoreThanTheyMayHoldAndOnlyOfTheirOpens) {
  const auto a = open(by(alice).persistent());
  const auto b = open(by(bob).lease(k2, rh).durable());
  const auto closed = open(by(carol));
  close(closed);
  expect_done(set_state(a, std::string(policy.limit.server_state_bytes, 'x')));

  expect_error(
    set_state(a, std::string(policy.limit.server_state_bytes + 1, 'y')), errc::invalid_argument);
  expect_error(set_state(b, "path"), errc::invalid_argument);
  expect_error(set_state(closed, "path"), errc::unknown_open);

  EXPECT_EQ(record_of(a)->open->server_state, std::string(policy.limit.server_state_bytes, 'x'));
}

TEST_F(PersistentRecords, KeepTimeoutsWithinWhatARecordCanSay) {
  for (const auto timeout : {duration{1}, duration{std::chrono::hours{24 * 365}}}) {
    const auto a = open(by(alice).persistent(timeout));

    ASSERT_NE(record_of(a), nullptr);
    EXPECT_FALSE(validate(*record_of(a)).has_value());
  }
}

// -- without a restart ----------------------------------------------------------------------------

// MS-SMB2 3.3.7.1: in every case.
TEST_F(Persistent, StaysAlsoIfItDeletesItsFile) {
  const auto a = open(by(alice).persistent(seconds{30}).deleting_on_close());

  disconnect(alice);
  EXPECT_TRUE(file.has_open(a.open));
  pass(seconds{30});

  const auto ended = take_ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended.front().cause, end_cause::expired);
  EXPECT_NE(ended.front().hold, hold_id::none) << "now the file goes";
}

TEST_F(Persistent, StaysDuringABreakAndWithLocks) {
  const auto a = open(by(alice).lease(k1, rh).persistent());
  expect_done(lock(a, {0, 10}, true));
  const auto b = open(by(bob));
  write_data(bob, b);
  expect_break(k1, rh, none);

  disconnect(alice);

  EXPECT_TRUE(file.has_open(a.open));
  EXPECT_EQ(listing(entry_kind::byte_range_lock).size(), 1U);
}

// -- breaks whose notification was lost with the connection --------------------------------------

class PersistentBreaks : public Persistent {};

// MS-SMB2 3.3.4.7: a notification that cannot be sent is kept until the client reconnects.
TEST_F(PersistentBreaks, AreSentAgainAfterAReconnect) {
  const auto a = open(by(alice).lease(k1, rwh, 0x10).persistent());
  const auto b = open(by(bob));
  const auto first = expect_break(k1, rwh, rh);
  const auto deadline = file.next_deadline();
  pass(seconds{20});
  disconnect(alice);

  const auto granted = expect_granted(reconnect(alice_again, a, k1), rwh);

  EXPECT_TRUE(granted.break_in_progress);
  const auto again = expect_break(k1, rwh, rh);
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.epoch, 0x12);
  EXPECT_EQ(again.cause, first.cause);
  EXPECT_EQ(again.connection(), alice_again.connection);
  EXPECT_EQ(again.issued, now());
  EXPECT_EQ(file.next_deadline(), deadline);
  expect_waits(b);
  expect_acknowledged(acknowledge(alice_again, k1, rh), rh);
  expect_granted(b, none);
}

TEST_F(PersistentBreaks, HaveNoMoreTimeForThat) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);
  pass(seconds{20});
  disconnect(alice);
  reconnect(alice, a, k1);
  expect_break(k1, rwh, rh);

  pass(seconds{15});

  EXPECT_EQ(state_of_lease(alice, k1), none);
  expect_granted(b, none);
}

TEST_F(PersistentBreaks, OfAnOplockAreSentToItsNewClient) {
  const auto a = open(by(alice).oplock(oplock_level::batch).persistent());
  const auto b = open(by(bob));
  const auto first = expect_oplock_break(a, rwh, r);
  disconnect(alice);

  reconnect(carol, a);

  const auto again = expect_oplock_break(a, rwh, r);
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.client, carol.guid);
  EXPECT_EQ(again.connection(), carol.connection);
  expect_waits(b);
  expect_acknowledged(acknowledge_oplock(carol, a, oplock_level::level_ii), r);
  expect_granted(b, none);
}

TEST_F(PersistentBreaks, AreSentInTheirLatestStep) {
  const auto a = open(by(alice).lease(k1, rwh, 0x10).persistent());
  open(by(bob));
  expect_break(k1, rwh, rh);
  const auto c = open(by(carol).overwriting());
  acknowledge(alice, k1, rh);
  expect_break(k1, rh, r);
  disconnect(alice);

  expect_granted(reconnect(alice, a, k1), rh);

  EXPECT_EQ(expect_break(k1, rh, r).epoch, 0x12);
  acknowledge(alice, k1, r);
  expect_break(k1, r, none);
  expect_granted(c, none);
}

TEST_F(PersistentBreaks, AreSentOnceForAllOpensOfALease) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  const auto other = open(by(alice).lease(k1, rwh).persistent());
  open(by(bob));
  expect_break(k1, rwh, rh);
  disconnect(alice);

  reconnect(alice_again, other, k1);
  EXPECT_EQ(expect_break(k1, rwh, rh).connection(), alice_again.connection);
  reconnect(alice_again, a, k1);
  expect_no_break();

  disconnect(alice);
  reconnect(alice, a, k1);
  EXPECT_EQ(expect_break(k1, rwh, rh).connection(), alice.connection);
  acknowledge(alice, k1, rh);
}

TEST_F(PersistentBreaks, AreNotSentAgainIfAnotherConnectionGotThem) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  open(by(alice_again).lease(k1, rwh).persistent());
  disconnect_connection(alice);
  open(by(bob));
  expect_break(k1, rwh, rh);

  reconnect(alice, a, k1);

  expect_no_break();
  acknowledge(alice, k1, rh);
}

// MS-SMB2 3.3.5.9: the old open would be left orphaned.
TEST_F(PersistentBreaks, AreNotForTheOpensOwnClientThatOpensTheFileAgain) {
  for (const bool contended : {false, true}) {
    world w;
    const auto a = w.open(by(alice).lease(k1, rwh).persistent());
    const auto b = contended ? std::optional(w.open(by(bob))) : std::nullopt;
    if (contended)
      w.expect_break(k1, rwh, rh);
    w.disconnect(alice);

    w.expect_error(w.open(by(alice_again).lease(k1, rwh)), errc::reclaim_needed);
    w.expect_error(
      w.open(by(alice_again).lease(k1, rwh).persistent(seconds{60}, create_guid::of(1))),
      errc::reclaim_needed);

    w.expect_granted(w.reconnect(alice_again, a, k1), rwh);
    if (contended) {
      w.expect_break(k1, rwh, rh);
      w.acknowledge(alice, k1, rh);
      w.expect_granted(*b, none);
    }
    w.expect_granted(w.open(by(alice_again).lease(k1, rwh)), contended ? rh : rwh);
  }
}

// MS-SMB2 3.3.5.9, note 276.
TEST_F(PersistentBreaks, AreSentToAHolderThatReconnects) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  disconnect(alice);
  const auto b = open(by(bob));
  expect_waits(b);
  EXPECT_TRUE(expect_break(k1, rwh, rh).channels.empty()) << "no channel is connected";

  reconnect(alice_again, a, k1);

  EXPECT_EQ(expect_break(k1, rwh, rh).connection(), alice_again.connection);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(PersistentBreaks, OfABatchOplockAreSentToAHolderThatReconnects) {
  const auto a = open(by(alice).oplock(oplock_level::batch).persistent());
  disconnect(alice);
  const auto b = open(by(bob));
  expect_waits(b);
  EXPECT_TRUE(expect_oplock_break(a, rwh, r).channels.empty());

  reconnect(alice_again, a);

  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, oplock_level::level_ii);
  expect_granted(b, none);
}

TEST_F(PersistentBreaks, ForAShareModeAreSentToAHolderThatReconnects) {
  const auto a = open(by(alice).lease(k1, rh).shares(share::read).persistent());
  disconnect(alice);
  const auto b = open(by(bob));
  expect_waits(b);
  expect_break(k1, rh, r);

  reconnect(alice_again, a, k1);
  expect_break(k1, rh, r);
  close(a);

  expect_granted(b, none);
}

TEST_F(PersistentBreaks, ForAShareModeRefuseWhenTheHolderKeepsTheFile) {
  const auto a = open(by(alice).lease(k1, rh).shares(share::read).persistent());
  disconnect(alice);
  const auto b = open(by(bob));
  expect_break(k1, rh, r);
  reconnect(alice_again, a, k1);
  expect_break(k1, rh, r);

  acknowledge(alice, k1, r);

  expect_error(b, errc::sharing_violation);
}

TEST_F(PersistentBreaks, WithoutAReconnectExpire) {
  for (const auto shares : {share::all, share::none}) {
    world w;
    const auto a = w.open(by(alice).lease(k1, rwh).shares(shares).persistent(seconds{600}));
    w.disconnect(alice);
    const auto b = w.open(by(bob));
    w.expect_waits(b);
    w.expect_break(k1, rwh, shares == share::all ? rh : rw);

    w.pass(seconds{35});

    w.expect_error(b, errc::reclaim_needed); // it blocks others without Handle caching
    EXPECT_TRUE(w.file.has_open(a.open));
    w.expect_error(w.open(by(bob)), errc::reclaim_needed);
  }
}

TEST_F(PersistentBreaks, EndWithAnOpenWhoseTimeIsUpFirst) {
  open(by(alice).lease(k1, rwh).shares(share::none).persistent(seconds{20}));
  disconnect(alice);
  const auto b = open(by(bob));
  expect_waits(b);
  expect_break(k1, rwh, rw);

  pass(seconds{20});

  expect_granted(b, none);
}

TEST_F(PersistentBreaks, LetARenameWaitForAHolderThatIsBack) {
  const auto a = open(by(alice).lease(k1, rh).persistent());
  const auto b = open(by(bob));
  disconnect(alice);

  const auto renamed = access(bob, access_kind::rename, b);
  expect_waits(renamed);
  expect_break(k1, rh, r);
  reconnect(alice_again, a, k1);
  expect_break(k1, rh, r);
  acknowledge(alice, k1, r);

  expect_done(renamed);
}

TEST_F(PersistentBreaks, AfterARestartAreSentToAHolderThatReconnects) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  auto& w = restart();
  const auto b = w.open(by(bob));
  w.expect_waits(b);
  EXPECT_TRUE(w.expect_break(k1, rwh, rh).channels.empty());

  w.reconnect(alice_again, a, k1);

  w.expect_break(k1, rwh, rh);
  w.acknowledge(alice, k1, rh);
  w.expect_granted(b, none);
}

// The connection was lost before that was reported.
TEST_F(PersistentBreaks, ThatAreUndeliverableWaitForTheClient) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  const auto b = open(by(bob));
  const auto first = expect_break(k1, rwh, rh);

  undeliverable(first.id);

  expect_waits(b);
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
  disconnect(alice);
  reconnect(alice_again, a, k1);
  EXPECT_EQ(expect_break(k1, rwh, rh).id, first.id);
  undeliverable(first.id);
  disconnect(alice);
  reconnect(alice, a, k1);
  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
}

TEST_F(PersistentBreaks, ThatAreUndeliverableExpire) {
  open(by(alice).lease(k1, rwh).persistent(seconds{600}));
  const auto b = open(by(bob));
  const auto told = expect_break(k1, rwh, rh);
  undeliverable(told.id);
  disconnect(alice);

  pass(seconds{35} - milliseconds{1});
  expect_waits(b);
  pass(milliseconds{1});

  EXPECT_EQ(state_of_lease(alice, k1), none);
  EXPECT_FALSE(waits(b));
}

// -- after a restart ------------------------------------------------------------------------------

class PersistentRestarts : public Persistent {};

TEST_F(PersistentRestarts, BringTheLeaseBack) {
  const auto a = open(by(alice).lease(k1, rwh, 0x10).persistent(seconds{60}, persistent_guid));
  auto& w = restart();
  EXPECT_TRUE(w.listing(entry_kind::recovered).empty()) << "nothing is left to be reclaimed";
  EXPECT_EQ(w.state_of_lease(alice, k1), rwh);

  const auto granted = w.expect_granted(w.reconnect(alice_again, a, k1, persistent_guid), rwh);

  EXPECT_EQ(granted.open, a.open);
  EXPECT_EQ(granted.key, k1);
  EXPECT_EQ(granted.version, 2);
  EXPECT_EQ(granted.epoch, 0x11);
  EXPECT_TRUE(granted.persistent);
  const auto b = w.open(by(bob));
  const auto told = w.expect_break(k1, rwh, rh);
  EXPECT_EQ(told.connection(), alice_again.connection);
  EXPECT_EQ(told.epoch, 0x12);
  w.expect_acknowledged(w.acknowledge(alice, k1, rh), rh);
  w.expect_granted(b, none);
}

TEST_F(PersistentRestarts, BringAnOplockBack) {
  const auto a = open(by(alice).oplock(oplock_level::batch).persistent());
  auto& w = restart();

  w.expect_oplock(w.reconnect(carol, a), oplock_level::batch);

  w.open(by(bob));
  EXPECT_EQ(w.expect_oplock_break(a, rwh, r).client, carol.guid);
  w.acknowledge_oplock(carol, a, oplock_level::level_ii);
}

TEST_F(PersistentRestarts, BringAnOpenWithoutCachingBack) {
  const auto a = open(by(alice).persistent());
  auto& w = restart();

  w.expect_granted(w.reconnect(alice, a), none);
}

TEST_F(PersistentRestarts, BringLocksBack) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  lock(a, {{{0, 10}, true}, {{20, 10}, false}, {{20, 10}, false}});
  auto& w = restart();
  EXPECT_EQ(w.listing(entry_kind::byte_range_lock).size(), 3U);
  w.expect_granted(w.reconnect(alice, a, k1), rwh);
  w.end_grace();

  const auto b = w.open(by(bob));
  w.expect_break(k1, rwh, rh);
  w.acknowledge(alice, k1, rh);
  w.expect_granted(b, none);
  w.expect_error(w.lock(b, {5, 10}, false), errc::lock_not_granted);
  EXPECT_EQ(w.file.check_io(b.open, {0, 1}, false), errc::file_lock_conflict);

  w.expect_done(w.unlock(a, {{0, 10}, {20, 10}, {20, 10}}));
}

// Its locks are held all the time; they need not be reclaimed.
TEST_F(PersistentRestarts, KeepReadsAndWritesOffTheirLocks) {
  const auto a = open(by(alice).lease(k1, rh).persistent());
  lock(a, {0, 10}, true);
  auto& w = restart();
  const auto b = w.open(by(bob));

  EXPECT_EQ(w.file.check_io(b.open, {5, 1}, false), errc::file_lock_conflict);
  EXPECT_EQ(w.file.check_io(b.open, {5, 1}, true), errc::file_lock_conflict);
  w.expect_error(w.lock(b, {5, 1}, false), errc::lock_not_granted);
  w.end_grace();

  EXPECT_EQ(w.file.check_io(b.open, {5, 1}, true), errc::file_lock_conflict);
}

// A lock of an open that was not persistent has no open to return to.
TEST_F(PersistentRestarts, LeaveLocksOfOtherOpensToBeReclaimed) {
  const auto a = open(by(alice).persistent());
  const auto other = open(by(alice));
  lock(a, {0, 10}, true);
  lock(other, {20, 10}, true);

  auto& w = restart();

  EXPECT_EQ(w.listing(entry_kind::byte_range_lock).size(), 1U);
  EXPECT_EQ(w.listing(entry_kind::recovered).size(), 1U);
}

// MS-SMB2 3.3.5.9: STATUS_FILE_NOT_AVAILABLE, until its client reconnects or its timeout expires.
TEST_F(PersistentRestarts, KeepOthersOffUntilTheClientIsBack) {
  const auto a = open(by(alice).shares(share::none).persistent());
  auto& w = restart();
  w.expect_error(w.open(by(bob)), errc::reclaim_needed);
  w.expect_done(w.access(nobody, access_kind::replace));

  w.reconnect(alice, a);

  w.expect_error(w.open(by(bob)), errc::sharing_violation);
}

TEST_F(PersistentRestarts, WithHandleCachingLetOthersWaitForTheClient) {
  const auto a = open(by(alice).lease(k1, rwh).shares(share::none).persistent());
  auto& w = restart();
  const auto b = w.open(by(bob));
  w.expect_waits(b);
  w.expect_break(k1, rwh, rw);

  w.reconnect(alice, a, k1);
  w.expect_break(k1, rwh, rw);
  w.acknowledge(alice, k1, rw);

  w.expect_error(b, errc::sharing_violation);
}

TEST_F(PersistentRestarts, AdmitCompatibleOpens) {
  const auto a = open(by(alice).lease(k1, rh).persistent());
  auto& w = restart();

  const auto b = w.open(by(bob).lease(k2, rwh));

  w.expect_granted(b, rh);
  w.expect_done(w.access(bob, access_kind::write, b)); // alice is notified on reconnect
  EXPECT_TRUE(w.expect_break(k1, rh, none).channels.empty());
  w.expect_granted(w.reconnect(alice, a, k1), rh);
  w.expect_break(k1, rh, none);
  w.acknowledge(alice, k1, none);
}

TEST_F(PersistentRestarts, AreIndependentOfTheGracePeriod) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  auto& w = restart();

  w.end_grace();

  EXPECT_TRUE(w.take_facts<record_dropped>().empty());
  w.expect_waits(w.open(by(bob)));
  w.expect_break(k1, rwh, rh);
  w.expect_granted(w.reconnect(alice, a, k1), rwh);
  w.expect_break(k1, rwh, rh);
  w.acknowledge(alice, k1, rh);
}

TEST_F(PersistentRestarts, GiveEachOpenItsWholeTime) {
  const auto a = open(by(alice).lease(k1, rwh).persistent(seconds{60}));
  pass(seconds{600});
  auto& w = restart();
  const auto entries = w.listing(entry_kind::open);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_TRUE(entries.front().persistent);
  EXPECT_EQ(entries.front().connection, connection_id::none);
  EXPECT_EQ(entries.front().deadline, w.now() + seconds{60});
  w.pass(seconds{59});
  EXPECT_TRUE(w.file.has_open(a.open));

  w.pass(seconds{1});

  const auto ended = w.take_ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended.front().cause, end_cause::expired);
  EXPECT_TRUE(w.store().empty());
  w.expect_granted(w.open(by(bob).lease(k2, rwh)), rwh);
}

TEST_F(PersistentRestarts, RememberThatTheFileIsToBeDeleted) {
  const auto a = open(by(alice).persistent(seconds{60}));
  access(alice, access_kind::set_delete, a);
  auto& w = restart();
  w.expect_error(w.open(by(bob).access(access::read_attributes)), errc::delete_pending);

  w.pass(seconds{60});

  const auto ended = w.take_ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_NE(ended.front().hold, hold_id::none);
}

TEST_F(PersistentRestarts, KeepABreaksStart) {
  const auto a = open(by(alice).lease(k1, rwh, 0x10).persistent());
  open(by(bob));
  expect_break(k1, rwh, rh);
  pass(seconds{20});
  auto& w = restart();
  const auto granted = w.expect_granted(w.reconnect(alice, a, k1), rwh);
  EXPECT_TRUE(granted.break_in_progress);
  EXPECT_EQ(granted.epoch, 0x12);
  EXPECT_EQ(w.expect_break(k1, rwh, rh).epoch, 0x12);

  w.pass(seconds{15} - milliseconds{1});
  EXPECT_EQ(w.state_of_lease(alice, k1), rwh);
  w.pass(milliseconds{1});

  EXPECT_EQ(w.state_of_lease(alice, k1), none);
  EXPECT_TRUE(w.file.has_open(a.open));
}

TEST_F(PersistentRestarts, LetABreakBeAcknowledgedAfterwards) {
  const auto a = open(by(alice).lease(k1, rwh).persistent());
  open(by(bob));
  expect_break(k1, rwh, rh);
  auto& w = restart();
  w.reconnect(alice, a, k1);
  EXPECT_NE(w.expect_break(k1, rwh, rh).id, break_id::none);

  w.expect_acknowledged(w.acknowledge(alice, k1, rh), rh);

  EXPECT_EQ(w.state_of_lease(alice, k1), rh);
}

TEST_F(PersistentRestarts, BringBackAllOpensOfALease) {
  const auto a = open(by(alice).lease(k1, rh, 4).persistent());
  const auto again = open(by(alice_again).lease(k1, rwh, 4).persistent());
  open(by(alice).lease(k1, rwh)); // this one is not recovered after a restart
  auto& w = restart();
  EXPECT_EQ(w.listing(entry_kind::open).size(), 2U);

  w.expect_granted(w.reconnect(alice, again, k1), rwh);
  w.expect_error(w.reconnect(alice, again, k1), errc::nothing_to_reclaim);
  w.expect_granted(w.reconnect(alice, a, k1), rwh);
  w.close(a);

  EXPECT_EQ(w.state_of_lease(alice, k1), rwh);
}

TEST_F(PersistentRestarts, GoOnWithALeaseThatCachedNothing) {
  const auto a = open(by(alice).lease(k1, r, 0x20).persistent());
  const auto b = open(by(bob));
  write_data(bob, b);
  expect_break(k1, r, none);
  auto& w = restart();

  const auto granted = w.expect_granted(w.reconnect(alice, a, k1), none);

  EXPECT_EQ(granted.epoch, 0x22);
  EXPECT_EQ(w.expect_granted(w.open(by(alice).lease(k1, rwh)), rwh).epoch, 0x23);
}

TEST_F(PersistentRestarts, AskForWhatTheOpenHad) {
  const auto a = open(by(alice).lease(k1, rwh).persistent(seconds{60}, persistent_guid));
  auto& w = restart();

  w.expect_error(w.reconnect(alice, {operation_id::none, open_id{999}}, k1, persistent_guid),
    errc::nothing_to_reclaim);
  w.expect_error(w.reconnect(alice, a, k2, persistent_guid), errc::nothing_to_reclaim);
  w.expect_error(w.reconnect(alice, a, std::nullopt, persistent_guid), errc::nothing_to_reclaim);
  w.expect_error(w.reconnect(alice, a, k1, create_guid::of(78)), errc::nothing_to_reclaim);
  w.expect_error(w.reconnect(bob, a, k1, persistent_guid), errc::nothing_to_reclaim);

  w.expect_granted(w.reconnect(alice, a, k1, persistent_guid), rwh);
}

// A recovered open continues the numbering of its locks.
TEST_F(PersistentRestarts, GiveNoLockTheRecordOfAnother) {
  const auto a = open(by(alice).lease(k1, rwh).persistent(seconds{60}, persistent_guid));
  lock(a, {{{0, 10}, true}, {{20, 10}, true}});
  unlock(a, {{0, 10}});
  auto& first = restart();
  first.reconnect(alice, a, k1, persistent_guid);
  first.expect_done(first.lock(a, {40, 10}, true));

  auto& second = restart();
  EXPECT_EQ(second.listing(entry_kind::byte_range_lock).size(), 2U);
  second.reconnect(alice, a, k1, persistent_guid);
  second.expect_done(second.lock(a, {60, 10}, true));
  second.expect_done(second.unlock(a, {{40, 10}}));

  auto& third = restart();
  third.reconnect(alice, a, k1, persistent_guid);
  third.expect_done(third.unlock(a, {{20, 10}, {60, 10}}));
}

// Records of other systems may have any id.
TEST_F(PersistentRestarts, TakeLocksWhateverTheirRecordsAreCalled) {
  for (const std::string name : {"", ":", "mine", "range:", "range:7", "range:-1", "range:0x5",
         "range:18446744073709551614", "range:18446744073709551615", "range:18446744073709551616",
         "range:999999999999999999999999999999"}) {
    world before(keeping_records());
    const auto a = before.open(by(alice).persistent());
    before.lock(a, {0, 10}, true);
    world w(keeping_records());
    w.continue_after(before);
    for (const bool loads_locks : {false, true})
      for (auto [id, record] : before.store())
        if (record.is_open() != loads_locks) {
          if (loads_locks)
            record.id = name.empty() ? id : name;
          w.load(record);
        }
    w.reconnect(alice, a);

    w.expect_done(w.lock(a, {{{20, 10}, true}, {{40, 10}, true}}));

    EXPECT_EQ(w.store().size(), 4U) << name;
    w.expect_done(w.unlock(a, {{20, 10}, {0, 10}}));
    EXPECT_EQ(w.store().size(), 2U) << name;
  }
}

TEST_F(PersistentRestarts, CanFollowEachOther) {
  const auto a = open(by(alice).lease(k1, rwh).persistent(seconds{60}, persistent_guid));
  lock(a, {0, 10}, true);
  restart();
  restart().reconnect(alice, a, k1, persistent_guid);
  auto& w = restart();

  w.expect_granted(w.reconnect(alice, a, k1, persistent_guid), rwh);

  EXPECT_EQ(w.listing(entry_kind::byte_range_lock).size(), 1U);
}

/// A server that is used at random and crashes now and then.
class random_server {
public:
  explicit random_server(std::uint64_t seed) : random_(seed) {}

  /// Starts the next run, with the store of the last one; the first run has none.
  void begin(const world* before) {
    auto fresh = std::make_unique<world>(keeping_records());
    fresh->is_strict_about_breaks = false;
    if (before != nullptr) {
      fresh->continue_after(*before);
      fresh->load_all(before->store());
    } else {
      opens_.clear();
    }
    lives_.push_back(std::move(fresh));
  }

  [[nodiscard]] world& now() { return *lives_.back(); }

  /// Clients reconnect some of the opens of the last run.
  void reconnect_some() {
    world& w = now();
    for (const auto& e : w.listing(entry_kind::open)) {
      if (below(4) == 0)
        continue;
      const auto& who = e.client == alice.guid ? alice : e.client == bob.guid ? bob : carol;
      w.reconnect(who, {operation_id::none, e.open}, key_of(e.open));
    }
  }

  void use(int steps) {
    for (int i = 0; i < steps; ++i)
      step();
  }

private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  [[nodiscard]] std::optional<lease_key> key_of(open_id open) {
    for (const auto& [id, record] : now().store())
      if (record.is_open() && record.open->id == static_cast<std::uint64_t>(open) &&
        !record.open->lease_key.empty()) {
        lease_key key;
        std::ranges::copy(record.open->lease_key, key.bytes.begin());
        return key;
      }
    return std::nullopt;
  }

  void open_one(const client& who) {
    auto how = by(who);
    if (below(3) != 0)
      how.lease(keys_[below(2)], all_requests[below(all_requests.size())]);
    else if (below(2) == 0)
      how.oplock(oplocks[below(oplocks.size())]);
    if (below(3) != 0)
      how.persistent();
    if (below(4) == 0)
      how.deleting_on_close();
    opens_.push_back(now().open(how));
  }

  void step() {
    world& w = now();
    const auto& who = clients_[below(clients_.size())];
    const attempt some = opens_.empty() ? attempt{} : opens_[below(opens_.size())];
    switch (below(9)) {
    case 0:
    case 1:
      return open_one(who);
    case 2:
      w.close(some);
      return;
    case 3:
      w.lock(some, {10 * below(4), 10}, below(2) == 0);
      return;
    case 4:
      w.unlock(some, {{10 * below(4), 10}});
      return;
    case 5:
      w.acknowledge(who, keys_[below(2)], file_states[below(file_states.size())]);
      return;
    case 6:
      w.acknowledge_oplock(who, some, oplock_level::level_ii);
      return;
    case 7:
      w.access(who, below(2) == 0 ? access_kind::write : access_kind::set_delete, some);
      return;
    default:
      w.disconnect(who);
    }
  }

  std::mt19937_64 random_;
  const std::vector<client> clients_{alice, bob, carol};
  const std::vector<lease_key> keys_{k1, k2};
  std::vector<std::unique_ptr<world>> lives_;
  std::vector<attempt> opens_;
};

std::map<open_id, listed_entry> persistent_of(const world& w) {
  std::map<open_id, listed_entry> found;
  for (const auto& e : w.listing(entry_kind::open))
    if (e.persistent)
      found[e.open] = e;
  return found;
}

std::vector<std::string> locks_of(
  const world& w, const std::map<open_id, listed_entry>& persistent) {
  std::vector<std::string> found;
  for (const auto& e : w.listing(entry_kind::byte_range_lock))
    if (persistent.contains(e.open))
      found.push_back(describe(e));
  std::ranges::sort(found);
  return found;
}

bool is_same_lease(const listed_entry& a, const listed_entry& b) {
  return a.client == b.client && a.lease->key == b.lease->key && a.lease->state == b.lease->state &&
    a.lease->breaking == b.lease->breaking &&
    a.lease->effective_state() == b.lease->effective_state() && a.lease->epoch == b.lease->epoch;
}

/// Checks that persistent opens are recovered, and otherwise only what must be reclaimed.
void expect_back(const world& after, const world& before) {
  const auto was = persistent_of(before);
  const auto is = persistent_of(after);
  ASSERT_EQ(is.size(), after.listing(entry_kind::open).size());
  ASSERT_EQ(is.size(), was.size());
  for (const auto& [id, entry] : was) {
    ASSERT_TRUE(is.contains(id));
    EXPECT_EQ(describe(is.at(id)), describe(entry));
  }
  EXPECT_EQ(locks_of(after, was), locks_of(before, was));
  for (const auto kind : {entry_kind::lease, entry_kind::oplock}) {
    const auto leases = before.listing(kind);
    for (const auto& e : after.listing(kind))
      EXPECT_TRUE(
        std::ranges::any_of(leases, [&](const auto& other) { return is_same_lease(e, other); }))
        << describe(e);
  }
}

// After any history, including another restart.
TEST_F(PersistentRestarts, AtAnyTimeBringBackWhatWasHeld) {
  std::mt19937_64 seeds(test::seed_of_this_run());
  for (int run = 0; run < test::effort(200); ++run) {
    random_server server(seeds());
    server.begin(nullptr);
    server.use(30);
    for (int life = 1; life < 4; ++life) {
      SCOPED_TRACE("run " + std::to_string(run) + " life " + std::to_string(life));
      const world& before = server.now();
      server.begin(&before);
      expect_back(server.now(), before);
      server.reconnect_some();
      server.use(30);
    }
    if (HasFailure())
      return;
  }
}

} // namespace
} // namespace leasebreak::model_test

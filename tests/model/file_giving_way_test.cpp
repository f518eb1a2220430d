// Disconnected durable opens are purged by operations that proceed, but not by operations that fail
// or wait: an error must have no effect.
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

constexpr auto a_while = seconds{900};

/// Alice's durable open is disconnected.
class LostOpens : public model_test {
protected:
  explicit LostOpens(const file_policy& p = {}) : model_test(p) {}

  void lose(const opening& how) {
    lost_ = open(how);
    disconnect(alice);
    ASSERT_TRUE(is_there());
  }
  [[nodiscard]] bool is_there() const { return file.has_open(lost_.open); }
  [[nodiscard]] const attempt& lost() const { return lost_; }

private:
  attempt lost_;
};

/// Returns the opens that alice may have had.
std::vector<opening> all_kinds() {
  return {by(alice).lease(k1, rh).durable(a_while), by(alice).lease_v1(k1, rh).durable(a_while),
    by(alice).lease(k1, rh).shares(share::read).durable(a_while),
    by(alice).lease(k1, rh).access(access::read_data).durable(a_while)};
}

TEST_F(LostOpens, StayWhenAnOpenIsRefusedForItsShareMode) {
  for (const auto& kind : all_kinds()) {
    for (const bool overwrites : {false, true}) {
      world w;
      w.open(by(bob).access(access::read_data));
      const auto a = w.open(kind);
      w.disconnect(alice);
      ASSERT_TRUE(w.file.has_open(a.open));
      auto how = by(carol).access(access::write_data).shares(share::none);
      how.request.overwrites = overwrites;

      w.expect_error(w.open(how), errc::sharing_violation);
      EXPECT_TRUE(w.file.has_open(a.open));
    }
  }
}

TEST_F(LostOpens, OfABatchOplockStayWhenAnOpenIsRefused) {
  open(by(bob).access(access::read_attributes).of_stream(share::read));
  lose(by(alice).access(access::read_data).oplock(oplock_level::batch).durable(a_while));

  expect_error(open(by(carol).access(access::delete_file)), errc::sharing_violation);

  EXPECT_TRUE(is_there());
}

TEST_F(LostOpens, StayWhenAnOpenIsRefusedForAPersistentOne) {
  const auto kept = open(by(bob).lease(k2, r).shares(share::all).persistent(a_while));
  lose(by(alice).lease(k1, rh).durable(a_while));
  disconnect(bob);

  expect_error(open(by(carol).overwriting()), errc::reclaim_needed);

  EXPECT_TRUE(is_there());
  EXPECT_TRUE(file.has_open(kept.open));
}

TEST_F(LostOpens, StayWhileAnOpenWaitsAndGoWhenItGoesOn) {
  lose(by(alice).lease(k1, rh).access(access::read_data).shares(share::read).durable(a_while));
  open(by(bob).access(access::read_data).shares(share::read).lease(k2, rh));

  const auto c = open(by(carol).access(access::write_data));

  expect_break(k2, rh, r);
  expect_waits(c);
  EXPECT_TRUE(is_there());
  acknowledge(bob, k2, r);
  expect_error(c, errc::sharing_violation); // bob keeps the open
  EXPECT_TRUE(is_there());
}

TEST_F(LostOpens, GoWhenTheOpenThatWaitedGoesOn) {
  lose(by(alice).lease(k1, rh).access(access::read_data).shares(share::read).durable(a_while));
  const auto b = open(by(bob).access(access::read_data).shares(share::read).lease(k2, rh));
  const auto c = open(by(carol).access(access::write_data));
  expect_break(k2, rh, r);

  close(b);

  expect_done(c);
  EXPECT_FALSE(is_there());
}

/// The ways in which a wait ends without success.
class LostOpensOfAWait : public LostOpens {
protected:
  void SetUp() override {
    lose(by(alice).lease(k1, rh).access(access::read_data).shares(share::read).durable(a_while));
    open(by(bob).access(access::read_data).shares(share::read).lease(k2, rh));
    waiting_ = open(by(carol).access(access::write_data));
    expect_break(k2, rh, r);
    expect_waits(waiting_);
  }
  attempt waiting_;
};

TEST_F(LostOpensOfAWait, StayWhenItIsCancelled) {
  cancel(waiting_);

  expect_error(waiting_, errc::cancelled);
  EXPECT_TRUE(is_there());
}

TEST_F(LostOpensOfAWait, StayWhenItsClientIsGone) {
  disconnect(carol);

  expect_error(waiting_, errc::client_gone);
  EXPECT_TRUE(is_there());
}

TEST_F(LostOpensOfAWait, StayWhenTheHolderDoesNotAnswer) {
  pass(seconds{35});

  expect_error(waiting_, errc::sharing_violation);
  EXPECT_TRUE(is_there());
}

TEST_F(LostOpensOfAWait, ComeBackMeanwhile) {
  reconnect(alice, lost(), k1);
  acknowledge(bob, k2, r);

  expect_break(k1, rh, r); // now alice can be notified
  expect_waits(waiting_);
  acknowledge(alice, k1, r);
  expect_error(waiting_, errc::sharing_violation);
  EXPECT_TRUE(is_there());
}

file_policy without_waiting() {
  file_policy p;
  p.limit.waiting_per_file = 0;
  return p;
}

class LostOpensWithoutWaiting : public LostOpens {
protected:
  LostOpensWithoutWaiting() : LostOpens(without_waiting()) {}
};

TEST_F(LostOpensWithoutWaiting, StayWhenThereIsNoRoomToWait) {
  lose(by(alice).lease(k1, rh).access(access::read_data).shares(share::read).durable(a_while));
  open(by(bob).access(access::read_data).shares(share::read).lease(k2, rh));

  expect_error(open(by(carol).access(access::write_data)), errc::too_many_waiting);

  EXPECT_TRUE(is_there());
}

TEST_F(LostOpensWithoutWaiting, StayWhenThereIsNoRoomToWaitForTheirDeletion) {
  lose(by(alice).lease(k1, rwh).durable(a_while).deleting_on_close());

  expect_error(open(by(carol)), errc::too_many_waiting);

  EXPECT_TRUE(is_there());
}

// -- byte-range locks

TEST_F(LostOpens, StayWhenALockMeetsAnother) {
  const auto b = open(by(bob));
  const auto c = open(by(carol));
  lose(by(alice).lease(k1, rh).durable(a_while).allocated(0));
  constexpr byte_range sentinel{100'000, 10};
  expect_done(lock_of_allocated(0, b, sentinel, true));
  ASSERT_TRUE(is_there());

  expect_error(lock(c, sentinel, true), errc::lock_not_granted);
  EXPECT_TRUE(is_there());
  const auto waiting = lock(c, {{sentinel, true}}, false);
  expect_waits(waiting);
  EXPECT_TRUE(is_there());

  unlock(b, {sentinel});
  expect_done(waiting);
  EXPECT_FALSE(is_there());
}

TEST_F(LostOpens, StayWhenALockMeetsItself) {
  const auto c = open(by(carol));
  lose(by(alice).lease(k1, rh).durable(a_while));

  expect_error(lock(c, {{{0, 10}, true}, {{5, 10}, true}}), errc::lock_not_granted);

  EXPECT_TRUE(is_there());
  expect_done(lock(c, {{{0, 10}, true}, {{10, 10}, true}}));
  EXPECT_FALSE(is_there());
}

// Their locks are released with them, and block no operation that purges them.
TEST_F(LostOpens, ArePurgedWithTheirLocks) {
  const auto a = open(by(alice).lease(k1, rwh).durable(a_while));
  expect_done(lock(a, {0, 10}, true));
  expect_done(lock(a, {20, 10}, false));
  disconnect(alice);
  ASSERT_TRUE(file.has_open(a.open));
  const auto c = open(by(carol).access(access::read_attributes));

  expect_error(lock(c, {{{0, 10}, true}, {{5, 10}, true}}), errc::lock_not_granted);
  EXPECT_TRUE(file.has_open(a.open));

  expect_done(lock(c, {{{0, 10}, true}, {{20, 10}, true}}));
  EXPECT_FALSE(file.has_open(a.open));
}

// -- other accesses

TEST_F(LostOpens, StayWhenAReplaceIsRefused) {
  lose(by(alice).lease(k1, rh).durable(a_while));
  open(by(bob));

  expect_error(access(carol, access_kind::replace), errc::access_denied);
  EXPECT_TRUE(is_there());
  expect_error(access(carol, access_kind::rename_ancestor), errc::access_denied);
  EXPECT_TRUE(is_there());
}

TEST_F(LostOpens, ArePurgedByAReplaceWithoutOtherOpens) {
  lose(by(alice).lease(k1, rh).durable(a_while));

  expect_done(access(carol, access_kind::replace));

  EXPECT_FALSE(is_there());
}

TEST_F(LostOpens, StayWhileARenameWaits) {
  const auto c = open(by(carol));
  lose(by(alice).lease(k1, rh).durable(a_while));
  open(by(bob).lease(k2, rh));

  const auto renaming = access(carol, access_kind::rename, c);
  expect_break(k2, rh, r);
  expect_waits(renaming);
  EXPECT_TRUE(is_there());

  acknowledge(bob, k2, r);
  expect_done(renaming);
  EXPECT_FALSE(is_there());
}

TEST_F(LostOpens, StayWhenARenameIsNotLetIn) {
  const auto c = open(by(carol).access(access::read_data));
  lose(by(alice).lease(k1, rh).durable(a_while));

  expect_error(access(carol, access_kind::rename, c), errc::access_denied);

  EXPECT_TRUE(is_there());
}

TEST_F(LostOpens, StayWhileAWriteWaits) {
  const auto c = open(by(carol));
  lose(by(alice).lease(k1, rh).durable(a_while));
  const auto b = open(by(bob).lease(k2, rh));
  force_break take_handle;
  take_handle.key = k2;
  take_handle.keep = r;
  force(take_handle);
  expect_break(k2, rh, r);

  const auto writing = access(carol, access_kind::write, c);
  expect_waits(writing);
  EXPECT_TRUE(is_there());

  close(b);
  expect_done(writing);
  EXPECT_FALSE(is_there());
}

} // namespace
} // namespace leasebreak::model_test

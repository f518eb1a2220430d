// Limits and bad arguments: a clear error, and no effect (the world checks that).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

file_policy with(void (*change)(limits&)) {
  file_policy policy;
  change(policy.limit);
  return policy;
}

TEST(Limits, HaveTheDefaultsThatAreDocumented) {
  const limits defaults;

  EXPECT_EQ(defaults.locks_per_file, 1'000U);
  EXPECT_EQ(defaults.locks_per_client, 10'000U);
  EXPECT_EQ(defaults.locks_total, 100'000U);
  EXPECT_GT(defaults.waiting_per_file, 0U);
}

TEST(Limits, OfLocksOnAFile) {
  world w(with([](limits& l) { l.locks_per_file = 3; }));
  const auto a = w.open(by(alice));
  const auto b = w.open(by(bob));
  w.expect_done(w.lock(a, {{{0, 1}, false}, {{1, 1}, false}}));

  w.expect_error(w.lock(b, {{{2, 1}, false}, {{3, 1}, false}}), errc::too_many_locks_on_file);
  w.expect_done(w.lock(b, {2, 1}, false));
  w.expect_error(w.lock(a, {4, 1}, false), errc::too_many_locks_on_file);

  w.unlock(a, {{0, 1}});
  w.expect_done(w.lock(a, {4, 1}, false));
}

TEST(Limits, OfRangesInALockRequest) {
  world w(with([](limits& l) { l.ranges_per_lock = 2; }));
  const auto a = w.open(by(alice));

  w.expect_error(
    w.lock(a, {{{0, 1}, true}, {{1, 1}, true}, {{2, 1}, true}}), errc::invalid_argument);
  w.expect_done(w.lock(a, {{{0, 1}, true}, {{1, 1}, true}}));
}

TEST(Limits, OfOpensOfAFile) {
  world w(with([](limits& l) { l.opens_per_file = 2; }));
  const auto a = w.open(by(alice).lease(k1, rh));
  w.open(by(bob));

  w.expect_error(w.open(by(carol).overwriting()), errc::too_many_opens_on_file);
  w.expect_no_break();

  w.close(a);
  w.expect_granted(w.open(by(carol)), none);
}

TEST(Limits, OfOperationsThatWait) {
  world w(with([](limits& l) { l.waiting_per_file = 2; }));
  const auto a = w.open(by(alice).lease(k1, rwh));
  const auto b = w.open(by(bob));
  w.expect_break(k1, rwh, rh);
  const auto c = w.open(by(carol));
  w.expect_waits(c);

  w.expect_error(w.open(by(carol)), errc::too_many_waiting);
  w.expect_error(w.access(nobody, access_kind::read), errc::too_many_waiting);
  w.expect_error(w.force({}), errc::too_many_waiting);
  // Operations that need not wait proceed, and so do those that end the waiting.
  w.expect_granted(w.open(by(carol).access(access::read_attributes)), none);
  w.expect_acknowledged(w.acknowledge(alice, k1, rh), rh);
  w.expect_granted(b, none);
  w.expect_granted(c, none);
  static_cast<void>(a);
}

TEST(Limits, OfOperationsThatWaitElsewhere) {
  const file_policy policy;
  file_state state(policy, "f");
  const auto now = time_point{};
  open_file open;
  open.operation = operation_id{1};
  open.open = open_id{1};
  open.client = client_guid::of(1);
  open.access = access::read_data;
  open.lease = lease_request{lease_key::of(1), lease_state::rwh, 2, 0, std::nullopt};
  ASSERT_EQ(state.apply(open, now).completions.at(0).error, errc::success);
  open_file other;
  other.operation = operation_id{2};
  other.open = open_id{2};
  other.client = client_guid::of(2);
  other.access = access::read_data;

  const auto refused = state.apply(other, now, false);

  ASSERT_EQ(refused.completions.size(), 1U);
  EXPECT_EQ(refused.completions[0].error, errc::too_many_waiting);
  EXPECT_TRUE(refused.notifications.empty());
  EXPECT_EQ(state.waiting(), 0U);
  const auto waits = state.apply(other, now);
  EXPECT_TRUE(waits.completions.empty());
  EXPECT_EQ(waits.notifications.size(), 1U);
  EXPECT_EQ(state.waiting(), 1U);
}

TEST(Limits, OfLocksThatWait) {
  world w(with([](limits& l) { l.waiting_per_file = 1; }));
  const auto a = w.open(by(alice));
  const auto b = w.open(by(bob));
  w.lock(a, {0, 1}, true);
  w.expect_waits(w.blocking_lock(b, {0, 1}, true));

  w.expect_error(w.blocking_lock(b, {0, 1}, true), errc::too_many_waiting);
  w.expect_error(w.lock(b, {0, 1}, true), errc::lock_not_granted);
}

// An error changes nothing, even if the operation would have ended other breaks.
TEST(Limits, OfForcedBreaksLeaveRunningOnesAlone) {
  world w(with([](limits& l) { l.waiting_per_file = 1; }));
  w.open(by(alice).lease(k1, rh));
  w.open(by(alice).lease(k2, rh));
  force_break first;
  first.key = k1;
  w.expect_waits(w.force(first));
  w.expect_break(k1, rh, none);
  force_break second;
  second.ends_running = true;

  w.expect_error(w.force(second), errc::too_many_waiting);

  w.expect_no_break();
  w.expect_acknowledged(w.acknowledge(alice, k1, none), none); // its break is still in progress
  EXPECT_EQ(w.state_of_lease(alice, k2), rh);
}

// A close must not fail: it proceeds without breaking cached handles first.
TEST(Limits, DoNotPreventCloses) {
  world w(with([](limits& l) { l.waiting_per_file = 0; }));
  w.is_strict_about_breaks = false;
  w.open(by(alice).lease(k1, rh));
  const auto b = w.open(by(bob).deleting_on_close());

  w.expect_done(w.close(b));
  for (const auto& n : w.take_breaks())
    w.acknowledge(alice, n.key, n.to);
}

class BadInput : public model_test {};

TEST_F(BadInput, AnUnknownOpenIsRefusedByEverything) {
  const attempt missing{{}, open_id{4711}};

  expect_error(close(missing), errc::unknown_open);
  expect_error(lock(missing, {0, 1}, true), errc::unknown_open);
  expect_error(unlock(missing, {{0, 1}}), errc::unknown_open);
  expect_error(acknowledge_oplock(alice, missing, oplock_level::none), errc::unknown_open);
  EXPECT_EQ(file.check_io(missing.open, {0, 1}, false), errc::unknown_open);
}

TEST_F(BadInput, AnOpenIsClosedOnce) {
  const auto a = open(by(alice));
  expect_done(close(a));

  expect_error(close(a), errc::unknown_open);
  EXPECT_EQ(take_ended().size(), 1U);
}

TEST_F(BadInput, ALeaseVersionThatDoesNotExistIsRefused) {
  auto how = by(alice).lease(k1, rh);
  how.request.lease->version = 3;

  expect_error(open(how), errc::invalid_argument);
}

TEST_F(BadInput, ADurableOpensTimeIsMoreThanNothingAndAtMostAYear) {
  open(by(bob).lease(k2, rwh));
  for (const auto timeout : {duration{-5}, duration{0}, duration::min(), duration::max(),
         duration{std::chrono::hours{24 * 365}} + duration{1}}) {
    expect_error(open(by(alice).durable(timeout)), errc::invalid_argument);
    expect_error(open(by(alice).persistent(timeout)), errc::invalid_argument);
  }
  expect_no_break();

  world w;
  w.open(by(alice).lease(k1, rh).durable(std::chrono::hours{24 * 365}));
  const auto shortest = w.open(by(bob).lease(k2, rh).durable(duration{1}));
  w.disconnect(bob);
  w.pass(duration{1});
  EXPECT_FALSE(w.file.has_open(shortest.open));
}

TEST_F(BadInput, AMaximumThatIsNoStateIsRefused) {
  expect_error(open(by(alice).lease(k1, rh).at_most(handle)), errc::invalid_lease_state);
}

TEST_F(BadInput, AnOpenWithoutAnIdIsRefused) {
  open_file request = by(alice).request;
  request.operation = operation_id{1000};

  const auto out = file.apply(request, now());

  ASSERT_EQ(out.completions.size(), 1U);
  EXPECT_EQ(out.completions[0].error, errc::invalid_argument);
}

TEST_F(BadInput, ADisconnectOfAStrangerChangesNothing) {
  open(by(alice).lease(k1, rwh));

  const auto gone = disconnect(bob);

  expect_done(gone);
  EXPECT_EQ(result_of<client_removed>(gone).opens, 0U);
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
}

TEST_F(BadInput, ADeadlineThatHasNotComeChangesNothing) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  apply(deadline_reached{});

  expect_waits(b);
  acknowledge(alice, k1, rh);
}

TEST_F(BadInput, AFileIsCalledByItsId) {
  EXPECT_EQ(file.file_id(), "file");
  file_state moved = std::move(file);
  EXPECT_EQ(moved.file_id(), "file");
  file = std::move(moved);
}

// -- listing --------------------------------------------------------------------------------------

class Listing : public model_test {};

TEST_F(Listing, ShowsWhatIsAskedFor) {
  const auto a = open(by(alice).lease(k1, rh));
  lock(a, {0, 10}, true);
  open(by(bob).access(access::read_attributes));

  lock_query of_alice;
  of_alice.client_id = to_string(alice.guid);
  for (const auto& e : file.list(of_alice))
    EXPECT_EQ(e.client, alice.guid);
  EXPECT_EQ(file.list(of_alice).size(), 3U); // Open, lease, lock.

  lock_query elsewhere;
  elsewhere.file_id = "another file";
  EXPECT_TRUE(file.list(elsewhere).empty());

  lock_query other_share;
  other_share.share_name = "another share";
  EXPECT_TRUE(file.list(other_share).empty());

  lock_query leases;
  leases.is_lease = true;
  const auto found = file.list(leases);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, entry_kind::lease);
}

TEST_F(Listing, ShowsSinceWhenALeaseIsBreaking) {
  open(by(alice).lease(k1, rwh));
  pass(seconds{5});
  open(by(bob));
  expect_break(k1, rwh, rh);
  const auto started = now();
  pass(seconds{3});

  const auto entry = listing(entry_kind::lease).at(0);

  ASSERT_TRUE(entry.lease.has_value());
  EXPECT_TRUE(entry.lease->breaking);
  EXPECT_EQ(entry.lease->break_started, started);
  EXPECT_EQ(entry.deadline, started + seconds{35});
  acknowledge(alice, k1, rh);
}

TEST_F(Listing, ShowsPendingDeletion) {
  const auto a = open(by(alice));
  access(alice, access_kind::set_delete, a);

  EXPECT_TRUE(listing(entry_kind::open).at(0).delete_pending);
}

} // namespace
} // namespace leasebreak::model_test

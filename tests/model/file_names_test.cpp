// The rules of one file that names depend on: whether an open waited, so that its name must be
// looked up again; files that may be removed because they have no opens; deletions that are
// cancelled (MS-FSA 2.1.5.1, 2.1.5.15.3, 2.1.5.15.11).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

class Names : public model_test {
protected:
  bool waited(const attempt& open) const {
    return result_of<open_granted>(open).waited || result_of<open_refused>(open).waited;
  }
};

TEST_F(Names, AnOpenThatGoesOnAtOnceHasNotWaited) {
  const auto a = open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob).access(access::read_attributes));

  EXPECT_FALSE(waited(a));
  EXPECT_FALSE(waited(b));
}

TEST_F(Names, AnOpenSaysThatItWaitedForALease) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  acknowledge(alice, k1, rh);

  expect_granted(b, none);
  EXPECT_TRUE(waited(b));
}

TEST_F(Names, AnOpenSaysThatItWaitedForALeaseOfVersionOneOrAnOplock) {
  for (const bool is_oplock : {false, true}) {
    SCOPED_TRACE(is_oplock);
    world w;
    const auto a =
      w.open(is_oplock ? by(alice).oplock(oplock_level::batch) : by(alice).lease_v1(k1, rwh));
    const auto b = w.open(by(bob).overwriting());
    w.take_breaks();

    w.close(a);

    w.expect_granted(b, none);
    EXPECT_TRUE(w.result_of<open_granted>(b).waited);
  }
}

TEST_F(Names, AnOpenThatIsRefusedAfterAWaitSaysSoAsWell) {
  open(by(alice).lease(k1, rh).shares(0));
  const auto b = open(by(bob));
  expect_break(k1, rh, r);

  acknowledge(alice, k1, r);
  const auto c = open(by(carol));

  expect_error(b, errc::sharing_violation);
  EXPECT_TRUE(waited(b));
  expect_error(c, errc::sharing_violation);
  EXPECT_FALSE(waited(c));
}

TEST_F(Names, AnOpenThatRunsOutOfTimeSaysThatItWaited) {
  policy.break_timeout = duration::max();
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  take_breaks();

  pass(policy.wait_max);

  expect_error(b, errc::sharing_violation);
  EXPECT_TRUE(waited(b));
}

TEST_F(Names, AnOpenThatIsCancelledOrLosesItsClientSaysThatItWaited) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  take_breaks();
  const auto c = open(by(carol));

  cancel(b);
  disconnect(carol);

  expect_error(b, errc::cancelled);
  EXPECT_TRUE(waited(b));
  expect_error(c, errc::client_gone);
  EXPECT_TRUE(waited(c));
}

TEST_F(Names, AnOpenThatWaitedElsewhereSaysSo) {
  auto how = by(alice);
  how.request.has_waited = true;

  EXPECT_TRUE(waited(open(how)));
}

// -- files without opens -------------------------------------------------------------------------

TEST_F(Names, AFileWithoutOpensMayBeRemoved) {
  keeps_holds = true;
  const auto removal = access(alice, access_kind::remove_unopened);
  expect_done(removal);
  const auto hold = result_of<access_granted>(removal).hold;
  EXPECT_NE(hold, hold_id::none);
  EXPECT_TRUE(file.is_going());
  const auto newcomer = open(by(bob).lease(k2, rwh));
  expect_waits(newcomer);

  end(hold);

  expect_granted(newcomer, rwh);
  EXPECT_TRUE(waited(newcomer));
  EXPECT_FALSE(file.is_going());
}

TEST_F(Names, AnOpenFileIsNotRemovedAndNothingIsBroken) {
  for (const auto held : {none, r, rh, rwh}) {
    SCOPED_TRACE(testing::Message() << held);
    world w;
    w.open(by(alice).lease(k1, held));

    w.expect_error(w.access(bob, access_kind::remove_unopened), errc::access_denied);
    w.expect_no_break();
  }
}

// The creating open fails, and the other open keeps the file.
TEST_F(Names, AFileThatAnotherOpenHasBeforeItsCreatorIsNotRemoved) {
  open(by(bob).shares(0));
  const auto creator = open(by(alice).creating());
  expect_error(creator, errc::sharing_violation);

  expect_error(access(alice, access_kind::remove_unopened), errc::access_denied);
}

TEST_F(Names, NewOpensWaitWhileTheFileIsReplaced) {
  keeps_holds = true;
  const auto replacement = access(alice, access_kind::replace);
  expect_done(replacement);
  const auto newcomer = open(by(bob));
  expect_waits(newcomer);

  end(result_of<access_granted>(replacement).hold);

  expect_granted(newcomer, none);
  EXPECT_TRUE(waited(newcomer));
}

TEST_F(Names, ANewOpenCanBeCancelledWhileTheFileIsReplaced) {
  keeps_holds = true;
  const auto replacement = access(alice, access_kind::replace);
  const auto newcomer = open(by(bob));

  cancel(newcomer);

  expect_error(newcomer, errc::cancelled);
  end(result_of<access_granted>(replacement).hold);
}

// -- deletions ------------------------------------------------------------------------------------

TEST_F(Names, ADirectorysDispositionIsPreparedBeforeItIsSet) {
  keeps_holds = true;
  const auto a = open(by(alice).directory());
  open(by(bob).directory().lease(k2, rh));

  const auto prepared = access(alice, access_kind::prepare_delete, a);
  expect_break(k2, rh, r);
  expect_waits(prepared);
  EXPECT_FALSE(file.is_going());
  acknowledge(bob, k2, r);
  expect_done(prepared);
  // A grant in the meantime does not block what follows.
  expect_granted(open(by(carol).directory().lease(k3, rh)), r);
  expect_done(access(alice, access_kind::set_delete, a));

  EXPECT_TRUE(file.is_going());
  expect_no_break();
  end(result_of<access_granted>(prepared).hold);
}

TEST_F(Names, ADispositionNeedsTheAccessToDelete) {
  const auto a = open(by(alice).access(access::read_data).directory());

  expect_error(access(alice, access_kind::prepare_delete, a), errc::access_denied);
  expect_error(access(alice, access_kind::prepare_delete), errc::unknown_open);
}

// MS-FSA 2.1.5.5: a directory that is not empty stays, so that no Handle is broken.
TEST_F(Names, ACloseThatKeepsTheFileBreaksNothingAndDeletesNothing) {
  const auto a = open(by(alice).directory().deleting_on_close());
  open(by(bob).directory().lease(k2, rh));

  expect_done(close_keeping(a));

  expect_no_break();
  EXPECT_FALSE(file.is_going());
}

TEST_F(Names, ACloseThatKeepsTheFileLeavesAPendingDeletionAlone) {
  const auto a = open(by(alice).deleting_on_close());
  const auto b = open(by(bob));
  expect_done(access(bob, access_kind::set_delete, b));
  close(b);

  const auto closed = close_keeping(a);

  EXPECT_TRUE(result_of<open_closed>(closed).delete_file);
}

} // namespace
} // namespace leasebreak::model_test

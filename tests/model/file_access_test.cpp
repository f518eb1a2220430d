// Breaks by accesses other than opens: reads, writes, renames and deletions, by clients and by
// others. Change holds, which prevent caching meanwhile (MS-FSA 2.1.4.12).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

/// The right column of a table: what is left of a lease, and whether the access waits.
struct rule {
  lease_state held;
  lease_state left;
  bool waits;
};

struct table {
  access_kind kind;
  break_cause cause;
  std::vector<rule> rules;
};

/// One row: alice holds a lease, and another user makes an access.
void check_row(const table& t, const rule& row, const client& who, bool through_stat_open) {
  SCOPED_TRACE(testing::Message() << to_string(t.kind) << " against " << row.held);
  world w;
  const auto stat = through_stat_open ? w.open(by(who).access(attributes_alone)) : attempt{};
  w.expect_granted(w.open(by(alice).lease(k1, row.held, 1)), row.held);

  const auto done = through_stat_open ? w.access(who, t.kind, stat) : w.access(who, t.kind);

  if (row.left != row.held) {
    const auto n = w.expect_break(k1, row.held, row.left);
    EXPECT_EQ(n.cause, t.cause);
    EXPECT_EQ(n.epoch, 3);
  }
  w.expect_no_break();
  if (row.waits)
    w.expect_waits(done);
  else
    w.expect_done(done);
  if (row.left != row.held && row.held != r)
    w.expect_acknowledged(w.acknowledge(alice, k1, row.left), row.left);
  w.expect_done(done);
  w.expect_no_break();
}

// -- users other than SMB clients ----------------------------------------------------------------

const std::vector<table> by_outsiders{
  {access_kind::read, break_cause::read,
    {{none, none, false}, {r, r, false}, {rh, rh, false}, {rw, r, true}, {rwh, rh, true}}},
  {access_kind::write, break_cause::write,
    {{none, none, false}, {r, none, false}, {rh, none, false}, {rw, none, true},
      {rwh, none, true}}},
  {access_kind::rename, break_cause::rename,
    {{none, none, false}, {r, r, false}, {rh, r, true}, {rw, r, true}, {rwh, r, true}}},
  {access_kind::replace, break_cause::rename,
    {{none, none, false}, {r, r, false}, {rh, r, true}, {rw, r, true}, {rwh, r, true}}},
  {access_kind::unlink, break_cause::remove,
    {{none, none, false}, {r, r, false}, {rh, r, true}, {rw, r, true}, {rwh, r, true}}}};

TEST(AccessMatrix, OfACallerThatIsNoSmbClient) {
  for (const auto& t : by_outsiders)
    for (const auto& row : t.rules)
      check_row(t, row, nobody, false);
}

TEST(AccessMatrix, OfACallerThatIsNoSmbClientAgainstOplocks) {
  for (const auto held : oplocks) {
    for (const auto kind :
      {access_kind::read, access_kind::write, access_kind::rename, access_kind::unlink}) {
      SCOPED_TRACE(testing::Message() << to_string(kind) << " against " << held);
      world w;
      const auto a = w.open(by(alice).oplock(held));
      const bool is_renamed = kind == access_kind::rename && held == oplock_level::batch;
      const lease_state left = kind == access_kind::write || is_renamed ? none : r;

      const auto done = w.access(nobody, kind);

      if (left != state_of(held))
        w.expect_oplock_break(a, state_of(held), left);
      w.expect_no_break();
      if (held == oplock_level::level_ii) {
        w.expect_done(done);
      } else {
        w.expect_waits(done);
        w.acknowledge_oplock(alice, a, oplock_of(left));
        w.expect_done(done);
      }
    }
  }
}

TEST(Outsiders, WaitUntilTheBreakEndsByItself) {
  for (const auto kind : {access_kind::read, access_kind::write, access_kind::rename,
         access_kind::replace, access_kind::unlink}) {
    world w;
    w.open(by(alice).lease(k1, rwh));
    const auto done = w.access(nobody, kind);
    w.take_breaks();
    w.expect_waits(done);

    w.pass(seconds{35});

    w.expect_done(done);
    EXPECT_EQ(w.state_of_lease(alice, k1), none);
  }
}

TEST(Outsiders, WaitForAllHoldersInTheWay) {
  world w;
  w.open(by(alice).lease(k1, rh));
  w.open(by(bob).lease(k2, rh));
  const auto unlink = w.access(nobody, access_kind::unlink);
  w.expect_break(k1, rh, r);
  w.expect_break(k2, rh, r);

  w.acknowledge(bob, k2, r);
  w.expect_waits(unlink);
  w.acknowledge(alice, k1, r);

  w.expect_done(unlink);
}

TEST(Outsiders, CanCancelTheirWait) {
  world w;
  w.open(by(alice).lease(k1, rwh));
  const auto read = w.access(nobody, access_kind::read);
  w.expect_break(k1, rwh, rh);

  w.cancel(read);

  w.expect_error(read, errc::cancelled);
  EXPECT_TRUE(w.lease_of(alice, k1)->breaking);
  w.acknowledge(alice, k1, rh);
}

// -- clients, through an open for attributes only ------------------------------------------------

// MS-FSA: only Handle is broken, since a new name does not affect the file's data.
const std::vector<table> through_stat_opens{
  {access_kind::rename, break_cause::rename,
    {{none, none, false}, {r, r, false}, {rh, r, true}, {rw, rw, false}, {rwh, rw, true}}},
  {access_kind::write, break_cause::write,
    {{none, none, false}, {r, none, false}, {rh, none, false}, {rw, none, true},
      {rwh, none, true}}}};

TEST(AccessMatrix, OfAClientThroughAnOpen) {
  for (const auto& t : through_stat_opens)
    for (const auto& row : t.rules)
      check_row(t, row, bob, true);
}

TEST(AccessMatrix, ReadsThroughAnOpenBreakNothing) {
  for (const auto held : {none, r, rh}) {
    world w;
    const auto b = w.open(by(bob));
    w.open(by(alice).lease(k1, held));

    w.expect_done(w.access(bob, access_kind::read, b));
    w.expect_no_break();
  }
}

TEST(AccessMatrix, OfAnUnknownOpenIsRefused) {
  for (const auto kind : {access_kind::read, access_kind::write, access_kind::rename,
         access_kind::link, access_kind::set_security, access_kind::set_delete,
         access_kind::clear_delete, access_kind::unlink}) {
    world w;
    w.open(by(alice).lease(k1, rh));

    w.expect_error(w.access(bob, kind, {{}, open_id{4711}}), errc::unknown_open);
    w.expect_no_break();
  }
}

class Writes : public model_test {};

// smb2.lease.nobreakself.
TEST_F(Writes, BreakEverybodyButTheWriter) {
  const auto a = open(by(alice).lease(k1, r));
  const auto b = open(by(alice).lease(k2, r));

  write_data(alice, a);
  expect_break(k2, r, none);
  expect_granted(open(by(alice).lease(k2, r)), r);
  write_data(alice, b);
  expect_break(k1, r, none);

  EXPECT_EQ(state_of_lease(alice, k2), r);
}

// smb2.lease.v1_bug15148, v2_bug15148.
TEST_F(Writes, ThroughABrokenLeaseBreakTheOther) {
  const auto a = open(by(alice).lease(k1, r));
  const auto b = open(by(bob).lease(k2, r));
  write_data(alice, a);
  expect_break(k2, r, none);

  write_data(alice, a);
  expect_no_break();
  write_data(bob, b);

  expect_break(k1, r, none);
}

// smb2.lease.complex1, v2_complex1.
TEST_F(Writes, Complex1) {
  const auto first = open(by(alice).lease(k1, r, 0x10));
  EXPECT_EQ(expect_granted(first, r).epoch, 0x11);
  const auto upgraded = open(by(alice_again).lease(k1, rwh, 0x10));
  EXPECT_EQ(expect_granted(upgraded, rwh).epoch, 0x12);
  close(upgraded);
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
  const auto b = open(by(bob).lease(k2, r, 0x20));
  EXPECT_EQ(expect_break(k1, rwh, rh).epoch, 0x13);
  acknowledge(alice, k1, rh);
  EXPECT_EQ(expect_granted(b, r).epoch, 0x21);

  write_data(alice, first);
  EXPECT_EQ(expect_break(k2, r, none).epoch, 0x22);
  write_data(bob, b);
  EXPECT_EQ(expect_break(k1, rh, none).epoch, 0x14);
  acknowledge(alice, k1, none);
}

// WPTS Leasing_FileLeasingV1_SameLeaseKey: one key on two connections of a client.
TEST_F(Writes, UnderTheSameKeyBreakNothing) {
  const auto first = open(by(alice).lease(k1, rwh));
  const auto second = open(by(alice_again).lease(k1, rwh));

  write_data(alice, first);
  write_data(alice_again, second);

  expect_no_break();
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
}

// WPTS: the write completes before the holder of RH acknowledges.
TEST_F(Writes, DoNotWaitForHandle) {
  const auto b = open(by(bob));
  open(by(alice).lease(k1, rh));

  write_data(bob, b);

  expect_break(k1, rh, none);
  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  acknowledge(alice, k1, none);
}

// The holder was told that it keeps Read, and is notified of the rest when it acknowledges.
TEST_F(Writes, WaitForAHolderThatIsJustGivingUpHandle) {
  const auto b = open(by(bob));
  open(by(alice).lease(k1, rh));
  const auto renaming = access(bob, access_kind::rename, b);
  expect_break(k1, rh, r);

  const auto writing = access(bob, access_kind::write, b);
  expect_no_break();
  expect_waits(writing);
  acknowledge(alice, k1, r);

  expect_break(k1, r, none);
  expect_done(renaming);
  expect_done(writing);
}

TEST_F(Writes, ByAnOverwriteWaitForAHolderThatIsJustGivingUpHandle) {
  open(by(alice).lease(k1, rh));
  const auto renaming = access(nobody, access_kind::rename);
  expect_break(k1, rh, r);

  const auto overwriting = open(by(bob).overwriting());
  expect_no_break();
  expect_waits(overwriting);
  acknowledge(alice, k1, r);

  expect_break(k1, r, none);
  expect_done(renaming);
  expect_granted(overwriting, none);
}

TEST_F(Writes, ByALockWaitForAHolderThatIsJustGivingUpHandle) {
  const auto b = open(by(bob));
  open(by(alice).lease(k1, rh));
  access(bob, access_kind::rename, b);
  expect_break(k1, rh, r);

  const auto locking = lock(b, {0, 1}, true);
  expect_waits(locking);
  acknowledge(alice, k1, r);

  expect_break(k1, r, none);
  expect_done(locking);
}

TEST_F(Writes, BreakTheWritersOwnLevelTwo) {
  const auto a = open(by(alice).oplock(oplock_level::level_ii));
  const auto b = open(by(bob).oplock(oplock_level::level_ii));

  write_data(alice, a);

  expect_oplock_break(a, r, none);
  expect_oplock_break(b, r, none);
}

TEST_F(Writes, OfAClientWithoutAnOpenAreForeign) {
  open(by(alice).lease(k1, rw));

  const auto writing = access(alice, access_kind::write);

  expect_break(k1, rw, none);
  expect_waits(writing);
  acknowledge(alice, k1, none);
  expect_done(writing);
}

// -- holds ----------------------------------------------------------------------------------------

class Holds : public model_test {
protected:
  Holds() { keeps_holds = true; }

  hold_id begin_write(const client& who, const attempt& open) {
    const auto a = access(who, access_kind::write, open);
    expect_done(a);
    return result_of<access_granted>(a).hold;
  }
};

TEST_F(Holds, OfAWriteKeepReadFromEverybodyElse) {
  const auto b = open(by(bob));
  const auto hold = begin_write(bob, b);
  ASSERT_NE(hold, hold_id::none);

  for (const auto wanted : file_states) {
    const auto c = open(by(carol).lease(k3, wanted));
    expect_granted(c, none);
    close(c);
  }
  const auto oplock = open(by(carol).oplock(oplock_level::level_ii));
  expect_oplock(oplock, oplock_level::none);

  end(hold);
  expect_granted(open(by(carol).lease(k3, rwh)), rh);
}

TEST_F(Holds, OfAWriteKeepAReaderFromComingBack) {
  const auto b = open(by(bob));
  open(by(alice).lease(k1, r));
  const auto hold = begin_write(bob, b);
  expect_break(k1, r, none);

  expect_granted(open(by(alice).lease(k1, r)), none);

  end(hold);
  expect_granted(open(by(alice).lease(k1, r)), r);
}

TEST_F(Holds, LeaveTheWritersOwnLeaseAlone) {
  const auto b = open(by(bob).lease(k2, r));
  const auto a = open(by(alice));
  const auto hold = begin_write(bob, b);

  expect_granted(open(by(bob).lease(k2, rh)), rh);

  end(hold);
  static_cast<void>(a);
}

// An open that breaks the writer's Write is granted after that break, while the write may still be
// in progress.
TEST_F(Holds, OfAWriteUnderAnOwnWriteOutliveItsBreak) {
  for (const bool answers : {true, false}) {
    world w;
    w.keeps_holds = true;
    const auto a = w.open(by(alice).lease(k1, rwh));
    const auto writing = w.access(alice, access_kind::write, a);
    const auto hold = w.result_of<access_granted>(writing).hold;
    const auto b = w.open(by(bob).lease(k2, rh));
    w.expect_break(k1, rwh, rh);
    if (answers)
      w.acknowledge(alice, k1, rh);
    else
      w.pass(seconds{36});

    w.expect_granted(b, none);

    w.end(hold);
    w.expect_granted(w.open(by(bob).lease(k2, rh)), rh);
  }
}

TEST_F(Holds, OfAWriteUnderABatchOplockOutliveItsBreak) {
  const auto a = open(by(alice).oplock(oplock_level::batch));
  const auto hold = begin_write(alice, a);
  const auto b = open(by(bob).lease(k2, rh));
  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, oplock_level::level_ii);

  expect_granted(b, none);
  EXPECT_EQ(oplock_of_open(a)->state, r) << "the writer knows of its own write";

  end(hold);
  expect_granted(open(by(bob).lease(k2, r)), r);
}

TEST_F(Holds, OfAWriteUnderAnOwnWriteLeaveTheWritersLeaseAlone) {
  const auto a = open(by(alice).lease(k1, rw));
  const auto hold = begin_write(alice, a);

  expect_granted(open(by(alice).lease(k1, rwh)), rwh);

  end(hold);
}

TEST_F(Holds, OfAnOutsidersWriteKeepReadFromEverybody) {
  open(by(alice).lease(k1, r));
  const auto writing = access(nobody, access_kind::write);
  expect_break(k1, r, none);
  expect_done(writing);

  expect_granted(open(by(alice).lease(k1, r)), none);

  end(result_of<access_granted>(writing).hold);
  expect_granted(open(by(alice).lease(k1, r)), r);
}

TEST_F(Holds, AreEachEndedByThemselves) {
  const auto b = open(by(bob));
  const auto c = open(by(carol));
  const auto first = begin_write(bob, b);
  const auto second = begin_write(carol, c);
  EXPECT_NE(first, second);

  end(first);
  expect_granted(open(by(alice).lease(k1, r)), none);
  end(second);

  expect_granted(open(by(alice).lease(k1, r)), r);
}

TEST_F(Holds, ThatAreUnknownOrOverAreIgnored) {
  const auto b = open(by(bob));
  const auto hold = begin_write(bob, b);
  end(hold);

  end(hold);
  end(hold_id{4711});

  expect_granted(open(by(alice).lease(k1, r)), r);
}

TEST_F(Holds, OfAnOverwriteLastUntilTheFileIsTruncated) {
  const auto b = open(by(bob).lease(k2, rwh).overwriting());
  const auto granted = expect_granted(b, rwh);
  ASSERT_NE(granted.hold, hold_id::none);

  const auto c = open(by(carol).lease(k3, r));
  expect_break(k2, rwh, rh);
  acknowledge(bob, k2, rh);
  expect_granted(c, none);

  end(granted.hold);
  expect_granted(open(by(carol).lease(k3, r)), r);
}

TEST_F(Holds, AnOpenThatOverwritesNothingHasNone) {
  EXPECT_EQ(expect_granted(open(by(bob).lease(k2, rwh)), rwh).hold, hold_id::none);
}

TEST_F(Holds, OfARenameKeepHandlesFromEverybodyElse) {
  const auto b = open(by(bob));
  const auto renaming = access(bob, access_kind::rename, b);
  expect_done(renaming);

  expect_granted(open(by(alice).lease(k1, rh)), r);

  end(result_of<access_granted>(renaming).hold);
  expect_granted(open(by(alice).lease(k1, rh)), rh);
}

TEST_F(Holds, KeepAFileFromBeingDiscarded) {
  const auto writing = access(nobody, access_kind::write);
  expect_done(writing);

  EXPECT_FALSE(file.empty());
  end(result_of<access_granted>(writing).hold);

  EXPECT_TRUE(file.empty());
}

// -- renames --------------------------------------------------------------------------------------

class Renames : public model_test {};

// smb2.lease.v2_rename.
TEST_F(Renames, LeaveTheRenamersOwnLeaseAlone) {
  const auto a = open(by(alice).lease(k1, rwh, 1));

  expect_done(access(alice, access_kind::rename, a));

  expect_no_break();
  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, rwh)), rwh).epoch, 2);
  const auto b = open(by(bob).lease(k2, rwh));
  expect_break(k1, rwh, rh);
  acknowledge(alice, k1, rh);
  expect_granted(b, rh);
  const auto back = access(alice, access_kind::rename, a);
  expect_break(k2, rh, r);
  acknowledge(bob, k2, r);
  expect_done(back);
}

// MS-FSA 2.1.4.12, SET_INFORMATION. Besides a batch oplock, there can only be an open for
// attributes.
TEST_F(Renames, TakeABatchOplockToNone) {
  for (const auto kind : {access_kind::rename, access_kind::link}) {
    world w;
    const auto a = w.open(by(alice).oplock(oplock_level::batch));
    const auto b = w.open(by(bob).access(access::write_attributes));

    const auto renaming = w.access(bob, kind, b);

    w.expect_oplock_break(a, rwh, none);
    w.expect_waits(renaming);
    w.acknowledge_oplock(alice, a, oplock_level::none);
    w.expect_done(renaming);
  }
}

TEST_F(Renames, LeaveAnExclusiveOplockAlone) {
  const auto a = open(by(alice).oplock(oplock_level::exclusive));
  const auto b = open(by(bob).access(access::write_attributes));

  expect_done(access(bob, access_kind::rename, b));

  expect_no_break();
  EXPECT_EQ(oplock_of_open(a)->state, rw);
}

class LinksAndSecurity : public model_test {};

// MS-FSA 2.1.4.12, SET_INFORMATION and SET_SECURITY.
TEST_F(LinksAndSecurity, TakeHandleFromOthers) {
  for (const auto kind : {access_kind::link, access_kind::set_security}) {
    for (const auto held : {rh, rwh}) {
      world w;
      const auto b = w.open(by(bob).access(access::write_attributes).lease(k2, none));
      if (held == rh)
        w.open(by(carol).access(access::read_data));
      w.open(by(alice).lease(k1, held));
      w.take_breaks();
      const auto had = w.state_of_lease(alice, k1);

      const auto done = w.access(bob, kind, b);

      w.expect_break(k1, had, had - handle);
      w.expect_waits(done);
      w.acknowledge(alice, k1, had - handle);
      w.expect_done(done);
    }
  }
}

TEST_F(LinksAndSecurity, SpareTheLeaseOfTheirOpen) {
  const auto a = open(by(alice).lease(k1, rwh));

  expect_done(access(alice, access_kind::link, a));
  expect_done(access(alice, access_kind::set_security, a));

  expect_no_break();
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
}

TEST_F(LinksAndSecurity, KeepHandleFromOthersUntilTheyAreMade) {
  for (const auto kind : {access_kind::link, access_kind::set_security}) {
    world w;
    w.keeps_holds = true;
    const auto b = w.open(by(bob));
    const auto done = w.access(bob, kind, b);
    w.expect_done(done);

    w.expect_granted(w.open(by(alice).lease(k1, rh)), r);
    w.end(w.result_of<access_granted>(done).hold);
    w.expect_granted(w.open(by(carol).lease(k3, rh)), rh);
  }
}

TEST_F(LinksAndSecurity, OfSecurityTakeABatchOplockToLevelTwo) {
  const auto a = open(by(alice).oplock(oplock_level::batch));
  const auto b = open(by(bob).access(access::write_attributes));

  const auto done = access(bob, access_kind::set_security, b);

  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, oplock_level::level_ii);
  expect_done(done);
}

// smb2.lease.rename_wait.
TEST_F(Renames, WaitForHandle) {
  open(by(alice).lease(k1, rh));
  const auto b = open(by(bob).lease(k2, rh));

  const auto renaming = access(bob, access_kind::rename, b);

  expect_break(k1, rh, r);
  expect_no_break();
  expect_waits(renaming);
  acknowledge(alice, k1, r);
  expect_done(renaming);
  EXPECT_EQ(state_of_lease(bob, k2), rh);
}

TEST_F(Renames, AlsoOfOneWithoutALease) {
  open(by(alice).lease(k1, rh));
  const auto b = open(by(bob));

  const auto renaming = access(bob, access_kind::rename, b);

  expect_break(k1, rh, r);
  expect_waits(renaming);
  acknowledge(alice, k1, r);
  expect_done(renaming);
}

TEST_F(Renames, NeedAnOpenForDeletionOrAttributes) {
  const auto b = open(by(bob).access(access::read_data));

  expect_error(access(bob, access_kind::rename, b), errc::access_denied);
  expect_done(access(bob, access_kind::rename, open(by(bob).access(access::delete_file))));
  expect_done(access(bob, access_kind::rename, open(by(bob).access(access::write_attributes))));
}

TEST_F(Renames, EndWithTheOpenThatAskedForThem) {
  open(by(alice).lease(k1, rh));
  const auto b = open(by(bob));
  const auto renaming = access(bob, access_kind::rename, b);
  expect_break(k1, rh, r);

  close(b);

  EXPECT_FALSE(waits(renaming));
  EXPECT_NE(error_of(renaming), errc::success);
  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  acknowledge(alice, k1, r);
}

// smb2.lease.v2_rename_target_overwrite (master).
TEST_F(Renames, OntoAFileThatStaysOpenAreDenied) {
  open(by(alice).lease(k1, rh));

  const auto replacing = access(bob, access_kind::replace);

  expect_break(k1, rh, r);
  expect_waits(replacing);
  acknowledge(alice, k1, r);
  expect_error(replacing, errc::access_denied);
}

TEST_F(Renames, OntoAFileThatIsClosedThenGoOn) {
  const auto a = open(by(alice).lease(k1, rh));
  const auto replacing = access(bob, access_kind::replace);
  expect_break(k1, rh, r);

  close(a);

  expect_done(replacing);
}

TEST_F(Renames, OntoAFileThatIsOpenWithoutACacheAreDeniedAtOnce) {
  open(by(alice));

  expect_error(access(bob, access_kind::replace), errc::access_denied);
}

// smb2.lease.rename_dir_openfile (master), WPTS BreakHandleCachingByParentRenamed.
TEST_F(Renames, OfADirectoryAboveTakeHandleEvenFromTheRenamer) {
  open(by(alice).lease(k1, rh));

  const auto renaming = access(alice, access_kind::rename_ancestor);

  expect_break(k1, rh, r);
  expect_waits(renaming);
  acknowledge(alice, k1, r);
  expect_error(renaming, errc::access_denied);
}

TEST_F(Renames, OfADirectoryAboveKeepWrite) {
  const auto a = open(by(alice).lease(k1, rwh));

  const auto renaming = access(bob, access_kind::rename_ancestor);

  expect_break(k1, rwh, rw);
  expect_waits(renaming);
  close(a);
  expect_done(renaming);
}

TEST_F(Renames, OfADirectoryAboveAFileWithoutOpensSucceed) {
  expect_done(access(bob, access_kind::rename_ancestor));
}

// smb2.oplock.exclusive6, and the rule for leases.
TEST_F(Renames, IntoADirectoryThatIsOpenForDeletionAreRefused) {
  open(by(alice).directory().lease(k1, rh));

  const auto renaming = access(bob, access_kind::rename_into);

  expect_break(k1, rh, r);
  expect_waits(renaming);
  acknowledge(alice, k1, r);
  expect_error(renaming, errc::sharing_violation);
}

// smb2.rename.no_share_delete_no_delete_access: a rename writes to the directory.
TEST_F(Renames, IntoADirectoryThatAnOpenDoesNotShareForWritingAreRefused) {
  open(by(alice).directory().lease(k1, rh).access(access::read_data).shares(share::read));

  const auto renaming = access(bob, access_kind::rename_into);

  expect_break(k1, rh, r);
  expect_waits(renaming);
  acknowledge(alice, k1, r);
  expect_error(renaming, errc::sharing_violation);
}

// smb2.rename.msword.
TEST_F(Renames, IntoADirectoryThatIsOpenForItsAttributesGoOn) {
  open(by(alice).directory().access(access::read_attributes).shares(0));

  expect_done(access(bob, access_kind::rename_into));
}

TEST_F(Renames, IntoADirectoryThatIsClosedThenGoOn) {
  const auto d = open(by(alice).directory().lease(k1, rh));
  const auto renaming = access(bob, access_kind::rename_into);
  expect_break(k1, rh, r);

  close(d);

  expect_done(renaming);
}

TEST_F(Renames, IntoADirectoryThatIsOpenOtherwiseGoOnAtOnce) {
  open(by(alice).directory().lease(k1, rh).access(access::read_data));

  expect_done(access(bob, access_kind::rename_into));
  expect_no_break();
}

// -- deletion -------------------------------------------------------------------------------------

class Deletions : public model_test {};

// smb2.lease.unlink: the disposition breaks Handle, and waits.
TEST_F(Deletions, TakeHandleFromOthers) {
  open(by(alice).lease(k1, rh));
  const auto b = open(by(bob).lease(k2, rh));

  const auto deleting = access(bob, access_kind::set_delete, b);

  EXPECT_EQ(expect_break(k1, rh, r).cause, break_cause::remove);
  expect_no_break();
  expect_waits(deleting);
  acknowledge(alice, k1, r);
  expect_done(deleting);
}

TEST_F(Deletions, MakeTheFilePendingUntilTheLastClose) {
  const auto a = open(by(alice));
  const auto b = open(by(bob));
  expect_done(access(bob, access_kind::set_delete, b));
  expect_error(open(by(carol)), errc::delete_pending);

  const auto first = close(b);
  EXPECT_FALSE(result_of<open_closed>(first).delete_file);
  expect_error(open(by(carol)), errc::delete_pending);
  const auto last = close(a);

  EXPECT_TRUE(result_of<open_closed>(last).delete_file);
  EXPECT_NE(result_of<open_closed>(last).hold, hold_id::none);
  expect_granted(open(by(carol)), none);
}

TEST_F(Deletions, CanBeCancelled) {
  const auto b = open(by(bob));
  expect_done(access(bob, access_kind::set_delete, b));

  expect_done(access(bob, access_kind::clear_delete, b));

  expect_granted(open(by(carol)), none);
  EXPECT_FALSE(result_of<open_closed>(close(b)).delete_file);
}

TEST_F(Deletions, NeedAnOpenForDeletion) {
  const auto b = open(by(bob).access(access::read_data | access::write_data));

  expect_error(access(bob, access_kind::set_delete, b), errc::access_denied);
  EXPECT_FALSE(result_of<open_closed>(close(b)).delete_file);
}

TEST_F(Deletions, PreventOpensWhileTheyAreExecuted) {
  keeps_holds = true;
  const auto b = open(by(bob).deleting_on_close());
  const auto closing = close(b);
  ASSERT_TRUE(result_of<open_closed>(closing).delete_file);

  expect_error(open(by(carol)), errc::delete_pending);
  // A new file may have the identity of the deleted one.
  expect_granted(open(by(carol).creating().lease(k3, none)), none);

  end(result_of<open_closed>(closing).hold);
  expect_granted(open(by(carol)), none);
}

TEST_F(Deletions, OnCloseDoNotHoldUpTheOpen) {
  open(by(alice).lease(k1, rh));

  const auto b = open(by(bob).deleting_on_close());

  expect_granted(b, none);
  expect_no_break();
  close(b);
  expect_break(k1, rh, r);
  acknowledge(alice, k1, r);
}

// Master: Handle is broken when the open closes, smb2.lease.initial_delete_*.
TEST_F(Deletions, OnCloseTakeHandleWhenTheHandleCloses) {
  const auto a = open(by(alice).lease(k1, rh));
  const auto b = open(by(bob).deleting_on_close());

  const auto closing = close(b);

  expect_break(k1, rh, r);
  expect_waits(closing);
  acknowledge(alice, k1, r);
  expect_done(closing);
  EXPECT_FALSE(result_of<open_closed>(closing).delete_file);
  expect_error(open(by(carol)), errc::delete_pending);
  EXPECT_TRUE(result_of<open_closed>(close(a)).delete_file);
}

// MS-SMB2 3.3.1.4: the lease of the closing open knows of the deletion.
TEST_F(Deletions, OnCloseSpareTheLeaseOfTheClosingOpen) {
  for (const bool is_directory : {false, true}) {
    world w;
    const auto opened_as = [&](const opening& how) {
      opening of_kind = how;
      of_kind.request.is_directory = is_directory;
      return w.open(of_kind);
    };
    opened_as(by(alice).lease(k1, rh));
    const auto deleting = opened_as(by(alice).lease(k1, rh).deleting_on_close());

    const auto closing = w.close(deleting);

    w.expect_no_break();
    w.expect_done(closing);
    EXPECT_EQ(w.state_of_lease(alice, k1), rh);
  }
}

TEST_F(Deletions, OnCloseTakeHandleFromAllOtherLeases) {
  open(by(alice).lease(k1, rh));
  open(by(alice).lease(k3, rh));
  open(by(bob).lease(k1, rh));
  const auto deleting = open(by(alice).lease(k1, rh).deleting_on_close());

  const auto closing = close(deleting);

  auto asked = take_breaks();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_TRUE(asked[0].client == alice.guid && asked[0].key == k3);
  EXPECT_TRUE(asked[1].client == bob.guid && asked[1].key == k1);
  acknowledge(alice, k3, r);
  expect_waits(closing);
  acknowledge(bob, k1, r);
  expect_done(closing);
  EXPECT_EQ(state_of_lease(alice, k1), rh);
}

TEST_F(Deletions, OnCloseDoNotWaitForABreakOfTheirOwnLease) {
  open(by(alice).lease(k1, rh));
  const auto deleting = open(by(alice).lease(k1, rh).deleting_on_close());
  const auto of_bob = open(by(bob).deleting_on_close());
  const auto first = close(of_bob);
  expect_break(k1, rh, r);

  const auto second = close(deleting);

  expect_done(second);
  expect_waits(first);
  acknowledge(alice, k1, r);
  expect_done(first);
}

TEST_F(Deletions, OnCloseTakeHandleFromABatchOplock) {
  const auto deleting = open(by(bob).access(access::read_attributes).deleting_on_close());
  const auto a = open(by(alice).oplock(oplock_level::batch));
  expect_oplock(a, oplock_level::batch);

  const auto closing = close(deleting);

  expect_oplock_break(a, rwh, r);
  expect_waits(closing);
  acknowledge_oplock(alice, a, oplock_level::level_ii);
  expect_done(closing);
}

TEST_F(Deletions, OnCloseSpareTheLeaseOfAnOpenWhoseConnectionEnds) {
  open(by(alice).lease(k1, rh).deleting_on_close());
  open(by(alice_again).lease(k1, rh));
  open(by(bob).lease(k2, rh));

  disconnect_connection(alice);

  expect_break(k2, rh, r);
  expect_no_break();
  EXPECT_EQ(state_of_lease(alice, k1), rh);
  acknowledge(bob, k2, r);
}

TEST_F(Deletions, OnCloseSpareTheLeaseOfADurableOpenThatExpires) {
  open(by(alice).lease(k1, rh).durable(seconds{60}).deleting_on_close());
  open(by(alice_again).lease(k1, rh));
  disconnect_connection(alice);

  pass(seconds{60});

  expect_no_break();
  EXPECT_EQ(state_of_lease(alice, k1), rh);
}

TEST_F(Deletions, OnCloseOfTwoLeasesTakeHandleFromBoth) {
  for (const auto key : {k1, k2}) {
    open(by(alice).lease(key, rh).deleting_on_close());
    open(by(alice_again).lease(key, rh));
  }

  disconnect_connection(alice);

  expect_break(k1, rh, r);
  expect_break(k2, rh, r);
  acknowledge(alice, k1, r);
  acknowledge(alice, k2, r);
}

TEST_F(Deletions, OnCloseAreDoneByTheLastClose) {
  const auto a = open(by(alice).lease(k1, rh));
  const auto b = open(by(bob).deleting_on_close());
  const auto closing = close(b);
  expect_break(k1, rh, r);

  const auto last = close(a);

  expect_done(closing);
  const bool by_first = result_of<open_closed>(closing).delete_file;
  const bool by_last = result_of<open_closed>(last).delete_file;
  EXPECT_NE(by_first, by_last);
}

// smb2.lease.initial_delete_disconnect.
TEST_F(Deletions, OnCloseHappenOnADisconnectAsWell) {
  open(by(alice).lease(k1, rh));
  open(by(bob).deleting_on_close());

  const auto gone = disconnect(bob);

  expect_break(k1, rh, r);
  EXPECT_EQ(result_of<client_removed>(gone).opens, 1U);
  acknowledge(alice, k1, r);
  expect_error(open(by(carol)), errc::delete_pending);
}

TEST_F(Deletions, OfTheLastOpenOnADisconnectAreReported) {
  open(by(bob).deleting_on_close());

  const auto gone = disconnect(bob);

  EXPECT_TRUE(result_of<client_removed>(gone).delete_file);
  EXPECT_NE(result_of<client_removed>(gone).hold, hold_id::none);
}

TEST_F(Deletions, OnCloseTakeHandleWhenALostDurableOpenExpires) {
  const auto c = open(by(carol).lease(k2, rh));
  open(by(alice).lease(k1, rh).durable(seconds{60}).deleting_on_close());
  disconnect(alice);
  expect_no_break();

  pass(seconds{60});

  EXPECT_EQ(expect_break(k2, rh, r).cause, break_cause::remove);
  acknowledge(carol, k2, r);
  EXPECT_TRUE(result_of<open_closed>(close(c)).delete_file);
}

TEST_F(Deletions, OnCloseTakeHandleWhenALostDurableOpenGivesWay) {
  open(by(carol).access(access::read_attributes).lease(k2, rh));
  const auto c = open(by(carol).access(access::read_attributes | access::write_data));
  const auto a = open(by(alice).lease(k1, rh).durable().deleting_on_close());
  disconnect(alice);

  expect_done(lock(c, {0, 1}, true));

  EXPECT_FALSE(file.has_open(a.open));
  expect_break(k2, rh, none);
  acknowledge(carol, k2, none);
  expect_error(open(by(bob)), errc::delete_pending);
}

// An open that would be refused because of the deletion that it causes must have no effect.
TEST_F(Deletions, OnCloseOfALostDurableOpenKeepOthersOff) {
  open(by(carol).access(access::read_attributes).lease(k2, rh));
  const auto a = open(by(alice).lease(k1, rh).shares(share::none).durable().deleting_on_close());
  disconnect(alice);

  expect_error(open(by(bob)), errc::delete_pending);

  expect_no_break();
  EXPECT_TRUE(file.has_open(a.open));
}

// Disconnected leases are skipped, and no others.
TEST_F(Deletions, OnCloseTakeHandleAlsoFromALostPersistentOpen) {
  for (const bool closes : {false, true}) {
    world w;
    const auto a = w.open(by(alice).lease(k1, rh).persistent(seconds{900}));
    const auto b = w.open(by(bob).deleting_on_close());
    w.open(by(carol).lease(k2, rh));
    w.disconnect(alice);

    const auto end = closes ? w.close(b) : w.disconnect(bob);

    EXPECT_TRUE(w.expect_break(k1, rh, r).channels.empty());
    EXPECT_EQ(w.expect_break(k2, rh, r).cause, break_cause::remove);
    EXPECT_EQ(w.waits(end), closes);
    w.acknowledge(carol, k2, r);
    EXPECT_EQ(w.waits(end), closes);
    w.pass(seconds{35}); // alice would be notified on reconnect
    w.expect_done(end);
    EXPECT_EQ(w.state_of_lease(alice, k1), none);
    EXPECT_TRUE(w.file.has_open(a.open));
  }
}

TEST_F(Deletions, WaitForTheBreakToEndByItself) {
  open(by(alice).lease(k1, rh));
  const auto b = open(by(bob));
  const auto deleting = access(bob, access_kind::set_delete, b);
  expect_break(k1, rh, r);

  pass(seconds{35});

  expect_done(deleting);
}

// WPTS: a deletion by another client breaks Handle; the holder's own deletion breaks nothing.
TEST_F(Deletions, ByTheHolderBreakNothing) {
  const auto a = open(by(alice).lease(k1, rwh));

  expect_done(access(alice, access_kind::set_delete, a));

  expect_no_break();
  EXPECT_TRUE(result_of<open_closed>(close(a)).delete_file);
}

// -- the directory's lease at a deletion ---------------------------------------------------------

// A directory's lease is spared at a deletion if all opens that take part name its key.
class DeletionKeys : public model_test {
protected:
  static opening under(const client& who, const lease_key& parent) {
    return by(who).lease(lease_key::of(number_of_leases++ + 100), r).parent(parent);
  }

  [[nodiscard]] std::optional<lease_key> key_of_close(const attempt& closing) const {
    const auto closed = result_of<open_closed>(closing);
    EXPECT_TRUE(closed.delete_file);
    return closed.parent_key;
  }

private:
  static inline std::uint64_t number_of_leases = 0;
};

TEST_F(DeletionKeys, AreGivenBackByTheCloseThatDeletes) {
  const auto a = open(under(alice, k1));
  expect_done(access(alice, access_kind::set_delete, a));
  EXPECT_EQ(key_of_close(close(a)), k1);

  const auto b = open(under(alice, k2).deleting_on_close());
  EXPECT_EQ(key_of_close(close(b)), k2);
}

// smb2.dirlease.unlink_same_set_and_close.
TEST_F(DeletionKeys, MayBeOfSeveralOpensAndClients) {
  const auto a = open(under(alice, k1));
  const auto b = open(under(bob, k1));
  expect_done(access(alice, access_kind::set_delete, a));
  close(a);

  EXPECT_EQ(key_of_close(close(b)), k1);
}

// smb2.dirlease.unlink_different_set_and_close.
TEST_F(DeletionKeys, AreNoneIfAnotherOneCarriesOutTheDeletion) {
  for (const auto& parent : {k2, lease_key{}}) {
    const auto a = open(under(alice, k1));
    const auto b = open(under(alice, parent));
    expect_done(access(alice, access_kind::set_delete, a));
    close(a);

    EXPECT_EQ(key_of_close(close(b)), std::nullopt);
  }
}

// smb2.dirlease.unlink_different_initial_and_close.
TEST_F(DeletionKeys, AreNoneIfAnotherOneDeletesOnClose) {
  const auto a = open(under(alice, k1).deleting_on_close());
  const auto b = open(under(alice, k2));
  close(a);

  EXPECT_EQ(key_of_close(close(b)), std::nullopt);
}

TEST_F(DeletionKeys, AreNoneIfTheDeletionWasAskedForUnderSeveral) {
  const auto a = open(under(alice, k1).deleting_on_close());
  const auto b = open(under(alice, k2));
  expect_done(access(alice, access_kind::set_delete, b));
  close(b);

  EXPECT_EQ(key_of_close(close(a)), std::nullopt);
}

TEST_F(DeletionKeys, AreNoneWithoutALeaseOfVersionTwo) {
  EXPECT_EQ(key_of_close(close(open(by(alice).deleting_on_close()))), std::nullopt);
  EXPECT_EQ(key_of_close(close(open(by(alice).lease_v1(k1, r).parent(k2).deleting_on_close()))),
    std::nullopt);
  EXPECT_EQ(key_of_close(close(open(under(alice, lease_key{}).deleting_on_close()))), std::nullopt);
}

TEST_F(DeletionKeys, AreForgottenWithACancelledDeletion) {
  const auto a = open(under(alice, k1));
  const auto b = open(under(alice, k2));
  expect_done(access(alice, access_kind::set_delete, a));
  expect_done(access(alice, access_kind::clear_delete, a));
  expect_done(access(alice, access_kind::set_delete, b));
  close(a);

  EXPECT_EQ(key_of_close(close(b)), k2);
}

TEST_F(DeletionKeys, AreGivenBackWhenTheConnectionEnds) {
  open(under(alice, k1).deleting_on_close());

  const auto removed = result_of<client_removed>(disconnect(alice));

  EXPECT_TRUE(removed.delete_file);
  EXPECT_EQ(removed.parent_key, k1);
}

TEST_F(DeletionKeys, AreGivenBackWhenALostDurableOpenExpires) {
  open(by(alice).lease(k3, rh).parent(k1).durable(seconds{60}).deleting_on_close());
  disconnect(alice);

  pass(seconds{60});

  const auto ended = take_ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_NE(ended[0].hold, hold_id::none);
  EXPECT_EQ(ended[0].parent_key, k1);
}

} // namespace
} // namespace leasebreak::model_test

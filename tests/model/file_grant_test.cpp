// What an open is granted: leases and oplocks alone, together and upgraded, and their epochs.
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

std::string text(lease_state held, lease_state wanted) {
  std::ostringstream out;
  out << "held " << int{bits(held)} << ", requested " << int{bits(wanted)};
  return out.str();
}

/// Returns what a lease request is granted if only its own form limits it.
lease_state shaped(lease_state wanted) {
  return is_valid(wanted, false) ? wanted : none;
}

class Grants : public model_test {};

// smb2.lease.request, MS-SMB2 3.3.5.9.8.
TEST(GrantMatrix, AloneALeaseIsGrantedIfItsStateExists) {
  for (const auto wanted : all_requests) {
    SCOPED_TRACE(text(none, wanted));
    world w;

    const auto a = w.open(by(alice).lease(k1, wanted, 0x10));

    const auto granted = w.expect_granted(a, shaped(wanted));
    EXPECT_EQ(granted.oplock, oplock_level::lease);
    EXPECT_EQ(granted.key, k1);
    EXPECT_EQ(granted.version, 2);
    EXPECT_EQ(granted.epoch, shaped(wanted) == none ? 0x10 : 0x11);
    EXPECT_FALSE(granted.break_in_progress);
  }
}

TEST(GrantMatrix, AloneAnOplockIsGranted) {
  for (const auto wanted : oplocks) {
    world w;

    const auto a = w.open(by(alice).oplock(wanted));

    const auto granted = w.expect_oplock(a, wanted);
    EXPECT_EQ(granted.state, state_of(wanted));
    EXPECT_TRUE(granted.key.is_zero());
    EXPECT_EQ(granted.version, 0);
  }
}

// smb2.lease.upgrade, upgrade2.
TEST(GrantMatrix, AloneALeaseIsUpgradedToEverySuperset) {
  for (const auto held : all_requests) {
    for (const auto wanted : all_requests) {
      SCOPED_TRACE(text(held, wanted));
      world w;
      const lease_state before = shaped(held);
      w.expect_granted(w.open(by(alice).lease(k1, held, 7)), before);
      const auto epoch = w.lease_of(alice, k1) ? w.lease_of(alice, k1)->epoch : 7;

      const auto again = w.open(by(alice).lease(k1, wanted, 99));

      const bool upgraded =
        is_valid(wanted, false) && is_subset(before, wanted) && before != wanted;
      const auto granted = w.expect_granted(again, upgraded ? wanted : before);
      if (before != none) {
        EXPECT_EQ(granted.epoch, epoch + (upgraded ? 1 : 0));
      }
      w.expect_no_break();
    }
  }
}

// smb2.lease.upgrade3: besides another lease, an upgrade is granted as a whole or not at all.
TEST(GrantMatrix, BesideAnotherLeaseAnUpgradeIsAllOrNothing) {
  for (const auto other : {none, r, rh}) {
    for (const auto held : {r, rh}) {
      for (const auto wanted : all_requests) {
        SCOPED_TRACE(text(held, wanted));
        world w;
        w.expect_granted(w.open(by(alice).lease(k1, held)), held);
        w.expect_granted(w.open(by(bob).lease(k2, other)), other);

        const auto again = w.open(by(alice).lease(k1, wanted));

        const bool upgraded = (wanted == r || wanted == rh) && is_subset(held, wanted);
        w.expect_granted(again, upgraded ? wanted : held);
        w.expect_no_break();
      }
    }
  }
}

// smb2.lease.break: 16 rows, and those of requests that are not valid states.
TEST(GrantMatrix, ASecondLeaseBreaksWriteAndGetsNoWrite) {
  for (const auto held : file_states) {
    for (const auto wanted : all_requests) {
      SCOPED_TRACE(text(held, wanted));
      world w;
      w.expect_granted(w.open(by(alice).lease(k1, held)), held);

      const auto b = w.open(by(bob).lease(k2, wanted));

      const lease_state left = held - write;
      if (intersects(held, write)) {
        w.expect_break(k1, held, left);
        w.expect_waits(b);
        w.expect_acknowledged(w.acknowledge(alice, k1, left), left);
      }
      w.expect_granted(b, shaped(wanted) - write);
      w.expect_no_break();
      EXPECT_EQ(w.state_of_lease(alice, k1), left);
      // LEASE1 requests everything again: unchanged, unless it has none.
      if (left != none)
        w.expect_granted(w.open(by(alice).lease(k1, rwh)), left);
      w.expect_no_break();
    }
  }
}

// smb2.lease.oplock, first half.
TEST(GrantMatrix, AnOplockBesideALeaseIsLevelTwoOrNone) {
  for (const auto held : file_states) {
    for (const auto wanted : oplocks) {
      SCOPED_TRACE(testing::Message() << held << " " << wanted);
      world w;
      w.expect_granted(w.open(by(alice).lease(k1, held)), held);

      const auto b = w.open(by(bob).oplock(wanted));

      if (intersects(held, write)) {
        w.expect_break(k1, held, held - write);
        w.expect_waits(b);
        w.acknowledge(alice, k1, held - write);
      }
      w.expect_oplock(b, intersects(held, handle) ? oplock_level::none : oplock_level::level_ii);
      w.expect_no_break();
    }
  }
}

// smb2.lease.oplock, second half.
TEST(GrantMatrix, ALeaseBesideAnOplockIsRead) {
  for (const auto held : oplocks) {
    for (const auto wanted : all_requests) {
      SCOPED_TRACE(testing::Message() << held << " " << int{bits(wanted)});
      world w;
      const auto a = w.open(by(alice).oplock(held));

      const auto b = w.open(by(bob).lease(k2, wanted));

      if (held != oplock_level::level_ii) {
        w.expect_oplock_break(a, state_of(held), r);
        w.expect_waits(b);
        w.expect_acknowledged(w.acknowledge_oplock(alice, a, oplock_level::level_ii), r);
      }
      w.expect_granted(b, shaped(wanted) & r);
      w.expect_no_break();
    }
  }
}

// smb2.oplock.exclusive2, batch4, batch6.
TEST(GrantMatrix, OplocksBesideEachOtherAreLevelTwo) {
  for (const auto held : oplocks) {
    for (const auto wanted : oplocks) {
      SCOPED_TRACE(testing::Message() << held << " " << wanted);
      world w;
      const auto a = w.open(by(alice).oplock(held));

      const auto b = w.open(by(bob).oplock(wanted));

      if (held != oplock_level::level_ii) {
        w.expect_oplock_break(a, state_of(held), r);
        w.expect_waits(b);
        w.acknowledge_oplock(alice, a, oplock_level::level_ii);
      }
      w.expect_oplock(b, oplock_level::level_ii);
      w.expect_no_break();
    }
  }
}

// Set-SmbShare -LeasingMode; MS-SMB2 3.3.5.9: a ForceLevel2 share.
TEST(GrantMatrix, AShareMayLimitWhatIsCached) {
  for (const auto limit : file_states) {
    for (const auto wanted : file_states) {
      SCOPED_TRACE(text(limit, wanted));
      world w;

      const auto a = w.open(by(alice).lease(k1, wanted).at_most(limit));

      w.expect_granted(a, wanted & limit);
    }
    for (const auto wanted : oplocks) {
      SCOPED_TRACE(testing::Message() << limit << " " << wanted);
      world w;

      const auto a = w.open(by(alice).oplock(wanted).at_most(limit));

      w.expect_oplock(a, oplock_of(state_of(wanted) & limit));
    }
  }
}

TEST(GrantMatrix, NoReadOrHandleIsGrantedOnAFileWithByteRangeLocks) {
  for (const auto wanted : all_requests) {
    SCOPED_TRACE(text(none, wanted));
    world w;
    const auto a = w.open(by(alice));
    w.expect_done(w.lock(a, {0, 1}, false));

    const auto b = w.open(by(bob).lease(k2, wanted, 5));

    // smb2.lease.lease-epoch: the epoch only counts grants.
    EXPECT_EQ(w.expect_granted(b, none).epoch, 5);
  }
  for (const auto wanted : oplocks) {
    world w;
    const auto a = w.open(by(alice));
    w.expect_done(w.lock(a, {0, 1}, true));

    w.expect_oplock(w.open(by(bob).oplock(wanted)), oplock_level::none);
  }
}

TEST_F(Grants, AreNotLimitedByLocksAfterTheyAreReleased) {
  const auto a = open(by(alice));
  lock(a, {0, 1}, false);
  unlock(a, {{0, 1}});

  const auto b = open(by(bob).lease(k2, rwh));

  expect_granted(b, rh);
}

// smb2.lock.truncate: an overwrite ignores locks.
TEST_F(Grants, ReadIsGrantedToAnOverwriteDespiteLocks) {
  const auto a = open(by(alice));
  lock(a, {0, 1}, false);

  const auto b = open(by(bob).lease(k2, r).overwriting());

  expect_granted(b, r);
}

// DittoFS's B12 is wrong here.
TEST_F(Grants, TheSameKeyKeepsItsStateOnAFileWithLocks) {
  const auto a = open(by(alice).lease(k1, rwh, 1));
  lock(a, {0, 1}, true);
  expect_no_break();

  const auto again = open(by(alice).lease(k1, rwh));

  EXPECT_EQ(expect_granted(again, rwh).epoch, 2);
}

// -- stat opens -----------------------------------------------------------------------------------

// smb2.lease.statopen.
TEST_F(Grants, AStatOpenMayOwnALease) {
  const auto stat = open(by(alice).lease(k1, rwh).access(attributes_alone));
  expect_granted(stat, rwh);

  expect_granted(open(by(alice).lease(k1, none)), rwh);
  expect_no_break();
  const auto b = open(by(bob).lease(k2, rwh));

  expect_break(k1, rwh, rh);
  expect_waits(b);
  acknowledge(alice, k1, rh);
  expect_granted(b, rh);
}

// smb2.lease.statopen2.
TEST_F(Grants, AStatOpenWithoutALeaseDisturbsNothing) {
  expect_granted(open(by(alice).lease(k1, rwh)), rwh);

  const auto stat = open(by(bob).access(attributes_alone));

  expect_granted(stat, none);
  expect_no_break();
  expect_granted(open(by(alice).lease(k1, rwh)), rwh);
}

// smb2.lease.statopen3.
TEST_F(Grants, AStatOpenWithoutALeaseDoesNotPreventWrite) {
  open(by(bob).access(attributes_alone));

  expect_granted(open(by(alice).lease(k1, rwh)), rwh);
}

TEST_F(Grants, AStatOpenWithALeasePreventsWrite) {
  expect_granted(open(by(bob).lease(k2, r).access(attributes_alone)), r);

  expect_granted(open(by(alice).lease(k1, rwh)), rh);
}

TEST_F(Grants, AnotherOpenWithoutALeasePreventsWriteAlone) {
  open(by(bob));

  expect_granted(open(by(alice).lease(k1, rwh)), rh);
}

TEST_F(Grants, AnOpenForReadControlPreventsWrite) {
  open(by(bob).access(access::read_control));

  expect_granted(open(by(alice).lease(k1, rwh)), rh);
}

// MS-FSA 2.1.5.18.2: Read is not granted while another client holds Write, and nothing was broken.
TEST_F(Grants, AStatOpenGetsNoLeaseBesideAForeignWrite) {
  expect_granted(open(by(alice).lease(k1, rwh)), rwh);

  const auto stat = open(by(bob).lease(k2, rwh).access(attributes_alone));

  expect_granted(stat, none);
  expect_no_break();
}

// smb2.oplock.exclusive4, batch8.
TEST(StatOpens, GetNoOplockOnAFileThatExists) {
  for (const auto wanted : oplocks) {
    world w;
    w.expect_oplock(w.open(by(alice).oplock(wanted).access(attributes_alone)), oplock_level::none);
  }
}

// smb2.oplock.batch9, batch9a.
TEST_F(Grants, AFileCreatedForItsAttributesGetsABatchOplock) {
  const auto a = open(by(alice).oplock(oplock_level::batch).access(attributes_alone).creating());

  expect_oplock(a, oplock_level::batch);
}

// smb2.oplock.batch10.
TEST_F(Grants, ABatchOplockBesideAnotherOpenIsLevelTwo) {
  open(by(alice));

  const auto b = open(by(bob).oplock(oplock_level::batch));

  expect_oplock(b, oplock_level::level_ii);
  expect_no_break();
}

// -- epochs and versions --------------------------------------------------------------------------

// smb2.lease.v2_epoch1.
TEST_F(Grants, ANewLeaseCountsFromTheClientsEpoch) {
  const auto a = open(by(alice).lease(k1, r, 0x4711));
  EXPECT_EQ(expect_granted(a, r).epoch, 0x4712);
  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, rwh, 0)), rwh).epoch, 0x4713);
}

TEST_F(Grants, AfterItsLastCloseALeaseCountsFromTheClientsEpochAgain) {
  close(open(by(alice).lease(k1, rwh, 0x4711)));

  const auto again = open(by(alice).lease(k1, rwh, 0x11));

  EXPECT_EQ(expect_granted(again, rwh).epoch, 0x12);
}

TEST_F(Grants, AnEpochWraps) {
  const auto a = open(by(alice).lease(k1, r, 0xffff));
  EXPECT_EQ(expect_granted(a, r).epoch, 0);

  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, rh)), rh).epoch, 1);
}

TEST_F(Grants, AnEpochWrapsOnABreak) {
  expect_granted(open(by(alice).lease(k1, rwh, 0xfffe)), rwh);

  const auto b = open(by(bob));

  EXPECT_EQ(expect_break(k1, rwh, rh).epoch, 0);
  acknowledge(alice, k1, rh);
  expect_done(b);
  EXPECT_EQ(lease_of(alice, k1)->epoch, 0);
}

TEST_F(Grants, AnAcknowledgementDoesNotCount) {
  open(by(alice).lease(k1, rwh, 1));
  open(by(bob));
  EXPECT_EQ(expect_break(k1, rwh, rh).epoch, 3);

  acknowledge(alice, k1, rh);

  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, none)), rh).epoch, 3);
}

TEST_F(Grants, OpeningAgainWithoutAChangeDoesNotCount) {
  open(by(alice).lease(k1, rh, 1));

  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, rh, 50)), rh).epoch, 2);
  EXPECT_EQ(expect_granted(open(by(alice).lease(k1, r, 60)), rh).epoch, 2);
}

TEST_F(Grants, ABreakOfReadAloneCounts) {
  const auto b = open(by(bob));
  open(by(alice).lease(k1, r, 1));

  write_data(bob, b);

  EXPECT_EQ(expect_break(k1, r, none).epoch, 3);
}

TEST_F(Grants, ALeaseRegainedCountsOn) {
  const auto b = open(by(bob));
  open(by(alice).lease(k1, r, 1));
  write_data(bob, b);
  EXPECT_EQ(expect_break(k1, r, none).epoch, 3);

  const auto again = open(by(alice).lease(k1, r, 77));

  EXPECT_EQ(expect_granted(again, r).epoch, 4);
}

// smb2.lease.v2_epoch2.
TEST_F(Grants, TheFirstOpenDecidesTheVersion) {
  const auto a = open(by(alice).lease(k1, rwh, 0x4711));
  EXPECT_EQ(expect_granted(a, rwh).version, 2);

  const auto again = open(by(alice).lease_v1(k1, rwh));

  const auto granted = expect_granted(again, rwh);
  EXPECT_EQ(granted.version, 2);
  EXPECT_EQ(granted.epoch, 0x4712);
  open(by(bob));
  EXPECT_EQ(expect_break(k1, rwh, rh).epoch, 0x4713);
  acknowledge(alice, k1, rh);
}

// smb2.lease.v2_epoch3.
TEST_F(Grants, AVersionOneLeaseSendsNoEpoch) {
  const auto a = open(by(alice).lease_v1(k1, rwh));
  EXPECT_EQ(expect_granted(a, rwh).version, 1);
  EXPECT_EQ(expect_granted(a, rwh).epoch, 0);

  const auto granted = expect_granted(open(by(alice).lease(k1, rwh, 0x4711)), rwh);

  EXPECT_EQ(granted.version, 1);
  EXPECT_EQ(granted.epoch, 0);
  open(by(bob));
  EXPECT_EQ(expect_break(k1, rwh, rh).epoch, 0);
  acknowledge(alice, k1, rh);
}

TEST_F(Grants, TheVersionIsChosenAgainAfterTheLastClose) {
  close(open(by(alice).lease(k1, rwh, 0x4711)));

  const auto granted = expect_granted(open(by(alice).lease_v1(k1, rwh)), rwh);

  EXPECT_EQ(granted.version, 1);
  EXPECT_EQ(granted.epoch, 0);
}

// smb2.lease.v2_request, FSA Compare_Zero_LeaseFlag_ParentLeaseKey.
TEST_F(Grants, EchoTheParentKeyExactlyIfItWasGiven) {
  const auto with = expect_granted(open(by(alice).lease(k1, rh).parent(k3)), rh);
  const auto without = expect_granted(open(by(bob).lease(k2, rh)), rh);

  EXPECT_EQ(with.parent_key, k3);
  EXPECT_FALSE(without.parent_key.has_value());
}

TEST_F(Grants, TheSameKeyOfAnotherClientIsAnotherLease) {
  expect_granted(open(by(alice).lease(k1, rh, 1)), rh);

  const auto b = open(by(bob).lease(k1, rh, 50));

  EXPECT_EQ(expect_granted(b, rh).epoch, 51);
  EXPECT_EQ(lease_of(alice, k1)->epoch, 2);
}

// smb2.lease.complex1, lock1: a lease belongs to the client, on all its connections.
TEST_F(Grants, ALeaseIsSharedByTheConnectionsOfAClient) {
  expect_granted(open(by(alice).lease(k1, r)), r);

  const auto again = open(by(alice_again).lease(k1, rwh));

  expect_granted(again, rwh);
  EXPECT_EQ(listing(entry_kind::lease).size(), 1U);
  EXPECT_EQ(listing(entry_kind::lease).at(0).opens, 2U);
}

TEST_F(Grants, ALeaseEndsWithItsLastOpen) {
  const auto first = open(by(alice).lease(k1, rwh));
  const auto second = open(by(alice_again).lease(k1, rwh));

  close(first);
  EXPECT_EQ(state_of_lease(alice, k1), rwh);
  close(second);

  EXPECT_FALSE(lease_of(alice, k1).has_value());
  EXPECT_TRUE(file.empty());
}

TEST_F(Grants, AreReportedAsFacts) {
  open(by(alice).lease(k1, rh));
  open(by(alice).lease(k1, rh));
  open(by(bob).oplock(oplock_level::level_ii));

  const auto facts = take_facts<caching_granted>();

  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(facts[0].state, rh);
  EXPECT_FALSE(facts[0].is_oplock);
}

// -- bad input ------------------------------------------------------------------------------------

TEST_F(Grants, ALeaseNeedsAKey) {
  expect_error(open(by(alice).lease(lease_key{}, rwh)), errc::zero_lease_key);
}

TEST_F(Grants, AnOpenNeedsAnIdOfItsOwn) {
  const auto a = open(by(alice));
  open_file twin = by(bob).request;
  twin.operation = operation_id{1000};
  twin.open = a.open;

  const auto out = file.apply(twin, now());

  ASSERT_EQ(out.completions.size(), 1U);
  EXPECT_EQ(out.completions[0].error, errc::open_exists);
}

} // namespace
} // namespace leasebreak::model_test

// The breaks of an open, and when it waits for them (MS-FSA 2.1.4.12, 2.1.5.1.2; MS-SMB2 3.3.5.9).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

class OpenBreaks : public model_test {};

std::vector<std::uint32_t> single_rights() {
  std::vector<std::uint32_t> rights;
  for (std::uint32_t bit = 1; bit != 0; bit <<= 1)
    if ((access::all & bit) != 0)
      rights.push_back(bit);
  return rights;
}

// smb2.lease.statopen4, with every single right.
TEST(AccessMasks, OnlyAttributesReadControlAndSynchronizeLeaveAForeignWriteAlone) {
  for (const auto right : single_rights()) {
    SCOPED_TRACE(testing::Message() << std::hex << "access 0x" << right);
    world w;
    w.open(by(alice).lease(k1, rwh));

    const auto b = w.open(by(bob).access(right));

    const bool harmless = (right & (attributes_alone | access::read_control)) != 0;
    if (harmless) {
      w.expect_granted(b, none);
      w.expect_no_break();
    } else {
      w.expect_break(k1, rwh, rh);
      w.expect_waits(b);
      w.acknowledge(alice, k1, rh);
      w.expect_granted(b, none);
    }
  }
}

// smb2.oplock.statopen1: READ_CONTROL breaks an oplock.
TEST(AccessMasks, OnlyAttributesAndSynchronizeLeaveAForeignOplockAlone) {
  for (const auto right : single_rights()) {
    SCOPED_TRACE(testing::Message() << std::hex << "access 0x" << right);
    world w;
    const auto a = w.open(by(alice).oplock(oplock_level::batch));

    const auto b = w.open(by(bob).access(right));

    if ((right & attributes_alone) != 0) {
      w.expect_granted(b, none);
      w.expect_no_break();
    } else {
      w.expect_oplock_break(a, rwh, r);
      w.expect_waits(b);
      w.acknowledge_oplock(alice, a, oplock_level::level_ii);
      w.expect_granted(b, none);
    }
  }
}

TEST(AccessMasks, OneHarmfulRightAmongHarmlessOnesBreaks) {
  for (const auto right : single_rights()) {
    if ((right & (attributes_alone | access::read_control)) != 0)
      continue;
    world w;
    w.open(by(alice).lease(k1, rw));

    const auto b = w.open(by(bob).access(right | attributes_alone));

    w.expect_break(k1, rw, r);
    w.expect_waits(b);
    w.acknowledge(alice, k1, r);
  }
}

// The breaks by another client's open: their targets, and whether the open waits (MS-FSA 2.1.4.12).
TEST(OpenMatrix, WithoutOverwriteAForeignOpenTakesWrite) {
  for (const auto held : file_states) {
    SCOPED_TRACE(testing::Message() << held);
    world w;
    w.open(by(alice).lease(k1, held));

    const auto b = w.open(by(bob));

    if (intersects(held, write)) {
      const auto n = w.expect_break(k1, held, held - write);
      EXPECT_EQ(n.cause, break_cause::open);
      w.expect_waits(b);
      w.acknowledge(alice, k1, held - write);
    }
    w.expect_no_break();
    w.expect_granted(b, none);
  }
}

TEST(OpenMatrix, AnOverwriteTakesEverythingAndWaitsForWriteAlone) {
  for (const auto held : file_states) {
    SCOPED_TRACE(testing::Message() << held);
    world w;
    w.open(by(alice).lease(k1, held));

    const auto b = w.open(by(bob).overwriting());

    if (held != none) {
      const auto n = w.expect_break(k1, held, none);
      EXPECT_EQ(n.cause, break_cause::overwrite);
    }
    if (intersects(held, write))
      w.expect_waits(b);
    else
      w.expect_granted(b, none);
    if (held != none && held != r)
      w.expect_acknowledged(w.acknowledge(alice, k1, none), none);
    w.expect_granted(b, none);
    w.expect_no_break();
    EXPECT_EQ(w.state_of_lease(alice, k1), none);
  }
}

TEST(OpenMatrix, AForeignOpenBreaksOplocks) {
  for (const auto held : oplocks) {
    for (const bool overwrites : {false, true}) {
      SCOPED_TRACE(testing::Message() << held << " " << overwrites);
      world w;
      const auto a = w.open(by(alice).oplock(held));

      auto how = by(bob);
      how.request.overwrites = overwrites;
      const auto b = w.open(how);

      if (held == oplock_level::level_ii) {
        if (overwrites)
          w.expect_oplock_break(a, r, none);
      } else {
        w.expect_oplock_break(a, state_of(held), overwrites ? none : r);
        w.expect_waits(b);
        w.acknowledge_oplock(alice, a, overwrites ? oplock_level::none : oplock_level::level_ii);
      }
      w.expect_no_break();
      w.expect_granted(b, none);
    }
  }
}

// smb2.oplock.exclusive5, batch13, batch14, batch16: an overwrite with access to attributes only.
TEST_F(OpenBreaks, AnOverwriteIsNoStatOpen) {
  const auto a = open(by(alice).oplock(oplock_level::exclusive));

  const auto b =
    open(by(bob).access(attributes_alone).overwriting().oplock(oplock_level::level_ii));

  expect_oplock_break(a, rw, none);
  expect_waits(b);
  acknowledge_oplock(alice, a, oplock_level::none);
  expect_oplock(b, oplock_level::level_ii);
}

TEST_F(OpenBreaks, AnOverwriteForAttributesBreaksALease) {
  open(by(alice).lease(k1, rh));

  const auto b = open(by(bob).access(attributes_alone).overwriting());

  expect_break(k1, rh, none);
  expect_granted(b, none);
  acknowledge(alice, k1, none);
}

// smb2.lease.multibreak.
TEST_F(OpenBreaks, ThereIsOneNotificationForAllOpensOfALease) {
  open(by(alice).lease(k1, rh));
  open(by(alice).lease(k1, rwh));

  const auto b = open(by(bob).lease(k2, rwh));

  expect_break(k1, rwh, rh);
  expect_no_break();
  acknowledge(alice, k1, rh);
  expect_granted(b, rh);
}

TEST_F(OpenBreaks, AnOverwriteBreaksAllHoldersAtOnce) {
  open(by(alice).lease(k1, r));
  const auto b = open(by(bob).oplock(oplock_level::level_ii));

  const auto c = open(by(carol).overwriting());

  expect_break(k1, r, none);
  expect_oplock_break(b, r, none);
  expect_granted(c, none);
}

// smb2.lease.breaking1.
TEST_F(OpenBreaks, TheSameKeyIsAnsweredAtOnceDuringABreak) {
  open(by(alice).lease(k1, rwh, 1));
  const auto b = open(by(bob));
  EXPECT_EQ(expect_break(k1, rwh, rh).epoch, 3);

  const auto again = open(by(alice).lease(k1, rwh));

  const auto granted = expect_granted(again, rwh);
  EXPECT_TRUE(granted.break_in_progress);
  EXPECT_EQ(granted.epoch, 3);
  expect_no_break();
  expect_waits(b);
  expect_acknowledged(acknowledge(alice, k1, rh), rh);
  EXPECT_EQ(expect_granted(b, none).oplock, oplock_level::none);
}

TEST_F(OpenBreaks, TheSameKeyIsNotUpgradedDuringABreak) {
  open(by(alice).lease(k1, rh));
  open(by(bob).overwriting());
  expect_break(k1, rh, none);

  const auto granted = expect_granted(open(by(alice).lease(k1, rwh)), rh);

  EXPECT_TRUE(granted.break_in_progress);
  acknowledge(alice, k1, none);
}

// smb2.lease.breaking3, v2_breaking3.
TEST_F(OpenBreaks, AMergedBreakGoesOnStepByStep) {
  open(by(alice).lease(k1, rwh, 0x10));
  const auto b = open(by(bob));
  const auto first = expect_break(k1, rwh, rh);
  const auto c = open(by(carol).overwriting());
  expect_no_break();

  expect_acknowledged(acknowledge(alice, k1, rh), rh);
  const auto second = expect_break(k1, rh, r);
  expect_waits(b);
  expect_waits(c);
  expect_acknowledged(acknowledge(alice, k1, r), r);
  const auto third = expect_break(k1, r, none);

  expect_granted(b, none);
  expect_granted(c, none);
  EXPECT_EQ(first.epoch, 0x12);
  EXPECT_EQ(second.epoch, 0x12);
  EXPECT_EQ(third.epoch, 0x12);
  expect_error(acknowledge(alice, k1, none), errc::lease_not_breaking);
}

// breaking3: the first one is granted first.
TEST_F(OpenBreaks, WaitingOpensAreLetInInTheirOrder) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob).lease(k2, rwh));
  expect_break(k1, rwh, rh);
  const auto c = open(by(carol).oplock(oplock_level::batch));
  expect_no_break();

  acknowledge(alice, k1, none);

  expect_granted(b, rh);
  expect_oplock(c, oplock_level::none);
}

// smb2.lease.breaking4.
TEST_F(OpenBreaks, AnOverwriteDoesNotWaitForHandleAlone) {
  open(by(alice).lease(k1, rh));

  const auto first = open(by(bob).overwriting());
  expect_break(k1, rh, none);
  expect_granted(first, none);
  const auto second = open(by(bob).overwriting());
  expect_no_break();
  expect_granted(second, none);

  const auto query = open(by(alice).lease(k1, none));
  EXPECT_TRUE(expect_granted(query, rh).break_in_progress);
  expect_acknowledged(acknowledge(alice, k1, none), none);
  EXPECT_FALSE(expect_granted(open(by(alice).lease(k1, none)), none).break_in_progress);
}

// smb2.lease.breaking5.
TEST_F(OpenBreaks, ReadIsReleasedWithoutAnAcknowledgement) {
  open(by(alice).lease(k1, r));

  const auto b = open(by(bob).overwriting());

  EXPECT_FALSE(expect_break(k1, r, none).ack_required);
  expect_granted(b, none);
  EXPECT_EQ(state_of_lease(alice, k1), none);
  expect_error(acknowledge(alice, k1, none), errc::lease_not_breaking);
}

TEST_F(OpenBreaks, AnOpenThatNeedsNothingWaitsForABreakOfWriteInProgress) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob));
  expect_break(k1, rwh, rh);

  const auto c = open(by(carol).access(access::read_data));

  expect_no_break();
  expect_waits(c);
  acknowledge(alice, k1, rh);
  expect_granted(b, none);
  expect_granted(c, none);
}

// Samba's rule; MS-FSA would grant it while only Handle is being broken.
TEST_F(OpenBreaks, AnOpenThatNeedsNothingWaitsForAnyBreakInProgress) {
  open(by(alice).lease(k1, rh));
  expect_granted(open(by(bob).overwriting()), none);
  expect_break(k1, rh, none);

  const auto c = open(by(carol).access(access::read_data));

  expect_no_break();
  expect_waits(c);
  acknowledge(alice, k1, none);
  expect_granted(c, none);
}

TEST_F(OpenBreaks, AStatOpenDoesNotWaitForABreakInProgress) {
  open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);

  const auto stat = open(by(carol).access(attributes_alone));

  expect_granted(stat, none);
  acknowledge(alice, k1, rh);
}

// A notification in the same step would overtake the grant on its way to the client.
TEST_F(OpenBreaks, AGrantThatTheNextOneInLineNeedsIsLoweredBeforeItIsTold) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob).lease(k2, rh));
  expect_break(k1, rwh, rh);
  const auto c = open(by(carol).overwriting());

  acknowledge(alice, k1, none);

  expect_granted(b, none);
  expect_granted(c, none);
  expect_no_break();
  EXPECT_EQ(state_of_lease(bob, k2), none);
}

TEST_F(OpenBreaks, ADurableGrantThatIsLoweredBeforeItIsToldIsNotDurable) {
  open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob).lease(k2, rh).durable());
  expect_break(k1, rwh, rh);
  const auto c = open(by(carol).overwriting());

  acknowledge(alice, k1, none);

  EXPECT_FALSE(expect_granted(b, none).durable);
  expect_granted(c, none);
  expect_no_break();
}

TEST_F(OpenBreaks, AnOplockThatTheNextOneInLineNeedsIsLoweredBeforeItIsTold) {
  const auto a = open(by(alice).oplock(oplock_level::batch));
  const auto b = open(by(bob).oplock(oplock_level::batch));
  expect_oplock_break(a, rwh, r);
  const auto c = open(by(carol).access(access::read_data).oplock(oplock_level::level_ii));
  const auto d = open(by(carol).overwriting());

  close(a);

  expect_oplock(b, oplock_level::none);
  expect_oplock(c, oplock_level::none);
  expect_granted(d, none);
  expect_no_break();
  EXPECT_FALSE(oplock_of_open(b).has_value());
}

TEST_F(OpenBreaks, WriteThatTheNextOneInLineTakesIsNotGrantedInTheFirstPlace) {
  const auto a = open(by(alice).lease(k1, rwh));
  const auto b = open(by(bob).lease(k2, rwh));
  expect_break(k1, rwh, rh);
  const auto c = open(by(carol).lease(k3, rwh));

  close(a);

  expect_granted(b, rh);
  expect_granted(c, rh);
  expect_no_break();
}

// -- share conflicts ------------------------------------------------------------------------------

// MS-FSA 2.1.5.1.2.2: Handle is broken, and the check is repeated.
TEST(SharingConflictMatrix, TakesHandleAndNothingElse) {
  for (const auto held : file_states) {
    for (const bool overwrites : {false, true}) {
      SCOPED_TRACE(testing::Message() << held << " " << overwrites);
      world w;
      w.open(by(alice).lease(k1, held).shares(share::none));

      auto how = by(bob);
      how.request.overwrites = overwrites;
      const auto b = w.open(how);

      if (intersects(held, handle)) {
        const auto n = w.expect_break(k1, held, held - handle);
        EXPECT_EQ(n.cause, break_cause::sharing_violation);
        w.expect_waits(b);
        w.expect_acknowledged(w.acknowledge(alice, k1, held - handle), held - handle);
      }
      w.expect_no_break();
      w.expect_error(b, errc::sharing_violation);
      EXPECT_EQ(w.state_of_lease(alice, k1), held - handle);
    }
  }
}

TEST(SharingConflictMatrix, IsOverWhenTheHolderCloses) {
  for (const auto held : {rh, rwh}) {
    world w;
    const auto a = w.open(by(alice).lease(k1, held).shares(share::none));
    const auto b = w.open(by(bob).lease(k2, rwh));
    w.expect_break(k1, held, held - handle);

    w.close(a);

    w.expect_granted(b, rwh);
    w.expect_no_break();
  }
}

// smb2.oplock.exclusive1, batch1, batch5: batch is broken, exclusive and level II are not.
TEST(SharingConflictMatrix, BreaksABatchOplockAlone) {
  for (const auto held : oplocks) {
    SCOPED_TRACE(testing::Message() << held);
    world w;
    const auto a = w.open(by(alice).oplock(held).shares(share::none));

    const auto b = w.open(by(bob));

    if (held == oplock_level::batch) {
      w.expect_oplock_break(a, rwh, r);
      w.expect_waits(b);
      w.acknowledge_oplock(alice, a, oplock_level::level_ii);
    }
    w.expect_no_break();
    w.expect_error(b, errc::sharing_violation);
  }
}

// smb2.oplock.batch3.
TEST_F(OpenBreaks, AHolderThatClosesOnAShareConflictLetsTheOpenIn) {
  const auto a = open(by(alice).oplock(oplock_level::batch).shares(share::none));
  const auto b = open(by(bob).oplock(oplock_level::batch));
  expect_oplock_break(a, rwh, r);

  close(a);

  expect_oplock(b, oplock_level::batch);
}

// smb2.lease.two-leases (master).
TEST_F(OpenBreaks, AShareConflictAsksAllHoldersOfHandleAtOnce) {
  const auto a =
    open(by(alice).lease(k1, rh).access(access::read_data).shares(share::read | share::write));
  const auto b =
    open(by(bob).lease(k2, rh).access(access::read_data).shares(share::read | share::write));

  const auto c = open(by(carol).access(access::delete_file));

  expect_break(k1, rh, r);
  expect_break(k2, rh, r);
  close(a);
  expect_waits(c);
  close(b);
  expect_granted(c, none);
}

// WPTS BVT_DirectoryLeasing_LeaseBreakOnMultiClients does the same on a directory.
TEST_F(OpenBreaks, AShareConflictWaitsUntilAllHoldersHaveAnswered) {
  open(by(alice).lease(k1, rh).access(access::read_data).shares(share::read | share::write));
  open(by(bob).lease(k2, rh).access(access::read_data).shares(share::read | share::write));
  const auto c = open(by(carol).access(access::delete_file));
  expect_break(k1, rh, r);
  expect_break(k2, rh, r);

  acknowledge(bob, k2, r);
  expect_waits(c);
  acknowledge(alice, k1, r);

  expect_error(c, errc::sharing_violation);
  expect_no_break();
}

// smb2.lease.break_twice.
TEST_F(OpenBreaks, AShareConflictAndThenAnOpenBreakTwice) {
  const auto a = open(by(alice).lease(k1, rwh, 0x11));
  EXPECT_EQ(expect_granted(a, rwh).epoch, 0x12);

  const auto first = open(by(bob).lease(k2, rwh, 0x22).shares(share::read));
  EXPECT_EQ(expect_break(k1, rwh, rw).epoch, 0x13);
  acknowledge(alice, k1, rw);
  expect_error(first, errc::sharing_violation);

  const auto second = open(by(bob).lease(k2, rwh, 0x22));
  EXPECT_EQ(expect_break(k1, rw, r).epoch, 0x14);
  acknowledge(alice, k1, r);
  EXPECT_EQ(expect_granted(second, rh).epoch, 0x23);
}

// smb2.lease.sharing_violation (master).
TEST_F(OpenBreaks, AShareConflictTakesHandleAlsoFromOpensThatShare) {
  open(by(alice).lease(k1, rh).access(access::read_attributes));
  open(by(bob).lease(k2, rh).shares(share::read).access(access::read_data));

  const auto c = open(by(carol).access(access::write_data));

  expect_break(k1, rh, r);
  expect_break(k2, rh, r);
  acknowledge(alice, k1, r);
  expect_waits(c);
  acknowledge(bob, k2, r);
  expect_error(c, errc::sharing_violation);
}

// smb2.lease.timeout-disconnect: durable RH without sharing, an open of the same client without
// a lease.
TEST_F(OpenBreaks, AnOpenOfTheSameClientWithoutTheLeaseIsForeign) {
  open(by(alice).lease(k1, rh).shares(share::none));

  const auto other = open(by(alice_again));

  expect_break(k1, rh, r);
  expect_waits(other);
  disconnect_connection(alice_again);
  expect_error(other, errc::client_gone);
  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  disconnect_connection(alice);
  EXPECT_TRUE(file.empty());
}

// smb2.oplock.doc: no break for an open that fails anyway.
TEST_F(OpenBreaks, ADeletePendingFileIsNotOpenedAndNothingIsBroken) {
  const auto a = open(by(alice).oplock(oplock_level::batch));
  expect_done(access(alice, access_kind::set_delete, a));

  const auto b = open(by(bob));

  expect_error(b, errc::delete_pending);
  expect_no_break();
}

// -- directories ----------------------------------------------------------------------------------

TEST(DirectoryGrants, HaveNoWriteAndNoOplock) {
  for (const auto wanted : all_requests) {
    SCOPED_TRACE(int{bits(wanted)});
    world w;
    const auto d = w.open(by(alice).directory().lease(k1, wanted));
    const lease_state expected = wanted - write;
    w.expect_granted(d, is_valid(expected, true) ? expected : none);
  }
  for (const auto wanted : oplocks) {
    world w;
    w.expect_oplock(w.open(by(alice).directory().oplock(wanted)), oplock_level::none);
  }
}

// Directories only support V2 leases (MS-SMB2 3.3.5.9.8).
TEST_F(OpenBreaks, AVersionOneLeaseOnADirectoryIsNotGranted) {
  expect_granted(open(by(alice).directory().lease_v1(k1, rh)), none);
}

TEST_F(OpenBreaks, OpensOfADirectoryBreakNothing) {
  open(by(alice).directory().lease(k1, rh));

  const auto b = open(by(bob).directory().lease(k2, rwh));

  expect_no_break();
  expect_granted(b, rh);
}

// WPTS DirectoryLeasing_BreakHandleCachingByConflictOpen.
TEST_F(OpenBreaks, AShareConflictOnADirectoryTakesHandle) {
  open(by(alice).directory().lease(k1, rh, 1).shares(share::none));

  const auto b = open(by(bob).directory());

  EXPECT_EQ(expect_break(k1, rh, r).epoch, 3);
  expect_waits(b);
  acknowledge(alice, k1, r);
  expect_error(b, errc::sharing_violation);
}

// -- grants that are broken before their responses ----------------------------------------------
//
// Several pending opens may complete in one step, and one of them may break what another has just
// been granted. The notification comes before the responses of its step. A response that reported
// more than is left would seem to be newer than the break.

class UntoldGrants : public model_test {
protected:
  // Carol's oplock blocks `waiting`, and an overwriting open behind them.
  std::vector<attempt> let_go_on(const std::vector<opening>& waiting) {
    const auto blocker = open(by(carol).oplock(oplock_level::batch));
    std::vector<attempt> granted{open(waiting.front())};
    expect_oplock_break(blocker, rwh, r);
    for (auto how = waiting.begin() + 1; how != waiting.end(); ++how)
      granted.push_back(open(*how));
    const auto overwrites = open(by(bob).lease(k3, r).overwriting());
    expect_waits(overwrites);
    acknowledge_oplock(carol, blocker, oplock_level::none);
    expect_done(overwrites);
    return granted;
  }
};

TEST_F(UntoldGrants, AreLessInTheFirstPlace) {
  const auto granted = let_go_on({by(alice).lease(k1, rh, 7).durable()});

  expect_no_break();
  const auto answer = expect_granted(granted[0], none);
  EXPECT_EQ(answer.oplock, oplock_level::lease);
  EXPECT_FALSE(answer.durable);
}

TEST_F(UntoldGrants, OfAnOplockAreNone) {
  const auto granted = let_go_on({by(alice).oplock(oplock_level::level_ii)});

  expect_no_break();
  expect_oplock(granted[0], oplock_level::none);
}

TEST_F(UntoldGrants, AreLessForAllOpensOfTheLease) {
  for (const auto version : {1, 2}) {
    SCOPED_TRACE(version);
    const auto with = [&](lease_state state) {
      return version == 1 ? by(alice).lease_v1(k1, state) : by(alice).lease(k1, state);
    };
    const auto granted = let_go_on({with(r), with(rh).durable()});

    expect_no_break();
    expect_granted(granted[0], none);
    EXPECT_FALSE(expect_granted(granted[1], none).durable);
    finish();
  }
}

// A lease that its client knows already: the client is sent the break, and the response says the
// same.
class UntoldUpgrades : public model_test {
protected:
  // Alice's lease caches nothing until Carol, whose open blocks both, closes.
  attempt let_go_on(const opening& upgrade) {
    const auto blocker = open(by(carol).lease(k2, rh).shares(share::read | share::write));
    const auto upgraded = open(upgrade);
    expect_break(k2, rh, r);
    const auto overwrites = open(by(bob).lease(k3, r).overwriting());
    expect_waits(upgraded);
    expect_waits(overwrites);
    close(blocker);
    expect_done(overwrites);
    return upgraded;
  }

  static constexpr std::uint32_t attributes_alone = access::read_attributes;
};

TEST_F(UntoldUpgrades, AreAnsweredWithWhatIsLeft) {
  open(by(alice).lease(k1, none).access(attributes_alone));

  const auto upgraded = let_go_on(by(alice).lease(k1, r));

  const auto broken = expect_break(k1, r, none);
  const auto answer = expect_granted(upgraded, none);
  EXPECT_EQ(answer.epoch, broken.epoch);
  EXPECT_FALSE(answer.break_in_progress);
}

TEST_F(UntoldUpgrades, OfTheFirstVersionAreAnsweredWithWhatIsLeft) {
  open(by(alice).lease_v1(k1, none).access(attributes_alone));

  const auto upgraded = let_go_on(by(alice).lease_v1(k1, r));

  expect_break(k1, r, none);
  expect_granted(upgraded, none);
}

TEST_F(UntoldUpgrades, SayThatABreakIsInProgress) {
  open(by(alice).lease(k1, none).access(attributes_alone));

  const auto upgraded = let_go_on(by(alice).lease(k1, rh));

  const auto broken = expect_break(k1, rh, none);
  const auto answer = expect_granted(upgraded, rh);
  EXPECT_TRUE(answer.break_in_progress);
  EXPECT_EQ(answer.epoch, broken.epoch);
}

} // namespace
} // namespace leasebreak::model_test

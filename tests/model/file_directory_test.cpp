// Directory leases: breaks by changes of the content, and the parent key that suppresses them
// (MS-FSA 2.1.4.12 PARENT_OBJECT; smb2.dirlease of Samba's master).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

class DirectoryLeases : public model_test {
protected:
  attempt open_directory(
    const client& who, const lease_key& key, lease_state state, std::uint16_t epoch = 0) {
    return open(by(who).directory().lease(key, state, epoch));
  }
};

TEST(DirectoryMatrix, AChildChangeTakesEverythingAndDoesNotWait) {
  for (const auto held : {none, r, rh}) {
    SCOPED_TRACE(testing::Message() << held);
    world w;
    w.expect_granted(w.open(by(alice).directory().lease(k1, held, 1)), held);

    const auto change = w.access(bob, access_kind::change_children);

    w.expect_done(change);
    if (held != none) {
      const auto n = w.expect_break(k1, held, none);
      EXPECT_EQ(n.cause, break_cause::child_change);
      EXPECT_EQ(n.epoch, 3);
    }
    if (held == rh)
      w.acknowledge(alice, k1, none);
    EXPECT_EQ(w.state_of_lease(alice, k1), none);
  }
}

// smb2.lease.v2_request_parent, WPTS DirectoryComparing_ParentLeaseKey_ChildLeaseKey.
TEST_F(DirectoryLeases, AreSparedByChangesWithTheirKey) {
  open_directory(alice, k1, rh);

  expect_done(access(alice, access_kind::change_children, k1));

  expect_no_break();
  EXPECT_EQ(state_of_lease(alice, k1), rh);
}

// The key alone counts, not the client.
TEST_F(DirectoryLeases, AreSparedByAnotherClientThatNamesTheirKey) {
  open_directory(alice, k1, rh);

  expect_done(access(bob, access_kind::change_children, k1));

  expect_no_break();
}

TEST_F(DirectoryLeases, AreBrokenByTheirOwnClientWithoutTheKey) {
  open_directory(alice, k1, rh);

  expect_done(access(alice, access_kind::change_children));

  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
}

TEST_F(DirectoryLeases, AreBrokenByChangesWithAnotherKey) {
  open_directory(alice, k1, rh);

  expect_done(access(alice, access_kind::change_children, k2));

  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
}

// WPTS DirectoryComparing_Child_Invalid_ParentLeaseKeys.
TEST_F(DirectoryLeases, AreBrokenByAKeyOfZero) {
  open_directory(alice, k1, rh);

  expect_done(access(alice, access_kind::change_children, lease_key{}));

  expect_break(k1, rh, none);
  acknowledge(alice, k1, none);
}

TEST_F(DirectoryLeases, AreBrokenByChangesFromOutside) {
  open_directory(alice, k1, r);

  expect_done(access(nobody, access_kind::change_children));

  expect_break(k1, r, none);
}

TEST_F(DirectoryLeases, OfSeveralHoldersAreAllBrokenAtOnce) {
  open_directory(alice, k1, rh);
  open_directory(bob, k2, rh);
  open_directory(carol, k3, r);

  expect_done(access(bob, access_kind::change_children, k2));

  expect_break(k1, rh, none);
  expect_break(k3, r, none);
  expect_no_break();
  EXPECT_EQ(state_of_lease(bob, k2), rh);
  acknowledge(alice, k1, none);
}

TEST_F(DirectoryLeases, OneHolderThatIsLostTakesNoneOfTheOthersWithIt) {
  const auto a = open_directory(alice, k1, rh);
  open_directory(bob, k2, rh);
  open_directory(carol, k3, rh);
  access(nobody, access_kind::change_children);
  expect_break(k1, rh, none);
  expect_break(k2, rh, none);
  expect_break(k3, rh, none);

  close(a);
  disconnect(bob);

  EXPECT_TRUE(lease_of(carol, k3)->breaking);
  expect_acknowledged(acknowledge(carol, k3, none), none);
}

TEST_F(DirectoryLeases, ASecondChangeDuringTheBreakSaysNothingNew) {
  open_directory(alice, k1, rh, 1);
  access(bob, access_kind::change_children);
  EXPECT_EQ(expect_break(k1, rh, none).epoch, 3);

  access(carol, access_kind::change_children);

  expect_no_break();
  acknowledge(alice, k1, none);
}

// smb2.lease.v2_request: a new open is granted the lease again, with increasing epochs.
TEST_F(DirectoryLeases, AreGrantedAgainAfterwards) {
  open_directory(alice, k1, rh, 1);
  access(bob, access_kind::change_children);
  EXPECT_EQ(expect_break(k1, rh, none).epoch, 3);
  acknowledge(alice, k1, none);

  EXPECT_EQ(expect_granted(open_directory(alice, k1, rh), rh).epoch, 4);
}

// WPTS BVT_DirectoryLeasing_LeaseBreakOnMultiClients.
TEST_F(DirectoryLeases, AllLoseHandleToADeletion) {
  const auto listing_only = access::read_data | access::read_attributes;
  open(by(alice).directory().lease(k1, rh).access(listing_only).shares(share::read | share::write));
  open(by(bob).directory().lease(k2, rh).access(listing_only).shares(share::read | share::write));

  const auto c = open(by(carol).directory().access(access::delete_file).deleting_on_close());

  EXPECT_EQ(expect_break(k1, rh, r).epoch, 2);
  EXPECT_EQ(expect_break(k2, rh, r).epoch, 2);
  acknowledge(alice, k1, r);
  expect_waits(c);
  acknowledge(bob, k2, r);
  expect_error(c, errc::sharing_violation);
}

// smb2.dirlease.rename: the directory itself is renamed.
TEST_F(DirectoryLeases, LoseHandleWhenTheirDirectoryIsRenamed) {
  open_directory(alice, k1, rh);
  const auto b = open(by(bob).directory());

  const auto renaming = access(bob, access_kind::rename, b);

  expect_break(k1, rh, r);
  expect_waits(renaming);
  acknowledge(alice, k1, r);
  expect_done(renaming);
}

TEST_F(DirectoryLeases, TimeOutLikeOthers) {
  open_directory(alice, k1, rh);
  access(nobody, access_kind::change_children);
  expect_break(k1, rh, none);

  pass(seconds{35});

  EXPECT_EQ(state_of_lease(alice, k1), none);
  EXPECT_TRUE(lease_of(alice, k1)->timed_out);
}

TEST_F(DirectoryLeases, ADirectoryIsNotOpenedAsAFile) {
  open_directory(alice, k1, rh);

  expect_error(open(by(bob)), errc::invalid_argument);
  expect_error(open(by(bob).directory().overwriting()), errc::invalid_argument);
}

TEST_F(DirectoryLeases, AnAcknowledgementWithWriteIsRefused) {
  open_directory(alice, k1, rh);
  access(bob, access_kind::change_children);
  expect_break(k1, rh, none);

  // WPTS InvalidLeaseStateInLeaseBreakAck.
  expect_error(acknowledge(alice, k1, lease_state::write), errc::ack_exceeds_break);

  acknowledge(alice, k1, none);
}

} // namespace
} // namespace leasebreak::model_test

// Traditional oplocks: the cases of smb2.oplock, and acknowledgements (MS-SMB2 3.3.5.22.1).
#include "file_fixture.hpp"

namespace leasebreak::model_test {
namespace {

constexpr auto level_ii = oplock_level::level_ii;
constexpr auto exclusive_level = oplock_level::exclusive;
constexpr auto batch = oplock_level::batch;
constexpr auto no_oplock = oplock_level::none;

class SmbtortureOplock : public model_test {};

TEST_F(SmbtortureOplock, Exclusive1) {
  open(by(alice).oplock(exclusive_level).shares(share::none));

  expect_error(open(by(bob).oplock(exclusive_level)), errc::sharing_violation);
  expect_error(open(by(bob).access(access::delete_file)), errc::sharing_violation);
  expect_no_break();
}

TEST_F(SmbtortureOplock, Exclusive2) {
  const auto a = open(by(alice).oplock(exclusive_level));
  const auto b = open(by(bob).oplock(exclusive_level));
  expect_oplock_break(a, rw, r);
  acknowledge_oplock(alice, a, level_ii);
  expect_oplock(b, level_ii);

  const auto unlink = open(by(bob).access(access::delete_file));

  expect_granted(unlink, none);
  expect_no_break();
}

TEST_F(SmbtortureOplock, Exclusive3) {
  open(by(alice).oplock(exclusive_level).shares(share::none));

  expect_error(open(by(bob).access(access::write_data)), errc::sharing_violation);
  expect_no_break();
}

TEST_F(SmbtortureOplock, Exclusive4) {
  open(by(alice).oplock(exclusive_level).shares(share::none));

  expect_oplock(open(by(bob).oplock(exclusive_level).access(attributes_alone)), no_oplock);
  expect_no_break();
}

// exclusive6, batch19, batch20: a rename needs the parent directory, and conflicts with an open of
// it for deletion.
TEST_F(SmbtortureOplock, Exclusive6) {
  open(by(alice).directory());

  expect_error(access(bob, access_kind::rename_into), errc::sharing_violation);
  expect_no_break();
}

TEST_F(SmbtortureOplock, Exclusive9) {
  for (const bool overwrites : {false, true}) {
    world w;
    const auto a = w.open(by(alice).oplock(exclusive_level));
    auto how = by(bob).oplock(exclusive_level);
    how.request.overwrites = overwrites;

    const auto b = w.open(how);

    w.expect_oplock_break(a, rw, overwrites ? none : r);
    w.acknowledge_oplock(alice, a, overwrites ? no_oplock : level_ii);
    w.expect_oplock(b, level_ii);
  }
}

TEST_F(SmbtortureOplock, Batch1) {
  const auto a = open(by(alice).oplock(batch).shares(share::read | share::write));
  const auto unlink = open(by(bob).access(access::delete_file));
  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, level_ii);
  expect_error(unlink, errc::sharing_violation);

  expect_error(open(by(bob).access(access::delete_file)), errc::sharing_violation);
  expect_no_break();
  // A write breaks the writer's own level II.
  write_data(alice, a);
  expect_oplock_break(a, r, none);
}

TEST_F(SmbtortureOplock, Batch2) {
  const auto a = open(by(alice).oplock(batch).shares(share::none));
  const auto unlink = open(by(bob).access(access::delete_file));
  expect_oplock_break(a, rwh, r);

  expect_acknowledged(acknowledge_oplock(alice, a, no_oplock), none);

  expect_error(unlink, errc::sharing_violation);
  EXPECT_FALSE(oplock_of_open(a).has_value());
}

TEST_F(SmbtortureOplock, Batch3) {
  const auto a = open(by(alice).oplock(batch).shares(share::none));
  const auto unlink = open(by(bob).access(access::delete_file));
  expect_oplock_break(a, rwh, r);

  close(a);

  expect_granted(unlink, none);
}

TEST_F(SmbtortureOplock, Batch4) {
  const auto a = open(by(alice).oplock(batch));

  const auto b = open(by(bob).access(access::read_data));

  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, level_ii);
  expect_granted(b, none);
}

TEST_F(SmbtortureOplock, Batch6) {
  const auto a = open(by(alice).oplock(batch));
  const auto b = open(by(bob).oplock(batch));
  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, level_ii);
  expect_oplock(b, level_ii);

  write_data(alice, a);

  expect_oplock_break(a, r, none);
  expect_oplock_break(b, r, none);
}

TEST_F(SmbtortureOplock, Batch7) {
  const auto a = open(by(alice).oplock(batch).shares(share::none));
  const auto b = open(by(bob).oplock(batch).shares(share::none));
  expect_oplock_break(a, rwh, r);

  close(a);

  expect_oplock(b, batch);
}

TEST_F(SmbtortureOplock, Batch8) {
  open(by(alice).oplock(batch));

  expect_oplock(open(by(bob).oplock(batch).access(attributes_alone)), no_oplock);
  expect_no_break();
}

TEST_F(SmbtortureOplock, Batch9) {
  const auto a = open(by(alice).oplock(batch).access(attributes_alone).creating());
  expect_oplock(a, batch);
  const auto b = open(by(bob).oplock(batch));
  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, level_ii);
  expect_oplock(b, level_ii);

  write_data(bob, b);

  expect_oplock_break(a, r, none);
  expect_oplock_break(b, r, none);
}

TEST_F(SmbtortureOplock, Batch10) {
  const auto a = open(by(alice));
  const auto b = open(by(bob).oplock(batch));
  expect_oplock(b, level_ii);

  write_data(alice, a);

  expect_oplock_break(b, r, none);
}

// batch11 (end of file), batch12 (allocation): the path is opened for writing, then written.
TEST_F(SmbtortureOplock, Batch11And12) {
  const auto a = open(by(alice).oplock(batch));
  const auto b = open(by(bob).access(access::write_data));
  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, level_ii);
  expect_granted(b, none);

  write_data(bob, b);

  expect_oplock_break(a, r, none);
}

TEST_F(SmbtortureOplock, Batch13And14And16) {
  const auto a = open(by(alice).oplock(batch));

  const auto b = open(by(bob).oplock(batch).access(attributes_alone).overwriting());

  expect_oplock_break(a, rwh, none);
  acknowledge_oplock(alice, a, no_oplock);
  expect_oplock(b, level_ii);
}

TEST_F(SmbtortureOplock, Batch15) {
  open(by(alice).oplock(batch));

  expect_granted(open(by(bob).access(access::read_attributes)), none);
  expect_no_break();
}

TEST_F(SmbtortureOplock, Batch19) {
  const auto a = open(by(alice).oplock(batch));

  expect_done(access(alice, access_kind::rename, a));

  expect_no_break();
  EXPECT_EQ(oplock_of_open(a)->state, rwh);
}

TEST_F(SmbtortureOplock, Batch20) {
  const auto a = open(by(alice).oplock(batch));
  expect_done(access(alice, access_kind::rename, a));
  const auto b = open(by(bob).oplock(batch));
  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, level_ii);
  expect_oplock(b, level_ii);

  expect_done(access(alice, access_kind::rename, a));

  expect_no_break();
}

TEST_F(SmbtortureOplock, Batch21) {
  const auto a = open(by(alice).oplock(batch));

  write_data(alice, a);

  expect_no_break();
  EXPECT_EQ(oplock_of_open(a)->state, rwh);
}

TEST_F(SmbtortureOplock, Batch22a) {
  const auto a = open(by(alice).oplock(batch));
  const auto b = open(by(bob).oplock(batch));
  expect_oplock_break(a, rwh, r);

  pass(seconds{34});
  expect_waits(b);
  pass(seconds{1});

  expect_oplock(b, level_ii);
}

TEST_F(SmbtortureOplock, Batch22b) {
  const auto a = open(by(alice).oplock(batch));
  const auto b = open(by(bob).oplock(batch));
  expect_oplock_break(a, rwh, r);

  disconnect_connection(alice);

  expect_oplock(b, batch);
}

// batch23, batch24: two opens with level II; a third open disturbs neither.
TEST_F(SmbtortureOplock, Batch23) {
  open(by(alice).oplock(level_ii));
  open(by(bob).oplock(level_ii));

  expect_oplock(open(by(carol).oplock(level_ii)), level_ii);
  expect_no_break();
}

TEST_F(SmbtortureOplock, Brl1) {
  const auto a = open(by(alice).oplock(batch));
  const auto b = open(by(bob).oplock(batch));
  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, level_ii);
  expect_oplock(b, level_ii);

  expect_done(lock(a, {0, 1}, true));

  expect_oplock_break(a, r, none);
  expect_oplock_break(b, r, none);
  expect_error(lock(b, {0, 1}, true), errc::lock_not_granted);
  expect_no_break();
}

TEST_F(SmbtortureOplock, Brl2) {
  const auto a = open(by(alice).oplock(batch));
  expect_done(lock(a, {0, 1}, true));
  expect_no_break();

  const auto b = open(by(bob).oplock(batch));

  // Level II excludes byte-range locks; a holder of batch may keep it.
  expect_oplock_break(a, rwh, r);
  acknowledge_oplock(alice, a, level_ii);
  expect_oplock(b, no_oplock);
}

TEST_F(SmbtortureOplock, Brl3) {
  const auto a = open(by(alice).oplock(batch));

  expect_done(lock(a, {0, 1}, true));

  expect_no_break();
  EXPECT_EQ(oplock_of_open(a)->state, rwh);
}

TEST_F(SmbtortureOplock, Levelii500) {
  const auto a = open(by(alice).oplock(level_ii));
  const auto b = open(by(bob));

  write_data(bob, b);

  expect_oplock_break(a, r, none);
  expect_error(acknowledge_oplock(alice, a, no_oplock), errc::invalid_oplock_ack);
  expect_error(acknowledge_oplock(alice, a, level_ii), errc::invalid_oplock_ack);
}

TEST_F(SmbtortureOplock, Levelii502) {
  open(by(alice).oplock(level_ii));
  disconnect(alice);

  expect_oplock(open(by(bob).oplock(batch).overwriting()), batch);
}

TEST_F(SmbtortureOplock, Doc) {
  const auto a = open(by(alice).oplock(batch).deleting_on_close());
  expect_done(access(alice, access_kind::set_delete, a));

  expect_error(open(by(bob)), errc::delete_pending);
  expect_no_break();
}

// -- acknowledgements -----------------------------------------------------------------------------

class OplockAcknowledgements : public model_test {};

TEST_F(OplockAcknowledgements, OfAnUnknownOpenAreRefused) {
  expect_error(acknowledge_oplock(alice, {{}, open_id{4711}}, level_ii), errc::unknown_open);
}

TEST_F(OplockAcknowledgements, WithoutABreakAreRefused) {
  const auto without = open(by(bob).access(attributes_alone));
  const auto a = open(by(alice).oplock(batch));

  for (const auto level : {no_oplock, level_ii}) {
    expect_error(acknowledge_oplock(alice, a, level), errc::oplock_not_breaking);
    expect_error(acknowledge_oplock(bob, without, level), errc::invalid_oplock_ack);
  }
  for (const auto level : {exclusive_level, batch, oplock_level{0x17}}) {
    expect_error(acknowledge_oplock(alice, a, level), errc::invalid_oplock_ack);
    expect_error(acknowledge_oplock(bob, without, level), errc::invalid_oplock_ack);
  }
  expect_error(acknowledge_oplock(alice, a, oplock_level::lease), errc::invalid_oplock_level);
  expect_error(acknowledge_oplock(bob, without, oplock_level::lease), errc::invalid_oplock_level);

  EXPECT_EQ(oplock_of_open(a)->state, rwh);
}

TEST_F(OplockAcknowledgements, WithoutABreakOfLevelTwoAreRefused) {
  open(by(bob));
  const auto a = open(by(alice).oplock(level_ii));

  expect_error(acknowledge_oplock(alice, a, no_oplock), errc::oplock_not_breaking);
  expect_error(acknowledge_oplock(alice, a, level_ii), errc::invalid_oplock_ack);
  expect_error(acknowledge_oplock(alice, a, oplock_level::lease), errc::invalid_oplock_level);

  EXPECT_EQ(oplock_of_open(a)->state, r);
}

TEST_F(OplockAcknowledgements, WithALevelThatDoesNotFitEndTheBreakWithNone) {
  for (const auto held : {exclusive_level, batch}) {
    for (const auto level : {exclusive_level, batch, oplock_level::lease, oplock_level{0x17}}) {
      world w;
      const auto a = w.open(by(alice).oplock(held));
      const auto b = w.open(by(bob).lease(k2, rh));
      w.expect_oplock_break(a, state_of(held), r);

      const auto refused = w.acknowledge_oplock(alice, a, level);

      w.expect_error(refused,
        level == oplock_level::lease ? errc::invalid_oplock_level : errc::invalid_oplock_ack);
      EXPECT_FALSE(w.oplock_of_open(a).has_value());
      w.expect_granted(b, rh);
    }
  }
}

TEST_F(OplockAcknowledgements, WithALevelThatDoesNotFitEndNoOtherBreak) {
  const auto a = open(by(alice).oplock(batch));
  const auto b = open(by(bob));
  expect_oplock_break(a, rwh, r);

  expect_error(acknowledge_oplock(bob, a, batch), errc::wrong_owner);

  expect_waits(b);
  expect_acknowledged(acknowledge_oplock(alice, a, level_ii), r);
}

TEST_F(OplockAcknowledgements, OfABreakToNoneLeaveNone) {
  const auto a = open(by(alice).oplock(batch));
  const auto b = open(by(bob).overwriting());
  expect_oplock_break(a, rwh, none);

  expect_acknowledged(acknowledge_oplock(alice, a, level_ii), none);

  expect_granted(b, none);
  EXPECT_FALSE(oplock_of_open(a).has_value());
}

TEST_F(OplockAcknowledgements, OfALeaseByItsOpenAreRefused) {
  const auto a = open(by(alice).lease(k1, rwh));
  open(by(bob));
  expect_break(k1, rwh, rh);

  expect_error(acknowledge_oplock(alice, a, level_ii), errc::invalid_oplock_ack);
  expect_error(acknowledge_oplock(alice, a, oplock_level::lease), errc::invalid_oplock_level);

  EXPECT_TRUE(lease_of(alice, k1)->breaking);
  acknowledge(alice, k1, rh);
}

// MS-FSA 2.1.5.19: broken to level II while another operation needs none: notified again, without
// waiting.
TEST_F(OplockAcknowledgements, OfLevelTwoContinueToNoneForAnOverwrite) {
  const auto a = open(by(alice).oplock(batch));
  const auto b = open(by(bob));
  expect_oplock_break(a, rwh, r);
  const auto c = open(by(carol).overwriting());
  expect_no_break();

  expect_acknowledged(acknowledge_oplock(alice, a, level_ii), r);

  expect_oplock_break(a, r, none);
  expect_granted(b, none);
  expect_granted(c, none);
}

TEST_F(OplockAcknowledgements, NotificationsNameTheOpenAndNoKey) {
  const auto a = open(by(alice).oplock(batch));
  open(by(bob));

  const auto n = expect_oplock_break(a, rwh, r);

  EXPECT_TRUE(n.key.is_zero());
  EXPECT_EQ(n.client, alice.guid);
  EXPECT_EQ(n.connection(), alice.connection);
  EXPECT_EQ(n.oplock_to(), level_ii);
  EXPECT_EQ(n.epoch, 0);
  acknowledge_oplock(alice, a, level_ii);
}

} // namespace
} // namespace leasebreak::model_test

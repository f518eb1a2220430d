// Applications that move to another client, and the opens that they have left behind (MS-SMB2
// 3.3.5.9.13).
#include "file_fixture.hpp"

#include <memory>

namespace leasebreak::model_test {
namespace {

constexpr auto database = app_instance_id::of(0xDB);
constexpr auto another = app_instance_id::of(0xDC);
constexpr app_instance_version version_two{0, 2};

/// `who` opens the file exclusively, for the database.
opening alone(const client& who) {
  return by(who).shares(0).instance(database);
}

class Instances : public model_test {
protected:
  Instances() = default;
  explicit Instances(const file_policy& p) : model_test(p) {}

  void expect_superseded(const attempt& a) {
    const auto ended = take_ended();
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended.front().open, a.open);
    EXPECT_EQ(ended.front().cause, end_cause::superseded);
    EXPECT_EQ(ended.front().hold, hold_id::none);
  }

  /// Bob's open fails because of its share mode, and Alice's stays.
  void expect_refused(const opening& how) {
    expect_error(open(how), errc::sharing_violation);
    EXPECT_TRUE(take_ended().empty());
  }
};

TEST_F(Instances, EndWhatTheirApplicationLeftOnAnotherClient) {
  const auto old = open(alone(alice));

  const auto moved = open(alone(bob));

  expect_done(moved);
  expect_superseded(old);
  expect_error(close(old), errc::unknown_open);
}

TEST_F(Instances, NeedNoDurableRequestOnEitherSide) {
  const auto old = open(alone(alice).durable());
  expect_done(open(alone(bob)));
  expect_superseded(old);
}

TEST_F(Instances, EndTheLeaseWithoutABreak) {
  const auto old = open(alone(alice).lease(k1, rwh));

  expect_granted(open(alone(bob).lease(k2, rwh)), rwh);

  expect_no_break();
  expect_superseded(old);
  expect_error(acknowledge(alice, k1, none), errc::unknown_lease);
}

TEST_F(Instances, EndAnOplockWithoutABreak) {
  const auto old = open(alone(alice).oplock(oplock_level::batch));

  expect_oplock(open(alone(bob).oplock(oplock_level::batch)), oplock_level::batch);

  expect_no_break();
  expect_superseded(old);
}

TEST_F(Instances, EndABreakThatTheOldOneHasNotAnswered) {
  const auto old = open(by(alice).lease(k1, rwh).instance(database));
  const auto waiting = open(by(carol));
  expect_break(k1, rwh, rh);

  expect_done(open(by(bob).instance(database)));

  expect_superseded(old);
  expect_done(waiting);
}

TEST_F(Instances, EndLocksAndWhatWaitsForThem) {
  const auto old = open(by(alice).instance(database));
  expect_done(lock(old, {0, 10}, true));
  const auto other = open(by(carol));
  const auto waiting = blocking_lock(other, {0, 10}, true);
  expect_waits(waiting);

  const auto moved = open(by(bob).instance(database));

  expect_done(moved);
  expect_done(waiting);
  EXPECT_EQ(take_ended().at(0).locks, 1U);
}

TEST_F(Instances, EndWhatTheOldOneWaitedFor) {
  const auto other = open(by(carol));
  expect_done(lock(other, {0, 10}, true));
  const auto old = open(by(alice).instance(database));
  const auto waiting = blocking_lock(old, {0, 10}, true);

  expect_done(open(by(bob).instance(database)));

  expect_error(waiting, errc::range_not_locked);
  expect_superseded(old);
}

TEST_F(Instances, EndAllOpensOfTheOldOne) {
  const auto first = open(by(alice).lease(k1, rwh).instance(database));
  const auto second_open = open(by(alice).lease(k1, rwh).instance(database));
  const auto third = open(by(carol)
                            .instance(database)
                            .elsewhere(first.open)
                            .elsewhere(second_open.open)
                            .access(attributes_alone));

  expect_granted(open(alone(bob).lease(k2, rwh)), rwh);

  EXPECT_EQ(take_ended().size(), 3U);
  expect_no_break();
  for (const auto& each : {first, second_open, third})
    expect_error(close(each), errc::unknown_open);
}

TEST_F(Instances, LeaveALeaseThatOtherOpensUse) {
  const auto old = open(by(alice).lease(k1, rwh).instance(database));
  const auto beside = open(by(alice).lease(k1, rwh));

  const auto moved = open(by(bob).instance(database));

  expect_superseded(old);
  expect_break(k1, rwh, rh);
  expect_waits(moved);
  expect_done(close(beside));
  expect_done(moved);
}

TEST_F(Instances, LeaveTheSameClientAlone) {
  open(alone(alice));
  expect_refused(alone(alice_again));
}

TEST_F(Instances, LeaveOtherApplicationsAlone) {
  open(alone(alice));
  expect_refused(by(bob).shares(0).instance(another));
  expect_refused(by(bob).shares(0));
}

TEST_F(Instances, LeaveOpensOfNoApplicationAlone) {
  open(by(alice).shares(0));
  expect_refused(alone(bob));
}

TEST_F(Instances, LeaveOtherNamesAlone) {
  const auto old = open(alone(alice));
  expect_refused(alone(bob).elsewhere(old.open));
}

TEST_F(Instances, LeaveOtherSharesAlone) {
  open(alone(alice));
  expect_refused(alone(bob).share("another share"));
}

TEST_F(Instances, LeaveWhatStandsForStreamsAlone) {
  auto stream = by(alice).of_stream(share::read).instance(database);
  const auto old = open(stream);
  expect_done(open(by(bob).of_stream(share::read).instance(database)));
  EXPECT_TRUE(take_ended().empty());
  expect_done(close(old));
}

TEST_F(Instances, NeedAnId) {
  expect_error(open(by(bob).instance({})), errc::invalid_argument);
}

TEST_F(Instances, WorkForDirectories) {
  const auto old = open(by(alice).directory().lease(k1, rh).shares(0).instance(database));

  expect_granted(open(by(bob).directory().lease(k2, rh).shares(0).instance(database)), rh);

  expect_no_break();
  expect_superseded(old);
}

TEST_F(Instances, EndBeforeAWaitForOthersBegins) {
  const auto old = open(by(alice).instance(database).access(attributes_alone));
  const auto third = open(by(carol).lease(k2, rw));
  take_breaks();
  ASSERT_TRUE(is_done(third));

  const auto moved = open(by(bob).instance(database));

  expect_break(k2, rw, r);
  expect_waits(moved);
  expect_superseded(old);
  expect_done(acknowledge(carol, k2, r));
  expect_done(moved);
}

TEST_F(Instances, ThatAreRefusedForAnotherOpenEndNothing) {
  const auto old =
    open(by(alice).shares(share::read).access(access::read_data).lease(k1, rh).instance(database));
  const auto third = open(by(carol).shares(share::read).access(access::read_data));

  expect_refused(by(bob).access(access::write_data).instance(database));

  expect_no_break();
  expect_done(close(third));
  EXPECT_EQ(take_ended().size(), 1U);
  expect_done(open(by(bob).access(access::write_data).instance(database)));
  expect_superseded(old);
}

TEST_F(Instances, ThatAreMalformedEndNothing) {
  open(alone(alice));
  expect_error(open(alone(bob).lease({}, rwh)), errc::zero_lease_key);
  EXPECT_TRUE(take_ended().empty());
}

TEST_F(Instances, WaitForTheDeletionThatTheOldOneAskedFor) {
  keeps_holds = true;
  const auto old = open(alone(alice).deleting_on_close());

  const auto moved = open(alone(bob));

  expect_waits(moved);
  const auto ended = take_ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended.front().open, old.open);
  EXPECT_TRUE(ended.front().deletes);
  ASSERT_NE(ended.front().hold, hold_id::none);
  end(ended.front().hold);
  expect_done(moved);
  EXPECT_TRUE(result_of<open_granted>(moved).waited);
}

TEST_F(Instances, WaitForADeletionThatIsPending) {
  keeps_holds = true;
  const auto old = open(by(alice).instance(database));
  expect_done(access(alice, access_kind::set_delete, old));

  const auto moved = open(by(bob).instance(database));

  expect_waits(moved);
  const auto ended = take_ended();
  ASSERT_EQ(ended.size(), 1U);
  end(ended.front().hold);
  expect_done(moved);
}

TEST_F(Instances, AreRefusedIfAnotherOpenRequestedTheDeletionToo) {
  const auto old = open(by(alice).instance(database).deleting_on_close());
  const auto third = open(by(carol));

  expect_error(open(by(bob).instance(database)), errc::delete_pending);

  EXPECT_TRUE(take_ended().empty());
  expect_done(close(third));
  expect_done(close(old));
}

// -- disconnected opens --------------------------------------------------------------------------

TEST_F(Instances, EndADurableOpenThatWaitsForItsClient) {
  const auto old = open(alone(alice).lease(k1, rwh).durable());
  expect_done(drop(old));

  expect_granted(open(alone(bob).lease(k2, rwh)), rwh);

  expect_superseded(old);
  expect_error(reconnect(alice, old, k1), errc::nothing_to_reclaim);
}

TEST_F(Instances, EndAPersistentOpenThatKeepsOthersOff) {
  const auto old = open(alone(alice).persistent());
  expect_done(drop(old));
  expect_error(open(by(carol)), errc::reclaim_needed);

  expect_done(open(alone(bob)));

  expect_superseded(old);
}

TEST_F(Instances, EndADurableOpenBesideOneOfItsLeaseThatStays) {
  const auto old = open(by(alice).lease(k1, rwh).instance(database));
  const auto beside = open(by(alice_again).lease(k1, rwh).durable());
  expect_done(drop(beside));

  const auto moved = open(by(bob).instance(database));

  expect_done(moved);
  EXPECT_EQ(take_ended().size(), 2U) << "no open is left that could release Write";
  expect_no_break();
  expect_error(close(old), errc::unknown_open);
  expect_error(reconnect(alice, beside, k1), errc::nothing_to_reclaim);
}

TEST_F(Instances, EndABreakOfALeaseWhoseOtherOpensAreAway) {
  const auto old = open(by(alice).lease(k1, rwh).instance(database));
  const auto beside = open(by(alice_again).lease(k1, rwh).durable());
  const auto waiting = open(by(carol));
  expect_break(k1, rwh, rh);
  expect_done(drop(beside));
  expect_waits(waiting);

  expect_done(open(by(bob).instance(database)));

  expect_done(waiting);
  EXPECT_FALSE(take_ended().empty());
  expect_error(close(old), errc::unknown_open);
}

// -- versions -------------------------------------------------------------------------------------

class InstanceVersions : public Instances {
protected:
  /// Checks whether an open of this version ends one of version 0.2.
  void expect_ends(std::optional<app_instance_version> version, bool is_newer) {
    const auto old = open(by(alice).lease(k1, rwh).instance(database, version_two));
    expect_done(lock(old, {0, 1}, true));
    const auto moved = open(by(bob).instance(database, version));
    if (is_newer) {
      expect_done(moved);
      EXPECT_EQ(take_ended().at(0).open, old.open);
      expect_done(close(moved));
      EXPECT_EQ(take_ended().size(), 1U);
    } else {
      expect_error(moved, errc::newer_instance);
      EXPECT_TRUE(take_ended().empty());
      EXPECT_EQ(state_of_lease(alice, k1), rwh);
      expect_done(unlock(old, {{0, 1}}));
      expect_done(close(old));
      EXPECT_EQ(take_ended().size(), 1U);
    }
    expect_no_break();
  }
};

TEST_F(InstanceVersions, ThatAreNewerEndOlderOnes) {
  expect_ends(app_instance_version{0, 3}, true);
  expect_ends(app_instance_version{1, 0}, true);
  expect_ends(app_instance_version{1, 2}, true);
}

TEST_F(InstanceVersions, ThatAreEqualOrOlderAreRefusedAndChangeNothing) {
  expect_ends(app_instance_version{0, 2}, false);
  expect_ends(app_instance_version{0, 1}, false);
  expect_ends(app_instance_version{0, 0}, false);
}

TEST_F(InstanceVersions, AreNeededAgainstOneThatHasOne) {
  expect_ends(std::nullopt, false);
}

TEST_F(InstanceVersions, CompareTheHighPartFirst) {
  const auto old = open(by(alice).instance(database, app_instance_version{2, 0}));
  expect_error(open(by(bob).instance(database, app_instance_version{1, 9})), errc::newer_instance);
  expect_done(open(by(bob).instance(database, app_instance_version{2, 1})));
  expect_superseded(old);
}

TEST_F(InstanceVersions, EndOneThatHasNone) {
  const auto old = open(by(alice).instance(database));
  expect_done(open(by(bob).instance(database, app_instance_version{})));
  expect_superseded(old);
}

TEST_F(InstanceVersions, RefuseForAnyOfTheOldOpens) {
  const auto old = open(by(alice).instance(database));
  const auto newer = open(by(alice).instance(database, version_two));

  expect_error(open(by(bob).instance(database, app_instance_version{0, 1})), errc::newer_instance);

  EXPECT_TRUE(take_ended().empty());
  expect_done(close(old));
  expect_done(close(newer));
}

TEST_F(InstanceVersions, DoNotMatterWithinAClient) {
  open(by(alice).instance(database, version_two));
  expect_done(open(by(alice_again).instance(database, app_instance_version{0, 1})));
  EXPECT_TRUE(take_ended().empty());
}

TEST_F(InstanceVersions, DoNotMatterUnderAnotherName) {
  const auto old = open(by(alice).instance(database, version_two));
  expect_done(open(by(bob).instance(database).elsewhere(old.open)));
  EXPECT_TRUE(take_ended().empty());
}

TEST_F(InstanceVersions, OfWhatIsKeptForItsClientCount) {
  const auto old = open(by(alice).lease(k1, rwh).durable().instance(database, version_two));
  expect_done(drop(old));
  expect_error(open(by(bob).instance(database)), errc::newer_instance);
  expect_done(reconnect(alice, old, k1));
}

TEST_F(InstanceVersions, AreNoMoreOnceTheOpenHasEnded) {
  const auto old = open(by(alice).instance(database, version_two));
  expect_done(close(old));
  expect_done(open(by(bob).instance(database)));
}

TEST_F(InstanceVersions, AreListed) {
  open(by(alice).instance(database, version_two));
  open(by(carol));

  const auto listed = listing(entry_kind::open);

  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed.at(0).instance, (app_instance{database, version_two}));
  EXPECT_FALSE(listed.at(1).instance);
}

// -- restarts -------------------------------------------------------------------------------------

class InstanceRecords : public Instances {
protected:
  InstanceRecords() : Instances(keeping_records()) {}

  /// Returns the world after a restart.
  [[nodiscard]] std::unique_ptr<world> restart() const {
    auto after = std::make_unique<world>(keeping_records());
    after->continue_after(*this);
    after->load_all(store());
    return after;
  }
};

TEST_F(InstanceRecords, SayWhichApplicationMadeThem) {
  open(by(alice).persistent().instance(database, app_instance_version{7, 8}));

  ASSERT_EQ(store().size(), 1U);
  const auto& record = store().begin()->second;
  EXPECT_FALSE(validate(record));
  EXPECT_EQ(record.open->app_instance,
    std::vector<std::uint8_t>(database.bytes.begin(), database.bytes.end()));
  EXPECT_TRUE(record.open->app_versioned);
  EXPECT_EQ(record.open->app_version_high, 7U);
  EXPECT_EQ(record.open->app_version_low, 8U);
}

TEST_F(InstanceRecords, OfNoApplicationSayNothing) {
  open(by(alice).persistent());

  const auto& record = store().begin()->second;
  EXPECT_TRUE(record.open->app_instance.empty());
  EXPECT_FALSE(record.open->app_versioned);
}

TEST_F(InstanceRecords, LetTheApplicationMoveAfterARestart) {
  const auto old = open(alone(alice).lease(k1, rwh).persistent());
  expect_done(lock(old, {0, 10}, true));
  const auto after = restart();

  const auto moved = after->open(alone(bob).lease(k2, rwh));

  after->expect_granted(moved, rwh);
  EXPECT_EQ(after->take_ended().at(0).open, old.open);
  EXPECT_EQ(after->store().size(), 1U) << "the new lease alone";
  after->expect_error(after->reconnect(alice, old, k1), errc::nothing_to_reclaim);
}

TEST_F(InstanceRecords, KeepTheVersionOverARestart) {
  open(by(alice).persistent().instance(database, version_two));
  const auto after = restart();

  after->expect_error(after->open(by(bob).instance(database, version_two)), errc::newer_instance);
  after->expect_done(after->open(by(bob).instance(database, app_instance_version{0, 3})));
}

TEST_F(InstanceRecords, AreRefusedIfTheyContradictThemselves) {
  open(by(alice).persistent().instance(database, version_two));
  const auto& good = store().begin()->second;
  const auto field_of = [&good](auto change) {
    auto record = good;
    change(*record.open);
    const auto fault = validate(record);
    return fault ? fault->field : std::string();
  };

  EXPECT_EQ(field_of([](auto& o) { o.app_instance.pop_back(); }), "open_app_instance");
  EXPECT_EQ(field_of([](auto& o) { o.app_instance.assign(16, 0); }), "open_app_instance");
  EXPECT_EQ(field_of([](auto& o) { o.app_instance.clear(); }), "open_app_versioned");
  EXPECT_EQ(field_of([](auto& o) {
    o.app_versioned = false;
    o.app_version_high = 1;
  }),
    "open_app_version_high");
  EXPECT_EQ(field_of([](auto& o) { o.app_versioned = false; }), "open_app_version_low");
}

} // namespace
} // namespace leasebreak::model_test

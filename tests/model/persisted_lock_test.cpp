// The stored form of a lock: conversions lose nothing, and invalid records are rejected.
#include <leasebreak/model/persisted_lock.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace leasebreak {
namespace {

constexpr lease_state all_states[] = {
  lease_state::none, lease_state::r, lease_state::rh, lease_state::rw, lease_state::rwh};

enhanced_lock some_lease() {
  enhanced_lock lock;
  lock.id = "id";
  lock.owner = {"owner", "client", "share"};
  lock.file_id = "file";
  lock.exclusive = true;
  lock.acquired_at = time_point{duration{123'456'789'123'456'789}};
  lock.lease = lease_info{};
  lock.lease->key = lease_key::of(1, 2);
  lock.lease->state = lease_state::rwh;
  lock.lease->break_to = lease_state::rwh;
  lock.lease->required = lease_state::rwh;
  lock.lease->epoch = 0xffff;
  return lock;
}

enhanced_lock some_range(byte_range range) {
  auto lock = some_lease();
  lock.lease.reset();
  lock.range = range;
  return lock;
}

enhanced_lock there_and_back(const enhanced_lock& lock) {
  const auto record = to_persisted_lock(lock, 7);
  EXPECT_EQ(validate(record), std::nullopt);
  EXPECT_EQ(record.server_epoch, 7U);
  return to_enhanced_lock(record);
}

TEST(PersistedLock, KeepsEveryLeaseInEveryStateOfItsBreak) {
  for (const auto state : all_states)
    for (const auto break_to : all_states)
      for (const auto required : all_states)
        for (int flags = 0; flags < 16; ++flags) {
          if (!is_subset(break_to, state) || !is_subset(required, break_to) || required == state)
            continue;
          auto lock = some_lease();
          auto& lease = *lock.lease;
          lease.state = state;
          lease.break_to = break_to;
          lease.required = required;
          lease.breaking = true;
          lease.break_started = time_point{duration{5}};
          lease.is_oplock = (flags & 1) != 0;
          lease.timed_out = (flags & 2) != 0;
          lease.version = (flags & 4) != 0 ? 1 : 2;
          if ((flags & 8) != 0)
            lease.parent_key = lease_key::of(3);

          EXPECT_EQ(there_and_back(lock), lock) << state << " " << break_to << " " << required;
        }
}

TEST(PersistedLock, KeepsEveryLeaseThatIsNotBreaking) {
  for (const bool directory : {false, true})
    for (const auto state : all_states) {
      if (!is_valid(state, directory))
        continue;
      auto lock = some_lease();
      lock.lease->state = state;
      lock.lease->break_to = state;
      lock.lease->required = state;
      lock.lease->is_directory = directory;

      EXPECT_EQ(there_and_back(lock), lock);
    }
}

TEST(PersistedLock, KeepsEveryByteRange) {
  for (const byte_range range : {byte_range{0, 0}, byte_range{7, 0}, byte_range{UINT64_MAX, 0},
         byte_range{0, 1}, byte_range{0, UINT64_MAX}, byte_range{1, UINT64_MAX},
         byte_range{UINT64_MAX, 1}, byte_range{100, 50}})
    for (const bool exclusive : {false, true})
      for (const auto denies : {access_mode::none, access_mode::deny_read, access_mode::deny_write,
             access_mode::deny_all}) {
        auto lock = some_range(range);
        lock.exclusive = exclusive;
        lock.denies = denies;

        EXPECT_EQ(there_and_back(lock), lock) << range.offset << "+" << range.length;
      }
}

TEST(PersistedLock, MarksByteRangesOfSmbAsDittoFsDoes) {
  const auto record = to_persisted_lock(some_range({5, 0}), 1);

  EXPECT_TRUE(record.is_zero_byte);
  EXPECT_TRUE(record.is_legacy_byte_range);
  EXPECT_FALSE(record.is_lease());
  EXPECT_EQ(record.lease_version, 0);
}

TEST(PersistedLock, LengthZeroOfOthersReachesTheEnd) {
  auto record = to_persisted_lock(some_range({100, 1}), 1);
  record.length = 0;

  EXPECT_EQ(to_enhanced_lock(record).range, (byte_range{100, UINT64_MAX - 99}));
  record.offset = 0;
  EXPECT_EQ(to_enhanced_lock(record).range, (byte_range{0, UINT64_MAX}));
  record.offset = UINT64_MAX;
  EXPECT_EQ(to_enhanced_lock(record).range, (byte_range{UINT64_MAX, 1}));
}

TEST(PersistedLock, DropsTheTargetsOfABreakThatIsOver) {
  auto lock = some_lease();
  lock.lease->break_to = lease_state::r;
  lock.lease->required = lease_state::none;
  lock.lease->break_started = time_point{duration{5}};

  const auto record = to_persisted_lock(lock, 1);

  EXPECT_EQ(record.break_started, time_point{});
  EXPECT_EQ(record.break_to_state, 0U);
  EXPECT_EQ(to_enhanced_lock(record).lease->required, lease_state::rwh);
}

TEST(PersistedLock, B17BrokenViaTimeoutSurvivesARestart) {
  auto lock = some_lease();
  lock.lease->state = lock.lease->break_to = lock.lease->required = lease_state::none;
  lock.lease->timed_out = true;

  EXPECT_TRUE(there_and_back(lock).lease->timed_out);
}

TEST(PersistedLock, ZeroOfBreakingToRequiredIsAmbiguousInRecordsOfOthersOnly) {
  auto lock = some_lease();
  lock.lease->breaking = true;
  lock.lease->break_to = lease_state::rh;
  lock.lease->required = lease_state::none;
  auto record = to_persisted_lock(lock, 1);
  EXPECT_EQ(to_enhanced_lock(record).lease->required, lease_state::none);

  record.lease_version = 0; // As other systems write it.

  EXPECT_EQ(to_enhanced_lock(record).lease->required, lease_state::rh);
  EXPECT_EQ(to_enhanced_lock(record).lease->version, 2);
  record.breaking = false;
  EXPECT_EQ(to_enhanced_lock(record).lease->required, lease_state::rwh);
}

TEST(PersistedLock, StripsTheWriteOfADirectory) {
  auto record = to_persisted_lock(some_lease(), 1);
  record.is_directory = true;
  for (const auto stored : {4U, 5U, 6U, 7U}) {
    record.lease_state = stored;
    const bool valid = is_valid(static_cast<lease_state>(stored & 3), true);

    EXPECT_EQ(validate(record) == std::nullopt, valid) << stored;
    if (valid) {
      EXPECT_EQ(bits(to_enhanced_lock(record).lease->state), stored & 3);
    }
  }
}

TEST(PersistedLock, ValidationNamesTheFieldThatIsWrong) {
  const auto lease = to_persisted_lock(some_lease(), 1);
  const auto range = to_persisted_lock(some_range({1, 2}), 1);
  const std::vector<std::pair<std::string, std::function<void(persisted_lock&)>>> faults{
    {"id", [](auto& r) { r.id.clear(); }},
    {"file_id", [](auto& r) { r.file_id.clear(); }},
    {"lock_type", [](auto& r) { r.lock_type = 2; }},
    {"share_reservation", [](auto& r) { r.share_reservation = 4; }},
    {"deleg_type", [](auto& r) { r.deleg_type = 2; }},
    {"lease_version", [](auto& r) { r.lease_version = 3; }},
    {"lease_key", [](auto& r) { r.lease_key.assign(15, 1); }},
    {"lease_key", [](auto& r) { r.lease_key.assign(17, 1); }},
    {"lease_key", [](auto& r) { r.lease_key.assign(16, 0); }},
    {"lease_state",
      [](auto& r) {
        r.lease_key.assign(16, 1);
        r.lease_state = 2;
      }},
    {"lease_state",
      [](auto& r) {
        r.lease_key.assign(16, 1);
        r.lease_state = 0x107;
      }},
    {"break_to_state",
      [](auto& r) {
        r.lease_key.assign(16, 1);
        r.break_to_state = 4;
      }},
    {"breaking_to_required",
      [](auto& r) {
        r.lease_key.assign(16, 1);
        r.breaking_to_required = 6;
      }},
    {"break_to_state",
      [](auto& r) {
        r.lease_key.assign(16, 1);
        r.breaking = true;
        r.lease_state = 3;
        r.break_to_state = 5;
      }},
    {"breaking_to_required",
      [](auto& r) {
        r.lease_key.assign(16, 1);
        r.breaking = true;
        r.lease_state = 7;
        r.break_to_state = 1;
        r.breaking_to_required = 3;
      }},
    {"parent_lease_key",
      [](auto& r) {
        r.lease_key.assign(16, 1);
        r.parent_lease_key.assign(3, 1);
      }},
  };
  for (const auto& original : {lease, range}) {
    ASSERT_EQ(validate(original), std::nullopt);
    for (const auto& [field, spoil] : faults) {
      auto record = original;
      spoil(record);
      const auto fault = validate(record);

      ASSERT_TRUE(fault.has_value()) << field;
      EXPECT_EQ(fault->field, field);
      EXPECT_EQ(fault->record, record.id);
      EXPECT_FALSE(fault->what.empty());
    }
  }
}

TEST(PersistedLock, ValidationRefusesRangesThatPassTheEnd) {
  auto record = to_persisted_lock(some_range({2, 1}), 1);
  record.length = UINT64_MAX;
  EXPECT_EQ(validate(record)->field, "length");
  record.length = UINT64_MAX - 1;
  EXPECT_EQ(validate(record), std::nullopt);
  record.is_zero_byte = true;
  EXPECT_EQ(validate(record)->field, "length");
}

TEST(PersistedLock, ErrorIsASentenceWithRecordAndField) {
  EXPECT_EQ(to_string(record_error{"x", "lease_key", "must have 16 bytes, has 3"}),
    "record \"x\", field \"lease_key\": must have 16 bytes, has 3");
}

TEST(LockQuery, EmptyOneMatchesEverything) {
  EXPECT_TRUE(lock_query{}.is_empty());
  EXPECT_TRUE(lock_query{}.matches({}));
  EXPECT_TRUE(lock_query{}.matches(to_persisted_lock(some_lease(), 1)));
}

TEST(LockQuery, AllThatIsGivenMustMatch) {
  const auto lease = to_persisted_lock(some_lease(), 1);
  // Each condition is absent, right or wrong.
  for (int choice = 0; choice < 243; ++choice) {
    int rest = choice;
    const auto next = [&] { return std::exchange(rest, rest / 3) % 3; };
    bool any = false;
    bool expected = true;
    const auto text = [&](std::string& field, const std::string& right) {
      const int which = next();
      field = which == 0 ? "" : which == 1 ? right : right + "x";
      any = any || which != 0;
      expected = expected && which != 2;
    };
    lock_query query;
    text(query.file_id, lease.file_id);
    text(query.owner_id, lease.owner_id);
    text(query.client_id, lease.client_id);
    text(query.share_name, lease.share_name);
    if (const int which = next(); which != 0) {
      query.is_lease = which == 1;
      any = true;
      expected = expected && which == 1;
    }

    EXPECT_EQ(query.is_empty(), !any);
    EXPECT_EQ(query.matches(lease), expected) << choice;
  }
}

} // namespace
} // namespace leasebreak

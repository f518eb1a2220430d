// Conflicts between locks: the matrices, exhaustively.
#include <leasebreak/model/enhanced_lock.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace leasebreak {
namespace {

constexpr std::array file_states{
  lease_state::none, lease_state::r, lease_state::rh, lease_state::rw, lease_state::rwh};

enhanced_lock lease_of(std::string client, std::uint64_t key, lease_state state) {
  enhanced_lock lock;
  lock.id = client + std::to_string(key);
  lock.owner = {"lease " + std::to_string(key), std::move(client), "share"};
  lock.file_id = "file";
  lock.lease = lease_info{};
  lock.lease->key = lease_key::of(key);
  lock.lease->state = state;
  return lock;
}

enhanced_lock breaking_lease_of(
  std::string client, std::uint64_t key, lease_state state, lease_state required) {
  auto lock = lease_of(std::move(client), key, state);
  lock.lease->breaking = true;
  lock.lease->break_to = required;
  lock.lease->required = required;
  return lock;
}

enhanced_lock range_of(std::string client, byte_range range, bool exclusive) {
  enhanced_lock lock;
  lock.id = client;
  lock.owner = {"open of " + client, std::move(client), "share"};
  lock.file_id = "file";
  lock.range = range;
  lock.exclusive = exclusive;
  return lock;
}

bool both_ways(const enhanced_lock& a, const enhanced_lock& b) {
  EXPECT_EQ(conflicts_with(a, b), conflicts_with(b, a));
  return conflicts_with(a, b);
}

TEST(EnhancedLock, LeaseAgainstLeaseWithAnotherKey) {
  // Rows: held; columns: wanted; both none, R, RH, RW, RWH.
  constexpr bool matrix[5][5] = {
    {false, false, false, false, false},
    {false, false, false, true, true},
    {false, false, false, true, true},
    {false, true, true, true, true},
    {false, true, true, true, true},
  };
  for (std::size_t held = 0; held < 5; ++held) {
    for (std::size_t wanted = 0; wanted < 5; ++wanted) {
      const auto a = lease_of("client", 1, file_states[held]);

      EXPECT_EQ(both_ways(a, lease_of("client", 2, file_states[wanted])), matrix[held][wanted])
        << file_states[held] << " " << file_states[wanted];
      EXPECT_EQ(both_ways(a, lease_of("other", 1, file_states[wanted])), matrix[held][wanted])
        << "the key of another client is another key";
    }
  }
}

TEST(EnhancedLock, SameKeyOfTheSameClientNeverConflicts) {
  for (const auto held : file_states)
    for (const auto wanted : file_states)
      EXPECT_FALSE(both_ways(lease_of("client", 1, held), lease_of("client", 1, wanted)));
}

TEST(EnhancedLock, BreakingLeaseCountsAsWhatItMustBecome) {
  for (const auto held : file_states)
    for (const auto required : file_states)
      for (const auto wanted : file_states) {
        if (!is_subset(required, held) || required == held)
          continue;
        const auto other = lease_of("other", 2, wanted);

        EXPECT_EQ(both_ways(breaking_lease_of("client", 1, held, required), other),
          both_ways(lease_of("client", 1, required), other))
          << held << " to " << required << " against " << wanted;
      }
}

TEST(EnhancedLock, WriteLeaseAgainstExclusiveRangeOfAnotherClient) {
  for (const auto state : file_states) {
    const bool write = intersects(state, lease_state::write);
    const auto lease = lease_of("client", 1, state);
    for (const byte_range range : {byte_range{0, 1}, byte_range{5, 0}, byte_range{UINT64_MAX, 1}}) {
      EXPECT_EQ(both_ways(lease, range_of("other", range, true)), write) << state;
      EXPECT_FALSE(both_ways(lease, range_of("other", range, false))) << state;
      EXPECT_FALSE(both_ways(lease, range_of("client", range, true))) << state;
      EXPECT_FALSE(both_ways(lease, range_of("client", range, false))) << state;
    }
  }
}

TEST(EnhancedLock, BreakingWriteLeaseDoesNotKeepAnExclusiveRangeOut) {
  const auto lease = breaking_lease_of("client", 1, lease_state::rwh, lease_state::rh);

  EXPECT_FALSE(both_ways(lease, range_of("other", {0, 1}, true)));
}

TEST(EnhancedLock, RangeAgainstRange) {
  struct row {
    bool held_exclusive;
    bool wanted_exclusive;
    bool same_owner;
    bool conflict;
  };
  constexpr row matrix[] = {
    {false, false, false, false},
    {false, false, true, false},
    {false, true, false, true},
    {false, true, true, true},
    {true, false, false, true},
    {true, false, true, false},
    {true, true, false, true},
    {true, true, true, true},
  };
  for (const auto& [held, wanted, same, conflict] : matrix) {
    const auto a = range_of("client", {0, 10}, held);
    const std::string other = same ? "client" : "other";

    EXPECT_EQ(conflicts_with(a, range_of(other, {9, 1}, wanted)), conflict)
      << held << wanted << same;
    EXPECT_FALSE(conflicts_with(a, range_of(other, {10, 1}, wanted)));
  }
}

TEST(EnhancedLock, TwoOpensOfOneClientAreTwoOwners) {
  auto a = range_of("client", {0, 10}, true);
  auto b = range_of("client", {0, 10}, false);
  EXPECT_FALSE(conflicts_with(a, b));

  b.owner.owner_id = "another open";

  EXPECT_TRUE(conflicts_with(a, b));
}

TEST(EnhancedLock, NothingConflictsAcrossFiles) {
  const auto locks = {lease_of("a", 1, lease_state::rwh), range_of("a", {0, 10}, true)};
  for (const auto& held : locks)
    for (auto wanted : {lease_of("b", 2, lease_state::rwh), range_of("b", {0, 10}, true)}) {
      wanted.denies = access_mode::deny_all;
      EXPECT_TRUE(conflicts_with(held, wanted));
      wanted.file_id = "another file";

      EXPECT_FALSE(both_ways(held, wanted));
      EXPECT_FALSE(overlaps(held, wanted));
    }
}

TEST(EnhancedLock, AccessModesDenyWhatTheOtherDoes) {
  constexpr std::array modes{
    access_mode::none, access_mode::deny_read, access_mode::deny_write, access_mode::deny_all};
  // Disjoint ranges, so that only the modes count. A shared lock reads, an exclusive one writes.
  for (const auto mode_a : modes)
    for (const auto mode_b : modes)
      for (const bool exclusive_a : {false, true})
        for (const bool exclusive_b : {false, true}) {
          auto a = range_of("a", {0, 1}, exclusive_a);
          auto b = range_of("b", {100, 1}, exclusive_b);
          a.denies = mode_a;
          b.denies = mode_b;
          const auto denies = [](access_mode mode, bool writes) {
            return mode == access_mode::deny_all ||
              mode == (writes ? access_mode::deny_write : access_mode::deny_read);
          };

          EXPECT_EQ(both_ways(a, b), denies(mode_a, exclusive_b) || denies(mode_b, exclusive_a));

          b.owner = a.owner;
          EXPECT_FALSE(both_ways(a, b)) << "an owner denies itself nothing";
        }
}

TEST(EnhancedLock, AccessModesDenyLeasesWhatTheirStateDoes) {
  for (const auto state : file_states) {
    const auto lease = lease_of("a", 1, state);
    auto range = range_of("b", {0, 1}, false);

    range.denies = access_mode::deny_read;
    EXPECT_EQ(both_ways(range, lease), intersects(state, lease_state::read)) << state;
    range.denies = access_mode::deny_write;
    EXPECT_EQ(both_ways(range, lease), intersects(state, lease_state::write)) << state;
    range.denies = access_mode::deny_all;
    EXPECT_EQ(both_ways(range, lease), state != lease_state::none) << state;
  }
}

TEST(EnhancedLock, LeaseOverlapsEverythingOnItsFile) {
  const auto lease = lease_of("a", 1, lease_state::r);

  EXPECT_TRUE(overlaps(lease, range_of("b", {UINT64_MAX, 1}, false)));
  EXPECT_TRUE(overlaps(range_of("b", {5, 0}, false), lease));
  EXPECT_TRUE(overlaps(lease, lease_of("b", 2, lease_state::none)));
  EXPECT_FALSE(overlaps(range_of("a", {0, 5}, true), range_of("b", {5, 5}, true)));
  EXPECT_TRUE(overlaps(range_of("a", {0, 6}, true), range_of("b", {5, 5}, true)));
}

TEST(EnhancedLock, CopyIsADeepCopy) {
  const auto original = breaking_lease_of("client", 1, lease_state::rwh, lease_state::r);
  auto copy = original;
  ASSERT_EQ(copy, original);

  copy.id = "other";
  copy.owner.client_id = "other";
  copy.file_id = "other";
  copy.lease->state = lease_state::none;
  copy.lease->key.bytes[0] = 0xff;
  copy.lease->breaking = false;

  EXPECT_EQ(original, breaking_lease_of("client", 1, lease_state::rwh, lease_state::r));
  EXPECT_NE(copy, original);
}

} // namespace
} // namespace leasebreak

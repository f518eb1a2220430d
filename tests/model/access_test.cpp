// Access masks and share modes.
#include <leasebreak/model/access.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace leasebreak {
namespace {

TEST(Access, MapsGenericBitsToWhatTheyStandFor) {
  EXPECT_EQ(map_generic(access::generic_all), access::all);
  EXPECT_EQ(map_generic(access::maximum_allowed), access::all);
  EXPECT_EQ(map_generic(access::generic_read), 0x0012'0089U);
  EXPECT_EQ(map_generic(access::generic_write), 0x0012'0116U);
  EXPECT_EQ(map_generic(access::generic_execute), 0x0012'00a0U);
  EXPECT_EQ(map_generic(access::generic_read | access::generic_write), 0x0012'019fU);
}

TEST(Access, LeavesSpecificBitsAloneWhenMapping) {
  for (int bit = 0; bit < 21; ++bit)
    EXPECT_EQ(map_generic(1U << bit), 1U << bit);
  EXPECT_EQ(map_generic(0), 0U);
  EXPECT_EQ(map_generic(access::delete_file | access::generic_execute), 0x0013'00a0U);
}

TEST(Access, StatOpensHaveNothingButAttributesAndSynchronize) {
  constexpr std::uint32_t harmless =
    access::read_attributes | access::write_attributes | access::synchronize;
  for (int bit = 0; bit < 21; ++bit) {
    const auto mask = 1U << bit;
    const bool stat = (mask & harmless) != 0;

    EXPECT_EQ(is_stat_access_for_oplocks(mask), stat) << bit;
    EXPECT_EQ(is_stat_access_for_oplocks(mask | access::synchronize), stat) << bit;
    EXPECT_EQ(is_stat_access_for_leases(mask), stat || mask == access::read_control) << bit;
  }
  EXPECT_FALSE(is_stat_access_for_oplocks(0));
  EXPECT_FALSE(is_stat_access_for_leases(0));
}

// Computes the conflict from each access and what the other open shares.
bool expected_conflict(
  std::uint32_t a, std::uint32_t share_a, std::uint32_t b, std::uint32_t share_b) {
  struct deed {
    std::uint32_t access;
    std::uint32_t needs;
  };
  constexpr deed deeds[] = {{access::read_data, share::read}, {access::execute, share::read},
    {access::write_data, share::write}, {access::append_data, share::write},
    {access::delete_file, share::delete_file}};
  bool a_matters = false;
  bool b_matters = false;
  bool denied = false;
  for (const auto& [bit, needs] : deeds) {
    a_matters = a_matters || (a & bit) != 0;
    b_matters = b_matters || (b & bit) != 0;
    denied = denied || ((a & bit) != 0 && (share_b & needs) == 0) ||
      ((b & bit) != 0 && (share_a & needs) == 0);
  }
  return a_matters && b_matters && denied;
}

TEST(Access, ShareConflictsOfAllAccessesAndShareModes) {
  constexpr std::uint32_t bits[] = {access::read_data, access::write_data, access::append_data,
    access::execute, access::delete_file, access::read_attributes};
  std::vector<std::uint32_t> masks;
  for (std::uint32_t choice = 0; choice < 64; ++choice) {
    std::uint32_t mask = 0;
    for (std::uint32_t i = 0; i < 6; ++i)
      mask |= (choice >> i & 1) != 0 ? bits[i] : 0;
    masks.push_back(mask);
  }
  int wrong = 0;
  for (const auto a : masks)
    for (const auto b : masks)
      for (std::uint32_t share_a = 0; share_a <= share::all; ++share_a)
        for (std::uint32_t share_b = 0; share_b <= share::all; ++share_b) {
          const bool conflict = share_conflict(a, share_a, b, share_b);
          wrong += conflict != expected_conflict(a, share_a, b, share_b);
          wrong += conflict != share_conflict(b, share_b, a, share_a);
        }

  EXPECT_EQ(wrong, 0);
}

TEST(Access, AttributeOpensNeverMeetShareModes) {
  EXPECT_FALSE(share_conflict(access::read_attributes, share::none, access::all, share::none));
  EXPECT_TRUE(share_conflict(access::all, share::none, access::all, share::none));
  EXPECT_FALSE(share_conflict(access::all, share::all, access::all, share::all));
}

} // namespace
} // namespace leasebreak

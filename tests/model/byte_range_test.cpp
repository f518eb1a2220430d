// Byte ranges, compared with sets of bytes, at both ends of the 64-bit space.
#include <leasebreak/model/byte_range.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace leasebreak {
namespace {

constexpr std::uint64_t window = 6; // The number of bytes that the exhaustive tests use.

// Returns all ranges within `window` bytes from `base`, and the empty ranges at their borders.
std::vector<byte_range> ranges_from(std::uint64_t base) {
  std::vector<byte_range> ranges;
  for (std::uint64_t first = 0; first < window; ++first)
    for (std::uint64_t length = 0; first + length <= window; ++length)
      ranges.push_back({base + first, length});
  return ranges;
}

bool has_byte(const byte_range& range, std::uint64_t byte) {
  return range.length != 0 && byte >= range.offset && byte - range.offset < range.length;
}

// Computes the overlap byte by byte, as documented.
bool touch(const byte_range& a, const byte_range& b, std::uint64_t base) {
  const auto surrounds = [](const byte_range& range, std::uint64_t at) {
    return at != 0 && has_byte(range, at - 1) && has_byte(range, at);
  };
  if (a.length == 0 && b.length == 0)
    return false;
  if (a.length == 0)
    return surrounds(b, a.offset);
  if (b.length == 0)
    return surrounds(a, b.offset);
  for (std::uint64_t i = 0; i < window; ++i)
    if (has_byte(a, base + i) && has_byte(b, base + i))
      return true;
  return false;
}

TEST(ByteRange, OverlapIsToHaveAByteInCommonAtBothEndsOfTheSpace) {
  for (const auto base : {std::uint64_t{0}, std::uint64_t{1} << 63, UINT64_MAX - window + 1}) {
    for (const auto& a : ranges_from(base)) {
      for (const auto& b : ranges_from(base)) {
        EXPECT_EQ(overlap(a, b), touch(a, b, base))
          << a.offset << "+" << a.length << " and " << b.offset << "+" << b.length;
        EXPECT_EQ(overlap(a, b), overlap(b, a));
      }
    }
  }
}

TEST(ByteRange, WholeSpaceOverlapsEverythingButTheEmptyRangeAtItsStart) {
  constexpr byte_range whole{0, UINT64_MAX};

  EXPECT_TRUE(overlap(whole, {UINT64_MAX - 1, 1}));
  EXPECT_TRUE(overlap(whole, {UINT64_MAX - 1, 2}));
  EXPECT_TRUE(overlap(whole, {1, 0}));
  EXPECT_FALSE(overlap(whole, {0, 0}));
  EXPECT_FALSE(overlap(whole, {UINT64_MAX, 1}));
}

TEST(ByteRange, IsInvalidWhenItsLastBytePassesTheEnd) {
  EXPECT_TRUE((byte_range{0, 0}.is_valid()));
  EXPECT_TRUE((byte_range{UINT64_MAX, 0}.is_valid()));
  EXPECT_TRUE((byte_range{UINT64_MAX, 1}.is_valid()));
  EXPECT_TRUE((byte_range{0, UINT64_MAX}.is_valid()));
  EXPECT_TRUE((byte_range{1, UINT64_MAX}.is_valid()));
  EXPECT_FALSE((byte_range{2, UINT64_MAX}.is_valid()));
  EXPECT_FALSE((byte_range{UINT64_MAX, 2}.is_valid()));
  EXPECT_FALSE((byte_range{UINT64_MAX, UINT64_MAX}.is_valid()));
}

TEST(ByteRange, LastIsTheLastByte) {
  EXPECT_EQ((byte_range{5, 1}.last()), 5U);
  EXPECT_EQ((byte_range{1, UINT64_MAX}.last()), UINT64_MAX);
}

TEST(ByteRange, ConflictMatrixOfOverlappingLocks) {
  struct row {
    bool held_exclusive;
    bool wanted_exclusive;
    bool same_owner;
    bool conflict;
  };
  // An owner may stack a shared lock on its exclusive lock, but no other combination.
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
    EXPECT_EQ(range_conflict({10, 10}, held, {15, 10}, wanted, same), conflict)
      << held << wanted << same;
    EXPECT_FALSE(range_conflict({10, 10}, held, {20, 10}, wanted, same)) << "they do not overlap";
    EXPECT_EQ(range_conflict({10, 10}, held, {15, 0}, wanted, same), conflict) << "empty, within";
    EXPECT_FALSE(range_conflict({10, 10}, held, {10, 0}, wanted, same)) << "empty, on the border";
    EXPECT_FALSE(range_conflict({15, 0}, held, {15, 0}, wanted, same)) << "both empty";
  }
}

} // namespace
} // namespace leasebreak

// The identifiers of clients and leases, and their text form.
#include <leasebreak/model/ids.hpp>

#include <gtest/gtest.h>

#include <unordered_set>

namespace leasebreak {
namespace {

TEST(Ids, HexIsInTheOrderOfTheBytes) {
  lease_key key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i)
    key.bytes[i] = static_cast<std::uint8_t>(i * 17);

  EXPECT_EQ(to_string(key), "00112233445566778899aabbccddeeff");
  EXPECT_EQ(from_hex("00112233445566778899aabbccddeeff"), key.bytes);
  EXPECT_EQ(from_hex("00112233445566778899AABBCCDDEEFF"), key.bytes);
}

TEST(Ids, EveryByteHasItsDigits) {
  for (int value = 0; value < 256; ++value) {
    client_guid guid;
    guid.bytes.fill(static_cast<std::uint8_t>(value));

    EXPECT_EQ(from_hex(to_string(guid)), guid.bytes);
  }
}

TEST(Ids, RefuseWhatIsNotThirtyTwoDigits) {
  const std::string good = "00112233445566778899aabbccddeeff";
  EXPECT_FALSE(from_hex("").has_value());
  EXPECT_FALSE(from_hex(good.substr(1)).has_value());
  EXPECT_FALSE(from_hex(good + "0").has_value());
  for (const char wrong : {'g', 'G', '/', ':', '@', '`', ' ', '\0', '-'}) {
    for (const std::size_t place : {0U, 15U, 31U}) {
      auto text = good;
      text[place] = wrong;
      EXPECT_FALSE(from_hex(text).has_value()) << text;
    }
  }
}

TEST(Ids, OfPutsTheLowByteFirst) {
  const auto id = lease_key::of(0x0102030405060708, 0xf0);

  EXPECT_EQ(to_string(id), "0807060504030201f000000000000000");
}

TEST(Ids, OnlyAllZerosIsNone) {
  EXPECT_TRUE(lease_key{}.is_zero());
  for (std::size_t i = 0; i < 16; ++i) {
    lease_key key;
    key.bytes[i] = 1;
    EXPECT_FALSE(key.is_zero());
  }
}

TEST(Ids, CompareByteByByte) {
  EXPECT_EQ(lease_key::of(1, 2), lease_key::of(1, 2));
  EXPECT_NE(lease_key::of(1, 2), lease_key::of(2, 1));
  // 0x0100 is 00 01 in byte order, which is less than 01 00.
  EXPECT_LT(lease_key::of(0x0100), lease_key::of(0x0001));
}

// An invertible hash without a key, such as `low ^ (high * c)`, would map all of these to one
// value.
TEST(Ids, HashOfChosenKeysDoesNotCollide) {
  std::unordered_set<std::size_t> hashes;
  std::unordered_set<std::uint64_t> strings;
  for (std::uint64_t i = 1; i <= 4096; ++i) {
    const auto key = lease_key::of((i * 0x9e3779b97f4a7c15U) ^ 0x1234, i);
    hashes.insert(std::hash<lease_key>{}(key));
    strings.insert(keyed_hash(to_string(key)));
  }

  EXPECT_EQ(hashes.size(), 4096U);
  EXPECT_EQ(strings.size(), 4096U);
}

TEST(Ids, HashSpreadsCountersAndTheirComplements) {
  // smbtorture's keys are a counter and its complement.
  std::unordered_set<std::size_t> low_bits;
  std::unordered_set<std::size_t> all_bits;
  for (std::uint64_t i = 0; i < 4096; ++i) {
    const auto hash = std::hash<lease_key>{}(lease_key::of(i, ~i));
    low_bits.insert(hash % 4096);
    all_bits.insert(hash);
  }

  EXPECT_EQ(all_bits.size(), 4096U);
  // 4096 random values in 4096 slots fill 63 % of them.
  EXPECT_GT(low_bits.size(), 2000U);
}

} // namespace
} // namespace leasebreak

// Encryption of frames.
#include "hex.hpp"

#include <smb_server/crypto/sealing.hpp>
#include <smb_server/wire/transform.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace leasebreak::smb {
namespace {

using testing::from_hex;

/// Missing bytes are zero.
key32 long_key_of(std::string_view text) {
  key32 result{};
  const byte_vector bytes = from_hex(text);
  std::copy(bytes.begin(), bytes.end(), result.begin());
  return result;
}

// Published by Microsoft in "SMB 2 and SMB 3 security in Windows 10", from the client's view.
TEST(SealingKeys, AreDerivedAsPublished) {
  preauth_hash hash{};
  const byte_vector bytes =
    from_hex("0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB79"
             "28622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01");
  std::copy(bytes.begin(), bytes.end(), hash.begin());

  const sealing_keys v30 = make_sealing_keys(
    dialect::smb_3_0, cipher::aes_128_ccm, from_hex("7CD451825D0450D235424E44BA6E78CC"), {});
  const sealing_keys v311 = make_sealing_keys(
    dialect::smb_3_1_1, cipher::aes_128_gcm, from_hex("270E1BA896585EEB7AF3472D3B4C75A7"), hash);

  EXPECT_EQ(v30.to_server, long_key_of("FAD27796665B313EBB578F388632B4F7"));
  EXPECT_EQ(v30.to_client, long_key_of("B0F0427F7CEB416D1D9DCC0CD4F99447"));
  EXPECT_EQ(v311.to_server, long_key_of("629BCBC54422A0F572B97F45989B6073"));
  EXPECT_EQ(v311.to_client, long_key_of("E2AF0DCEFAC68DA71A0DFBD0D1350D74"));
}

TEST(SealingKeys, AreAsLongAsTheCipherTakes) {
  const byte_vector session_key = from_hex("270E1BA896585EEB7AF3472D3B4C75A7");

  const sealing_keys longer =
    make_sealing_keys(dialect::smb_3_1_1, cipher::aes_256_gcm, session_key, {});
  const sealing_keys shorter =
    make_sealing_keys(dialect::smb_3_1_1, cipher::aes_128_gcm, session_key, {});

  EXPECT_TRUE(std::all_of(
    shorter.to_client.begin() + 16, shorter.to_client.end(), [](auto b) { return b == 0; }));
  EXPECT_FALSE(std::all_of(
    longer.to_client.begin() + 16, longer.to_client.end(), [](auto b) { return b == 0; }));
  // The derivation includes the number of bits, thus one key is no prefix of the other.
  EXPECT_FALSE(std::equal(
    shorter.to_client.begin(), shorter.to_client.begin() + 16, longer.to_client.begin()));
}

class SealedFrames : public ::testing::TestWithParam<cipher> {};

TEST_P(SealedFrames, UseAllOfTheirKey) {
  const bool is_long = GetParam() >= cipher::aes_256_ccm;
  key32 other{};
  other.back() = 1;

  const byte_vector frame = seal(GetParam(), {}, 7, 99, byte_vector(40));

  EXPECT_EQ(unseal(GetParam(), other, frame).has_value(), !is_long);
}

TEST_P(SealedFrames, OpenWithTheirKeyAndNoOther) {
  const key32 key = long_key_of("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const byte_vector message = from_hex("fe534d42aabbccddeeff00112233445566778899");

  const byte_vector frame = seal(GetParam(), key, 7, 99, message);

  EXPECT_EQ(parse_transform_header(frame)->session_id, 99U);
  EXPECT_EQ(unseal(GetParam(), key, frame), message);
  EXPECT_FALSE(unseal(GetParam(), long_key_of("00"), frame));
}

TEST_P(SealedFrames, DoNotOpenIfAnyByteWasChanged) {
  const key32 key = long_key_of("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const byte_vector message(40, 0x5a);
  const byte_vector frame = seal(GetParam(), key, 7, 99, message);

  for (std::size_t i = 0; i < frame.size(); ++i) {
    byte_vector changed = frame;
    changed[i] ^= 1;
    EXPECT_FALSE(unseal(GetParam(), key, changed)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SealedFrames,
  ::testing::Values(
    cipher::aes_128_ccm, cipher::aes_128_gcm, cipher::aes_256_ccm, cipher::aes_256_gcm));

TEST(TransformHeaders, OfAnotherLengthThanTheFrameAreRefused) {
  byte_vector frame = seal(cipher::aes_128_gcm, {}, 1, 2, byte_vector(10));

  EXPECT_TRUE(parse_transform_header(frame));
  frame.push_back(0);
  EXPECT_FALSE(parse_transform_header(frame));
  frame.resize(transform_header_size);
  EXPECT_FALSE(parse_transform_header(frame));
}

} // namespace
} // namespace leasebreak::smb

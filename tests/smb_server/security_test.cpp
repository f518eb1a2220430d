// Keys and signatures, checked with published vectors.
#include "hex.hpp"

#include <smb_server/crypto/digest.hpp>
#include <smb_server/wire/header.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

using testing::from_hex;
using testing::key_of;

// Published by Microsoft in "SMB 2 and SMB 3 security in Windows 10".
TEST(SigningKeys, AreDerivedAsPublishedFor30) {
  const byte_vector session_key = from_hex("7CD451825D0450D235424E44BA6E78CC");

  EXPECT_EQ(
    signing_key(dialect::smb_3_0, session_key, {}), key_of("0B7E9C5CAC36C0F6EA9AB275298CEDCE"));
  EXPECT_EQ(signing_key(dialect::smb_3_0_2, session_key, {}),
    signing_key(dialect::smb_3_0, session_key, {}));
}

TEST(SigningKeys, Of2xAreTheSessionKey) {
  const byte_vector session_key = from_hex("7CD451825D0450D235424E44BA6E78CC");

  EXPECT_EQ(
    signing_key(dialect::smb_2_1, session_key, {}), key_of("7CD451825D0450D235424E44BA6E78CC"));
}

TEST(SigningKeys, Of311DependOnTheHash) {
  const byte_vector session_key = from_hex("270E1BA896585EEB7AF3472D3B4C75A7");
  preauth_hash hash{};
  const byte_vector bytes =
    from_hex("0DD13628CC3ED218EF9DF9772D436D0887AB9814BFAE63A80AA845F36909DB79"
             "28622DDDAD522D9751640A459762C5A9D6BB084CBB3CE6BDADEF5D5BCE3C6C01");
  std::copy_n(bytes.begin(), hash.size(), hash.begin());

  EXPECT_EQ(
    signing_key(dialect::smb_3_1_1, session_key, hash), key_of("73FE7A9A77BEF0BDE49C650D8CCB5F76"));
}

// MS-NLMP 4.2.2.1.2, and the result of smbpasswd for letters beyond ASCII.
TEST(NtHashes, AreAsPublished) {
  EXPECT_EQ(nt_hash("Password"), key_of("a4f49c406510bdcab6824ee7c30fd852"));
}

TEST(NtHashes, AreOfTheTextInUtf16) {
  EXPECT_EQ(nt_hash("\xc3\xa9"), key_of("e77286d072c7858e9110cc3a011d2ac8"));
}

class Signatures : public ::testing::TestWithParam<signing_algorithm> {};

TEST_P(Signatures, AreVerifiedAndCoverEveryByte) {
  const key16 key = key_of("2b7e151628aed2a6abf7158809cf4f3c");
  header h;
  h.message_id = 7;
  byte_writer out;
  encode(out, h);
  out.zeros(9);
  byte_vector message = out.take();
  const signature s = sign(GetParam(), key, message);
  std::copy(s.begin(), s.end(), message.begin() + signature_offset);

  EXPECT_TRUE(verify(GetParam(), key, message));
  for (std::size_t i = 0; i < message.size(); ++i) {
    byte_vector changed = message;
    changed[i] ^= 1;
    EXPECT_FALSE(verify(GetParam(), key, changed)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Signatures,
  ::testing::Values(
    signing_algorithm::hmac_sha256, signing_algorithm::aes_cmac, signing_algorithm::aes_gmac));

TEST(PreauthHashes, ChainTheMessages) {
  const byte_vector a{1};
  const byte_vector b{2};
  const byte_vector both{1, 2};

  const preauth_hash chained = extend(extend({}, a), b);

  EXPECT_NE(chained, extend({}, both));
  EXPECT_NE(chained, extend(extend({}, b), a));
}

} // namespace
} // namespace leasebreak::smb

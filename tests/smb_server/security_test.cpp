// Signatures against published vectors, and logons with a real initiator.
#include "hex.hpp"
#include "initiator.hpp"

#include <smb_server/auth/gss_acceptor.hpp>
#include <smb_server/crypto/digest.hpp>
#include <smb_server/wire/header.hpp>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace leasebreak::smb {
namespace {

using testing::from_hex;
using testing::key_of;

// The keys that Microsoft published with "SMB 2 and SMB 3 security in Windows 10".
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

// MS-NLMP 4.2.2.1.2, and what smbpasswd makes of letters beyond ASCII.
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

struct Logons : ::testing::Test {
  static gss_credentials& credentials() {
    static gss_credentials c{
      {{"user", "pass"}, {"other", "word"}, {"Caf\xc3\xa9", "cr\xc3\xa8me"}}, "Workgroup"};
    return c;
  }

  static gss_step::outcome log_on(
    gss_acceptor& acceptor, testing::initiator& who, int rounds_max = 4) {
    byte_vector token = who.step({});
    gss_step::outcome last = gss_step::outcome::more;
    for (int i = 0; i < rounds_max && last == gss_step::outcome::more; ++i) {
      const gss_step step = acceptor.step(token);
      last = step.result;
      if (last != gss_step::outcome::refused && !step.token.empty())
        token = who.step(step.token);
    }
    return last;
  }
};

TEST_F(Logons, WithTheRightPasswordGiveBothSidesTheSameKey) {
  gss_acceptor acceptor{credentials()};
  testing::initiator who{"user", "pass"};

  EXPECT_EQ(log_on(acceptor, who), gss_step::outcome::done);
  EXPECT_EQ(acceptor.session_key(), who.session_key());
  EXPECT_GE(acceptor.session_key().size(), 16U);
  EXPECT_NE(acceptor.user().find("user"), std::string::npos);
}

TEST_F(Logons, AreOfTheAccountHoweverItIsSpelled) {
  for (const char* name : {"user", "USER", "uSer"}) {
    gss_acceptor acceptor{credentials()};
    testing::initiator who{name, "pass"};

    EXPECT_EQ(log_on(acceptor, who), gss_step::outcome::done);
    EXPECT_EQ(acceptor.user(), "WORKGROUP\\user");
  }
}

TEST_F(Logons, MayHaveLettersBeyondAscii) {
  for (const char* name : {"Caf\xc3\xa9", "CAF\xc3\x89", "caf\xc3\xa9"}) {
    gss_acceptor acceptor{credentials()};
    testing::initiator who{name, "cr\xc3\xa8me"};

    EXPECT_EQ(log_on(acceptor, who), gss_step::outcome::done);
    EXPECT_EQ(acceptor.user(), "WORKGROUP\\Caf\xc3\xa9");
  }
}

TEST_F(Logons, WithAWrongPasswordOrUserAreRefused) {
  gss_acceptor first{credentials()};
  testing::initiator wrong_password{"user", "word"};
  gss_acceptor second{credentials()};
  testing::initiator wrong_user{"nobody", "pass"};

  EXPECT_EQ(log_on(first, wrong_password), gss_step::outcome::refused);
  EXPECT_EQ(log_on(second, wrong_user), gss_step::outcome::refused);
}

TEST_F(Logons, WithTokensOfAnyBytesAreRefused) {
  for (const byte_vector& token : {byte_vector{}, byte_vector{0}, byte_vector(100, 0xff),
         from_hex("604806062b0601050502"), from_hex("4e544c4d5353500003000000ffff0000ffffffff")}) {
    gss_acceptor acceptor{credentials()};
    const gss_step step = acceptor.step(token);
    EXPECT_NE(step.result, gss_step::outcome::done);
    EXPECT_EQ(step.problem.empty(), step.result != gss_step::outcome::refused);
  }
}

TEST_F(Logons, AreOfferedNtlmBeforehand) {
  const byte_vector token = credentials().initial_token();
  const byte_vector ntlmssp = from_hex("2b06010401823702020a");

  EXPECT_NE(std::search(token.begin(), token.end(), ntlmssp.begin(), ntlmssp.end()), token.end());
}

TEST_F(Logons, KeepHashesInAFileThatOnlyTheOwnerReadsAndThatIsOnNoDisk) {
  static_cast<void>(credentials());
  struct stat info {};

  ASSERT_EQ(::stat(std::getenv("NTLM_USER_FILE"), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(info.st_nlink, 0U);
  std::ifstream in{std::getenv("NTLM_USER_FILE")};
  const std::string content{std::istreambuf_iterator<char>{in}, {}};
  EXPECT_EQ(content.find("pass"), std::string::npos) << content;
}

TEST(Accounts, ThatTheFileCannotHoldAreRefused) {
  for (const user_account& account :
    {user_account{"", "p"}, user_account{"u", ""}, user_account{"a:b", "p"},
      user_account{"a\\b", "p"}, user_account{"u", "a\nb"}, user_account{"\xff", "p"}})
    EXPECT_THROW(gss_credentials({account}, "D"), std::invalid_argument);
}

TEST(Accounts, ThatCannotBeToldApartAreRefused) {
  const auto refuses = [](const std::string& a, const std::string& b) {
    try {
      gss_credentials({{a, "p"}, {b, "q"}}, "D");
      return std::string{};
    } catch (const std::invalid_argument& e) {
      return std::string{e.what()};
    }
  };

  EXPECT_NE(refuses("twin", "twin").find("'twin'"), std::string::npos);
  EXPECT_NE(refuses("twin", "TWIN").find("'TWIN'"), std::string::npos);
  EXPECT_NE(refuses("\xc3\xa9", "\xc3\x89").find("'\xc3\x89'"), std::string::npos);
}

TEST(Domains, ThatTheFileCannotHoldAreRefused) {
  for (const char* domain : {"", "a:b", "a\\b", "a/b", "a\nb", "\xff"})
    EXPECT_THROW(gss_credentials({{"u", "p"}}, domain), std::invalid_argument) << domain;
}

} // namespace
} // namespace leasebreak::smb

// Logons, token by token: all accepted and all refused variants.
#include "hex.hpp"
#include "initiator.hpp"

#include <smb_server/auth/der.hpp>
#include <smb_server/auth/logon.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace leasebreak::smb {
namespace {

using testing::from_hex;
using testing::initiator;
using testing::logon_script;
using outcome = logon_step::outcome;

const std::string computer = "server.example.org";

const account_list& accounts() {
  static const account_list list{
    {{"user", "pass"}, {"other", "word"}, {"Caf\xc3\xa9", "cr\xc3\xa8me"}, {"at@home", "pass"}},
    "Workgroup"};
  return list;
}

/// Performs a logon, and returns its outcome. After success, both sides must have the same key.
logon_step log_on(logon& server, initiator& client) {
  logon_step last;
  byte_vector token = client.step({});
  do {
    last = server.step(token);
    if (last.result == outcome::refused)
      return last;
    token = client.step(last.token);
  } while (last.result == outcome::more);
  EXPECT_EQ(server.session_key(), client.session_key());
  EXPECT_TRUE(token.empty());
  return last;
}

logon_step log_on(const logon_script& script) {
  logon server{accounts(), computer};
  initiator client{script};
  return log_on(server, client);
}

// -- accepted ------------------------------------------------------------------------------------

struct variant {
  const char* name;
  void (*change)(logon_script&);
};

std::ostream& operator<<(std::ostream& out, const variant& v) {
  return out << v.name;
}

std::string name_of(const ::testing::TestParamInfo<variant>& of) {
  return of.param.name;
}

/// Whether SPNEGO is used, and the variant.
using wrapped_variant = std::tuple<bool, variant>;

std::string name_of_wrapped(const ::testing::TestParamInfo<wrapped_variant>& of) {
  return std::string{std::get<variant>(of.param).name} +
    (std::get<bool>(of.param) ? "InSpnego" : "Alone");
}

class LogonsWithTheRightPassword : public ::testing::TestWithParam<wrapped_variant> {};

TEST_P(LogonsWithTheRightPassword, AreAccepted) {
  logon_script script;
  script.uses_spnego = std::get<bool>(GetParam());
  std::get<variant>(GetParam()).change(script);

  const logon_step last = log_on(script);

  EXPECT_EQ(last.result, outcome::done) << last.problem;
  EXPECT_EQ(last.problem, "");
}

constexpr variant good_variants[]{
  {"AsMostClientsDo", [](logon_script&) {}},
  {"WithoutMic", [](logon_script& s) { s.signs_messages = logon_script::mic::none; }},
  {"WithoutVersionInNegotiate", [](logon_script& s) { s.negotiate_bytes = 32; }},
  {"WithNegotiateOf34Bytes", [](logon_script& s) { s.negotiate_bytes = 34; }},
  {"WithNegotiateOfFlagsAlone", [](logon_script& s) { s.negotiate_bytes = 16; }},
  {"WithoutVersionInAuthenticate", [](logon_script& s) { s.has_version_field = false; }},
  {"WithoutVersionAndMic",
    [](logon_script& s) {
      s.has_version_field = false;
      s.signs_messages = logon_script::mic::none;
    }},
  {"WithoutTheVersionFlag", [](logon_script& s) { s.flags &= ~ntlm::flag::version; }},
  {"WithoutKeyExchange", [](logon_script& s) { s.flags &= ~ntlm::flag::key_exchange; }},
  {"WithKeysOf56Bits", [](logon_script& s) { s.flags &= ~ntlm::flag::key_128; }},
  {"WithKeysOf40Bits",
    [](logon_script& s) { s.flags &= ~(ntlm::flag::key_128 | ntlm::flag::key_56); }},
  {"WithoutExtendedSessionSecurity",
    [](logon_script& s) {
      s.flags &= ~ntlm::flag::extended_session_security;
      s.signs_list = logon_script::list_mic::none;
    }},
  {"WithTextInAscii",
    [](logon_script& s) { s.flags = (s.flags & ~ntlm::flag::unicode) | ntlm::flag::oem; }},
  {"WithAnLmResponse", [](logon_script& s) { s.lm_is_right = true; }},
  {"WithoutDomain", [](logon_script& s) { s.domain = ""; }},
  {"WithTheDomainInLowerCase", [](logon_script& s) { s.domain = "workgroup"; }},
  {"WithAnotherDomain", [](logon_script& s) { s.domain = "ELSEWHERE"; }},
  {"WithADomainBeyondAscii", [](logon_script& s) { s.domain = "B\xc3\xbcro"; }},
  {"InUpperCase", [](logon_script& s) { s.user = "USER"; }},
  {"InMixedCase", [](logon_script& s) { s.user = "uSeR"; }},
  {"WithTheDomainBehindTheName",
    [](logon_script& s) {
      s.user = "user@example.org";
      s.domain = "";
    }},
  {"WithANameThatHasAnAtSign",
    [](logon_script& s) {
      s.user = "AT@home";
      s.domain = "";
    }},
  {"WithLettersBeyondAscii",
    [](logon_script& s) {
      s.user = "caf\xc3\xa9";
      s.password = "cr\xc3\xa8me";
      s.to_upper = [](const std::string&) { return std::string{"CAF\xc3\x89"}; };
    }},
  {"WithLettersBeyondAsciiThatTheClientLeavesAsTheyAre",
    [](logon_script& s) {
      s.user = "caf\xc3\xa9";
      s.password = "cr\xc3\xa8me";
    }},
};

INSTANTIATE_TEST_SUITE_P(All, LogonsWithTheRightPassword,
  ::testing::Combine(::testing::Bool(), ::testing::ValuesIn(good_variants)), name_of_wrapped);

class LogonsInSpnego : public ::testing::TestWithParam<variant> {};

TEST_P(LogonsInSpnego, AreAccepted) {
  logon_script script;
  GetParam().change(script);

  const logon_step last = log_on(script);

  EXPECT_EQ(last.result, outcome::done) << last.problem;
}

constexpr variant spnego_variants[]{
  {"WithoutListMic", [](logon_script& s) { s.signs_list = logon_script::list_mic::none; }},
  {"WithTheFirstMessageInTheSecondToken", [](logon_script& s) { s.is_optimistic = false; }},
  {"WithNtlmAsTheSecondChoice", [](logon_script& s) { s.prefers_kerberos = true; }},
  {"WithReqFlagsOfOneOctet", [](logon_script& s) { s.required_flags = from_hex("0106"); }},
  {"WithReqFlagsOfFourOctets", [](logon_script& s) { s.required_flags = from_hex("0000000002"); }},
  {"WithReqFlagsOfNoBits", [](logon_script& s) { s.required_flags = from_hex("00"); }},
  {"WithReqFlagsOfAHundredOctets", [](logon_script& s) { s.required_flags = byte_vector(200, 0); }},
};

INSTANTIATE_TEST_SUITE_P(All, LogonsInSpnego, ::testing::ValuesIn(spnego_variants), name_of);

TEST(Logons, ReturnTheAccountAsItWasConfigured) {
  for (const char* name : {"user", "USER", "uSer"}) {
    logon server{accounts(), computer};
    initiator client{name, "pass"};

    EXPECT_EQ(log_on(server, client).result, outcome::done);
    EXPECT_EQ(server.user(), "WORKGROUP\\user");
  }
}

// -- refused -------------------------------------------------------------------------------------

class RefusedLogons : public ::testing::TestWithParam<wrapped_variant> {};

TEST_P(RefusedLogons, ReturnNothingAndEnd) {
  logon server{accounts(), computer};
  logon_script script;
  script.uses_spnego = std::get<bool>(GetParam());
  std::get<variant>(GetParam()).change(script);
  initiator client{script};

  const logon_step last = log_on(server, client);

  EXPECT_EQ(last.result, outcome::refused);
  EXPECT_TRUE(last.token.empty());
  EXPECT_NE(last.problem, "");
  EXPECT_EQ(server.user(), "");
  // Further tokens are refused, even the right one.
  initiator again{"user", "pass"};
  EXPECT_EQ(server.step(again.step({})).result, outcome::refused);
}

void patch_flags(byte_vector& authenticate, std::uint32_t set, std::uint32_t clear) {
  constexpr std::size_t flags_at = 60;
  for (std::size_t i = 0; i < 4; ++i) {
    authenticate[flags_at + i] |= static_cast<std::uint8_t>(set >> (8 * i));
    authenticate[flags_at + i] &= static_cast<std::uint8_t>(~(clear >> (8 * i)));
  }
}

constexpr variant refused_variants[]{
  {"WrongPassword", [](logon_script& s) { s.password = "word"; }},
  {"PasswordInAnotherCase", [](logon_script& s) { s.password = "Pass"; }},
  {"EmptyPassword", [](logon_script& s) { s.password = ""; }},
  {"UnknownUser", [](logon_script& s) { s.user = "unknown"; }},
  {"UserOfAnotherPassword", [](logon_script& s) { s.user = "other"; }},
  {"AtSignBehindADomain", [](logon_script& s) { s.user = "user@example.org"; }},
  {"NoUser", [](logon_script& s) { s.user = ""; }},
  {"Anonymous",
    [](logon_script& s) {
      s.user = "";
      s.nt = logon_script::response::empty;
      s.change_authenticate = [](byte_vector& m) { patch_flags(m, ntlm::flag::anonymous, 0); };
    }},
  {"AnonymousFlagAndAnEmptyResponse",
    [](logon_script& s) {
      s.nt = logon_script::response::empty;
      s.change_authenticate = [](byte_vector& m) { patch_flags(m, ntlm::flag::anonymous, 0); };
    }},
  {"WrongProof", [](logon_script& s) { s.nt = logon_script::response::wrong_proof; }},
  {"WrongProofBesideARightLmResponse",
    [](logon_script& s) {
      s.nt = logon_script::response::wrong_proof;
      s.lm_is_right = true;
    }},
  {"Ntlm1Response", [](logon_script& s) { s.nt = logon_script::response::version_1; }},
  {"Ntlm1ResponseWithoutExtendedSessionSecurity",
    [](logon_script& s) {
      s.nt = logon_script::response::version_1;
      s.flags &= ~ntlm::flag::extended_session_security;
    }},
  {"Ntlm1ResponseBesideARightLm2Response",
    [](logon_script& s) {
      s.nt = logon_script::response::version_1;
      s.lm_is_right = true;
    }},
  {"RightLm2ResponseAlone",
    [](logon_script& s) {
      s.nt = logon_script::response::empty;
      s.lm_is_right = true;
    }},
  {"ResponseThatIsCutOff", [](logon_script& s) { s.nt = logon_script::response::cut_off; }},
  {"ResponseOfAnotherVersion",
    [](logon_script& s) { s.nt = logon_script::response::version_field_2; }},
  {"WrongMic", [](logon_script& s) { s.signs_messages = logon_script::mic::wrong; }},
  {"MicThatIsMissing", [](logon_script& s) { s.signs_messages = logon_script::mic::claimed; }},
  {"MicOfZeros",
    [](logon_script& s) {
      s.change_authenticate = [](byte_vector& m) { std::fill_n(m.begin() + 72, 16, 0); };
    }},
  {"FlagsThatWereChangedOnTheWay",
    [](logon_script& s) {
      s.change_authenticate = [](byte_vector& m) { patch_flags(m, 0, ntlm::flag::sign); };
    }},
  {"SessionKeyThatWasChangedOnTheWay",
    [](logon_script& s) { s.change_authenticate = [](byte_vector& m) { m.back() ^= 1; }; }},
  {"NoSessionKeyToExchange",
    [](logon_script& s) { s.change_authenticate = [](byte_vector& m) { m[52] = m[53] = 0; }; }},
  {"ShortSessionKey",
    [](logon_script& s) { s.change_authenticate = [](byte_vector& m) { m[52] = 15; }; }},
  {"TextBeyondAsciiInOem",
    [](logon_script& s) {
      s.flags = (s.flags & ~ntlm::flag::unicode) | ntlm::flag::oem;
      s.user = "Caf\xc3\xa9";
      s.password = "cr\xc3\xa8me";
    }},
  {"UserOfAnOddNumberOfBytes",
    [](logon_script& s) {
      s.signs_messages = logon_script::mic::none;
      s.change_authenticate = [](byte_vector& m) { m[36] = 7; };
    }},
  {"FieldBeyondTheEnd",
    [](logon_script& s) { s.change_authenticate = [](byte_vector& m) { m[32 + 3] = 0x7f; }; }},
  {"MessageThatIsCutOff",
    [](logon_script& s) { s.change_authenticate = [](byte_vector& m) { m.resize(63); }; }},
  {"EmptyMessage",
    [](logon_script& s) { s.change_authenticate = [](byte_vector& m) { m.clear(); }; }},
  {"NegotiateInPlaceOfAuthenticate",
    [](logon_script& s) { s.change_authenticate = [](byte_vector& m) { m[8] = 1; }; }},
};

INSTANTIATE_TEST_SUITE_P(All, RefusedLogons,
  ::testing::Combine(::testing::Bool(), ::testing::ValuesIn(refused_variants)), name_of_wrapped);

TEST(RefusedSpnego, IsAWrongListMic) {
  logon_script script;
  script.signs_list = logon_script::list_mic::wrong;

  EXPECT_EQ(log_on(script).result, outcome::refused);
}

TEST(RefusedSpnego, IsNtlmAsTheSecondChoiceWithoutListMic) {
  logon_script script;
  script.prefers_kerberos = true;
  script.signs_list = logon_script::list_mic::none;

  EXPECT_EQ(log_on(script).result, outcome::refused);
}

TEST(RefusedSpnego, IsAListMicThatNtlmCannotHaveMade) {
  logon_script script;
  script.flags &= ~ntlm::flag::extended_session_security;

  EXPECT_EQ(log_on(script).result, outcome::refused);
}

TEST(RefusedSpnego, IsAListWithoutNtlm) {
  logon server{accounts(), computer};
  // NegTokenInit with Kerberos only.
  const logon_step step =
    server.step(from_hex("601b06062b0601050502a011300fa00d300b06092a864886f712010202"));

  EXPECT_EQ(step.result, outcome::refused);
  EXPECT_EQ(step.problem, "a client that offers no NTLM");
}

TEST(RefusedLogonsOfAnyBytes, EndAtTheFirstToken) {
  for (const byte_vector& token :
    {byte_vector{}, byte_vector{0}, byte_vector(100, 0xff), from_hex("604806062b0601050502"),
      from_hex("4e544c4d5353500003000000ffff0000ffffffff"), from_hex("4e544c4d53535000"),
      from_hex("a1023000"), from_hex("6080"), from_hex("60848000000006062b0601050502")}) {
    logon server{accounts(), computer};

    const logon_step step = server.step(token);

    EXPECT_EQ(step.result, outcome::refused);
    EXPECT_NE(step.problem, "");
  }
}

TEST(RefusedLogonsOfAnyBytes, EndAtTheSecondToken) {
  for (const bool spnego : {false, true}) {
    for (const byte_vector& token : {byte_vector{}, byte_vector(100, 0xff), from_hex("a1023000"),
           from_hex("a1073005a0030a0102"), from_hex("a1063004a0020a00")}) {
      logon_script script;
      script.uses_spnego = spnego;
      logon server{accounts(), computer};
      initiator client{script};
      ASSERT_EQ(server.step(client.step({})).result, outcome::more);

      EXPECT_EQ(server.step(token).result, outcome::refused);
    }
  }
}

TEST(Logons, AnswerEachClientWithAChallengeOfItsOwn) {
  logon a{accounts(), computer};
  logon b{accounts(), computer};
  initiator first{"user", "pass"};
  initiator second{"user", "pass"};
  const byte_vector to_first = a.step(first.step({})).token;
  static_cast<void>(b.step(second.step({})));

  // The response to one challenge proves nothing for another one.
  EXPECT_EQ(b.step(first.step(to_first)).result, outcome::refused);
}

TEST(Logons, EndOnceTheyHaveSucceeded) {
  logon server{accounts(), computer};
  initiator client{"user", "pass"};
  ASSERT_EQ(log_on(server, client).result, outcome::done);
  initiator another{"other", "word"};

  EXPECT_EQ(server.step(another.step({})).result, outcome::refused);
  EXPECT_EQ(server.user(), "WORKGROUP\\user");
}

TEST(Logons, AreOfferedNtlmBeforehand) {
  const byte_vector offer = spnego::make_offer();
  const auto parsed = spnego::parse(offer);

  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->mechanisms.size(), 1U);
  EXPECT_TRUE(std::equal(parsed->mechanisms[0].begin(), parsed->mechanisms[0].end(),
    spnego::ntlmssp().begin(), spnego::ntlmssp().end()));
}

// -- DER -----------------------------------------------------------------------------------------

TEST(Der, WritesWhatItReadsAtAnyLength) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65'535U, 65'536U, 100'000U}) {
    const byte_vector content(size, 7);
    const byte_vector whole = der::make(der::tag::octet_string, content);
    bytes_view rest = whole;

    const auto back = der::take(rest);

    ASSERT_TRUE(back);
    EXPECT_EQ(back->tag, der::tag::octet_string);
    EXPECT_EQ(byte_vector(back->content.begin(), back->content.end()), content);
    EXPECT_EQ(back->whole.size(), whole.size());
    EXPECT_TRUE(rest.empty());
  }
}

TEST(Der, ReadsLengthsThatAreLongerThanNeeded) {
  const byte_vector bytes = from_hex("04840000000199");
  bytes_view rest = bytes;

  EXPECT_EQ(der::take(rest, der::tag::octet_string).value().size(), 1U);
}

TEST(Der, RefusesWhatIsCutOffIndefiniteOrTooLarge) {
  for (const char* hex : {"", "04", "0401", "0480", "048001000000", "0485000000000199", "04ff00",
         "0484ffffffff99", "1f0199", "0482ff"}) {
    const byte_vector bytes = from_hex(hex);
    bytes_view rest = bytes;

    EXPECT_FALSE(der::take(rest)) << hex;
    EXPECT_EQ(rest.size(), bytes.size());
  }
}

TEST(SpnegoTokens, WithTooManyMechanismsAreMalformed) {
  const auto with = [](std::size_t count) {
    byte_writer names;
    for (std::size_t i = 0; i < count; ++i)
      names.append(der::make(der::tag::object_identifier, spnego::ntlmssp()));
    const byte_vector list =
      der::make(der::tag::context(0), der::make(der::tag::sequence, names.view()));
    byte_writer inner;
    inner.append(from_hex("06062b0601050502"));
    inner.append(der::make(der::tag::context(0), der::make(der::tag::sequence, list)));
    return der::make(der::tag::application_0, inner.view());
  };

  EXPECT_TRUE(spnego::parse(with(spnego::mechanisms_max)));
  EXPECT_FALSE(spnego::parse(with(spnego::mechanisms_max + 1)));
  EXPECT_FALSE(spnego::parse(with(0)));
}

TEST(SpnegoTokens, HaveTheirFieldsInOrder) {
  EXPECT_TRUE(spnego::parse(from_hex("a10b3009a0030a0101a2020400")));
  EXPECT_FALSE(spnego::parse(from_hex("a10b3009a2020400a0030a0101")));
  EXPECT_FALSE(spnego::parse(from_hex("a10a3008a2020400a2020400")));
  EXPECT_TRUE(spnego::parse(from_hex("a10d300ba0030a0101a4040402ffff"))) << "from a later version";
}

// -- accounts ------------------------------------------------------------------------------------

TEST(Accounts, ThatClientsCannotNameAreRefused) {
  for (const user_account& account :
    {user_account{"", "p"}, user_account{"u", ""}, user_account{"a/b", "p"},
      user_account{"a\\b", "p"}, user_account{"a\nb", "p"}, user_account{"\xff", "p"},
      user_account{"u", "\xff"}, user_account{std::string{"a\0b", 3}, "p"}})
    EXPECT_THROW(account_list({account}, "D"), std::invalid_argument);
}

TEST(Accounts, MayHaveAnyCharacterInTheirPasswords) {
  for (const char* password : {"a:b", "a\nb", " ", "\\"}) {
    const account_list list{{{"user", password}}, "D"};
    logon server{list, computer};
    initiator client{"user", password};

    EXPECT_EQ(log_on(server, client).result, outcome::done);
  }
}

TEST(Accounts, ThatCannotBeToldApartAreRefused) {
  const auto refuses = [](const std::string& a, const std::string& b) {
    try {
      account_list({{a, "p"}, {b, "q"}}, "D");
      return std::string{};
    } catch (const std::invalid_argument& e) {
      return std::string{e.what()};
    }
  };

  EXPECT_NE(refuses("twin", "twin").find("'twin'"), std::string::npos);
  EXPECT_NE(refuses("twin", "TWIN").find("'TWIN'"), std::string::npos);
  EXPECT_NE(refuses("\xc3\xa9", "\xc3\x89").find("'\xc3\x89'"), std::string::npos);
}

TEST(Domains, ThatClientsCannotNameAreRefused) {
  for (const char* domain : {"", "a\\b", "a/b", "a\nb", "\xff"})
    EXPECT_THROW(account_list({{"u", "p"}}, domain), std::invalid_argument) << domain;
}

} // namespace
} // namespace leasebreak::smb

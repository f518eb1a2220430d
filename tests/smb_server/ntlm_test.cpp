// NTLM's messages and computations, checked with the examples of MS-NLMP 4.2.
#include "hex.hpp"

#include <smb_server/auth/name_case.hpp>
#include <smb_server/auth/ntlm_keys.hpp>
#include <smb_server/crypto/legacy.hpp>
#include <smb_server/wire/utf16.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb::ntlm {
namespace {

using smb::testing::from_hex;
using smb::testing::key_of;

// MS-NLMP 4.2.1: the common values of all examples.
constexpr challenge_bytes server_challenge{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
constexpr std::uint32_t flags = 0xe28a'8233; // 4.2.4
const key16 random_session_key = key_of("55555555555555555555555555555555");

/// `temp` of 4.2.4.1.3: time 0, ChallengeFromClient 0xaa, the names Domain and Server.
byte_vector client_challenge() {
  return from_hex(
    "01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"
    "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000");
}

/// The AUTHENTICATE_MESSAGE of 4.2.4.3.
byte_vector authenticate_message() {
  byte_vector result = from_hex(
    "4e544c4d5353500003000000180018006c00000054005400840000000c000c00480000000800080054000000"
    "100010005c00000010001000d8000000358288e20501280a0000000f"
    "44006f006d00610069006e00550073006500720043004f004d0050005500540045005200"
    "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927bebef6a1c");
  const byte_vector temp = client_challenge();
  result.insert(result.end(), temp.begin(), temp.end());
  const byte_vector key = from_hex("c5dad2544fc9799094ce1ce90bc9d03e");
  result.insert(result.end(), key.begin(), key.end());
  return result;
}

key16 response_key_of_the_user() {
  return response_key(
    nt_hash("Password"), to_upper_case(utf8_to_utf16("User")), utf8_to_utf16("Domain"));
}

TEST(NtlmExamples, HaveTheResponseKey) { // 4.2.4.1.1
  EXPECT_EQ(response_key_of_the_user(), key_of("0c868a403bfd7a93a3001ef22ef02e3f"));
}

TEST(NtlmExamples, HaveTheProofAndTheSessionBaseKey) { // 4.2.4.2.2, 4.2.4.1.2
  const key16 key = response_key_of_the_user();
  const key16 proof = nt_proof(key, server_challenge, client_challenge());

  EXPECT_EQ(proof, key_of("68cd0ab851e51c96aabc927bebef6a1c"));
  EXPECT_EQ(session_base_key(key, proof), key_of("8de40ccadbc14a82f15cb0ad0de95ca3"));
}

TEST(NtlmExamples, HaveTheExportedSessionKey) { // 4.2.4.2.3
  const byte_vector message = authenticate_message();
  const auto a = parse_authenticate(message);
  ASSERT_TRUE(a);

  EXPECT_EQ(
    exported_session_key(key_of("8de40ccadbc14a82f15cb0ad0de95ca3"), *a), random_session_key);
}

TEST(NtlmExamples, HaveTheKeysOfMessages) { // 4.2.4.4
  EXPECT_EQ(sealing_key(random_session_key, flags, direction::to_server),
    key_of("59f600973cc4960a25480a7c196e4c58"));
  EXPECT_EQ(signing_key(random_session_key, direction::to_server),
    key_of("4788dc861b4782f35d43fd98fe1a2d39"));
}

// The example of 4.2.4.4 signs after it has sealed 18 bytes, thus encrypts the checksum with a
// later part of the key stream. Here the checksum is encrypted first.
TEST(NtlmExamples, HaveTheSignature) {
  const byte_vector message = utf8_to_utf16("Plaintext");
  const byte_vector checksum = from_hex("70352851f2564309");
  const byte_vector first = rc4(key_of("59f600973cc4960a25480a7c196e4c58"), checksum);
  byte_vector expected = from_hex("01000000");
  expected.insert(expected.end(), first.begin(), first.end());
  expected.resize(16);

  EXPECT_TRUE(
    are_equal(first_signature(random_session_key, flags, direction::to_server, message), expected));
}

TEST(NtlmExamples, AreParsed) { // 4.2.4.3
  const byte_vector message = authenticate_message();
  const auto a = parse_authenticate(message);
  ASSERT_TRUE(a);
  const auto response = parse_nt_response(a->nt_response);
  ASSERT_TRUE(response);

  EXPECT_EQ(a->flags, 0xe288'8235U);
  EXPECT_EQ(utf16_to_utf8(a->user), "User");
  EXPECT_EQ(utf16_to_utf8(a->domain), "Domain");
  EXPECT_EQ(response->proof, key_of("68cd0ab851e51c96aabc927bebef6a1c"));
  const byte_vector temp = client_challenge();
  EXPECT_TRUE(std::equal(temp.begin(), temp.end(), response->client_challenge.begin()));
  EXPECT_EQ(response->flags, 0U);
  EXPECT_FALSE(mic_offset(*a)) << "the payload follows the version";
}

TEST(NtlmKeys, AreWeakerWithoutTheFlagsForStrongOnes) {
  const key16 strong =
    sealing_key(random_session_key, flag::key_128 | flag::key_56, direction::to_client);
  const key16 medium = sealing_key(random_session_key, flag::key_56, direction::to_client);
  const key16 weak = sealing_key(random_session_key, 0, direction::to_client);

  EXPECT_NE(strong, medium);
  EXPECT_NE(medium, weak);
  EXPECT_EQ(sealing_key(random_session_key, flag::key_128, direction::to_client), strong);
}

TEST(NtlmChallenges, AnswerWhatWasAskedFor) {
  EXPECT_EQ(answer_flags(flag::unicode | flag::oem | flag::key_128 | flag::key_exchange),
    flag::unicode | flag::key_128 | flag::key_exchange | flag::ntlm | flag::target_type_server |
      flag::target_info);
  EXPECT_EQ(answer_flags(0), flag::oem | flag::ntlm | flag::target_type_server | flag::target_info);
}

TEST(NtlmChallenges, NameTheServerAndTheTime) {
  challenge c;
  c.flags = flag::unicode | flag::target_info;
  c.server_challenge = server_challenge;
  c.computer = "files-in-the-attic.example.org";
  c.domain = "HOME";
  c.time = 0x0102'0304'0506'0708;
  const byte_vector message = encode(c);
  byte_reader in{message};
  in.skip(12);
  const std::size_t name_length = in.u16();
  in.skip(2);
  const auto name = slice(message, in.u32(), name_length);
  EXPECT_EQ(in.u32(), c.flags);
  EXPECT_EQ(in.u64(), 0xefcd'ab89'6745'2301U);
  in.skip(8);
  const std::size_t info_length = in.u16();
  in.skip(2);
  const auto info = slice(message, in.u32(), info_length);

  EXPECT_EQ(utf16_to_utf8(name.value()), "FILES-IN-THE-AT") << "a NetBIOS name has 15 characters";
  byte_reader pairs{info.value()};
  const auto next = [&](std::uint16_t id) {
    EXPECT_EQ(pairs.u16(), id);
    return pairs.bytes(pairs.u16());
  };
  EXPECT_EQ(utf16_to_utf8(next(av::domain_name)), "HOME");
  EXPECT_EQ(utf16_to_utf8(next(av::computer_name)), "FILES-IN-THE-AT");
  EXPECT_EQ(utf16_to_utf8(next(av::dns_domain_name)), "HOME");
  EXPECT_EQ(utf16_to_utf8(next(av::dns_computer_name)), c.computer);
  // It makes clients send a MIC (MS-NLMP 3.1.5.1.2). Only clients add MsvAvFlags.
  EXPECT_EQ(byte_reader{next(av::timestamp)}.u64(), c.time);
  EXPECT_EQ(next(av::end).size(), 0U);
  EXPECT_EQ(pairs.remaining(), 0U);
}

TEST(NtlmMessages, ThatAreCutOffAreRefused) {
  const byte_vector whole = authenticate_message();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_authenticate(bytes_view{whole}.first(size))) << size;
  const byte_vector negotiate = from_hex("4e544c4d535350000100000005020800");
  EXPECT_TRUE(parse_negotiate(negotiate));
  for (std::size_t size = 0; size < negotiate.size(); ++size)
    EXPECT_FALSE(parse_negotiate(bytes_view{negotiate}.first(size))) << size;
}

TEST(NtlmMessages, OfAnotherTypeAreRefused) {
  const byte_vector negotiate = from_hex("4e544c4d5353500001000000050208000000000000000000");
  EXPECT_FALSE(parse_authenticate(negotiate));
  EXPECT_FALSE(parse_negotiate(authenticate_message()));
}

TEST(NtlmMessages, MayNotHaveTheirPayloadAmongTheirFields) {
  byte_vector message = authenticate_message();
  message[16] = 0; // the LM response starts at the first byte of the message
  message[16 + 1] = 0;

  EXPECT_FALSE(parse_authenticate(message));
}

TEST(NtResponses, NeedBothVersionsAndAWholeListOfPairs) {
  const byte_vector good = [] {
    byte_vector r(16, 0x11);
    const byte_vector temp = client_challenge();
    r.insert(r.end(), temp.begin(), temp.end());
    return r;
  }();
  ASSERT_TRUE(parse_nt_response(good));

  for (const std::size_t at : {16U, 17U}) {
    byte_vector other = good;
    other[at] = 2;
    EXPECT_FALSE(parse_nt_response(other));
  }
  EXPECT_FALSE(parse_nt_response(bytes_view{good}.first(24))) << "NTLMv1 has 24 bytes";
  EXPECT_FALSE(parse_nt_response(bytes_view{good}.first(46))) << "a pair is cut off";
  EXPECT_TRUE(parse_nt_response(bytes_view{good}.first(44))) << "no pairs";
  EXPECT_FALSE(parse_nt_response({}));
}

TEST(NtResponses, SayWhetherThereIsAMic) {
  byte_vector response(44, 0);
  response[16] = response[17] = 1;
  const byte_vector pairs = from_hex("060004000200000000000000");
  response.insert(response.end(), pairs.begin(), pairs.end());

  EXPECT_EQ(parse_nt_response(response).value().flags, av::has_mic);
  response[46] = 3; // the value has three bytes, which misaligns the list
  EXPECT_FALSE(parse_nt_response(response));
}

TEST(Mics, FollowTheVersionIfThereIsOne) {
  authenticate a;
  a.payload_begin = 88;
  EXPECT_EQ(mic_offset(a), 72U);
  a.payload_begin = 87;
  EXPECT_EQ(mic_offset(a), 64U);
  a.flags = flag::version;
  EXPECT_FALSE(mic_offset(a));
  a.flags = 0;
  a.payload_begin = 79;
  EXPECT_FALSE(mic_offset(a));
}

TEST(Names, AreComparedWithoutRegardToCase) {
  EXPECT_EQ(fold_case("Stra\xc3\x9f"
                      "e"),
    fold_case("STRA\xc3\x9f"
              "E"));
  EXPECT_EQ(fold_case("\xc3\x89"), fold_case("\xc3\xa9"));
  EXPECT_EQ(fold_case("\xd0\x96"), fold_case("\xd0\xb6"));
  EXPECT_NE(fold_case("a"), fold_case("b"));
  EXPECT_FALSE(fold_case("\xff"));
  EXPECT_EQ(to_upper_case(utf8_to_utf16("a\xc3\xa9\xd0\xb6\xf0\x9f\x98\x80")),
    utf8_to_utf16("A\xc3\x89\xd0\x96\xf0\x9f\x98\x80"));
}

} // namespace
} // namespace leasebreak::smb::ntlm

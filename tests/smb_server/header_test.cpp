// Headers, frames, and the limits of parsing.
#include <smb_server/net/credit_window.hpp>
#include <smb_server/wire/header.hpp>
#include <smb_server/wire/utf16.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

byte_vector message_of(const header& h, std::size_t body = 0) {
  byte_writer out;
  encode(out, h);
  out.zeros(body);
  return out.take();
}

TEST(Headers, SurviveEncodingAndParsing) {
  header h;
  h.credit_charge = 3;
  h.status = 0xc000'0022;
  h.command = command::write;
  h.credits = 31;
  h.flags = header_flag::response | header_flag::signed_message;
  h.next_command = 128;
  h.message_id = 0x0102'0304'0506'0708;
  h.tree_id = 77;
  h.session_id = UINT64_MAX - 1;
  h.signature.fill(0xab);

  const auto parsed = parse_header(message_of(h));

  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, h);
}

TEST(Headers, CarryAnAsyncIdWhenTheirFlagSaysSo) {
  header h;
  h.flags = header_flag::async;
  h.async_id = 0x1122'3344'5566'7788;

  const auto parsed = parse_header(message_of(h));

  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->async_id, h.async_id);
  EXPECT_EQ(parsed->tree_id, 0U);
}

TEST(Headers, AreRefusedWhenShortOrOfAnotherProtocolOrSize) {
  byte_vector good = message_of({});
  byte_vector wrong_protocol = good;
  wrong_protocol[0] = 0xfd;
  byte_vector wrong_size = good;
  wrong_size[4] = 63;

  EXPECT_TRUE(parse_header(good));
  EXPECT_FALSE(parse_header(bytes_view{good}.first(63)));
  EXPECT_FALSE(parse_header(wrong_protocol));
  EXPECT_FALSE(parse_header(wrong_size));
  EXPECT_FALSE(parse_header({}));
}

TEST(Compounds, AreCutAtTheirNextCommandFields) {
  header first;
  first.next_command = 72;
  byte_vector frame = message_of(first, 8);
  const byte_vector second = message_of({}, 4);
  frame.insert(frame.end(), second.begin(), second.end());

  const auto messages = split_compound(frame);

  ASSERT_TRUE(messages);
  ASSERT_EQ(messages->size(), 2U);
  EXPECT_EQ((*messages)[0].bytes.size(), 72U);
  EXPECT_EQ((*messages)[1].body().size(), 4U);
}

TEST(Compounds, AreRefusedWhenUnalignedOrOutOfTheFrameOrTooMany) {
  for (const std::uint32_t next : {1U, 8U, 63U, 68U, 72U, 200U, UINT32_MAX}) {
    header h;
    h.next_command = next;
    EXPECT_FALSE(split_compound(message_of(h, 8))) << next;
  }
  header h;
  h.next_command = 64;
  byte_vector many;
  for (std::size_t i = 0; i < compound_max; ++i) {
    const byte_vector one = message_of(h);
    many.insert(many.end(), one.begin(), one.end());
  }
  const byte_vector last = message_of({});
  many.insert(many.end(), last.begin(), last.end());
  EXPECT_FALSE(split_compound(many));
}

TEST(Framing, KnowsSessionMessagesOnly) {
  EXPECT_EQ(parse_nbt_header({0, 1, 2, 3}), 0x010203U);
  EXPECT_EQ(parse_nbt_header(make_nbt_header(0xabcdef)), 0xabcdefU);
  EXPECT_FALSE(parse_nbt_header({0x85, 0, 0, 0}));
}

TEST(Reading, PastTheEndYieldsZerosAndIsRemembered) {
  const byte_vector bytes{1, 2, 3};
  byte_reader in{bytes};

  EXPECT_EQ(in.u16(), 0x0201U);
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 3U);
  EXPECT_FALSE(in.ok());
}

TEST(Reading, SlicesNeverLeaveTheMessage) {
  const byte_vector bytes(10);

  EXPECT_TRUE(slice(bytes, 0, 10));
  EXPECT_TRUE(slice(bytes, 1'000, 0));
  EXPECT_FALSE(slice(bytes, 1, 10));
  EXPECT_FALSE(slice(bytes, SIZE_MAX, 2));
  EXPECT_FALSE(slice(bytes, 11, SIZE_MAX));
}

TEST(Names, SurviveBothEncodings) {
  for (const std::string text :
    {"", "a", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac", "\xf0\x9f\x92\xbe.txt"})
    EXPECT_EQ(utf16_to_utf8(utf8_to_utf16(text)), text);
}

TEST(Names, OfOddLengthOrWithHalfACharacterAreNoText) {
  EXPECT_FALSE(utf16_to_utf8(byte_vector{0x41}));
  EXPECT_FALSE(utf16_to_utf8(byte_vector{0x00, 0xd8}));
  EXPECT_FALSE(utf16_to_utf8(byte_vector{0x00, 0xdc, 0x41, 0x00}));
  EXPECT_FALSE(utf16_to_utf8(byte_vector{0x00, 0xd8, 0x41, 0x00}));
}

TEST(Names, OfMalformedUtf8GetReplacementCharacters) {
  const byte_vector expected{0xfd, 0xff, 0x41, 0x00};

  EXPECT_EQ(utf8_to_utf16("\xff"
                          "A"),
    expected);
  EXPECT_EQ(utf8_to_utf16("\xc3"
                          "A"),
    expected);
}

TEST(Credits, StartWithTheFirstMessageAlone) {
  credit_window window{100};

  EXPECT_FALSE(window.use(1, 1));
  EXPECT_TRUE(window.use(0, 1));
  EXPECT_FALSE(window.use(0, 1));
}

TEST(Credits, AreUsedInAnyOrderAndOnce) {
  credit_window window{100};
  ASSERT_EQ(window.grant(5), 5);

  EXPECT_TRUE(window.use(3, 2));
  EXPECT_FALSE(window.use(2, 2));
  EXPECT_TRUE(window.use(0, 3));
  EXPECT_FALSE(window.use(4, 1));
  EXPECT_TRUE(window.use(5, 1));
  EXPECT_FALSE(window.use(6, 1));
}

TEST(Credits, AreGrantedUpToTheBound) {
  credit_window window{4};

  EXPECT_EQ(window.grant(10), 3);
  EXPECT_EQ(window.grant(1), 0);
  EXPECT_TRUE(window.use(0, 2));
  EXPECT_EQ(window.grant(10), 2);
}

TEST(Credits, RefuseChargesThatWrapAround) {
  credit_window window{4};

  EXPECT_FALSE(window.use(UINT64_MAX, 2));
  EXPECT_FALSE(window.use(0, UINT64_MAX));
}

} // namespace
} // namespace leasebreak::smb

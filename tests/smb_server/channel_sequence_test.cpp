// ChannelSequence: which requests are counted, and which must not change anything (MS-SMB2
// 3.3.5.2.10).
#include <smb_server/session/channel_sequence.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

constexpr bool replay = true;
constexpr bool original = false;

TEST(ChannelSequences, OfTheSameNumberAreCounted) {
  channel_sequence s{5};

  for (const bool kind : {original, replay}) {
    const auto v = s.begin(5, kind);
    EXPECT_TRUE(v.counted);
    EXPECT_FALSE(v.refused);
  }
}

TEST(ChannelSequences, OfOlderRequestsAreRefused) {
  channel_sequence s{5};
  ASSERT_FALSE(s.begin(6, original).refused);

  for (const bool kind : {original, replay}) {
    EXPECT_TRUE(s.begin(5, kind).refused);
    EXPECT_FALSE(s.begin(5, kind).counted);
  }
  EXPECT_FALSE(s.begin(6, original).refused);
}

TEST(ChannelSequences, GoRound) {
  channel_sequence s{0xffff};

  EXPECT_FALSE(s.begin(0, original).refused);
  EXPECT_TRUE(s.begin(0xffff, original).refused);
  EXPECT_FALSE(s.begin(0x7fff, original).refused);
  EXPECT_TRUE(s.begin(0xffff, original).refused); // 0x8000 ahead counts as older
}

TEST(ChannelSequences, OfReplaysWaitForWhatWasSentBefore) {
  channel_sequence s;
  ASSERT_TRUE(s.begin(0, original).counted);
  ASSERT_TRUE(s.begin(0, original).counted);

  EXPECT_TRUE(s.begin(1, replay).refused);
  s.end(0);
  EXPECT_TRUE(s.begin(1, replay).refused);
  EXPECT_FALSE(s.begin(1, original).refused);
  s.end(0);

  EXPECT_FALSE(s.begin(1, replay).refused);
}

TEST(ChannelSequences, OfReplaysNeedNotWaitForTheirOwnNumber) {
  channel_sequence s;
  ASSERT_TRUE(s.begin(3, original).counted);

  EXPECT_FALSE(s.begin(3, replay).refused);
}

TEST(ChannelSequences, ForgetWhatIsAnswered) {
  channel_sequence s;
  for (std::uint16_t number = 0; number < 100; ++number) {
    ASSERT_FALSE(s.begin(number, replay).refused) << number;
    s.end(number);
  }
}

} // namespace
} // namespace leasebreak::smb

// The memory of a frame that is being read.
#include <smb_server/net/frame_buffer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace leasebreak::smb {
namespace {

constexpr std::size_t large = std::size_t{1} << 20;

/// Bytes that contain their positions.
byte_vector counted_bytes(std::size_t count) {
  byte_vector result(count);
  std::iota(result.begin(), result.end(), std::uint8_t{0});
  return result;
}

TEST(FrameBuffer, TakesNoMemoryForAnAnnouncedLength) {
  const frame_buffer frame{large};

  EXPECT_EQ(frame.reserved(), 0U);
}

TEST(FrameBuffer, GrowsWithTheBytesThatHaveCome) {
  frame_buffer frame{large};
  std::size_t come = 0;

  while (!frame.complete()) {
    const std::size_t count = std::min<std::size_t>(frame.room().size(), 1'000);
    ASSERT_LE(frame.memory(), std::max(frame_buffer::first_bytes, 4 * come)) << come;
    if (come < frame_buffer::trusted_bytes) {
      ASSERT_EQ(frame.reserved(), frame.memory()) << come;
    }
    frame.took(count);
    come += count;
  }

  EXPECT_EQ(come, large);
}

TEST(FrameBuffer, HasTheBytesInOrder) {
  const byte_vector sent = counted_bytes(100'003);
  frame_buffer frame{sent.size()};

  EXPECT_EQ(frame.append(bytes_view{sent}.first(10)), 10U);
  std::size_t at = 10;
  while (!frame.complete()) {
    const std::size_t count = std::min<std::size_t>(frame.room().size(), 777);
    std::copy_n(sent.begin() + static_cast<std::ptrdiff_t>(at), count, frame.room().begin());
    frame.took(count);
    at += count;
  }

  EXPECT_EQ(frame.take(), sent);
}

TEST(FrameBuffer, LeavesWhatFollowsTheFrame) {
  const byte_vector sent = counted_bytes(10'000);
  frame_buffer frame{9'000};

  EXPECT_EQ(frame.append(sent), 9'000U);

  EXPECT_TRUE(frame.complete());
  EXPECT_EQ(frame.append(sent), 0U);
  EXPECT_EQ(frame.take(), counted_bytes(9'000));
}

TEST(FrameBuffer, OfNoBytesIsComplete) {
  EXPECT_TRUE(frame_buffer{0}.complete());
}

} // namespace
} // namespace leasebreak::smb

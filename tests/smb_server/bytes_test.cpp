// Writing and reading of frames.
#include <smb_server/wire/byte_reader.hpp>
#include <smb_server/wire/byte_writer.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

namespace leasebreak::smb {
namespace {

TEST(ByteWriters, WriteNumbersWithTheLowestByteFirst) {
  byte_writer out;
  out.u8(0x01);
  out.u16(0x0302);
  out.u32(0x0706'0504);
  out.u64(0x0f0e'0d0c'0b0a'0908);

  EXPECT_EQ(out.take(), (byte_vector{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}));
}

TEST(ByteWriters, ContainOnlyWhatWasWritten) {
  byte_writer out{3};
  out.u8(7);

  EXPECT_EQ(out.size(), 4U);
  EXPECT_EQ(out.view().size(), 4U);
  EXPECT_EQ(out.take(), (byte_vector{0, 0, 0, 7}));
}

TEST(ByteWriters, GrowOnDemand) {
  byte_writer out;
  byte_vector expected;
  for (std::size_t i = 0; i < 1'000; ++i) {
    const byte_vector more(i % 300, static_cast<std::uint8_t>(i));
    out.append(more);
    out.u8(0xff);
    out.zeros(i % 7);
    expected.insert(expected.end(), more.begin(), more.end());
    expected.push_back(0xff);
    expected.resize(expected.size() + i % 7);
  }

  EXPECT_EQ(out.size(), expected.size());
  EXPECT_EQ(out.take(), expected);
}

TEST(ByteWriters, PadFromTheGivenOffset) {
  byte_writer out{5};
  out.align(8);
  EXPECT_EQ(out.size(), 8U);
  out.align(8);
  EXPECT_EQ(out.size(), 8U);
  out.u8(1);
  out.align(4, 2);
  EXPECT_EQ(out.size(), 10U);
}

TEST(ByteWriters, PatchWhatIsWrittenAndNothingElse) {
  byte_writer out{6};
  out.patch_u16(0, 0x0201);
  out.patch_u32(2, 0x0605'0403);

  EXPECT_THROW(out.patch_u16(5, 1), std::out_of_range);
  EXPECT_THROW(out.patch_u32(3, 1), std::out_of_range);
  EXPECT_THROW(out.patch_u32(SIZE_MAX, 1), std::out_of_range);
  EXPECT_EQ(out.take(), (byte_vector{1, 2, 3, 4, 5, 6}));
}

TEST(ByteWriters, AreEmptyAndUsableAfterTake) {
  byte_writer out;
  out.u64(1);
  const byte_vector first = out.take();
  EXPECT_EQ(first.size(), 8U);
  EXPECT_EQ(out.size(), 0U);
  out.u16(0x0201);
  EXPECT_EQ(out.take(), (byte_vector{1, 2}));
}

TEST(ByteWriters, AreEmptyAndUsableAfterAMove) {
  byte_writer out;
  out.u64(1);
  byte_writer other{std::move(out)};
  out = byte_writer{2};
  other.u8(3);
  std::swap(out, other);

  EXPECT_EQ(out.size(), 9U);
  EXPECT_EQ(other.take(), (byte_vector{0, 0}));
}

TEST(ByteReaders, ReadNumbersWithTheLowestByteFirst) {
  const byte_vector bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  byte_reader in{bytes};

  EXPECT_EQ(in.u8(), 0x01);
  EXPECT_EQ(in.u16(), 0x0302);
  EXPECT_EQ(in.u32(), 0x0706'0504U);
  EXPECT_EQ(in.u64(), 0x0f0e'0d0c'0b0a'0908U);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.remaining(), 0U);
}

TEST(ByteReaders, ReadNothingBehindTheEnd) {
  const byte_vector bytes{1, 2, 3};
  byte_reader in{bytes};

  EXPECT_EQ(in.u32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u16(), 0x0201);
  EXPECT_FALSE(in.ok());
}

} // namespace
} // namespace leasebreak::smb

// Zeros, holes, and copies between files.
#include "support.hpp"

#include <string>
#include <vector>

namespace leasebreak::smb::vfs::testing {

namespace {

constexpr std::uint64_t block = 64 * 1024;

class FileRanges : public share_test {
protected:
  open_ptr make(std::string_view name = "file") {
    return open(name, disposition::open_if).value().file;
  }

  /// Makes a file of `blocks` blocks without zero bytes.
  open_ptr make_full(std::string_view name, std::size_t blocks) {
    auto file = make(name);
    EXPECT_EQ(
      file->write(0, std::vector<std::uint8_t>(blocks * block, 'x')).value(), blocks * block);
    return file;
  }
};

TEST_F(FileRanges, AreMadeZeroAndTheSizeStays) {
  for (const bool sparse : {false, true}) {
    SCOPED_TRACE(sparse);
    const auto file = make_full(sparse ? "sparse" : "dense", 4);
    ASSERT_FALSE(file->set_sparse(sparse).failed());

    EXPECT_FALSE(file->zero(block, 3 * block).failed());
    EXPECT_FALSE(file->zero(4 * block - 1, 9 * block).failed()) << "beyond the end";

    EXPECT_EQ(file->info()->end_of_file, 4 * block);
    std::vector<std::uint8_t> wanted(4 * block, 'x');
    std::fill(wanted.begin() + block, wanted.begin() + 3 * block, 0);
    wanted.back() = 0;
    EXPECT_TRUE(file->read(0, 4 * block).value() == wanted);
  }
}

TEST_F(FileRanges, OfASparseFileFreeSpaceWhenZeroed) {
  const auto file = make_full("file", 16);
  const auto before = file->info()->allocation_size;

  ASSERT_FALSE(file->set_sparse(true).failed());
  ASSERT_FALSE(file->zero(block, 15 * block).failed());

  EXPECT_LT(file->info()->allocation_size, before);
  EXPECT_NE(file->info()->attributes & attribute::sparse, 0U);
}

TEST_F(FileRanges, ThatAreAllocatedAreReported) {
  const auto file = make_full("file", 8);
  ASSERT_FALSE(file->set_sparse(true).failed());
  ASSERT_FALSE(file->zero(2 * block, 4 * block).failed());
  const auto told = [&](std::uint64_t from, std::uint64_t to, std::size_t count = 10) {
    return file->allocated(from, to, count).value();
  };

  EXPECT_EQ(told(0, 100 * block), (std::vector<extent>{{0, 2 * block}, {4 * block, 4 * block}}));
  EXPECT_EQ(told(0, 100 * block, 1), (std::vector<extent>{{0, 2 * block}}));
  EXPECT_EQ(told(block, 5 * block), (std::vector<extent>{{block, block}, {4 * block, block}}));
  EXPECT_TRUE(told(2 * block, 4 * block).empty());
  EXPECT_TRUE(told(8 * block, 9 * block).empty());
}

TEST_F(FileRanges, OfADenseFileAreAllAllocated) {
  const auto file = make("file");
  ASSERT_FALSE(file->set_end_of_file(8 * block).failed());

  EXPECT_EQ(
    file->allocated(block, 9 * block, 10).value(), (std::vector<extent>{{block, 7 * block}}));
}

TEST_F(FileRanges, StaySparseWhenAttributesAreSet) {
  const auto file = make_full("file", 1);
  ASSERT_FALSE(file->set_sparse(true).failed());
  basic_changes changes;
  changes.attributes = attribute::hidden;
  ASSERT_FALSE(file->change(changes).failed());

  EXPECT_EQ(file->info()->attributes, attribute::hidden | attribute::sparse);

  changes.attributes = attribute::normal | attribute::sparse; // only `set_sparse` sets `sparse`
  const auto other = make("other");
  ASSERT_FALSE(other->change(changes).failed());
  EXPECT_EQ(other->info()->attributes & attribute::sparse, 0U);
  ASSERT_FALSE(file->set_sparse(false).failed());
  EXPECT_EQ(file->info()->attributes, attribute::hidden);
}

TEST_F(FileRanges, AreOfFilesThatMayBeWritten) {
  const auto directory = open("d", disposition::open_if, node_kind::directory).value().file;
  put("old");
  const auto unwritable = look("old").value().file;

  EXPECT_EQ(directory->set_sparse(true), errc::is_directory);
  EXPECT_EQ(directory->zero(0, 1), errc::is_directory);
  EXPECT_EQ(unwritable->zero(0, 1), errc::no_access);
  EXPECT_EQ(error_of(unwritable->allocated(0, 1, 1)), errc::no_access);
  EXPECT_EQ(make()->zero(2, 1), errc::invalid_argument);
}

TEST_F(FileRanges, AreCopied) {
  const auto from = make("from");
  ASSERT_EQ(from->write(0, bytes("hello world")).value(), 11U);
  const auto to = make("to");

  EXPECT_EQ(to->copy_from(*from, 6, 2, 5).value(), 5U);
  EXPECT_EQ(text(to->read(0, 10).value()), std::string("\0\0world", 7));
  EXPECT_EQ(error_of(to->copy_from(*from, 6, 0, 6)), errc::behind_end);
  EXPECT_EQ(error_of(to->copy_from(*from, 12, 0, 1)), errc::behind_end);
  EXPECT_EQ(text(to->read(0, 10).value()), std::string("\0\0world", 7)) << "nothing has changed";
}

TEST_F(FileRanges, OfOneFileMayOverlapWhenTheyAreCopied) {
  const auto file = make("file");
  ASSERT_EQ(file->write(0, bytes("abcdefgh")).value(), 8U);

  EXPECT_EQ(file->copy_from(*file, 0, 2, 6).value(), 6U);
  EXPECT_EQ(text(file->read(0, 10).value()), "ababcdef");
}

TEST_F(FileRanges, OfStreamsAreCopiedAndMadeZero) {
  const auto file = make("file");
  ASSERT_EQ(file->write(0, bytes("hello")).value(), 5U);
  const auto stream = make("file:s");

  EXPECT_EQ(stream->copy_from(*file, 0, 0, 5).value(), 5U);
  EXPECT_EQ(text(stream->read(0, 10).value()), "hello");
  EXPECT_EQ(file->copy_from(*stream, 0, 5, 5).value(), 5U);
  EXPECT_EQ(content("file"), "hellohello");
  EXPECT_FALSE(stream->zero(1, 100).failed());
  EXPECT_EQ(text(stream->read(0, 10).value()), std::string("h\0\0\0\0", 5));
  EXPECT_EQ(stream->allocated(0, 100, 10).value(), (std::vector<extent>{{0, 5}}));
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

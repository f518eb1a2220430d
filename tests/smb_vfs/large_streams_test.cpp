// Named streams that do not fit into an extended attribute.
#include "stream_disk.hpp"
#include "support.hpp"

#include <algorithm>
#include <thread>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace leasebreak::smb::vfs::testing {

namespace {

using ::testing::ElementsAre;

constexpr std::size_t mebibyte = std::size_t{1} << 20;

std::vector<std::uint8_t> noise(std::size_t size, std::uint32_t seed = 1) {
  std::vector<std::uint8_t> data(size);
  for (auto& byte : data) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(seed >> 24U);
  }
  return data;
}

class LargeStreams : public share_test {
protected:
  open_ptr create(const std::string& name, std::size_t size, std::uint32_t seed = 1) {
    auto done = open(name, disposition::create);
    if (!done) {
      ADD_FAILURE() << error_of(done).message();
      return nullptr;
    }
    const auto written = done->file->write(0, noise(size, seed));
    EXPECT_EQ(error_of(written), error_code{}) << error_of(written).message();
    return done->file;
  }
  [[nodiscard]] std::vector<std::uint8_t> all(const std::string& name) {
    const auto found = open(name);
    EXPECT_TRUE(found.has_value()) << name << ": " << error_of(found).message();
    return found ? found->file->read(0, 8 * mebibyte).value() : std::vector<std::uint8_t>();
  }
  [[nodiscard]] bool exists_stream(const std::string& name) {
    return share_->lookup(at(name)).has_value();
  }
  void start_again() { share_ = share::open_root(root().string()).value(); }
};

TEST_F(LargeStreams, HoldMebibytes) {
  put("file", "data");
  const auto stream = create("file:AFP_Resource", 3 * mebibyte);

  EXPECT_EQ(stream->info()->end_of_file, 3 * mebibyte);
  EXPECT_GE(stream->info()->allocation_size, 3 * mebibyte);
  EXPECT_EQ(all("file:AFP_Resource"), noise(3 * mebibyte));
  EXPECT_EQ(stream->read(3 * mebibyte, 10)->size(), 0U);
  EXPECT_EQ(content("file"), "data");
  EXPECT_TRUE(is_store_exact(root()));

  start_again();
  EXPECT_EQ(all("file:afp_resource"), noise(3 * mebibyte));
}

TEST_F(LargeStreams, GrowOutOfTheirAttribute) {
  const auto stream = create("file:s", 100);
  EXPECT_TRUE(stored_files(root()).empty());

  ASSERT_TRUE(stream->write(mebibyte, bytes("end")).has_value());

  auto expected = noise(100);
  expected.resize(mebibyte);
  for (const char c : std::string("end")) {
    expected.push_back(static_cast<std::uint8_t>(c));
  }
  EXPECT_EQ(all("file:s"), expected);
  EXPECT_EQ(stored_files(root()).size(), 1U);
}

TEST_F(LargeStreams, ThatAreManyDoNotFillTheAttributes) {
  for (int i = 0; i < 20; ++i) {
    const std::string name = "file:stream" + std::to_string(i);
    create(name, 900, static_cast<std::uint32_t>(i));
    EXPECT_EQ(all(name), noise(900, static_cast<std::uint32_t>(i)));
  }
}

TEST_F(LargeStreams, AreSharedByTheirOpens) {
  const auto one = create("file:s", mebibyte);
  const auto two = open("file:S").value().file;

  ASSERT_TRUE(one->write(5, bytes("hello")).has_value());
  EXPECT_EQ(text(two->read(5, 5).value()), "hello");
  ASSERT_FALSE(two->set_end_of_file(7).failed());
  EXPECT_EQ(one->info()->end_of_file, 7U);
  ASSERT_FALSE(two->set_end_of_file(2 * mebibyte).failed());
  EXPECT_EQ(one->read(mebibyte, 3).value(), (std::vector<std::uint8_t>{0, 0, 0}));
  EXPECT_FALSE(one->flush().failed());
}

TEST_F(LargeStreams, AreListedWithTheirSizes) {
  put("file", "data");
  create("file:b", 2 * mebibyte);
  create("file:a", 10);

  const auto found = look("file")->file->streams().value();

  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[1].name, "a");
  EXPECT_EQ(found[1].size, 10U);
  EXPECT_EQ(found[2].name, "b");
  EXPECT_EQ(found[2].size, 2 * mebibyte);
  EXPECT_GE(found[2].allocation_size, 2 * mebibyte);
}

TEST_F(LargeStreams, AreTruncatedByAnOverwrite) {
  create("file:s", mebibyte);

  const auto again = open("file:s", disposition::overwrite);
  EXPECT_EQ(share_->truncate_for_overwrite(*again)->end_of_file, 0U);

  EXPECT_TRUE(all("file:s").empty());
}

TEST_F(LargeStreams, GoWithAnOverwriteOfTheirFile) {
  create("file:s", mebibyte);

  ASSERT_TRUE(share_->truncate_for_overwrite(*open("file", disposition::supersede)).has_value());

  EXPECT_FALSE(exists_stream("file:s"));
  EXPECT_TRUE(stored_files(root()).empty());
}

TEST_F(LargeStreams, AreRemovedWithTheirFile) {
  auto stream = create("file:s", mebibyte);
  create("file:t", mebibyte);

  ASSERT_FALSE(share_->remove(*stream).failed());
  EXPECT_EQ(stored_files(root()).size(), 1U);
  EXPECT_EQ(error_of(stream->read(0, 1)), errc::name_not_found);
  stream.reset();
  ASSERT_FALSE(share_->remove(*look("file")->file).failed());

  EXPECT_TRUE(stored_files(root()).empty());
}

TEST_F(LargeStreams, StayUntilTheLastNameIsRemoved) {
  create("file:s", mebibyte);
  ASSERT_FALSE(share_->link(*look("file")->file, at("other"), false).failed());

  ASSERT_FALSE(share_->remove(*look("file")->file).failed());
  EXPECT_EQ(all("other:s"), noise(mebibyte));
  ASSERT_FALSE(share_->remove(*look("other")->file).failed());

  EXPECT_TRUE(stored_files(root()).empty());
}

TEST_F(LargeStreams, OutliveTheNameWhileTheyAreOpen) {
  auto stream = create("file:s", mebibyte);

  ASSERT_FALSE(share_->remove_file(*stream).failed());
  EXPECT_EQ(stream->read(0, mebibyte).value(), noise(mebibyte));
  EXPECT_TRUE(stream->write(mebibyte, bytes("more")).has_value());
  stream.reset();

  EXPECT_TRUE(stored_files(root()).empty());
}

TEST_F(LargeStreams, DoNotBringARemovedFileBack) {
  const auto stream = create("file:s", mebibyte);
  const auto file = look("file")->file;

  ASSERT_FALSE(share_->remove(*file).failed());

  EXPECT_EQ(share_->link(*file, at("again"), false), errc::name_not_found);
  EXPECT_FALSE(share_->rename(*file, at("again"), false) == error_code{});
  EXPECT_FALSE(exists("again"));
}

TEST_F(LargeStreams, AreRemovedWithAFileThatIsReplaced) {
  create("file:s", mebibyte);
  put("new");
  put("newer");

  ASSERT_FALSE(share_->rename(*look("new")->file, at("file"), true).failed());
  EXPECT_TRUE(stored_files(root()).empty());
  create("file:s", mebibyte);
  ASSERT_FALSE(share_->link(*look("newer")->file, at("file"), true).failed());

  EXPECT_TRUE(stored_files(root()).empty());
  EXPECT_FALSE(exists_stream("file:s"));
}

TEST_F(LargeStreams, OfDirectoriesAreRemovedWithThem) {
  make_directory("folder");
  create("folder:s", mebibyte);
  EXPECT_EQ(all("folder:s"), noise(mebibyte));
  put("folder/file");

  EXPECT_EQ(share_->remove(*look("folder")->file), from_errno(ENOTEMPTY));
  EXPECT_EQ(all("folder:s"), noise(mebibyte));
  std::filesystem::remove(root() / "folder/file");
  EXPECT_FALSE(share_->remove(*look("folder")->file).failed());

  EXPECT_FALSE(exists("folder"));
  EXPECT_TRUE(stored_files(root()).empty());
}

TEST_F(LargeStreams, AreRenamed) {
  const auto stream = create("file:one", mebibyte, 1);
  create("file:two", mebibyte, 2);

  EXPECT_EQ(stream->rename_stream(":TWO", false), errc::name_collision);
  ASSERT_FALSE(stream->rename_stream(":three", false).failed());
  EXPECT_EQ(all("file:three"), noise(mebibyte, 1));
  EXPECT_FALSE(exists_stream("file:one"));
  ASSERT_FALSE(stream->rename_stream(":TWO", true).failed());

  EXPECT_EQ(all("file:two"), noise(mebibyte, 1));
  EXPECT_EQ(stored_files(root()).size(), 1U);
  EXPECT_TRUE(stream->write(0, bytes("x")).has_value());
}

TEST_F(LargeStreams, ReplaceSmallOnesAndTheOtherWayRound) {
  const auto large = create("file:large", mebibyte);
  const auto small = create("file:small", 10, 2);

  ASSERT_FALSE(large->rename_stream(":small", true).failed());
  EXPECT_EQ(all("file:small"), noise(mebibyte));
  const auto other = create("file:other", 10, 3);
  ASSERT_FALSE(other->rename_stream(":small", true).failed());

  EXPECT_EQ(all("file:small"), noise(10, 3));
  EXPECT_TRUE(stored_files(root()).empty());
}

TEST_F(LargeStreams, BecomeTheFilesData) {
  put("file", "old");
  const auto stream = create("file:s", 3 * mebibyte);

  ASSERT_FALSE(stream->rename_stream("::$DATA", true).failed());

  EXPECT_EQ(all("file"), noise(3 * mebibyte));
  EXPECT_TRUE(stored_files(root()).empty());
}

TEST_F(LargeStreams, AreZeroedAndCopied) {
  const auto stream = create("file:s", 2 * mebibyte);
  const auto other = create("file:t", 10);

  ASSERT_FALSE(stream->zero(5, mebibyte).failed());
  EXPECT_EQ(other->copy_from(*stream, mebibyte - 1, 3, mebibyte).value(), mebibyte);

  const auto source = stream->read(0, 2 * mebibyte).value();
  EXPECT_TRUE(
    std::all_of(source.begin() + 5, source.begin() + mebibyte, [](auto b) { return b == 0; }));
  EXPECT_EQ(source[mebibyte], noise(2 * mebibyte)[mebibyte]);
  EXPECT_EQ(other->read(3, mebibyte).value(),
    std::vector<std::uint8_t>(source.begin() + mebibyte - 1, source.begin() + 2 * mebibyte - 1));
  EXPECT_THAT(stream->allocated(0, 2 * mebibyte, 8).value(), ElementsAre(extent{0, 2 * mebibyte}));
}

TEST_F(LargeStreams, ReserveSpace) {
  const auto stream = create("file:s", 10);

  ASSERT_FALSE(stream->set_allocation(mebibyte).failed());

  EXPECT_EQ(stream->info()->end_of_file, 10U);
  EXPECT_GE(stream->info()->allocation_size, mebibyte);
  EXPECT_EQ(stream->read(0, 100).value(), noise(10));
}

TEST_F(LargeStreams, HaveAStoreThatClientsDoNotSee) {
  create("file:s", mebibyte);

  struct stat status {};
  ASSERT_EQ(::stat(stream_store(root()).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  EXPECT_EQ(error_of(path::parse(".leasebreak.streams")), errc::invalid_name);
  EXPECT_EQ(error_of(path::parse(".LeaseBreak.Streams\\pending\\x")), errc::invalid_name);
  EXPECT_TRUE(path::parse("folder\\.leasebreak.streams").has_value());
  for (const char* pattern : {"*", ".leasebreak.streams", ".lease*"}) {
    const auto batch = share_->list(look("")->file, pattern).value()->next(100).value();
    for (const auto& entry : batch.entries) {
      EXPECT_NE(entry.name, ".leasebreak.streams");
    }
  }
}

TEST_F(LargeStreams, AreNotStoredInAFolderOfSomebodyElse) {
  ASSERT_EQ(::mkdir(stream_store(root()).c_str(), 0777), 0);
  ASSERT_EQ(::chmod(stream_store(root()).c_str(), 0777), 0);

  const auto stream = open("file:s", disposition::create).value().file;

  EXPECT_EQ(error_of(stream->write(0, noise(mebibyte))), from_errno(EACCES));
  EXPECT_EQ(stream->info()->end_of_file, 0U);
}

void copy_attributes(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::vector<char> names(65536);
  const auto size = ::listxattr(from.c_str(), names.data(), names.size());
  for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
    const std::string name = names.data() + at;
    at += name.size() + 1;
    std::vector<char> value(65536);
    const auto got = ::getxattr(from.c_str(), name.c_str(), value.data(), value.size());
    ASSERT_EQ(
      ::setxattr(to.c_str(), name.c_str(), value.data(), static_cast<std::size_t>(got), 0), 0);
  }
}

TEST_F(LargeStreams, AreNotSharedWithACopyOfTheirAttributes) {
  create("file:s", mebibyte);
  put("copy");
  copy_attributes(root() / "file", root() / "copy");

  EXPECT_FALSE(exists_stream("copy:s"));
  EXPECT_EQ(look("copy")->file->streams()->size(), 1U);
  create("copy:s", 2 * mebibyte, 2);
  EXPECT_EQ(all("file:s"), noise(mebibyte));
  ASSERT_FALSE(share_->remove(*open("copy:s")->file).failed());
  copy_attributes(root() / "file", root() / "copy");
  ASSERT_FALSE(share_->remove(*look("copy")->file).failed());

  EXPECT_EQ(all("file:s"), noise(mebibyte));
}

TEST_F(LargeStreams, AreNotSharedWithAnotherNameOfTheReference) {
  create("file:s", mebibyte);
  std::vector<char> value(100);
  const std::string file = (root() / "file").string();
  const auto got = ::getxattr(file.c_str(), "user.leasebreak.stream.s", value.data(), value.size());
  ASSERT_EQ(::setxattr(file.c_str(), "user.leasebreak.stream.t", value.data(),
              static_cast<std::size_t>(got), 0),
    0);

  EXPECT_FALSE(exists_stream("file:t"));
  EXPECT_EQ(open("file:t", disposition::open_if)->action, create_action::created);
  EXPECT_EQ(all("file:s"), noise(mebibyte));
}

TEST_F(LargeStreams, BytesThatLookLikeAReferenceAreBytes) {
  create("victim:s", mebibyte);
  std::vector<std::uint8_t> value(100);
  const std::string file = (root() / "victim").string();
  const auto got = ::getxattr(file.c_str(), "user.leasebreak.stream.s", value.data(), value.size());
  ASSERT_GT(got, 0);
  value.resize(static_cast<std::size_t>(got));

  ASSERT_TRUE(open("file:s", disposition::create)->file->write(0, value).has_value());

  EXPECT_EQ(all("file:s"), value);
}

TEST_F(LargeStreams, OfAFileThatMayNotBeWrittenAreNotWritten) {
  if (::geteuid() == 0) {
    GTEST_SKIP() << "the superuser may write everything";
  }
  const auto stream = create("file:s", mebibyte);
  ASSERT_EQ(::chmod((root() / "file").c_str(), 0444), 0);

  EXPECT_EQ(error_of(stream->write(0, bytes("x"))), from_errno(EACCES));
  EXPECT_EQ(stream->read(0, mebibyte).value(), noise(mebibyte));
}

TEST_F(LargeStreams, ConcurrentWritersLoseNothing) {
  constexpr std::size_t threads = 4;
  constexpr std::size_t each = 64;
  constexpr std::size_t piece = 4096;
  const auto stream = open("file:s", disposition::create).value().file;
  std::vector<std::thread> workers;

  for (std::size_t i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      for (std::size_t round = 0; round < each; ++round) {
        const auto number = round * threads + i;
        const auto data = noise(piece, static_cast<std::uint32_t>(number));
        EXPECT_TRUE(stream->write(number * piece, data).has_value());
      }
    });
  }
  for (auto& worker : workers) {
    worker.join();
  }

  for (std::size_t number = 0; number < threads * each; ++number) {
    ASSERT_EQ(stream->read(number * piece, piece).value(),
      noise(piece, static_cast<std::uint32_t>(number)));
  }
  EXPECT_TRUE(is_store_exact(root()));
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

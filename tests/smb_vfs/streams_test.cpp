// Named streams in extended attributes.
#include "support.hpp"

#include <atomic>
#include <cerrno>
#include <thread>

#include <sys/xattr.h>

namespace leasebreak::smb::vfs::testing {

namespace {

using ::testing::ElementsAre;

class Streams : public share_test {
protected:
  Streams() : share_test(options()) {}
  static share_options options() {
    share_options small;
    // Fits into one block of ext4 together with the file's other attributes.
    small.stream_bytes_max = 2048;
    small.streams_max = 4;
    return small;
  }

  [[nodiscard]] std::vector<std::string> names_of(std::string_view name) {
    std::vector<std::string> names;
    for (const auto& stream : look(name)->file->streams().value()) {
      names.push_back(stream.name);
    }
    return names;
  }
};

TEST_F(Streams, HaveDataOfTheirOwn) {
  put("file", "data");
  const auto stream = open("file:one", disposition::create);

  ASSERT_TRUE(stream.has_value()) << stream.error().message();
  EXPECT_TRUE(stream->created);
  EXPECT_FALSE(stream->base_created);
  EXPECT_TRUE(stream->file->is_stream());
  EXPECT_EQ(stream->file->write(2, bytes("abc")).value(), 3U);
  EXPECT_EQ(text(stream->file->read(0, 10).value()), std::string("\0\0abc", 5));
  EXPECT_EQ(text(stream->file->read(3, 1).value()), "b");
  EXPECT_EQ(stream->file->read(5, 10)->size(), 0U);
  EXPECT_EQ(stream->file->read(50, 10)->size(), 0U);
  EXPECT_EQ(stream->file->info()->end_of_file, 5U);
  EXPECT_EQ(content("file"), "data");
}

TEST_F(Streams, AreFilesOfTheirOwnToTheCoordinator) {
  put("file");
  const auto file = look("file").value();
  const auto stream = open("file:one", disposition::create).value();

  EXPECT_NE(stream.info.id.bytes(), file.info.id.bytes());
  EXPECT_EQ(stream.info.id.inode, file.info.id.inode);
  EXPECT_EQ(share_->lookup(at("file:one:$DATA"))->id, stream.info.id);
}

TEST_F(Streams, FollowTheDisposition) {
  put("file");
  EXPECT_EQ(error_of(open("file:one")), errc::name_not_found);
  EXPECT_EQ(error_of(open("file:one", disposition::overwrite)), errc::name_not_found);
  EXPECT_EQ(error_of(share_->lookup(at("file:one"))), errc::name_not_found);
  EXPECT_TRUE(open("file:one", disposition::open_if)->created);
  EXPECT_FALSE(open("file:one", disposition::open_if)->created);
  EXPECT_EQ(error_of(open("file:one", disposition::create)), errc::name_collision);
  EXPECT_EQ(open("file:one", disposition::overwrite)->action, create_action::overwritten);
  EXPECT_EQ(open("file:one", disposition::supersede)->action, create_action::superseded);
  EXPECT_EQ(open("file:two", disposition::supersede)->action, create_action::created);
}

TEST_F(Streams, OverwritingTruncatesTheStreamOnly) {
  put("file", "data");
  static_cast<void>(open("file:one", disposition::create)->file->write(0, bytes("one")));
  static_cast<void>(open("file:two", disposition::create)->file->write(0, bytes("two")));
  const auto stream = open("file:one", disposition::overwrite);
  ASSERT_TRUE(stream->truncates);
  EXPECT_EQ(stream->file->info()->end_of_file, 3U);

  EXPECT_EQ(share_->truncate_for_overwrite(*stream)->end_of_file, 0U);

  EXPECT_EQ(content("file"), "data");
  EXPECT_EQ(share_->lookup(at("file:two"))->end_of_file, 3U);
}

TEST_F(Streams, CreateTheirFileIfItIsMissing) {
  const auto stream = open("new:one", disposition::create);

  ASSERT_TRUE(stream.has_value());
  EXPECT_TRUE(stream->base_created);
  EXPECT_TRUE(exists("new"));
  EXPECT_EQ(error_of(open("other:one")), errc::name_not_found);
  EXPECT_EQ(error_of(open("other:one", disposition::overwrite)), errc::name_not_found);
  EXPECT_EQ(error_of(open("missing\\other:one", disposition::create)), errc::path_not_found);
  EXPECT_FALSE(exists("other"));
}

TEST_F(Streams, UndoingACreationAlsoRemovesTheNewFile) {
  const auto both = open("new:one", disposition::create);
  EXPECT_FALSE(share_->undo_create(*both).failed());
  EXPECT_FALSE(exists("new"));

  put("file");
  const auto one = open("file:one", disposition::create);
  EXPECT_FALSE(share_->undo_create(*one).failed());
  EXPECT_TRUE(exists("file"));
  EXPECT_EQ(error_of(share_->lookup(at("file:one"))), errc::name_not_found);
}

TEST_F(Streams, UndoingACreationKeepsAFileThatIsInUse) {
  const auto both = open("new:one", disposition::create);
  static_cast<void>(open("new")->file->write(0, bytes("x")));

  EXPECT_FALSE(share_->undo_create(*both).failed());

  EXPECT_EQ(content("new"), "x");
}

TEST_F(Streams, AreListedByName) {
  put("file", "data");
  static_cast<void>(open("file:zwei", disposition::create)->file->write(0, bytes("22")));
  static_cast<void>(open("file:eins", disposition::create));
  ASSERT_EQ(::setxattr((root() / "file").c_str(), "user.unrelated", "x", 1, 0), 0);

  const auto found = look("file")->file->streams().value();

  EXPECT_THAT(names_of("file"), ElementsAre("", "eins", "zwei"));
  EXPECT_EQ(found[0].size, 4U);
  EXPECT_EQ(found[1].size, 0U);
  EXPECT_EQ(found[2].size, 2U);
  EXPECT_EQ(found[2].allocation_size, 4096U);
}

TEST_F(Streams, DirectoriesHaveThemWithoutData) {
  make_directory("folder");

  const auto stream = open("folder:one", disposition::create);

  ASSERT_TRUE(stream.has_value());
  EXPECT_FALSE(stream->info.is_directory);
  EXPECT_EQ(stream->info.attributes & attribute::directory, 0U);
  EXPECT_TRUE(stream->file->write(0, bytes("x")).has_value());
  EXPECT_THAT(names_of("folder"), ElementsAre("one"));
  EXPECT_EQ(stream->file->streams()->size(), 1U);
  EXPECT_EQ(
    error_of(open("folder:one", disposition::open, node_kind::directory)), errc::not_directory);
}

TEST_F(Streams, GrowToTheirLimitAndNotAbove) {
  const auto stream = open("file:one", disposition::create).value().file;

  EXPECT_TRUE(stream->write(0, std::vector<std::uint8_t>(2048, 'x')).has_value());
  EXPECT_EQ(error_of(stream->write(2048, bytes("x"))), errc::stream_too_large);
  EXPECT_EQ(error_of(stream->write(std::uint64_t{1} << 40, bytes("x"))), errc::stream_too_large);
  EXPECT_EQ(stream->set_end_of_file(2049), errc::stream_too_large);
  EXPECT_EQ(stream->set_allocation(2049), errc::stream_too_large);
  EXPECT_EQ(stream->info()->end_of_file, 2048U);
}

TEST_F(Streams, ChangeTheirEndOfFile) {
  const auto stream = open("file:one", disposition::create).value().file;
  static_cast<void>(stream->write(0, bytes("world")));

  EXPECT_FALSE(stream->set_end_of_file(2).failed());
  EXPECT_EQ(text(stream->read(0, 10).value()), "wo");
  EXPECT_FALSE(stream->set_end_of_file(3).failed());
  EXPECT_EQ(text(stream->read(0, 10).value()), std::string("wo\0", 3));
  EXPECT_FALSE(stream->set_allocation(100).failed());
  EXPECT_EQ(stream->info()->end_of_file, 3U);
  EXPECT_FALSE(stream->set_allocation(1).failed());
  EXPECT_EQ(stream->info()->end_of_file, 1U);
  EXPECT_FALSE(stream->flush().failed());
}

TEST_F(Streams, AreLimitedInNumber) {
  put("file");
  for (const char* name : {"file:1", "file:2", "file:3", "file:4"}) {
    ASSERT_TRUE(open(name, disposition::create).has_value());
  }

  EXPECT_EQ(error_of(open("file:5", disposition::create)), errc::too_many_streams);
  EXPECT_TRUE(open("file:4", disposition::open_if).has_value());
}

TEST_F(Streams, RefusingOneLeavesNoNewFileBehind) {
  EXPECT_EQ(error_of(open("new:one", disposition::overwrite)), errc::name_not_found);

  EXPECT_FALSE(exists("new"));
  EXPECT_EQ(share_->opens(), 0U);
}

TEST_F(Streams, DoOnlyWhatTheirOpenIsFor) {
  static_cast<void>(open("file:one", disposition::create));
  const auto looker = look("file:one").value().file;

  EXPECT_EQ(error_of(looker->read(0, 1)), errc::no_access);
  EXPECT_EQ(error_of(looker->write(0, bytes("x"))), errc::no_access);
}

TEST_F(Streams, AreRemovedAlone) {
  put("file", "data");
  const auto stream = open("file:one", disposition::create).value().file;

  EXPECT_FALSE(share_->check_removable(*stream).failed());
  EXPECT_FALSE(share_->remove(*stream).failed());

  EXPECT_EQ(content("file"), "data");
  EXPECT_EQ(share_->remove(*stream), errc::name_not_found);
  EXPECT_EQ(error_of(stream->write(0, bytes("x"))), errc::name_not_found);
  EXPECT_THAT(names_of("file"), ElementsAre(""));
}

TEST_F(Streams, ShareAttributesAndTimesWithTheirFile) {
  put("file");
  const auto stream = open("file:one", disposition::create).value().file;
  basic_changes changes;
  changes.attributes = attribute::hidden;

  EXPECT_FALSE(stream->change(changes).failed());

  EXPECT_EQ(share_->lookup(at("file"))->attributes, attribute::hidden);
  EXPECT_TRUE(open("file:one", disposition::overwrite).has_value());
}

TEST_F(Streams, OfAReadOnlyFileAreNotWritten) {
  static_cast<void>(open("file:one", disposition::create));
  basic_changes changes;
  changes.attributes = attribute::read_only;
  ASSERT_FALSE(look("file")->file->change(changes).failed());

  EXPECT_EQ(error_of(open("file:one")), errc::read_only);
  EXPECT_TRUE(look("file:one").has_value());
}

TEST_F(Streams, GoWithARenameOfTheirFile) {
  put("file");
  const auto stream = open("file:one", disposition::create).value().file;

  ASSERT_FALSE(share_->rename(*look("file")->file, at("moved"), false).failed());

  EXPECT_TRUE(share_->lookup(at("moved:one")).has_value());
  EXPECT_TRUE(stream->write(0, bytes("x")).has_value());
  EXPECT_EQ(share_->rename(*stream, at("other"), false), errc::invalid_argument);
  EXPECT_EQ(share_->link(*stream, at("other"), false), errc::invalid_argument);
}

TEST_F(Streams, CanBeRenamed) {
  const auto stream = open("file:one", disposition::create).value().file;
  static_cast<void>(stream->write(0, bytes("one")));
  static_cast<void>(open("file:two", disposition::create)->file->write(0, bytes("two")));

  EXPECT_EQ(stream->rename_stream(":two:$DATA", false), errc::name_collision);
  EXPECT_EQ(stream->rename_stream("::$DATA", false), errc::name_collision);
  EXPECT_EQ(stream->rename_stream(":a:b:c", false), errc::invalid_stream);
  EXPECT_EQ(look("file")->file->rename_stream(":x", false), errc::invalid_stream);
  EXPECT_FALSE(stream->rename_stream(":one", false).failed());
  EXPECT_FALSE(stream->rename_stream(":three", false).failed());
  EXPECT_EQ(stream->stream(), "three");
  EXPECT_FALSE(stream->rename_stream(":two", true).failed());

  EXPECT_EQ(text(open("file:two")->file->read(0, 10).value()), "one");
  EXPECT_THAT(names_of("file"), ElementsAre("", "two"));
}

TEST_F(Streams, KeepTheirIdentityWhileTheyAreOpen) {
  auto one = open("file:one", disposition::create).value().file;
  auto other = open("file:ONE").value().file;
  const identity before = one->id();
  ASSERT_TRUE(other->write(0, bytes("data")).has_value());

  ASSERT_FALSE(one->rename_stream(":two", false).failed());

  EXPECT_EQ(text(other->read(0, 10).value()), "data");
  EXPECT_EQ(other->info()->id, before);
  EXPECT_EQ(open("file:two")->info.id, before);
  EXPECT_EQ(share_->lookup(at("file:two"))->id, before);
  EXPECT_EQ(one->stream_identity("TWO").value(), before);
  EXPECT_EQ(one->stream_identity("one").value(), std::nullopt);
  auto successor = open("file:one", disposition::create).value();
  EXPECT_NE(successor.info.id, before);
  EXPECT_EQ(share_->lookup(at("file:one"))->id, successor.info.id);
  EXPECT_EQ(successor.file->id(), successor.info.id);
  successor.file.reset();
  one.reset();
  other.reset();
  EXPECT_EQ(share_->lookup(at("file:two"))->id.stream, "two");
}

TEST_F(Streams, CanBecomeTheFilesData) {
  put("file");
  const auto stream = open("file:one", disposition::create).value().file;
  static_cast<void>(stream->write(0, bytes("new data")));

  EXPECT_FALSE(stream->rename_stream("::$DATA", true).failed());

  EXPECT_EQ(text(open("file")->file->read(0, 100).value()), "new data");
  EXPECT_THAT(names_of("file"), ElementsAre(""));
  EXPECT_FALSE(stream->read(0, 10).has_value());
}

TEST_F(Streams, TakeTheirFileWithThem) {
  put("file");
  const auto stream = open("file:one", disposition::create).value().file;

  EXPECT_FALSE(share_->remove_file(*stream).failed());

  EXPECT_FALSE(share_->lookup(at("file")).has_value());
}

TEST_F(Streams, HaveCaseInsensitiveNames) {
  const auto one = open("file:One", disposition::create);
  static_cast<void>(one->file->write(0, bytes("one")));

  EXPECT_EQ(open("file:ONE")->info.id, one->info.id);
  EXPECT_EQ(share_->lookup(at("file:one"))->id, one->info.id);
  EXPECT_EQ(error_of(open("file:oNe", disposition::create)), errc::name_collision);
  EXPECT_EQ(open("file:oNe", disposition::overwrite_if)->file->id().stream, "One");
  EXPECT_THAT(names_of("file"), ElementsAre("", "One"));
}

TEST_F(Streams, ARenameMayChangeTheCaseAndReplacesNamesOfAnyCase) {
  const auto one = open("file:One", disposition::create).value().file;
  static_cast<void>(one->write(0, bytes("one")));
  static_cast<void>(open("file:Two", disposition::create));

  EXPECT_FALSE(one->rename_stream(":ONE", false).failed());
  EXPECT_THAT(names_of("file"), ElementsAre("", "ONE", "Two"));
  EXPECT_EQ(one->rename_stream(":TWO", false), errc::name_collision);
  EXPECT_FALSE(one->rename_stream(":TWO", true).failed());
  EXPECT_THAT(names_of("file"), ElementsAre("", "TWO"));
  EXPECT_EQ(text(one->read(0, 10).value()), "one");
}

TEST_F(Streams, ConcurrentCreatorsMakeOneOfEachName) {
  put("file");
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> created{0};
    std::vector<std::thread> workers;
    for (const char* name : {"file:x", "file:X", "file:x", "file:X"}) {
      workers.emplace_back([&, name] {
        const auto done = open(name, disposition::open_if);
        created += done && done->created ? 1 : 0;
      });
    }
    for (auto& worker : workers) {
      worker.join();
    }
    ASSERT_EQ(created.load(), 1);
    ASSERT_FALSE(share_->remove(*open("file:x")->file).failed());
  }
}

TEST_F(Streams, ConcurrentWritersLoseNothing) {
  constexpr int threads = 4;
  constexpr std::uint64_t each = 50;
  const auto stream = open("file:one", disposition::create).value().file;
  std::vector<std::thread> workers;

  for (std::uint64_t i = 0; i < threads; ++i) {
    workers.emplace_back([&, i] {
      for (std::uint64_t round = 0; round < each; ++round) {
        EXPECT_TRUE(stream->write(i * each + round, bytes("x")).has_value());
      }
    });
  }
  for (auto& worker : workers) {
    worker.join();
  }

  EXPECT_EQ(text(stream->read(0, 1000).value()), std::string(threads * each, 'x'));
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

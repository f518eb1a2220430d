// Reads and writes, sizes, attributes and times.
#include "support.hpp"

#include <cerrno>
#include <chrono>
#include <limits>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace leasebreak::smb::vfs::testing {

namespace {

using namespace std::chrono_literals;

class Files : public share_test {
protected:
  open_ptr make(std::string_view name = "file") {
    return open(name, disposition::open_if).value().file;
  }
  open_ptr make_directory_open(std::string_view name = "directory") {
    return open(name, disposition::open_if, node_kind::directory).value().file;
  }
};

TEST_F(Files, ReadsReturnWrittenData) {
  const auto file = make();

  EXPECT_EQ(file->write(0, bytes("hello world")).value(), 11U);
  EXPECT_EQ(text(file->read(6, 5).value()), "world");
  EXPECT_EQ(text(file->read(6, 100).value()), "world");
  EXPECT_EQ(file->read(11, 10)->size(), 0U);
  EXPECT_EQ(file->read(1000, 10)->size(), 0U);
  EXPECT_EQ(file->read(0, 0)->size(), 0U);
  EXPECT_EQ(content("file"), "hello world");
}

TEST_F(Files, WritingBeyondTheEndFillsWithZeros) {
  const auto file = make();

  static_cast<void>(file->write(3, bytes("x")));

  EXPECT_EQ(text(file->read(0, 10).value()), std::string("\0\0\0x", 4));
}

TEST_F(Files, InvalidOffsetsAreRefused) {
  const auto file = make();
  const auto last = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

  EXPECT_EQ(error_of(file->read(~std::uint64_t{0}, 1)), errc::invalid_argument);
  EXPECT_EQ(error_of(file->write(last, bytes("x"))), errc::invalid_argument);
  EXPECT_TRUE(error_of(file->write(last - 1, bytes("x"))).failed());
  EXPECT_EQ(file->set_end_of_file(last + 1), errc::invalid_argument);
  EXPECT_EQ(file->set_allocation(last + 1), errc::invalid_argument);
  EXPECT_EQ(file->info()->end_of_file, 0U);
}

TEST_F(Files, WritesBeyondTheMaximumEndOfFileAreRefused) {
  const auto file = make();
  const auto last = share_->options().file_bytes_max;

  EXPECT_EQ(error_of(file->write(last, bytes("x"))), errc::invalid_argument);
  EXPECT_EQ(file->write(last, {}).value(), 0U);
  EXPECT_EQ(
    file->write(static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), {}).value(),
    0U);
  EXPECT_EQ(file->set_end_of_file(last + 1), errc::invalid_argument);
  EXPECT_EQ(file->set_allocation(last + 1), errc::invalid_argument);
  EXPECT_EQ(file->info()->end_of_file, 0U);
}

TEST_F(Files, AGapThatTheDiskCouldNotFillIsRefused) {
  const auto file = make();
  const auto space = share_->space().value();
  const auto far = (space.available_blocks + space.total_blocks) * space.block_bytes;
  if (far >= share_->options().file_bytes_max) {
    GTEST_SKIP() << "the disk is larger than the largest file";
  }

  EXPECT_EQ(error_of(file->write(far, bytes("x"))), from_errno(ENOSPC));
  EXPECT_EQ(file->set_end_of_file(far), from_errno(ENOSPC));
  EXPECT_EQ(file->info()->end_of_file, 0U);
}

TEST_F(Files, LengthsAboveTheLimitAreRefused) {
  const auto file = make();
  const auto limit = share_->options().io_bytes_max;

  EXPECT_EQ(error_of(file->read(0, limit + 1)), errc::invalid_argument);
  EXPECT_EQ(error_of(file->write(0, std::vector<std::uint8_t>(limit + 1))), errc::invalid_argument);
  EXPECT_EQ(file->info()->end_of_file, 0U);
}

TEST_F(Files, AnOpenDoesOnlyWhatItWasOpenedFor) {
  put("file");
  open_options read_only;
  read_only.read = true;
  open_options write_only;
  write_only.write = true;
  const auto reader = share_->open(at("file"), read_only).value().file;
  const auto writer = share_->open(at("file"), write_only).value().file;
  const auto looker = look("file").value().file;

  EXPECT_EQ(error_of(reader->write(0, bytes("x"))), errc::no_access);
  EXPECT_EQ(reader->set_end_of_file(0), errc::no_access);
  EXPECT_EQ(reader->set_allocation(0), errc::no_access);
  EXPECT_EQ(error_of(writer->read(0, 1)), errc::no_access);
  EXPECT_TRUE(writer->write(0, bytes("C")).has_value());
  EXPECT_EQ(error_of(looker->read(0, 1)), errc::no_access);
  EXPECT_EQ(content("file"), "Content");
}

TEST_F(Files, DirectoriesHaveNoData) {
  const auto directory = make_directory_open();

  EXPECT_EQ(error_of(directory->read(0, 1)), errc::is_directory);
  EXPECT_EQ(error_of(directory->write(0, bytes("x"))), errc::is_directory);
  EXPECT_EQ(directory->set_end_of_file(0), errc::is_directory);
  EXPECT_EQ(directory->set_allocation(0), errc::is_directory);
  EXPECT_FALSE(directory->flush().failed());
  EXPECT_EQ(directory->info()->end_of_file, 0U);
}

TEST_F(Files, FlushingWorksForEveryKindOfOpen) {
  const auto file = make();
  static_cast<void>(file->write(0, bytes("x")));

  EXPECT_FALSE(file->flush().failed());
  EXPECT_FALSE(look("file")->file->flush().failed());
}

TEST_F(Files, TheEndOfFileMovesBothWays) {
  const auto file = make();
  static_cast<void>(file->write(0, bytes("world")));

  EXPECT_FALSE(file->set_end_of_file(2).failed());
  EXPECT_EQ(content("file"), "wo");
  EXPECT_FALSE(file->set_end_of_file(4).failed());
  EXPECT_EQ(content("file"), std::string("wo\0\0", 4));
}

TEST_F(Files, AllocationReservesAboveAndTruncatesBelowTheEnd) {
  const auto file = make();
  static_cast<void>(file->write(0, bytes("hello")));

  EXPECT_FALSE(file->set_allocation(1 << 20).failed());
  EXPECT_EQ(file->info()->end_of_file, 5U);
  EXPECT_GE(file->info()->allocation_size, 1U << 20);
  EXPECT_FALSE(file->set_allocation(2).failed());
  EXPECT_EQ(file->info()->end_of_file, 2U);
  EXPECT_FALSE(file->set_allocation(0).failed());
  EXPECT_EQ(file->info()->end_of_file, 0U);
}

TEST_F(Files, AllocationIsNeverBelowTheEndOfFile) {
  const auto file = make();

  EXPECT_EQ(file->info()->allocation_size, 0U);
  static_cast<void>(file->set_end_of_file(10000));

  EXPECT_EQ(file->info()->allocation_size, 12288U);
}

TEST_F(Files, AttributesComeBackAsTheyWereSet) {
  const auto file = make();
  for (const std::uint32_t value :
    {attribute::read_only, attribute::hidden, attribute::system, attribute::archive,
      attribute::temporary, attribute::offline, attribute::not_content_indexed, attribute::kept}) {
    basic_changes changes;
    changes.attributes = value;

    EXPECT_FALSE(file->change(changes).failed());

    EXPECT_EQ(file->info()->attributes, value);
    EXPECT_EQ(share_->lookup(at("file"))->attributes, value);
  }
}

TEST_F(Files, NormalMeansNoAttribute) {
  const auto file = make();
  const auto directory = make_directory_open();
  basic_changes changes;
  changes.attributes = attribute::normal;

  EXPECT_FALSE(file->change(changes).failed());
  EXPECT_FALSE(directory->change(changes).failed());

  EXPECT_EQ(file->info()->attributes, attribute::normal);
  EXPECT_EQ(directory->info()->attributes, attribute::directory);
}

TEST_F(Files, AttributesThatContradictTheKindAreRefused) {
  basic_changes changes;
  changes.attributes = attribute::directory;
  EXPECT_EQ(make()->change(changes), errc::invalid_argument);
  changes.attributes = attribute::temporary;
  EXPECT_EQ(make_directory_open()->change(changes), errc::invalid_argument);

  changes.attributes = attribute::directory | attribute::hidden;
  EXPECT_FALSE(make_directory_open()->change(changes).failed());
  EXPECT_EQ(make_directory_open()->info()->attributes, attribute::directory | attribute::hidden);
}

TEST_F(Files, TheFourTimesComeBackAsTheyWereSet) {
  const auto file = make();
  basic_changes changes;
  changes.creation_time = file_time(1'000'000'000s + file_ticks(1));
  changes.access_time = file_time(1'100'000'000s + file_ticks(2));
  changes.write_time = file_time(1'200'000'000s + file_ticks(3));
  changes.change_time = file_time(1'300'000'000s + file_ticks(4));

  EXPECT_FALSE(file->change(changes).failed());

  for (const auto& info : {*file->info(), *share_->lookup(at("file"))}) {
    EXPECT_EQ(info.creation_time, *changes.creation_time);
    EXPECT_EQ(info.access_time, *changes.access_time);
    EXPECT_EQ(info.write_time, *changes.write_time);
    EXPECT_EQ(info.change_time, *changes.change_time);
    EXPECT_EQ(info.attributes, attribute::archive);
  }
}

TEST_F(Files, ATimeMayBeFarFromNow) {
  const auto file = make();
  for (const file_time far : {file_time(-11'644'473'599s), file_time(910'692'730'085s)}) {
    basic_changes changes;
    changes.creation_time = far;
    changes.change_time = far;

    EXPECT_FALSE(file->change(changes).failed());

    EXPECT_EQ(file->info()->creation_time, far);
    EXPECT_EQ(file->info()->change_time, far);
  }
}

// MS-FSA 2.1.5.15.2.
TEST_F(Files, AWriteTimeThatTheClientKeepsStaysWhateverTheOpenDoes) {
  const auto file = make();
  const auto source = make("source");
  static_cast<void>(source->write(0, bytes("12345")));
  basic_changes set;
  set.write_time = file_time(1'000'000'000s);
  set.updates_write_time = false;
  ASSERT_FALSE(file->change(set).failed());

  EXPECT_TRUE(file->write(0, bytes("x")).has_value());
  EXPECT_FALSE(file->set_end_of_file(100).failed());
  EXPECT_FALSE(file->set_allocation(50).failed());
  EXPECT_FALSE(file->zero(0, 10).failed());
  EXPECT_TRUE(file->copy_from(*source, 0, 0, 5).has_value());

  EXPECT_EQ(file->info()->write_time, *set.write_time);
  EXPECT_EQ(file->info()->end_of_file, 50U);
  basic_changes resume;
  resume.updates_write_time = true;
  ASSERT_FALSE(file->change(resume).failed());
  EXPECT_EQ(file->info()->write_time, *set.write_time);
  EXPECT_TRUE(file->write(0, bytes("y")).has_value());
  EXPECT_NE(file->info()->write_time, *set.write_time);
}

TEST_F(Files, AWriteTimeThatOneOpenKeepsIsUpdatedByOthers) {
  const auto file = make();
  const auto writer = make();
  basic_changes set;
  set.write_time = file_time(1'000'000'000s);
  set.updates_write_time = false;
  ASSERT_FALSE(file->change(set).failed());

  EXPECT_TRUE(writer->write(0, bytes("x")).has_value());

  EXPECT_NE(file->info()->write_time, *set.write_time);
}

TEST_F(Files, AbsentTimesAreUnchanged) {
  const auto file = make();
  basic_changes first;
  first.creation_time = file_time(1'000'000'000s);
  first.access_time = file_time(1'100'000'000s);
  first.write_time = file_time(-100s - file_ticks(5));
  ASSERT_FALSE(file->change(first).failed());
  basic_changes second;
  second.access_time = file_time(1'500'000'000s);

  ASSERT_FALSE(file->change(second).failed());

  EXPECT_EQ(file->info()->creation_time, *first.creation_time);
  EXPECT_EQ(file->info()->access_time, *second.access_time);
  EXPECT_EQ(file->info()->write_time, *first.write_time);
}

TEST_F(Files, AChangeByAnotherOpenEndsTheChangeTimeThatWasSet) {
  const auto file = make();
  basic_changes changes;
  changes.change_time = file_time(1'000'000'000s);
  ASSERT_FALSE(file->change(changes).failed());
  basic_changes next;
  next.attributes = attribute::hidden;

  ASSERT_FALSE(look("file")->file->change(next).failed());

  EXPECT_GT(file->info()->change_time, *changes.change_time + 1h);
}

TEST_F(Files, TheOpenThatSetTheChangeTimeKeepsItThroughFurtherChanges) {
  const auto file = make();
  basic_changes changes;
  changes.change_time = file_time(1'000'000'000s);
  ASSERT_FALSE(file->change(changes).failed());
  basic_changes next;
  next.attributes = attribute::hidden;
  next.write_time = file_time(1'100'000'000s);

  ASSERT_FALSE(file->change(next).failed());

  EXPECT_EQ(file->info()->change_time, *changes.change_time);
  EXPECT_EQ(file->info()->write_time, *next.write_time);
}

TEST_F(Files, AReplacedChangeTimeIsNotRestored) {
  const auto file = make();
  basic_changes changes;
  changes.change_time = file_time(1'000'000'000s);
  ASSERT_FALSE(file->change(changes).failed());
  basic_changes next;
  next.attributes = attribute::hidden;
  ASSERT_FALSE(look("file")->file->change(next).failed());

  next.attributes = attribute::system;
  ASSERT_FALSE(file->change(next).failed());

  EXPECT_GT(file->info()->change_time, *changes.change_time + 1h);
}

TEST_F(Files, AChangeThatChangesNothingLeavesTheChangeTime) {
  const auto file = make();
  basic_changes changes;
  changes.attributes = attribute::hidden;
  changes.change_time = file_time(1'000'000'000s);
  ASSERT_FALSE(file->change(changes).failed());

  EXPECT_FALSE(file->change({}).failed());
  changes.change_time.reset();
  EXPECT_FALSE(file->change(changes).failed());

  EXPECT_EQ(file->info()->change_time, file_time(1'000'000'000s));
}

TEST_F(Files, TheCreationTimeOfANewFileIsNow) {
  const auto before = std::chrono::system_clock::now();

  const auto made = open("file", disposition::create);

  EXPECT_GE(made->info.creation_time, before - 1min);
  EXPECT_LE(made->info.creation_time, std::chrono::system_clock::now() + 1min);
}

TEST_F(Files, DirectoriesHaveTimesToo) {
  const auto directory = make_directory_open();
  basic_changes changes;
  changes.creation_time = file_time(1'000'000'000s);
  changes.write_time = file_time(1'200'000'000s);

  EXPECT_FALSE(directory->change(changes).failed());

  EXPECT_EQ(directory->info()->creation_time, *changes.creation_time);
  EXPECT_EQ(directory->info()->write_time, *changes.write_time);
}

TEST_F(Files, ARecordThatIsMalformedCountsAsNone) {
  put("file");
  for (const auto& value : std::vector<std::string>{
         "", "x", std::string(29, '\xff'), "longer than a record of version one has to be"}) {
    ASSERT_EQ(::setxattr((root() / "file").c_str(), "user.leasebreak.attributes", value.data(),
                value.size(), 0),
      0);

    EXPECT_EQ(share_->lookup(at("file"))->attributes, attribute::archive);
  }
}

TEST_F(Files, TheLinkCountIsThatOfTheFileSystem) {
  const auto file = make();
  std::filesystem::create_hard_link(root() / "file", root() / "second");

  EXPECT_EQ(file->info()->links, 2U);
  EXPECT_EQ(look("second")->file->id(), file->id());
}

TEST_F(Files, CanBeChangedByTheirPath) {
  put("file");
  file_changes changes;
  changes.basic.attributes = attribute::system;
  changes.basic.write_time = file_time(1'200'000'000s);
  changes.allocation_size = 8192;
  changes.end_of_file = 4;

  const auto info = share_->change(at("file"), changes);

  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->attributes, attribute::system);
  EXPECT_EQ(info->write_time, *changes.basic.write_time);
  EXPECT_EQ(content("file"), "cont");
}

TEST_F(Files, ChangesByPathFailAsAnOpenDoes) {
  file_changes changes;
  changes.end_of_file = 4;
  make_directory("directory");

  EXPECT_EQ(error_of(share_->change(at("missing"), changes)), errc::name_not_found);
  EXPECT_EQ(error_of(share_->change(at("directory"), changes)), errc::is_directory);
}

TEST_F(Files, TheSpaceIsThatOfTheFileSystem) {
  const auto space = share_->space();

  ASSERT_TRUE(space.has_value());
  EXPECT_GT(space->block_bytes, 0U);
  EXPECT_GT(space->total_blocks, 0U);
  EXPECT_LE(space->available_blocks, space->free_blocks);
  EXPECT_EQ(space->component_bytes_max, 255U);
  EXPECT_EQ(space->device, look("")->file->id().device);
  EXPECT_FALSE(space->read_only);
}

TEST_F(Files, WhatTheDiskHasNoRoomForIsRefusedWithoutFillingIt) {
  const auto file = make();
  const auto before = share_->space().value();

  const error_code error = file->set_allocation(2 * before.total_blocks * before.block_bytes);

  EXPECT_EQ(error, from_errno(ENOSPC));
  EXPECT_EQ(file->info()->allocation_size, 0U);
}

/// Acts as an unprivileged user, if root runs the test.
class other_user {
public:
  other_user() {
    if (user_ == 0) {
      changed_ = ::seteuid(65534) == 0;
    }
  }
  ~other_user() {
    if (changed_) {
      static_cast<void>(::seteuid(user_));
    }
  }
  other_user(const other_user&) = delete;
  other_user& operator=(const other_user&) = delete;

private:
  uid_t user_ = ::geteuid();
  bool changed_ = false;
};

TEST_F(Files, WhatMayNotBeReadMayStillBeLookedAt) {
  put("file");
  ::chmod((root() / "file").c_str(), 0);
  const other_user user;

  EXPECT_EQ(error_of(open("file")), from_errno(EACCES));
  EXPECT_EQ(look("file")->file->info()->end_of_file, 7U);
  EXPECT_EQ(share_->lookup(at("file"))->end_of_file, 7U);
}

TEST_F(Files, AFolderThatMayNotBeWrittenRefusesNewNames) {
  make_directory("folder");
  ::chmod((root() / "folder").c_str(), 0555);
  const other_user user;

  EXPECT_EQ(error_of(open("folder\\new", disposition::create)), from_errno(EACCES));
  EXPECT_EQ(
    error_of(open("folder\\new", disposition::create, node_kind::directory)), from_errno(EACCES));
}

// A file system without extended attributes, /proc, because every machine has it.
TEST(FilesWithoutExtendedAttributes, HaveTheDefaults) {
  const auto proc = share::open_root("/proc/self");
  ASSERT_TRUE(proc.has_value());
  if ((*proc)->space()->has_streams) {
    GTEST_SKIP() << "/proc has extended attributes";
  }

  const auto info = (*proc)->lookup(at("status"));

  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->attributes, attribute::archive);
  const auto open = (*proc)->open(at("status"), {});
  ASSERT_TRUE(open.has_value());
  basic_changes changes;
  changes.attributes = attribute::hidden;
  EXPECT_FALSE(open->file->change(changes).failed());
  EXPECT_EQ(open->file->info()->attributes, attribute::archive);
  EXPECT_EQ(open->file->streams()->size(), 1U);
  open_options options;
  options.how = disposition::create;
  EXPECT_EQ(error_of((*proc)->open(at("status:stream"), options)), errc::streams_not_supported);
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

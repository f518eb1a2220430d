// Renames, hard links, removals, and opens that follow them.
#include "support.hpp"

#include <atomic>
#include <cerrno>
#include <thread>

#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <unistd.h>

namespace leasebreak::smb::vfs::testing {

namespace {

using Names = share_test;

TEST_F(Names, ARenameMovesTheFileAndItsOpens) {
  put("file");
  make_directory("folder");
  const auto one = look("file").value().file;
  const auto other = look("file").value().file;

  EXPECT_FALSE(share_->rename(*one, at("folder\\new"), false).failed());

  EXPECT_FALSE(exists("file"));
  EXPECT_EQ(content("folder/new"), "content");
  EXPECT_EQ(one->current_path().value(), at("folder\\new"));
  EXPECT_EQ(other->current_path().value(), at("folder\\new"));
}

TEST_F(Names, ARenameOfAFolderMovesTheOpensBelow) {
  make_directory("folder/deep");
  put("folder/deep/file");
  const auto folder = look("folder").value().file;
  const auto file = look("folder\\deep\\file").value().file;

  EXPECT_FALSE(share_->rename(*folder, at("moved"), false).failed());

  EXPECT_EQ(file->current_path().value(), at("moved\\deep\\file"));
  EXPECT_FALSE(share_->remove(*file).failed());
  EXPECT_FALSE(exists("moved/deep/file"));
}

TEST_F(Names, ARenameByALocalProcessIsFollowed) {
  put("file");
  const auto file = look("file").value().file;

  std::filesystem::rename(root() / "file", root() / "moved");

  EXPECT_EQ(file->current_path().value(), at("moved"));
  EXPECT_FALSE(share_->rename(*file, at("again"), false).failed());
  EXPECT_TRUE(exists("again"));
}

TEST_F(Names, WithoutReplaceAnExistingNameIsLeftAlone) {
  put("file", "mine");
  put("other", "theirs");
  make_directory("folder");
  const auto file = look("file").value().file;

  EXPECT_EQ(share_->rename(*file, at("other"), false), errc::name_collision);
  EXPECT_EQ(share_->rename(*file, at("folder"), false), errc::name_collision);
  EXPECT_EQ(share_->rename(*file, at(""), false), errc::name_collision);

  EXPECT_EQ(content("file"), "mine");
  EXPECT_EQ(content("other"), "theirs");
}

TEST_F(Names, WithReplaceAFileIsReplaced) {
  put("file", "mine");
  put("other", "theirs");
  const auto other = look("other").value().file;

  EXPECT_FALSE(share_->rename(*look("file")->file, at("other"), true).failed());

  EXPECT_EQ(content("other"), "mine");
  EXPECT_FALSE(exists("file"));
  EXPECT_EQ(other->info()->links, 0U);
  EXPECT_EQ(error_of(other->current_path()), errc::name_not_found);
}

TEST_F(Names, WithReplaceAMissingNameIsFineToo) {
  put("file", "mine");

  EXPECT_FALSE(share_->rename(*look("file")->file, at("new"), true).failed());

  EXPECT_EQ(content("new"), "mine");
}

TEST_F(Names, DirectoriesAndReadOnlyFilesAreNotReplaced) {
  put("file", "mine");
  make_directory("folder");
  make_directory("empty");
  static_cast<void>(open("fixed", disposition::create, node_kind::any, attribute::read_only));
  std::filesystem::create_symlink("file", root() / "link");
  const auto file = look("file").value().file;
  const auto folder = look("folder").value().file;

  EXPECT_EQ(share_->rename(*file, at("folder"), true), errc::cannot_replace);
  EXPECT_EQ(share_->rename(*file, at("fixed"), true), errc::cannot_replace);
  EXPECT_EQ(share_->rename(*file, at("link"), true), errc::cannot_replace);
  EXPECT_EQ(share_->rename(*folder, at("file"), true), errc::cannot_replace);
  EXPECT_EQ(share_->rename(*folder, at("empty"), true), errc::cannot_replace);

  EXPECT_EQ(content("file"), "mine");
  EXPECT_TRUE(exists("folder"));
  EXPECT_TRUE(exists("empty"));
}

TEST_F(Names, ARenameToItsOwnNameDoesNothing) {
  put("file", "mine");
  const auto file = look("file").value().file;

  EXPECT_FALSE(share_->rename(*file, at("file"), false).failed());
  EXPECT_FALSE(share_->rename(*file, at("file"), true).failed());

  EXPECT_EQ(content("file"), "mine");
}

TEST_F(Names, ARenameOntoAnotherLinkOfTheSameFileLeavesThatOne) {
  put("file", "mine");
  std::filesystem::create_hard_link(root() / "file", root() / "second");
  const auto file = look("file").value().file;

  EXPECT_EQ(share_->rename(*file, at("second"), false), errc::name_collision);
  EXPECT_FALSE(share_->rename(*file, at("second"), true).failed());

  EXPECT_FALSE(exists("file"));
  EXPECT_EQ(content("second"), "mine");
}

TEST_F(Names, TargetsThatCannotBeAreToldWhy) {
  put("file");
  put("block");
  make_directory("folder/below");
  const auto file = look("file").value().file;
  const auto folder = look("folder").value().file;

  EXPECT_EQ(share_->rename(*file, at("missing\\new"), false), errc::path_not_found);
  EXPECT_EQ(share_->rename(*file, at("block\\new"), false), errc::path_not_found);
  EXPECT_EQ(share_->rename(*file, at("new:stream"), false), errc::invalid_stream);
  EXPECT_EQ(share_->rename(*file, at("new\\"), false), errc::invalid_name);
  EXPECT_EQ(share_->rename(*folder, at("folder\\below\\new"), false), errc::invalid_argument);
  EXPECT_EQ(share_->rename(*look("")->file, at("new"), false), errc::cannot_delete);
  EXPECT_TRUE(exists("file"));
  EXPECT_TRUE(exists("folder/below"));
}

TEST_F(Names, ADeletedFileIsNotRenamedNorIsItsSuccessor) {
  put("file");
  const auto file = look("file").value().file;
  std::filesystem::remove(root() / "file");
  put("file", "another");
  put("file (deleted)", "decoy");

  EXPECT_EQ(share_->rename(*file, at("new"), false), errc::name_not_found);
  EXPECT_EQ(share_->remove(*file), errc::name_not_found);

  EXPECT_EQ(content("file"), "another");
  EXPECT_EQ(content("file (deleted)"), "decoy");
}

TEST_F(Names, AnUnlinkedNameOfALinkedFileIsNotTakenForAnother) {
  put("file");
  const auto file = look("file").value().file;
  std::filesystem::create_hard_link(root() / "file", root() / "second");
  std::filesystem::remove(root() / "file");
  put("file (deleted)", "decoy");

  EXPECT_EQ(share_->remove(*file), errc::name_not_found);

  EXPECT_TRUE(exists("second"));
  EXPECT_TRUE(exists("file (deleted)"));
}

TEST_F(Names, ConcurrentRenamesToOneNameLetOneWin) {
  constexpr int threads = 4;
  for (int round = 0; round < 50; ++round) {
    std::vector<open_ptr> files;
    for (int i = 0; i < threads; ++i) {
      files.push_back(
        open("r" + std::to_string(round) + "f" + std::to_string(i), disposition::create)->file);
    }
    std::atomic<int> won{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&, i] {
        const auto target = at("target" + std::to_string(round));
        const error_code error = share_->rename(*files[static_cast<std::size_t>(i)], target, false);
        won += error.failed() ? 0 : 1;
      });
    }
    for (auto& worker : workers) {
      worker.join();
    }
    ASSERT_EQ(won.load(), 1);
  }
}

TEST_F(Names, AHardLinkIsAnotherNameOfTheSameFile) {
  put("file");
  const auto file = look("file").value().file;

  EXPECT_FALSE(share_->link(*file, at("second"), false).failed());

  EXPECT_EQ(look("second")->file->id(), file->id());
  EXPECT_EQ(file->info()->links, 2U);
}

TEST_F(Names, AHardLinkReplacesOnlyIfAsked) {
  put("file", "mine");
  put("other", "theirs");
  static_cast<void>(open("fixed", disposition::create, node_kind::any, attribute::read_only));
  make_directory("folder");
  const auto file = look("file").value().file;

  EXPECT_EQ(share_->link(*file, at("other"), false), errc::name_collision);
  EXPECT_EQ(content("other"), "theirs");
  EXPECT_FALSE(share_->link(*file, at("other"), true).failed());
  EXPECT_EQ(content("other"), "mine");
  EXPECT_FALSE(share_->link(*file, at("other"), true).failed());
  EXPECT_EQ(file->info()->links, 2U);
  EXPECT_EQ(share_->link(*file, at("fixed"), true), errc::cannot_replace);
  EXPECT_EQ(share_->link(*file, at("folder"), true), errc::cannot_replace);
}

TEST_F(Names, WhatCannotBeLinkedIsToldWhy) {
  put("file");
  make_directory("folder");
  const auto file = look("file").value().file;

  EXPECT_EQ(share_->link(*look("folder")->file, at("new"), false), errc::is_directory);
  EXPECT_EQ(share_->link(*file, at("missing\\new"), false), errc::path_not_found);
  EXPECT_EQ(share_->link(*file, at("new:s"), false), errc::invalid_stream);
  EXPECT_EQ(share_->link(*file, at("new\\"), false), errc::invalid_name);
  std::filesystem::remove(root() / "file");
  EXPECT_EQ(share_->link(*file, at("new"), false), errc::name_not_found);
}

TEST_F(Names, ARemovedFileDoesNotReplaceAnother) {
  put("file");
  put("other", "theirs");
  const auto file = look("file").value().file;
  ASSERT_FALSE(share_->remove(*file).failed());

  EXPECT_EQ(share_->link(*file, at("other"), true), errc::name_not_found);
  EXPECT_EQ(content("other"), "theirs");
}

TEST_F(Names, FilesAndEmptyDirectoriesAreRemoved) {
  put("file");
  make_directory("folder");
  const auto file = look("file").value().file;
  const auto folder = look("folder").value().file;

  EXPECT_FALSE(share_->check_removable(*file).failed());
  EXPECT_FALSE(share_->check_removable(*folder).failed());
  EXPECT_FALSE(share_->remove(*file).failed());
  EXPECT_FALSE(share_->remove(*folder).failed());

  EXPECT_FALSE(exists("file"));
  EXPECT_FALSE(exists("folder"));
  EXPECT_EQ(share_->remove(*file), errc::name_not_found);
  EXPECT_EQ(share_->remove(*folder), errc::name_not_found);
}

TEST_F(Names, ARemovedFileStaysReadableToItsOpens) {
  put("file");
  const auto file = open("file").value().file;

  ASSERT_FALSE(share_->remove(*file).failed());

  EXPECT_EQ(text(file->read(0, 100).value()), "content");
  EXPECT_EQ(file->info()->links, 0U);
}

TEST_F(Names, ADirectoryWithEntriesIsNotRemoved) {
  make_directory("folder");
  put("folder/file");
  const auto folder = look("folder").value().file;

  EXPECT_EQ(share_->check_removable(*folder), from_errno(ENOTEMPTY));
  EXPECT_EQ(share_->remove(*folder), from_errno(ENOTEMPTY));

  EXPECT_TRUE(exists("folder/file"));
}

TEST_F(Names, TheRootAndReadOnlyFilesAreNotRemovable) {
  const auto fixed = open("fixed", disposition::create, node_kind::any, attribute::read_only);

  EXPECT_EQ(share_->check_removable(*fixed->file), errc::cannot_delete);
  EXPECT_EQ(share_->check_removable(*look("")->file), errc::cannot_delete);
  EXPECT_EQ(share_->remove(*look("")->file), errc::cannot_delete);
  EXPECT_TRUE(std::filesystem::exists(root()));
}

/// During its lifetime, this thread accesses files as an unprivileged user.
class without_privileges {
public:
  without_privileges() {
    if (::geteuid() == 0) {
      ::setfsuid(65534);
    }
  }
  ~without_privileges() { ::setfsuid(::geteuid()); }
  without_privileges(const without_privileges&) = delete;
  without_privileges& operator=(const without_privileges&) = delete;
};

open_options to_delete() {
  open_options how;
  how.delete_on_close = true;
  return how;
}

TEST_F(Names, FilesOfAReadOnlyFolderAreNotRemovable) {
  namespace fs = std::filesystem;
  make_directory("folder/empty");
  put("folder/file");
  const auto file = look("folder/file").value().file;
  const auto empty = look("folder/empty").value().file;
  fs::permissions(root() / "folder", fs::perms{0555});

  {
    const without_privileges now;
    EXPECT_EQ(share_->check_removable(*file), from_errno(EACCES));
    EXPECT_EQ(share_->check_removable(*empty), from_errno(EACCES));
    EXPECT_EQ(error_of(share_->open(at("folder/file"), to_delete())), from_errno(EACCES));
  }

  fs::permissions(root() / "folder", fs::perms{0777});
  const without_privileges now;
  EXPECT_FALSE(share_->check_removable(*file).failed());
  EXPECT_TRUE(share_->open(at("folder/file"), to_delete()));
}

TEST_F(Names, TheRootIsNotOpenedForDeletion) {
  EXPECT_EQ(error_of(share_->open(at(""), to_delete())), errc::cannot_delete);
}

/// Opens a file by one of its two names, and then removes that name and its folder.
TEST_F(Names, ANameIsGoneWithItsFolder) {
  put("other");
  make_directory("folder");
  std::filesystem::create_hard_link(root() / "other", root() / "folder/name");
  const auto file = look("folder\\name").value().file;
  std::filesystem::remove_all(root() / "folder");

  EXPECT_EQ(share_->remove(*file), errc::name_not_found);
  EXPECT_EQ(share_->rename(*file, at("new"), false), errc::name_not_found);
  EXPECT_FALSE(share_->check_removable(*file).failed());
  EXPECT_TRUE(exists("other"));
}

TEST_F(Names, AnAlreadyRemovedFileIsRemovable) {
  put("file");
  const auto file = look("file").value().file;
  std::filesystem::remove(root() / "file");

  EXPECT_FALSE(share_->check_removable(*file).failed());
}

/// Gives this thread a private mount namespace in which the directory is read-only. Returns false
/// if the process lacks the permission.
bool mount_read_only(const std::filesystem::path& directory) {
  const char* where = directory.c_str();
  return ::unshare(CLONE_NEWNS) == 0 &&
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
    ::mount(where, where, nullptr, MS_BIND, nullptr) == 0 &&
    ::mount("none", where, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
}

TEST_F(Names, NothingOfAReadOnlyFileSystemIsRemovable) {
  put("file");
  bool mounted = false;

  std::thread([&] {
    mounted = mount_read_only(root());
    if (!mounted) {
      return;
    }
    const auto read_only = share::open_root(root().string()).value();
    const auto file = read_only->open(at("file"), {}).value().file;
    EXPECT_EQ(read_only->check_removable(*file), from_errno(EROFS));
    EXPECT_EQ(error_of(read_only->open(at("file"), to_delete())), from_errno(EROFS));
  }).join();

  if (!mounted) {
    GTEST_SKIP() << "needs permission to mount";
  }
}

TEST_F(Names, OfSharesTellWhichLiesBeneathWhich) {
  make_directory("folder/inner");
  std::filesystem::create_directory_symlink(root() / "folder", outside() / "link");
  const auto open_at = [](const std::filesystem::path& where) {
    return share::open_root(where.string()).value();
  };
  const auto inner = open_at(root() / "folder/inner");
  const auto linked = open_at(outside() / "link");
  const auto beside = open_at(outside());

  EXPECT_TRUE(inner->is_beneath(*share_));
  EXPECT_TRUE(inner->is_beneath(*linked));
  EXPECT_TRUE(linked->is_beneath(*share_));
  EXPECT_FALSE(share_->is_beneath(*inner));
  EXPECT_FALSE(share_->is_beneath(*share_));
  EXPECT_FALSE(beside->is_beneath(*share_));
  EXPECT_TRUE(linked->is_same(*open_at(root() / "folder")));
  EXPECT_FALSE(linked->is_same(*share_));
}

TEST_F(Names, RemovingTakesTheNameThroughWhichItWasOpened) {
  put("file");
  std::filesystem::create_hard_link(root() / "file", root() / "second");
  const auto second = look("second").value().file;

  EXPECT_FALSE(share_->remove(*second).failed());

  EXPECT_TRUE(exists("file"));
  EXPECT_FALSE(exists("second"));
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

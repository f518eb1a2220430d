// No path leads out of a share, with openat2 and when walking name by name.
#include "support.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>

namespace leasebreak::smb::vfs::testing {

namespace {

class Escapes : public share_test, public ::testing::WithParamInterface<bool> {
protected:
  static share_options options_of(bool use_openat2) {
    share_options options;
    options.use_openat2 = use_openat2;
    return options;
  }
  Escapes() : share_test(options_of(GetParam())) {
    std::ofstream(outside() / "secret") << "secret";
    std::filesystem::create_directory(outside() / "folder");
    std::ofstream(outside() / "folder" / "secret") << "secret";
  }

  void symlink(const std::string& target, const std::string& name) const {
    std::filesystem::create_symlink(target, root() / name);
  }
  [[nodiscard]] std::size_t outside_entries() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(outside())) {
      count += entry.exists() ? 1 : 0;
    }
    return count;
  }
};

INSTANTIATE_TEST_SUITE_P(Resolution, Escapes, ::testing::Bool(),
  [](const auto& information) { return information.param ? "Openat2" : "Walking"; });

TEST_P(Escapes, ASymlinkToAFileOutsideIsNotFollowed) {
  symlink(outside() / "secret", "absolute");
  symlink("../outside/secret", "relative");

  for (const char* name : {"absolute", "relative"}) {
    EXPECT_EQ(error_of(open(name)), errc::escapes_root);
    EXPECT_EQ(error_of(look(name)), errc::escapes_root);
    EXPECT_EQ(error_of(open(name, disposition::open_if)), errc::escapes_root);
    EXPECT_EQ(error_of(open(name, disposition::overwrite)), errc::escapes_root);
    EXPECT_EQ(error_of(open(name, disposition::overwrite_if)), errc::escapes_root);
    EXPECT_EQ(error_of(open(name, disposition::create)), errc::name_collision);
    EXPECT_EQ(error_of(share_->lookup(at(name))), errc::escapes_root);
    EXPECT_EQ(
      error_of(open(std::string(name) + ":stream", disposition::open_if)), errc::escapes_root);
  }
}

TEST_P(Escapes, ASymlinkAtAnyPositionIsNotFollowed) {
  make_directory("a/b");
  symlink(outside(), "first");
  symlink(outside(), "a/middle");
  symlink("../../..", "a/b/up");

  for (const char* name : {"first\\secret", "a\\middle\\secret", "a\\middle\\folder\\secret",
         "a\\b\\up\\outside\\secret", "first\\new"}) {
    SCOPED_TRACE(name);
    EXPECT_TRUE(error_of(open(name)).failed());
    EXPECT_TRUE(error_of(open(name, disposition::open_if)).failed());
    EXPECT_TRUE(error_of(open(name, disposition::create)).failed());
    EXPECT_TRUE(error_of(open(name, disposition::create, node_kind::directory)).failed());
    EXPECT_TRUE(error_of(share_->lookup(at(name))).failed());
  }
  EXPECT_EQ(outside_entries(), 3U);
}

TEST_P(Escapes, ASymlinkWithinTheShareIsNotFollowedEither) {
  put("file");
  symlink("file", "link");

  EXPECT_EQ(error_of(open("link")), errc::escapes_root);
}

TEST_P(Escapes, ADanglingSymlinkIsNotCreatedThrough) {
  symlink(outside() / "new", "dangling");

  EXPECT_EQ(error_of(open("dangling", disposition::open_if)), errc::escapes_root);
  EXPECT_EQ(error_of(open("dangling", disposition::create)), errc::name_collision);
  EXPECT_EQ(error_of(open("dangling", disposition::supersede)), errc::escapes_root);
  EXPECT_EQ(outside_entries(), 3U);
}

TEST_P(Escapes, ASymlinkIsNoDirectoryToListOrMakeThingsIn) {
  symlink(outside(), "link");

  EXPECT_TRUE(error_of(open("link", disposition::open, node_kind::directory)).failed());
  EXPECT_TRUE(error_of(open("link\\new", disposition::create, node_kind::directory)).failed());
  EXPECT_EQ(outside_entries(), 3U);
}

TEST_P(Escapes, RenamesAndLinksDoNotLeadOut) {
  put("file");
  symlink(outside(), "link");
  const auto file = look("file").value().file;

  EXPECT_TRUE(share_->rename(*file, at("link\\stolen"), false).failed());
  EXPECT_TRUE(share_->rename(*file, at("link\\secret"), true).failed());
  EXPECT_TRUE(share_->link(*file, at("link\\stolen"), false).failed());
  EXPECT_EQ(outside_entries(), 3U);
  EXPECT_TRUE(exists("file"));
}

TEST_P(Escapes, AnOpenThatWasMovedOutIsNoLongerRenamedOrRemoved) {
  put("file");
  const auto file = look("file").value().file;

  std::filesystem::rename(root() / "file", outside() / "moved");

  EXPECT_EQ(error_of(file->current_path()), errc::name_not_found);
  EXPECT_EQ(share_->remove(*file), errc::name_not_found);
  EXPECT_EQ(share_->rename(*file, at("back"), false), errc::name_not_found);
  EXPECT_TRUE(std::filesystem::exists(outside() / "moved"));
}

TEST_P(Escapes, AFolderWithTheRootsNameAsPrefixIsOutside) {
  const auto neighbour = root().string() + "2";
  std::filesystem::create_directory(neighbour);
  put("file");
  const auto file = look("file").value().file;

  std::filesystem::rename(root() / "file", std::filesystem::path(neighbour) / "file");

  EXPECT_EQ(error_of(file->current_path()), errc::name_not_found);
}

TEST_P(Escapes, AMovedRootIsStillServed) {
  put("file");
  const auto file = look("file").value().file;

  std::filesystem::rename(root(), directory_.where() / "moved");
  EXPECT_EQ(file->current_path().value(), at("file"));
  EXPECT_FALSE(share_->remove(*file).failed());

  EXPECT_FALSE(std::filesystem::exists(directory_.where() / "moved" / "file"));
}

TEST_P(Escapes, SpecialFilesAreNotServed) {
  ASSERT_EQ(::mkfifo((root() / "pipe").c_str(), 0600), 0);

  EXPECT_TRUE(error_of(look("pipe")).failed());
  EXPECT_TRUE(error_of(open("pipe")).failed());
  EXPECT_EQ(error_of(share_->lookup(at("pipe"))), errc::not_served);
  EXPECT_EQ(share_->opens(), 0U);
}

TEST_P(Escapes, ASymlinkSwappedInDuringTheOperationNeverLeadsOut) {
  // Continuously exchanges a folder with a symbolic link to an outside folder that has the same
  // names.
  make_directory("swap");
  put("swap/secret", "inside");
  symlink(outside(), "link");
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    while (!stop.load()) {
      ::renameat2(
        AT_FDCWD, (root() / "swap").c_str(), AT_FDCWD, (root() / "link").c_str(), RENAME_EXCHANGE);
    }
  });

  // Continue until both were seen, because the scheduler may leave either in place for a long time.
  constexpr std::uint64_t tries = 4000;
  std::uint64_t folders_met = 0;
  std::uint64_t links_met = 0;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes{1};
  for (std::uint64_t i = 0; i < tries || folders_met == 0 || links_met == 0; ++i) {
    if (std::chrono::steady_clock::now() > give_up) {
      break;
    }
    const auto done = open("swap\\secret", disposition::open_if);
    if (done) {
      ++folders_met;
      EXPECT_EQ(text(done->file->read(0, 100).value()).substr(0, 6), "inside");
      static_cast<void>(done->file->write(6, bytes("+")));
    } else {
      ++links_met; // opening through the folder never fails
    }
    const auto made = open("swap\\new" + std::to_string(i % 5), disposition::create);
    if (made) {
      static_cast<void>(share_->remove(*made->file));
    }
    const auto folder = open("swap\\d", disposition::create, node_kind::directory);
    if (folder) {
      static_cast<void>(share_->remove(*folder->file));
    }
  }
  stop = true;
  swapper.join();

  EXPECT_GT(folders_met, 0U);
  EXPECT_GT(links_met, 0U);
  EXPECT_EQ(outside_entries(), 3U);
  std::ifstream secret(outside() / "secret");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(secret), {}), "secret");
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

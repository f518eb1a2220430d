// The phases of an open: dispositions, kinds, attributes, and undoing a creation.
#include "support.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

namespace leasebreak::smb::vfs::testing {

namespace {

using OpenPhases = share_test;

struct disposition_row {
  disposition how;
  error_code on_existing;
  error_code on_missing;
  create_action action_on_existing;
  bool truncates;
};

const disposition_row disposition_rows[] = {
  {disposition::supersede, {}, {}, create_action::superseded, true},
  {disposition::open, {}, errc::name_not_found, create_action::opened, false},
  {disposition::create, errc::name_collision, {}, create_action::opened, false},
  {disposition::open_if, {}, {}, create_action::opened, false},
  {disposition::overwrite, {}, errc::name_not_found, create_action::overwritten, true},
  {disposition::overwrite_if, {}, {}, create_action::overwritten, true},
};

TEST_F(OpenPhases, EachDispositionTreatsAnExistingFileAsItsRowSays) {
  for (const auto& row : disposition_rows) {
    put("file", "old");

    const auto done = open("file", row.how);

    SCOPED_TRACE(static_cast<int>(row.how));
    EXPECT_EQ(error_of(done), row.on_existing);
    EXPECT_EQ(content("file"), "old") << "the first phase must not truncate";
    if (done) {
      EXPECT_EQ(done->action, row.action_on_existing);
      EXPECT_EQ(done->truncates, row.truncates);
      EXPECT_FALSE(done->created);
    }
  }
}

TEST_F(OpenPhases, EachDispositionTreatsAMissingFileAsItsRowSays) {
  for (const auto& row : disposition_rows) {
    std::filesystem::remove(root() / "file");

    const auto done = open("file", row.how);

    SCOPED_TRACE(static_cast<int>(row.how));
    EXPECT_EQ(error_of(done), row.on_missing);
    EXPECT_EQ(exists("file"), !row.on_missing.failed());
    if (done) {
      EXPECT_EQ(done->action, create_action::created);
      EXPECT_TRUE(done->created);
      EXPECT_FALSE(done->truncates);
    }
  }
}

TEST_F(OpenPhases, ADispositionThatDoesNotExistIsRefused) {
  EXPECT_EQ(error_of(open("file", static_cast<disposition>(6))), errc::invalid_argument);
  EXPECT_FALSE(exists("file"));
}

TEST_F(OpenPhases, AMissingParentIsToldFromAMissingName) {
  put("file");

  for (const auto how :
    {disposition::open, disposition::create, disposition::open_if, disposition::overwrite_if}) {
    EXPECT_EQ(error_of(open("missing\\file", how)), errc::path_not_found);
    EXPECT_EQ(error_of(open("missing\\further\\file", how)), errc::path_not_found);
    EXPECT_EQ(error_of(open("file\\below", how)), errc::path_not_found);
    EXPECT_EQ(error_of(open("missing\\new", how == disposition::open ? how : disposition::create,
                node_kind::directory)),
      errc::path_not_found);
  }
  EXPECT_EQ(error_of(open("missing")), errc::name_not_found);
  EXPECT_EQ(error_of(share_->lookup(at("missing"))), errc::name_not_found);
  EXPECT_EQ(error_of(share_->lookup(at("missing\\file"))), errc::path_not_found);
  EXPECT_EQ(error_of(share_->lookup(at("file\\below"))), errc::path_not_found);
}

TEST_F(OpenPhases, TheKindThatIsInsistedOnIsChecked) {
  put("file");
  make_directory("directory");

  EXPECT_EQ(error_of(open("directory", disposition::open, node_kind::file)), errc::is_directory);
  EXPECT_EQ(error_of(open("file", disposition::open, node_kind::directory)), errc::not_directory);
  EXPECT_EQ(
    error_of(open("file", disposition::open_if, node_kind::directory)), errc::not_directory);
  EXPECT_EQ(
    error_of(open("file", disposition::create, node_kind::directory)), errc::name_collision);
  EXPECT_EQ(
    error_of(open("directory", disposition::create, node_kind::file)), errc::name_collision);
  EXPECT_EQ(error_of(open("file\\")), errc::not_directory);
  EXPECT_EQ(error_of(open("file\\", disposition::open, node_kind::file)), errc::invalid_name);
  EXPECT_EQ(error_of(open("directory::$DATA")), errc::is_directory);
  EXPECT_EQ(error_of(share_->lookup(at("file\\"))), errc::not_directory);
  EXPECT_EQ(error_of(share_->lookup(at("directory::$DATA"))), errc::is_directory);
  EXPECT_TRUE(open("directory")->file->is_directory());
  EXPECT_TRUE(open("directory\\")->file->is_directory());
  EXPECT_FALSE(open("file::$DATA")->file->is_directory());
}

TEST_F(OpenPhases, ADirectoryIsNotOverwritten) {
  make_directory("directory");

  for (const auto how :
    {disposition::supersede, disposition::overwrite, disposition::overwrite_if}) {
    EXPECT_EQ(error_of(open("directory", how)), errc::is_directory);
    EXPECT_EQ(error_of(open("directory", how, node_kind::directory)), errc::invalid_argument);
  }
  EXPECT_TRUE(exists("directory"));
}

TEST_F(OpenPhases, DirectoriesAreCreatedExclusively) {
  const auto made = open("new", disposition::create, node_kind::directory);

  ASSERT_TRUE(made.has_value());
  EXPECT_TRUE(made->created);
  EXPECT_TRUE(made->info.is_directory);
  EXPECT_EQ(made->info.attributes, attribute::directory);
  EXPECT_EQ(error_of(open("new", disposition::create, node_kind::directory)), errc::name_collision);
  EXPECT_FALSE(open("new", disposition::open_if, node_kind::directory)->created);
}

TEST_F(OpenPhases, TheRootIsAnExistingDirectory) {
  EXPECT_TRUE(look("")->file->is_directory());
  EXPECT_EQ(error_of(open("", disposition::create)), errc::name_collision);
  EXPECT_EQ(error_of(open("", disposition::open, node_kind::file)), errc::is_directory);
}

TEST_F(OpenPhases, ANewFileHasTheArchiveAttributeAndThoseAskedFor) {
  EXPECT_EQ(open("plain", disposition::create)->info.attributes, attribute::archive);
  EXPECT_EQ(open("hidden", disposition::create, node_kind::file,
              attribute::hidden | attribute::system | attribute::directory | attribute::normal)
              ->info.attributes,
    attribute::hidden | attribute::system | attribute::archive);
}

TEST_F(OpenPhases, AReadOnlyFileIsWritableToItsCreatorOnly) {
  const auto made = open("file", disposition::create, node_kind::any, attribute::read_only);

  ASSERT_TRUE(made.has_value());
  EXPECT_TRUE(made->file->write(0, bytes("x")).has_value());
  EXPECT_EQ(error_of(open("file")), errc::read_only);
  EXPECT_EQ(error_of(open("file", disposition::overwrite_if)), errc::read_only);
  EXPECT_TRUE(look("file").has_value());
  open_options deleting;
  deleting.delete_on_close = true;
  EXPECT_EQ(error_of(share_->open(at("file"), deleting)), errc::cannot_delete);
  EXPECT_EQ(content("file"), "x");
}

TEST_F(OpenPhases, OverwritingAHiddenFileNeedsTheAttributeAgain) {
  static_cast<void>(open("file", disposition::create, node_kind::any, attribute::hidden));

  EXPECT_EQ(error_of(open("file", disposition::overwrite)), errc::attributes_mismatch);
  EXPECT_EQ(error_of(open("file", disposition::supersede, node_kind::any, attribute::system)),
    errc::attributes_mismatch);
  EXPECT_TRUE(open("file", disposition::overwrite, node_kind::any, attribute::hidden).has_value());
}

TEST_F(OpenPhases, TheSecondPhaseTruncatesRemovesStreamsAndAddsAttributes) {
  auto made = open("file", disposition::create, node_kind::any, attribute::hidden);
  static_cast<void>(made->file->write(0, bytes("old")));
  static_cast<void>(open("file:stream", disposition::create)->file->write(0, bytes("s")));
  const auto again = open("file", disposition::overwrite, node_kind::any,
    attribute::hidden | attribute::not_content_indexed);
  EXPECT_EQ(content("file"), "old");

  const auto info = share_->truncate_for_overwrite(*again);

  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->end_of_file, 0U);
  EXPECT_EQ(
    info->attributes, attribute::hidden | attribute::archive | attribute::not_content_indexed);
  EXPECT_EQ(again->file->streams()->size(), 1U);
}

TEST_F(OpenPhases, SupersedingReplacesAttributes) {
  static_cast<void>(
    open("file", disposition::create, node_kind::any, attribute::not_content_indexed));
  const auto again = open("file", disposition::supersede, node_kind::any, attribute::temporary);

  const auto info = share_->truncate_for_overwrite(*again);

  EXPECT_EQ(info->attributes, attribute::archive | attribute::temporary);
}

TEST_F(OpenPhases, OverwritingWorksForAnOpenThatMayNotWrite) {
  put("file", "old");
  open_options options;
  options.how = disposition::overwrite_if;

  const auto done = share_->open(at("file"), options);
  ASSERT_TRUE(share_->truncate_for_overwrite(*done).has_value());

  EXPECT_EQ(content("file"), "");
  EXPECT_EQ(error_of(done->file->write(0, bytes("x"))), errc::no_access);
}

TEST_F(OpenPhases, TheSecondPhaseDoesNothingToWhatIsNotOverwritten) {
  put("file", "old");

  const auto info = share_->truncate_for_overwrite(*open("file"));

  EXPECT_EQ(info->end_of_file, 3U);
  EXPECT_EQ(error_of(share_->truncate_for_overwrite({})), errc::invalid_argument);
}

TEST_F(OpenPhases, ARefusedCreationIsUndone) {
  const auto file = open("file", disposition::open_if);
  const auto directory = open("directory", disposition::create, node_kind::directory);

  EXPECT_FALSE(share_->undo_create(*file).failed());
  EXPECT_FALSE(share_->undo_create(*directory).failed());

  EXPECT_FALSE(exists("file"));
  EXPECT_FALSE(exists("directory"));
}

TEST_F(OpenPhases, UndoingAnOpenKeepsAnExistingFile) {
  put("file");
  const auto existing = open("file", disposition::open_if);

  EXPECT_FALSE(share_->undo_create(*existing).failed());

  EXPECT_TRUE(exists("file"));
}

TEST_F(OpenPhases, UndoingACreationKeepsAnotherFileOfThatName) {
  const auto made = open("file", disposition::create);
  std::filesystem::remove(root() / "file");
  put("file", "theirs");

  EXPECT_TRUE(share_->undo_create(*made).failed());

  EXPECT_EQ(content("file"), "theirs");
}

TEST_F(OpenPhases, TheLookUpSaysTheSameIdentityAsTheOpen) {
  put("file");

  const auto looked = share_->lookup(at("file"));
  const auto done = open("file");

  EXPECT_EQ(looked->id, done->file->id());
  EXPECT_EQ(looked->id, done->info.id);
  EXPECT_NE(looked->id, share_->lookup(path())->id);
}

TEST_F(OpenPhases, AnIdentityHasTheTimeAtWhichTheFileWasMade) {
  const auto made = open("file", disposition::create);
  basic_changes changes;
  changes.creation_time = file_time(std::chrono::seconds(1));

  ASSERT_FALSE(made->file->change(changes).failed());

  EXPECT_EQ(made->info.id.birth,
    static_cast<std::uint64_t>(made->info.creation_time.time_since_epoch().count()));
  EXPECT_EQ(share_->lookup(at("file"))->id, made->info.id)
    << "a time that a client sets does not change the identity";
}

TEST_F(OpenPhases, ANewFileMayReserveSpace) {
  open_options options;
  options.how = disposition::create;
  options.allocation_size = 100000;

  const auto done = share_->open(at("file"), options);

  EXPECT_EQ(done->info.end_of_file, 0U);
  EXPECT_GE(done->info.allocation_size, 100000U);
}

TEST_F(OpenPhases, AnOverwrittenFileMayReserveSpaceInTheSecondPhase) {
  put("file");
  open_options options;
  options.how = disposition::overwrite;
  options.allocation_size = 100000;

  const auto done = share_->open(at("file"), options);
  EXPECT_LT(done->info.allocation_size, 100000U);
  const auto info = share_->truncate_for_overwrite(*done);

  EXPECT_EQ(info->end_of_file, 0U);
  EXPECT_GE(info->allocation_size, 100000U);
}

TEST_F(OpenPhases, WhatIsMadeReadOnlyCannotBeMadeToBeDeletedOnClose) {
  open_options options;
  options.how = disposition::open_if;
  options.delete_on_close = true;
  options.attributes = attribute::read_only;

  EXPECT_EQ(error_of(share_->open(at("file"), options)), errc::cannot_delete);

  EXPECT_FALSE(exists("file"));
}

TEST_F(OpenPhases, AFailedReservationUndoesTheCreation) {
  open_options options;
  options.how = disposition::create;
  options.allocation_size = ~std::uint64_t{0};

  EXPECT_EQ(error_of(share_->open(at("file"), options)), errc::invalid_argument);
  options.allocation_size = std::uint64_t{1} << 62;
  EXPECT_TRUE(error_of(share_->open(at("file"), options)).failed());

  EXPECT_FALSE(exists("file"));
  EXPECT_EQ(share_->opens(), 0U);
}

TEST_F(OpenPhases, ManyThreadsCreateANameOnce) {
  constexpr int threads = 4;
  constexpr int rounds = 200;
  std::atomic<int> created{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> workers;

  for (int i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        const auto done = open("file" + std::to_string(round), disposition::open_if);
        failed += done ? 0 : 1;
        created += done && done->created ? 1 : 0;
      }
    });
  }
  for (auto& worker : workers) {
    worker.join();
  }

  EXPECT_EQ(created.load(), rounds);
  EXPECT_EQ(failed.load(), 0);
}

TEST_F(OpenPhases, ARootThatIsMissingOrAFileIsRefused) {
  put("file");

  EXPECT_EQ(error_of(share::open_root((root() / "missing").string())), from_errno(ENOENT));
  EXPECT_EQ(error_of(share::open_root((root() / "file").string())), errc::not_directory);
}

class FewOpens : public share_test {
protected:
  FewOpens() : share_test(options()) {}
  static share_options options() {
    share_options few;
    few.opens_max = 2;
    return few;
  }
};

TEST_F(FewOpens, TheLimitOfOpensRefusesAndLetsInAgainAfterAClose) {
  put("file");
  auto first = look("file");
  auto second = look("file");

  EXPECT_EQ(error_of(look("file")), errc::too_many_opens);
  EXPECT_EQ(error_of(open("new", disposition::create)), errc::too_many_opens);
  EXPECT_FALSE(exists("new"));
  EXPECT_EQ(share_->opens(), 2U);
  first->file.reset();
  EXPECT_TRUE(look("file").has_value());
}

TEST_F(FewOpens, FailedOpensDoNotCount) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(error_of(look("missing")), errc::name_not_found);
  }

  EXPECT_EQ(share_->opens(), 0U);
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

// The phases of an open: dispositions, kinds, attributes, taking back what was created.
#include "support.hpp"

#include <sys/stat.h>

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

} // namespace

} // namespace leasebreak::smb::vfs::testing

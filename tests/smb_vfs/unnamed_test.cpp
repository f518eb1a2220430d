// Files that are created without a name and named later, and changes of names that are made only if
// these are still as expected. Also with the fallbacks for file systems that do not support this.
#include "support.hpp"

namespace leasebreak::smb::vfs {
namespace {

using testing::at;
using testing::error_of;
using testing::share_test;

share_options options_of(bool offers_all) {
  share_options o;
  o.use_unnamed = offers_all;
  o.use_noreplace = offers_all;
  return o;
}

/// The parameter: whether unnamed files and RENAME_NOREPLACE are used.
class Unnamed : public share_test, public ::testing::WithParamInterface<bool> {
protected:
  Unnamed() : share_test(options_of(GetParam())) {}

  result<opened> prepare(std::string_view name, disposition how = disposition::open_if,
    node_kind kind = node_kind::any) {
    open_options options;
    options.how = how;
    options.kind = kind;
    options.read = options.write = true;
    return share_->prepare(at(name), options);
  }

  /// Completes a prepared open, like the server.
  error_code name(opened& o, std::string_view name, node_kind kind = node_kind::any) {
    if (o.unnamed)
      return share_->give_name(o, at(name));
    open_options options;
    options.how = disposition::open_if;
    options.kind = kind;
    options.read = options.write = true;
    auto made = share_->make(at(name), options, o.directory);
    if (!made)
      return made.error();
    o = std::move(*made);
    return {};
  }
};

INSTANTIATE_TEST_SUITE_P(OfFileSystems, Unnamed, ::testing::Values(true, false));

TEST_P(Unnamed, GetTheirNameWhenItIsGiven) {
  auto o = prepare("f");
  ASSERT_TRUE(o);
  EXPECT_NE(o->unnamed, o->missing);
  EXPECT_EQ(o->missing, !GetParam());
  EXPECT_FALSE(exists("f"));

  EXPECT_EQ(name(*o, "f"), error_code{});

  EXPECT_TRUE(exists("f"));
  EXPECT_TRUE(o->created);
  EXPECT_EQ(o->info.links, 1U);
  EXPECT_EQ(o->file->current_path().value().name(), "f");
  EXPECT_EQ(o->info.id, share_->lookup(at("f")).value().id);
  EXPECT_EQ(share_->rename(*o->file, at("g"), false), error_code{});
  EXPECT_EQ(share_->remove(*o->file), error_code{});
  EXPECT_FALSE(exists("g"));
}

TEST_P(Unnamed, DirectoriesAreMadeWithTheirNames) {
  auto o = prepare("d", disposition::create, node_kind::directory);
  ASSERT_TRUE(o);
  EXPECT_TRUE(o->missing);
  EXPECT_FALSE(exists("d"));

  EXPECT_EQ(name(*o, "d", node_kind::directory), error_code{});
  EXPECT_TRUE(std::filesystem::is_directory(root() / "d"));
}

TEST_P(Unnamed, LeaveNothingBehind) {
  const auto before = share_->opens();
  { const auto o = prepare("f"); }

  EXPECT_FALSE(exists("f"));
  EXPECT_TRUE(std::filesystem::is_empty(root()));
  EXPECT_EQ(share_->opens(), before);
}

TEST_P(Unnamed, OpenAnExistingFile) {
  put("f", "old");

  const auto o = prepare("f");

  ASSERT_TRUE(o);
  EXPECT_FALSE(o->unnamed || o->missing || o->created);
  EXPECT_EQ(error_of(prepare("f", disposition::create)), errc::name_collision);
  EXPECT_EQ(error_of(prepare("no/f")), errc::path_not_found);
  EXPECT_EQ(error_of(prepare("f/g")), errc::path_not_found);
  EXPECT_EQ(error_of(prepare("g", disposition::open)), errc::name_not_found);
}

TEST_P(Unnamed, DoNotTakeANameThatAnotherFileHasGot) {
  auto o = prepare("f");
  put("f", "other");

  const auto error = name(*o, "f");

  if (GetParam()) {
    EXPECT_EQ(error, errc::name_collision);
  } else {
    EXPECT_FALSE(o->created);
  }
  EXPECT_EQ(content("f"), "other");
}

TEST_P(Unnamed, AreCreatedInTheExpectedDirectory) {
  make_directory("d");
  auto o = prepare("d/f");
  std::filesystem::rename(root() / "d", root() / "e");
  make_directory("d");

  EXPECT_EQ(name(*o, "d/f"), errc::name_changed);
  EXPECT_FALSE(exists("d/f"));
  EXPECT_FALSE(exists("e/f"));
}

TEST_P(Unnamed, MayHaveStreams) {
  auto o = prepare("f:s");
  if (error_of(o) == errc::streams_not_supported)
    GTEST_SKIP();
  ASSERT_TRUE(o);
  EXPECT_FALSE(exists("f"));

  EXPECT_EQ(name(*o, "f:s"), error_code{});
  EXPECT_TRUE(o->created && o->base_created);
  EXPECT_TRUE(share_->lookup(at("f:s")));
}

TEST_P(Unnamed, RenamesAreMadeOnlyIfNamesAreAsExpected) {
  put("f", "f");
  put("g", "g");
  const auto f = open("f").value();
  const auto free_name = share_->look_around(*f.file, at("h")).value();
  const auto taken_name = share_->look_around(*f.file, at("g")).value();
  EXPECT_FALSE(free_name.target);
  EXPECT_TRUE(taken_name.target);

  put("h", "h");
  EXPECT_EQ(share_->rename(*f.file, at("h"), true, free_name), errc::name_changed);
  EXPECT_EQ(share_->link(*f.file, at("h"), true, free_name), errc::name_changed);
  std::filesystem::rename(root() / "h", root() / "g");
  EXPECT_EQ(share_->rename(*f.file, at("g"), true, taken_name), errc::name_changed);
  EXPECT_EQ(content("g"), "h");

  const auto now = share_->look_around(*f.file, at("g")).value();
  EXPECT_EQ(share_->rename(*f.file, at("g"), true, now), error_code{});
  EXPECT_EQ(content("g"), "f");
  EXPECT_FALSE(exists("f"));
}

TEST_P(Unnamed, RenamesReplaceNothingUnlessTheyMay) {
  put("f", "f");
  put("g", "g");
  make_directory("d");
  const auto f = open("f").value();

  EXPECT_EQ(share_->rename(*f.file, at("g"), false), errc::name_collision);
  EXPECT_EQ(share_->rename(*f.file, at("d"), true), errc::cannot_replace);
  EXPECT_EQ(share_->rename(*f.file, at("d/h"), false), error_code{});
  EXPECT_EQ(content("d/h"), "f");
  EXPECT_FALSE(exists("f"));
  const auto d = look("d").value();
  EXPECT_EQ(share_->rename(*d.file, at("e"), false), error_code{});
  EXPECT_EQ(share_->rename(*d.file, at("e/x"), false), errc::invalid_argument);
  EXPECT_EQ(content("e/h"), "f");
}

TEST_P(Unnamed, OneOfSeveralNamesIsRemoved) {
  put("f", "f");
  std::filesystem::create_hard_link(root() / "f", root() / "g");
  const auto g = open("g").value();

  EXPECT_EQ(share_->remove_name(*g.file, at("h")), errc::name_not_found);
  EXPECT_EQ(share_->remove_name(*g.file, at("f")), error_code{});

  EXPECT_FALSE(exists("f"));
  EXPECT_TRUE(exists("g"));
}

} // namespace
} // namespace leasebreak::smb::vfs

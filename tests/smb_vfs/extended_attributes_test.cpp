// Extended attributes set by clients.
#include "support.hpp"

#include <sys/xattr.h>

namespace leasebreak::smb::vfs::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ExtendedAttributes : public share_test {
protected:
  ExtendedAttributes() { put("file", "data"); }

  [[nodiscard]] std::vector<extended_attribute> all(
    std::string_view name = "file", std::size_t bytes_max = 1 << 20) {
    return look(name)->file->extended_attributes(bytes_max, cut_).value();
  }
  error_code set(const std::vector<extended_attribute>& wanted) {
    return look("file")->file->set_extended_attributes(wanted);
  }

  bool cut_ = false;
};

TEST_F(ExtendedAttributes, ComeBackAsTheyWereSet) {
  EXPECT_THAT(all(), IsEmpty());

  EXPECT_FALSE(set({{"two", bytes("b")}, {"one", bytes(std::string("a\0c", 3))}}));

  EXPECT_THAT(all(),
    ElementsAre(extended_attribute{"one", bytes(std::string("a\0c", 3))},
      extended_attribute{"two", bytes("b")}));
  char value[8] = {};
  EXPECT_EQ(::getxattr((root() / "file").c_str(), "user.two", value, sizeof value), 1);
  EXPECT_EQ(content("file"), "data");
}

TEST_F(ExtendedAttributes, AreFoundInAnyCaseAndKeepTheirFirst) {
  ASSERT_FALSE(set({{"Name", bytes("a")}}));

  EXPECT_FALSE(set({{"nAME", bytes("b")}, {"NEW", bytes("c")}, {"new", bytes("d")}}));

  EXPECT_THAT(all(),
    ElementsAre(extended_attribute{"NEW", bytes("d")}, extended_attribute{"Name", bytes("b")}));
}

TEST_F(ExtendedAttributes, AreRemovedByAnEmptyValue) {
  ASSERT_FALSE(set({{"one", bytes("a")}, {"two", bytes("b")}}));

  EXPECT_FALSE(set({{"ONE", {}}, {"none", {}}}));

  EXPECT_THAT(all(), ElementsAre(extended_attribute{"two", bytes("b")}));
}

TEST_F(ExtendedAttributes, OfTheServerAreNeitherListedNorSet) {
  ASSERT_FALSE(look("file")->file->set_sparse(true));
  ASSERT_TRUE(open("file:stream", disposition::create));

  EXPECT_THAT(all(), IsEmpty());
  EXPECT_EQ(set({{"leasebreak.attributes", bytes("x")}}), errc::invalid_attribute_name);
  EXPECT_EQ(set({{"LEASEBREAK.stream.x", {}}}), errc::invalid_attribute_name);
  EXPECT_EQ(look("file")->file->streams()->size(), 2U);
}

TEST_F(ExtendedAttributes, WithABadNameAmongThemAreAllLeftAlone) {
  for (const std::string& bad : {std::string(), std::string("a:b"), std::string("a\nb"),
         std::string(extended_name_bytes_max + 1, 'x')}) {
    EXPECT_EQ(set({{"good", bytes("a")}, {bad, bytes("b")}}), errc::invalid_attribute_name) << bad;
  }
  EXPECT_THAT(all(), IsEmpty());

  EXPECT_FALSE(set({{std::string(extended_name_bytes_max, 'x'), bytes("a")}}));
}

TEST_F(ExtendedAttributes, AreCutWhereTheyAreTooMany) {
  ASSERT_FALSE(set({{"a", bytes("123")}, {"b", bytes("456")}}));

  EXPECT_EQ(all("file", 8).size(), 2U);
  EXPECT_FALSE(cut_);
  EXPECT_EQ(all("file", 7).size(), 1U);
  EXPECT_TRUE(cut_);
}

TEST_F(ExtendedAttributes, OfADirectoryAndOfAStreamsFile) {
  ASSERT_TRUE(open("file:stream", disposition::create));
  ASSERT_FALSE(set({{"a", bytes("1")}}));
  make_directory("folder");
  const std::vector<extended_attribute> wanted{{"b", bytes("2")}};

  EXPECT_FALSE(look("folder")->file->set_extended_attributes(wanted));

  EXPECT_EQ(all("folder"), wanted);
  EXPECT_THAT(all("file:stream"), ElementsAre(extended_attribute{"a", bytes("1")}));
}

TEST_F(ExtendedAttributes, AreSetAtCreationAndReplacedAtOverwriting) {
  open_options how;
  how.eas = {{"a", bytes("1")}};
  how.how = disposition::create;
  ASSERT_TRUE(share_->open(at("new"), how));
  EXPECT_EQ(all("new"), how.eas);

  how.how = disposition::open_if;
  how.eas = {{"b", bytes("2")}};
  ASSERT_TRUE(share_->open(at("new"), how));
  EXPECT_THAT(all("new"), ElementsAre(extended_attribute{"a", bytes("1")}))
    << "the file was only opened";

  how.how = disposition::overwrite;
  const auto over = share_->open(at("new"), how);
  ASSERT_TRUE(over);
  EXPECT_THAT(all("new"), ElementsAre(extended_attribute{"a", bytes("1")})) << "not yet";
  ASSERT_TRUE(share_->truncate_for_overwrite(*over));
  EXPECT_EQ(all("new"), how.eas);
}

TEST_F(ExtendedAttributes, ThatAreInvalidLeaveNoFileBehind) {
  open_options how;
  how.eas = {{"a?", bytes("1")}};
  how.how = disposition::create;
  for (const auto kind : {node_kind::file, node_kind::directory}) {
    how.kind = kind;
    EXPECT_EQ(share_->open(at("new"), how).error(), errc::invalid_attribute_name);
    EXPECT_EQ(share_->lookup(at("new")).error(), errc::name_not_found);
    EXPECT_EQ(share_->prepare(at("new"), how).has_value(),
      kind == node_kind::directory); // `make` creates it
    EXPECT_EQ(share_->lookup(at("new")).error(), errc::name_not_found);
  }
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

// Names on the disk that a client cannot say.
#include "support.hpp"
#include "support/seed.hpp"
#include "vfs/client_names.hpp"

#include <random>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace leasebreak::smb::vfs::testing {

namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;

TEST(ClientNames, OrdinaryOnesAreTheSame) {
  for (const char* name : {"a", "a.b", ".hidden", "a b", "\xc3\xa9", "\xf0\x9f\x98\x80",
         "\xee\x80\x80", "\xef\xa3\xbf"}) {
    EXPECT_EQ(to_client_name(name), name);
    EXPECT_EQ(to_disk_name(name).value(), name);
  }
}

TEST(ClientNames, ForbiddenCharactersAreThoseOfServicesForMacintosh) {
  EXPECT_EQ(to_client_name("\x01"), "\xef\x80\x81");
  EXPECT_EQ(to_client_name("Icon\r"), "Icon\xef\x80\x8d");
  EXPECT_EQ(to_client_name("a\"*:<>?\\|b"),
    "a\xef\x80\xa0\xef\x80\xa1\xef\x80\xa2\xef\x80\xa3\xef\x80\xa4\xef\x80\xa5\xef\x80\xa6\xef\x80"
    "\xa7"
    "b");
  EXPECT_EQ(to_client_name("a "), "a\xef\x80\xa8");
  EXPECT_EQ(to_client_name("a."), "a\xef\x80\xa9");
  EXPECT_EQ(to_client_name("a. ."), "a. \xef\x80\xa9");
}

TEST(ClientNames, BytesThatAreNotUtf8AreMappedOneByOne) {
  EXPECT_EQ(to_client_name("a\xff"), "a\xee\xbf\xbf");
  EXPECT_EQ(to_client_name("\xe2\x82"), "\xee\xbf\xa2\xee\xbe\x82");
  EXPECT_EQ(to_disk_name("a\xee\xbf\xbf").value(), "a\xff");
}

TEST(ClientNames, RealMappedCharactersAreMappedThemselves) {
  const std::string real = "a\xef\x80\xa2"; // U+F022
  EXPECT_EQ(to_client_name(real), "a\xee\xbf\xaf\xee\xbe\x80\xee\xbe\xa2");
  EXPECT_EQ(to_disk_name(to_client_name(real)).value(), real);
  EXPECT_EQ(to_disk_name(real).value(), "a:");
}

TEST(ClientNames, OtherSpellingsOfAnEntryAreRefused) {
  EXPECT_EQ(error_of(to_disk_name("a\xef\x80\xa9.b")), errc::invalid_name); // a dot within
  EXPECT_EQ(error_of(to_disk_name("\xee\xbf\x83\xee\xbe\xa9")), errc::invalid_name); // an e acute
  EXPECT_EQ(error_of(path::parse("\xef\x80\xa9")), errc::dot_component);
  EXPECT_EQ(error_of(path::parse(".\xef\x80\xa9")), errc::dot_component);
}

TEST(ClientNames, ALastSpaceOrDotIsTakenAsItIs) {
  EXPECT_EQ(at("a.").name(), "a\xef\x80\xa9");
  EXPECT_EQ(at("a."), at("a\xef\x80\xa9"));
  EXPECT_EQ(at("\xef\x80\xa1.").name(), "\xef\x80\xa1\xef\x80\xa9");
  EXPECT_EQ(at("x\\a ").on_disk(), "x/a ");
}

/// Characters near the borders of what is mapped.
std::string any_name(std::mt19937_64& random, bool on_disk) {
  static const std::vector<std::string> pieces{"a", ".", " ", ":", "\\", "*", "\x01", "\x1f", "|",
    "\xc3\xa9", "\xc3", "\xa9", "\xff", "\xed\xa0\x80", "\xef\x80\x80", "\xef\x80\x81",
    "\xef\x80\xa2", "\xef\x80\xa8", "\xef\x80\xa9", "\xef\x80\xaa", "\xee\xbd\xbf", "\xee\xbe\x80",
    "\xee\xbf\x83", "\xee\xbe\xa9", "\xee\xbf\xaf", "\xee\xbf\xbf", "\xf0\x9f\x98\x80"};
  std::string name;
  for (auto left = 1 + random() % 6; left > 0; --left) {
    if (on_disk && random() % 4 == 0) {
      const char byte = static_cast<char>(random());
      name += byte == '/' || byte == '\0' ? 'x' : byte;
    } else {
      name += pieces[random() % pieces.size()];
    }
  }
  return name;
}

TEST(ClientNames, OfAllEntriesAreValidAndLeadBack) {
  std::mt19937_64 random(leasebreak::test::seed_of_this_run());
  for (int i = 0; i < 100'000; ++i) {
    const std::string entry = any_name(random, true);
    if (entry == "." || entry == "..") {
      continue;
    }
    const std::string shown = to_client_name(entry);
    const auto parsed = path::parse(shown);
    ASSERT_TRUE(parsed.has_value()) << ::testing::PrintToString(entry);
    ASSERT_EQ(parsed->on_disk(), entry);
    ASSERT_EQ(parsed->name(), shown);
    ASSERT_EQ(path::from_disk(entry), *parsed);
  }
}

TEST(ClientNames, AreOneForEachEntry) {
  std::mt19937_64 random(leasebreak::test::seed_of_this_run());
  for (int i = 0; i < 100'000; ++i) {
    const auto parsed = path::parse(any_name(random, false));
    if (parsed && parsed->stream().empty() && parsed->on_disk().find('/') == std::string::npos) {
      ASSERT_EQ(to_client_name(parsed->on_disk()), parsed->name());
    }
  }
}

class UnsayableNames : public share_test {
protected:
  [[nodiscard]] std::set<std::string> listed(const std::string& folder = "") {
    std::set<std::string> names;
    const auto cursor = share_->list(look(folder)->file).value();
    for (bool end = false; !end;) {
      const auto batch = cursor->next(100).value();
      for (const auto& entry : batch.entries) {
        names.insert(entry.name);
      }
      end = batch.end;
    }
    return names;
  }
};

TEST_F(UnsayableNames, AreListedAndOpened) {
  const std::vector<std::string> entries{"a:b",
    "a\xef\x80\xa2"
    "b",
    "line\n", "trailing.", "bad\xff", "back\\slash", "st*r"};
  for (const auto& entry : entries) {
    put(entry, entry);
  }

  const auto names = listed();

  EXPECT_EQ(names.size(), entries.size() + 2);
  for (const auto& entry : entries) {
    SCOPED_TRACE(::testing::PrintToString(entry));
    const std::string shown = to_client_name(entry);
    EXPECT_THAT(names, Contains(shown));
    const auto found = open(shown);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(text(found->file->read(0, 100).value()), entry);
    EXPECT_EQ(found->file->current_path()->name(), shown);
    EXPECT_EQ(share_->list(look("")->file, shown).value()->next(10)->entries.size(), 1U);
    EXPECT_EQ(share_->list(look("")->file, shown, true).value()->next(10)->entries.size(), 1U);
  }
}

TEST_F(UnsayableNames, AreCreatedRenamedAndDeleted) {
  ASSERT_TRUE(open("a\xef\x80\xa2"
                   "b",
    disposition::create)
                .has_value());
  EXPECT_TRUE(exists("a:b"));
  const auto file = open("a\xef\x80\xa2"
                         "b")
                      .value()
                      .file;

  const auto target = at("c\xef\x80\xa5");
  const auto names = share_->look_around(*file, target).value();
  EXPECT_EQ(names.source_leaf,
    "a\xef\x80\xa2"
    "b");
  ASSERT_FALSE(share_->rename(*file, target, false, names).failed());
  EXPECT_TRUE(exists("c?"));
  ASSERT_FALSE(share_->link(*file, at("d\xef\x80\xa8"), false).failed());
  EXPECT_TRUE(exists("d "));
  ASSERT_FALSE(share_->remove_name(*file, at("d\xef\x80\xa8")).failed());
  ASSERT_FALSE(share_->remove(*file).failed());

  EXPECT_EQ(listed().size(), 2U);
}

TEST_F(UnsayableNames, DoNotKeepTheirDirectory) {
  make_directory("folder/in\tner");
  put("folder/in\tner/\xc3");
  const auto names = listed("folder\\in\xef\x80\x89ner");
  EXPECT_THAT(names, Contains("\xee\xbf\x83"));

  ASSERT_FALSE(share_->remove(*look("folder\\in\xef\x80\x89ner\\\xee\xbf\x83")->file).failed());
  ASSERT_FALSE(share_->remove(*look("folder\\in\xef\x80\x89ner")->file).failed());
  ASSERT_FALSE(share_->remove(*look("folder")->file).failed());

  EXPECT_FALSE(exists("folder"));
}

TEST_F(UnsayableNames, HaveStreams) {
  put("a:b");
  const auto stream = open("a\xef\x80\xa2"
                           "b:s",
    disposition::create);

  ASSERT_TRUE(stream.has_value());
  EXPECT_TRUE(stream->file->write(0, std::vector<std::uint8_t>(100'000, 'x')).has_value());
  EXPECT_EQ(share_
              ->lookup(at("a\xef\x80\xa2"
                          "b:s"))
              ->end_of_file,
    100'000U);
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

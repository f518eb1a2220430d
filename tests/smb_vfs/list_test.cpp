// Listings: patterns, batches, resumption, and concurrent changes of the directory.
#include "support.hpp"

#include <array>
#include <map>
#include <set>
#include <thread>

#include <sys/stat.h>

namespace leasebreak::smb::vfs::testing {

namespace {

class Listings : public share_test {
protected:
  cursor_ptr list(
    std::string_view directory = "", std::string pattern = "*", bool ignore_case = false) {
    return share_->list(look(directory)->file, std::move(pattern), ignore_case).value();
  }

  /// Lists all names in batches of `count`.
  static std::vector<std::string> names(directory_cursor& cursor, std::size_t count = 100) {
    std::vector<std::string> all;
    for (bool end = false; !end;) {
      const auto batch = cursor.next(count).value();
      EXPECT_LE(batch.entries.size(), count);
      EXPECT_TRUE(batch.end || batch.entries.size() == count);
      for (const auto& entry : batch.entries) {
        all.push_back(entry.name);
      }
      end = batch.end;
    }
    return all;
  }
};

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(Listings, BeginWithTheDots) {
  put("file");
  make_directory("folder");

  const auto all = names(*list());

  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0], ".");
  EXPECT_EQ(all[1], "..");
  EXPECT_THAT(all, UnorderedElementsAre(".", "..", "file", "folder"));
}

TEST_F(Listings, OfAnEmptyDirectoryHaveTheDotsOnly) {
  EXPECT_THAT(names(*list()), ElementsAre(".", ".."));
}

TEST_F(Listings, TellWhatALookUpTells) {
  static_cast<void>(open("file", disposition::create, node_kind::file, attribute::hidden)
                      ->file->write(0, bytes("hello")));
  make_directory("folder");

  const auto batch = list()->next(10).value();

  for (const auto& entry : batch.entries) {
    if (entry.name == "." || entry.name == "..") {
      continue;
    }
    const auto looked = share_->lookup(at(entry.name)).value();
    EXPECT_EQ(entry.info.id, looked.id);
    EXPECT_EQ(entry.info.attributes, looked.attributes);
    EXPECT_EQ(entry.info.end_of_file, looked.end_of_file);
    EXPECT_EQ(entry.info.creation_time, looked.creation_time);
    EXPECT_EQ(entry.info.is_directory, looked.is_directory);
  }
}

TEST_F(Listings, TheRootsParentIsTheRoot) {
  make_directory("folder");

  const auto root_batch = list()->next(2).value();
  const auto folder_batch = list("folder")->next(2).value();

  EXPECT_EQ(root_batch.entries[1].info.id, root_batch.entries[0].info.id);
  EXPECT_EQ(folder_batch.entries[1].info.id, root_batch.entries[0].info.id);
}

TEST_F(Listings, FilterByThePattern) {
  for (const char* name : {"a.txt", "b.txt", "c.bak", "plain"}) {
    put(name);
  }

  EXPECT_THAT(names(*list("", "*.txt")), UnorderedElementsAre("a.txt", "b.txt"));
  EXPECT_THAT(names(*list("", "<.txt")), UnorderedElementsAre("a.txt", "b.txt"));
  EXPECT_THAT(names(*list("", "?.b*")), ElementsAre("c.bak"));
  EXPECT_THAT(names(*list("", "*.TXT")), IsEmpty());
  EXPECT_THAT(names(*list("", "*.TXT", true)), UnorderedElementsAre("a.txt", "b.txt"));
  EXPECT_THAT(names(*list("", "")), ::testing::SizeIs(6));
}

TEST_F(Listings, OfAPlainNameFindThatOne) {
  put("file");
  std::filesystem::create_symlink("file", root() / "link");

  EXPECT_THAT(names(*list("", "file")), ElementsAre("file"));
  EXPECT_THAT(names(*list("", "FILE", true)), ElementsAre("file"));
  EXPECT_THAT(names(*list("", "missing")), IsEmpty());
  EXPECT_THAT(names(*list("", "link")), IsEmpty());
  EXPECT_THAT(names(*list("", "..")), ElementsAre(".."));
  EXPECT_THAT(names(*list("", "a:b")), IsEmpty());
}

TEST_F(Listings, APatternThatLeadsElsewhereFindsNothing) {
  put("file");
  make_directory("folder");
  put("folder/inner");

  EXPECT_THAT(names(*list("", "folder/inner")), IsEmpty());
  EXPECT_THAT(names(*list("", "folder\\inner")), IsEmpty());
  EXPECT_THAT(names(*list("folder", "../file")), IsEmpty());
}

TEST_F(Listings, LeaveOutWhatCannotBeOpened) {
  put("file");
  std::filesystem::create_symlink("file", root() / "link");
  ASSERT_EQ(::mkfifo((root() / "pipe").c_str(), 0600), 0);

  EXPECT_THAT(names(*list()), UnorderedElementsAre(".", "..", "file"));
}

TEST_F(Listings, ResumeBehindAnyEntry) {
  for (int i = 0; i < 50; ++i) {
    put("file" + std::to_string(i));
  }
  const auto cursor = list();
  const auto all = cursor->next(1000).value();
  ASSERT_EQ(all.entries.size(), 52U);

  for (std::size_t i = 0; i < all.entries.size(); ++i) {
    ASSERT_FALSE(cursor->seek(all.entries[i].after).failed());
    const auto rest = cursor->next(1000).value();

    ASSERT_EQ(rest.entries.size(), all.entries.size() - i - 1);
    if (!rest.entries.empty()) {
      ASSERT_EQ(rest.entries.front().name, all.entries[i + 1].name);
    }
  }
}

TEST_F(Listings, StartAgainWithAnotherPattern) {
  put("a");
  put("b");
  const auto cursor = list();
  EXPECT_EQ(names(*cursor).size(), 4U);
  EXPECT_THAT(names(*cursor), IsEmpty());

  EXPECT_FALSE(cursor->restart("b").failed());
  EXPECT_THAT(names(*cursor), ElementsAre("b"));
  EXPECT_FALSE(cursor->seek({}).failed());
  EXPECT_THAT(names(*cursor), ElementsAre("b"));
  EXPECT_FALSE(cursor->restart("").failed());
  EXPECT_EQ(names(*cursor).size(), 4U);
}

TEST_F(Listings, ArgumentsThatMakeNoSenseAreRefused) {
  put("file");
  const auto directory = look("").value().file;

  EXPECT_EQ(error_of(share_->list(look("file")->file)), errc::not_directory);
  EXPECT_EQ(error_of(share_->list(nullptr)), errc::not_directory);
  EXPECT_EQ(error_of(share_->list(directory, std::string(256, '*'))), errc::invalid_name);
  EXPECT_TRUE(share_->list(directory, std::string(255, '*')).has_value());
  EXPECT_EQ(error_of(share_->list(directory, "\xff")), errc::invalid_name);
  EXPECT_EQ(list()->seek({9, 0}), errc::invalid_argument);
}

TEST_F(Listings, BatchesHaveALimit) {
  for (int i = 0; i < 200; ++i) {
    put("f" + std::to_string(i), "");
  }

  const auto batch = list()->next(1 << 30).value();

  EXPECT_EQ(batch.entries.size(), share_->options().list_batch_max);
  EXPECT_FALSE(batch.end);
  EXPECT_EQ(list()->next(0)->entries.size(), 1U);
}

TEST_F(Listings, BatchesLookAtSoManyNames) {
  for (int i = 0; i < 100; ++i) {
    put("f" + std::to_string(i), "");
  }
  put("other", "");
  share_options few;
  few.list_names_max = 10;
  const auto share = share::open_root(root().string(), few).value();
  const auto directory = share->open(path(), {})->file;
  const auto cursor = share->list(directory, "other", true).value();

  int batches = 0;
  std::vector<std::string> found;
  for (bool end = false; !end; ++batches) {
    const auto batch = cursor->next(10).value();
    for (const auto& entry : batch.entries) {
      found.push_back(entry.name);
    }
    end = batch.end;
  }

  EXPECT_THAT(found, ElementsAre("other"));
  EXPECT_EQ(batches, 11);
}

TEST_F(Listings, CountAmongTheOpens) {
  share_options few;
  few.opens_max = 2;
  const auto share = share::open_root(root().string(), few).value();
  const auto directory = share->open(path(), {})->file;
  auto cursor = share->list(directory, "*", true).value();

  EXPECT_EQ(error_of(share->list(directory, "*", true)), errc::too_many_opens);
  cursor.reset();
  EXPECT_TRUE(share->list(directory, "*", true).has_value());
}

TEST_F(Listings, OfSharesWithOneCounterCountTogether) {
  share_options few;
  few.opens_max = 1;
  few.opens_counter = std::make_shared<std::atomic<std::size_t>>(0);
  const auto one = share::open_root(root().string(), few).value();
  const auto two = share::open_root(root().string(), few).value();
  const auto directory = one->open(path(), {}).value();

  EXPECT_EQ(error_of(two->open(path(), {})), errc::too_many_opens);
  EXPECT_EQ(two->opens(), 1U);
}

TEST_F(Listings, OfARemovedDirectoryEnd) {
  make_directory("folder");
  const auto cursor = list("folder");
  std::filesystem::remove(root() / "folder");

  const auto batch = cursor->next(10);

  ASSERT_TRUE(batch.has_value());
  EXPECT_TRUE(batch->end);
}

TEST_F(Listings, TenThousandEntriesWhileOthersComeAndGo) {
  constexpr int stable = 10000;
  constexpr int changing = 500;
  make_directory("big");
  for (int i = 0; i < stable; ++i) {
    put("big/stable" + std::to_string(i), "");
  }
  for (int i = 0; i < changing; ++i) {
    put("big/going" + std::to_string(i), "");
  }
  const auto cursor = list("big");
  std::map<std::string, int> seen;
  int changes = 0;

  for (bool end = false; !end;) {
    const auto batch = cursor->next(97).value();
    for (const auto& entry : batch.entries) {
      ++seen[entry.name];
    }
    end = batch.end;
    for (int i = 0; i < 7 && changes < changing; ++i, ++changes) {
      std::filesystem::remove(root() / ("big/going" + std::to_string(changes)));
      put("big/coming" + std::to_string(changes), "");
    }
  }

  EXPECT_EQ(changes, changing);
  for (int i = 0; i < stable; ++i) {
    ASSERT_EQ(seen["stable" + std::to_string(i)], 1) << i;
  }
  for (const auto& [name, count] : seen) {
    EXPECT_LE(count, 1) << name;
  }
}

TEST_F(Listings, SurviveConcurrentCallers) {
  for (int i = 0; i < 300; ++i) {
    put("f" + std::to_string(i), "");
  }
  const auto cursor = list();
  std::array<std::vector<std::string>, 3> found;
  std::vector<std::thread> workers;

  for (auto& mine : found) {
    workers.emplace_back([&mine, cursor] {
      for (bool end = false; !end;) {
        const auto batch = cursor->next(5).value();
        for (const auto& entry : batch.entries) {
          mine.push_back(entry.name);
        }
        end = batch.end;
      }
    });
  }
  for (auto& worker : workers) {
    worker.join();
  }

  std::set<std::string> all;
  std::size_t count = 0;
  for (const auto& mine : found) {
    all.insert(mine.begin(), mine.end());
    count += mine.size();
  }
  EXPECT_EQ(count, 302U);
  EXPECT_EQ(all.size(), 302U);
}

} // namespace

} // namespace leasebreak::smb::vfs::testing

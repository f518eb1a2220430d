// Finding files by the paths of their opens: the tables, the search, and listings.
#include "api/coordinator_impl.hpp"
#include "files/name_table.hpp"
#include "files/path_index.hpp"
#include "files/path_search.hpp"
#include "support/two_clients.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace leasebreak::test {
namespace {

using detail::name_table;
using detail::named_node;
using detail::path_index;
using detail::path_search;
using detail::placed_open;

// -- the table of names ---------------------------------------------------------------------------

bool finds(const name_table& table, const named_node& wanted) {
  std::size_t times = 0;
  table.for_each(wanted.hash, [&](const named_node& n) {
    times += &n == &wanted ? 1 : 0;
    return true;
  });
  EXPECT_LE(times, 1U);
  return times == 1;
}

TEST(NameTable, FindsEachNodeAtEverySize) {
  name_table table;
  const auto slots_without = table.slots();
  std::vector<named_node> nodes(1'000);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    nodes[i].hash = name_table::hash_of("name " + std::to_string(i % 700)); // some are equal

  for (std::size_t i = 0; i < nodes.size(); ++i) {
    table.insert(nodes[i]);
    for (std::size_t k = 0; k < nodes.size(); k += 37)
      ASSERT_EQ(finds(table, nodes[k]), k <= i) << k << " of " << i;
  }
  EXPECT_EQ(table.slots(), nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    table.erase(nodes[i]);
    for (std::size_t k = 0; k < nodes.size(); k += 37)
      ASSERT_EQ(finds(table, nodes[k]), k > i) << k << " of " << i;
  }

  EXPECT_EQ(table.slots(), slots_without) << "memory is released";
}

TEST(NameTable, EndsWhenAsked) {
  name_table table;
  std::vector<named_node> nodes(10);
  for (auto& n : nodes)
    table.insert(n);
  std::size_t seen = 0;

  table.for_each(0, [&seen](const named_node&) { return ++seen != 3; });

  EXPECT_EQ(seen, 3U);
}

// -- the search -----------------------------------------------------------------------------------

list_request by_tail(std::string tail) {
  list_request r;
  r.path_tail = std::move(tail);
  return r;
}

list_request by_prefix(std::string prefix) {
  list_request r;
  r.path_prefix = std::move(prefix);
  return r;
}

std::vector<file_name_id> ids_of_page(path_index& index, const list_request& r,
  std::string_view after = {}, std::size_t most = 100'000) {
  const auto search = path_search::begin(index, r, after, most);
  while (search->go_on(index))
    continue;
  EXPECT_FALSE(search->has_stopped_early());
  return search->take();
}

std::set<file_name_id> found(path_index& index, const list_request& r) {
  const auto page = ids_of_page(index, r);
  std::set<file_name_id> result(page.begin(), page.end());
  EXPECT_EQ(result.size(), page.size()) << "each once";
  return result;
}

using ids = std::set<file_name_id>;

TEST(PathSearch, FindsFilesByNamePathAndDirectory) {
  path_index index;
  const placed_open one(index, "r", "docs/a/report.docx", "1");
  const placed_open again(index, "r", "docs/a/report.docx", "1");
  const placed_open two(index, "s", "docs/b/report.docx", "2");
  const placed_open top(index, "r", "report.docx", "3");
  const placed_open other(index, "r", "docs/b/my report.docx", "4");
  const placed_open upper(index, "r", "docs/b/Report.docx", "5");

  EXPECT_EQ(found(index, by_tail("report.docx")), (ids{"1", "2", "3"}));
  EXPECT_EQ(found(index, by_tail("b/report.docx")), (ids{"2"}));
  EXPECT_EQ(found(index, by_tail("docs/a/report.docx")), (ids{"1"}));
  EXPECT_EQ(found(index, by_tail("/docs/a/report.docx")), ids());
  EXPECT_EQ(found(index, by_prefix("docs/b/")), (ids{"2", "4", "5"}));
  EXPECT_EQ(found(index, by_prefix("d")), (ids{"1", "2", "4", "5"}));
  EXPECT_EQ(found(index, by_prefix("report")), (ids{"3"}));
  auto both = by_tail("report.docx");
  both.path_prefix = "docs/a";
  EXPECT_EQ(found(index, both), (ids{"1"}));
}

TEST(PathSearch, FindsWhatTheRequestChooses) {
  const std::vector<std::string> parts = {"", "a", "b", "ab", "/", "a/", "/a", "a/b", "ab/a"};
  path_index index;
  std::vector<std::unique_ptr<placed_open>> opens;
  for (const auto& first : parts)
    for (const auto& second : parts)
      for (const auto& third : parts)
        opens.push_back(std::make_unique<placed_open>(
          index, "r", first + second + third, std::to_string(opens.size())));
  for (const auto& prefix : parts) {
    for (const auto& tail : parts) {
      list_request r;
      r.path_prefix = prefix + tail;
      r.path_tail = tail + prefix;
      for (const auto& how : {r, by_prefix(r.path_prefix), by_tail(r.path_tail)}) {
        ids wanted;
        for (const auto& open : opens)
          if (how.has_path(open->path()))
            wanted.insert(open->file());

        EXPECT_EQ(found(index, how), wanted) << how.path_prefix << "*" << how.path_tail;
      }
    }
  }
}

TEST(PathSearch, ReturnsPagesInTheOrderOfListings) {
  path_index index;
  std::vector<std::unique_ptr<placed_open>> opens;
  for (int i = 0; i < 600; ++i)
    opens.push_back(std::make_unique<placed_open>(
      index, "r", "d" + std::to_string(i % 50) + "/f", std::to_string(i % 300)));
  for (const auto& how : {by_tail("f"), by_prefix("d")}) {
    std::vector<std::pair<std::size_t, file_name_id>> all;
    for (auto page = ids_of_page(index, how, {}, 7); !page.empty();
         page = ids_of_page(index, how, all.back().second, 7)) {
      EXPECT_LE(page.size(), 7U);
      for (const auto& id : page)
        all.emplace_back(detail::file_registry::shard_of(id), id);
      ASSERT_LE(all.size(), 300U);
    }

    EXPECT_EQ(all.size(), 300U);
    EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  }
}

TEST(PathSearch, LooksAtFewDirectoriesInAStep) {
  path_index index;
  std::vector<std::unique_ptr<placed_open>> opens;
  for (int i = 0; i < 10'000; ++i)
    opens.push_back(std::make_unique<placed_open>(index, "r", "d" + std::to_string(i) + "/f", "1"));
  const auto by_directory = path_search::begin(index, by_prefix("d77/"), {}, 10);
  std::size_t steps = 1;
  for (; by_directory->go_on(index); ++steps)
    EXPECT_LT(steps, path_index::parts);
  EXPECT_GT(steps, 5U);
  EXPECT_EQ(by_directory->take(), std::vector<file_name_id>{"1"});

  const auto by_name = path_search::begin(index, by_tail("g"), {}, 10);
  EXPECT_FALSE(by_name->go_on(index)) << "a name takes one step";
}

TEST(PathSearch, StopsEarlyIfTooManyOpensMatch) {
  path_index index;
  std::vector<std::unique_ptr<placed_open>> opens;
  const auto open_another = [&] {
    opens.push_back(std::make_unique<placed_open>(index, "r", "d/f", "1"));
  };
  while (opens.size() != path_search::opens_max)
    open_another();
  EXPECT_EQ(found(index, by_tail("f")), ids{"1"});
  EXPECT_EQ(found(index, by_prefix("d/")), ids{"1"});
  open_another();

  for (const auto& how : {by_tail("f"), by_prefix("d/")}) {
    const auto search = path_search::begin(index, how, {}, 10);
    while (search->go_on(index))
      continue;
    EXPECT_TRUE(search->has_stopped_early());
  }
}

// A search that looks at one shard after another would miss the file.
TEST(PathSearch, FindsWhatARenameMovesMeanwhile) {
  for (const auto& how : {by_tail("f"), by_prefix("d")}) {
    for (std::size_t steps = 0; steps <= path_index::parts; ++steps) {
      for (int to = 0; to < 20; ++to) {
        path_index index;
        const placed_open open(index, "r", "d/e/f", "1");
        const auto search = path_search::begin(index, how, {}, 10);
        for (std::size_t i = 0; i < steps; ++i)
          static_cast<void>(search->go_on(index, 1));

        index.rename("r", "d/e", "d/" + std::to_string(to));
        while (search->go_on(index, 1))
          continue;

        ASSERT_EQ(search->take(), std::vector<file_name_id>{"1"}) << steps << ", " << to;
      }
    }
  }
}

TEST(PathSearch, FollowsRenames) {
  path_index index;
  const placed_open open(index, "r", "a/old", "1");
  const placed_open beneath(index, "r", "a/old/f", "2");
  index.rename("r", "a/old", "a/new");
  EXPECT_EQ(found(index, by_tail("old")), ids());
  EXPECT_EQ(found(index, by_tail("new")), ids{"1"});
  EXPECT_EQ(found(index, by_tail("new/f")), ids{"2"});
  index.rename("r", "a/new", "b/newer");
  EXPECT_EQ(found(index, by_tail("new")), ids());
  EXPECT_EQ(found(index, by_tail("newer")), ids{"1"});
  EXPECT_EQ(found(index, by_prefix("b/newer/")), ids{"2"});
}

TEST(PathSearch, MayBeDropped) {
  path_index index;
  const placed_open open(index, "r", "a/f", "1");
  auto dropped = path_search::begin(index, by_tail("f"), {}, 10);
  static_cast<void>(dropped->go_on(index, 1));
  dropped.reset();

  index.rename("r", "a", "b");

  EXPECT_EQ(found(index, by_tail("b/f")), ids{"1"});
}

TEST(PathSearch, RunsBesideOpensAndRenames) {
  path_index index;
  const placed_open stays(index, "r", "d/f", "1");
  const placed_open moves(index, "r", "d0/f", "2");
  std::atomic<bool> ends{false};
  std::thread opens([&] {
    for (int i = 0; !ends.load(); ++i)
      const placed_open comes(index, "r", "e" + std::to_string(i % 100) + "/f", "3");
  });
  std::thread renames([&] {
    for (int i = 0; !ends.load(); ++i)
      index.rename("r", "d" + std::to_string(i % 100), "d" + std::to_string((i + 1) % 100));
  });

  for (int i = 0; i < 300; ++i) {
    auto seen = found(index, i % 2 == 0 ? by_tail("f") : by_prefix("d"));
    seen.erase("3");
    EXPECT_EQ(seen, (ids{"1", "2"}));
  }

  ends.store(true);
  opens.join();
  renames.join();
}

// -- listings -------------------------------------------------------------------------------------

open_request placed_file(std::uint64_t number, const std::string& path) {
  auto r = two_clients::request(two_clients::alice, "f" + std::to_string(number), number);
  r.root = "r";
  r.path = path;
  return r;
}

/// How often each file was listed.
using listed_times = std::map<std::string, std::size_t>;

class ListingsByPath : public ::testing::Test {
protected:
  open_id open(std::uint64_t number, const std::string& path) {
    auto& p = w.start(placed_file(number, path));
    w.settle();
    EXPECT_EQ(p.error(), errc::success);
    return p.as<open_result>().open;
  }

  /// How often each file is on the pages of a listing.
  listed_times listed(list_request r) {
    listed_times times;
    do {
      auto& p = w.start(r);
      w.settle();
      add(p, times);
      r.after = p.as<listed_page>().next;
    } while (!r.after.empty());
    return times;
  }

  static void add(probe& p, listed_times& times) {
    ASSERT_EQ(p.error(), errc::success);
    for (const auto& e : p.as<listed_page>().entries)
      times[e.file_id] += e.kind == entry_kind::open ? 1 : 0;
  }

  two_clients w{two_clients::time::driven};
};

TEST_F(ListingsByPath, FindAllMatchesAmongManyFiles) {
  for (std::uint64_t i = 1; i <= 500; ++i)
    open(i, "d" + std::to_string(i % 40) + "/" + (i % 100 == 7 ? "wanted" : std::to_string(i)));

  auto r = by_tail("wanted");
  const listed_times wanted{{"f7", 1}, {"f107", 1}, {"f207", 1}, {"f307", 1}, {"f407", 1}};
  EXPECT_EQ(listed(r), wanted);
  r.limit = 1;
  EXPECT_EQ(listed(r), wanted) << "in pages";
  r.matching.client_id = to_string(two_clients::bob);
  EXPECT_EQ(listed(r), listed_times());
  EXPECT_EQ(listed(by_prefix("d7/")).size(), 13U);
}

TEST_F(ListingsByPath, AskOnlyFilesThatTheyFind) {
  for (std::uint64_t i = 1; i <= 2'000; ++i)
    open(i, "d" + std::to_string(i % 40) + "/" + std::to_string(i));
  const auto handlers_for = [this](const list_request& r) {
    auto& p = w.start(r);
    std::size_t handlers = 0;
    for (w.io.restart(); w.io.poll_one() != 0; w.io.restart())
      ++handlers;
    EXPECT_EQ(p.as<listed_page>().entries.size(), 2U);
    return handlers;
  };
  list_request of_share; // asks all files
  of_share.what = list_request::scope::all;
  of_share.limit = 100'000;
  auto& all = w.start(of_share);
  std::size_t handlers_for_all = 0;
  for (w.io.restart(); w.io.poll_one() != 0; w.io.restart())
    ++handlers_for_all;
  ASSERT_EQ(all.as<listed_page>().entries.size(), 4'000U);

  EXPECT_LT(handlers_for(by_tail("1234")) * 100, handlers_for_all);
  EXPECT_LT(handlers_for(by_tail("d34/1234")) * 100, handlers_for_all);
  EXPECT_LT(handlers_for(by_prefix("d34/1234")) * 100, handlers_for_all);
}

TEST_F(ListingsByPath, FindFilesWhileOthersComeAndGo) {
  for (std::uint64_t i = 1; i <= 100; ++i)
    open(i, "d" + std::to_string(i) + "/f");
  std::deque<std::pair<std::string, open_id>> others;
  for (std::uint64_t i = 101; i <= 200; ++i)
    others.emplace_back("f" + std::to_string(i), open(i, "e" + std::to_string(i % 10) + "/f"));
  const auto run_one = [this] {
    w.io.restart();
    w.io.poll_one();
  };
  auto r = by_tail("f");
  r.limit = 9;
  listed_times seen;
  std::uint64_t number = 200;
  do {
    auto& p = w.start(r);
    while (!p.done()) {
      ++number;
      w.start(placed_file(number, "e" + std::to_string(number % 10) + "/f"));
      run_one();
      if (!others.empty()) {
        w.start(close_request{others.front().first, others.front().second});
        others.pop_front();
      }
      run_one();
    }
    add(p, seen);
    r.after = p.as<listed_page>().next;
  } while (!r.after.empty());
  EXPECT_TRUE(others.empty());

  for (std::uint64_t i = 1; i <= 100; ++i)
    EXPECT_EQ(seen["f" + std::to_string(i)], 1U) << i;
}

// A rename at every point of a listing.
TEST_F(ListingsByPath, MeetRenamesInBothOrders) {
  open(1, "d0/old");
  open(2, "d0/f");
  for (std::uint64_t i = 3; i <= 50; ++i)
    open(i, "e" + std::to_string(i) + "/f");
  bool was_first = false;
  bool was_last = false;
  for (std::size_t handlers = 0; handlers < 40; ++handlers) {
    auto& of_name = w.start(by_tail("f"));
    auto& of_old = w.start(by_tail("old"));
    for (std::size_t i = 0; i < handlers; ++i) {
      w.io.restart();
      w.io.poll_one();
    }
    const bool is_late = of_old.done();

    w.c->renamed("r", "d" + std::to_string(handlers), "d" + std::to_string(handlers + 1));
    w.c->renamed("r", "d" + std::to_string(handlers + 1) + "/old", "new");
    w.settle();

    listed_times seen;
    add(of_name, seen);
    EXPECT_EQ(seen["f2"], 1U) << "it always has this name";
    listed_times old;
    add(of_old, old);
    EXPECT_LE(old.size(), 1U);
    was_first = was_first || old.empty();
    was_last = was_last || !old.empty();
    EXPECT_TRUE(!is_late || !old.empty());
    EXPECT_EQ(listed(by_tail("old")), listed_times());
    EXPECT_EQ(listed(by_tail("new")), (listed_times{{"f1", 1}}));
    w.c->renamed("r", "new", "d" + std::to_string(handlers + 1) + "/old");
  }
  EXPECT_TRUE(was_first);
  EXPECT_TRUE(was_last);
}

TEST_F(ListingsByPath, AskAllFilesIfTooManyMatch) {
  const auto hot = open(1, "d/f");
  std::vector<std::unique_ptr<placed_open>> others;
  for (std::size_t i = 0; i < path_search::opens_max; ++i)
    others.push_back(std::make_unique<placed_open>(w.inside().paths(), "r", "d/f", "elsewhere"));

  EXPECT_EQ(listed(by_tail("f")), (listed_times{{"f1", 1}}));
  w.close("f1", hot);
  EXPECT_EQ(listed(by_tail("f")), listed_times());
}

} // namespace
} // namespace leasebreak::test

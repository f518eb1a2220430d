// The queue of guards for directory entries.
#include <leasebreak/model/entry_queue.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <random>
#include <set>

namespace leasebreak {
namespace {

using ids = std::vector<guard_id>;

class EntryQueue : public ::testing::Test {
protected:
  guard_id held(guarded_names names) {
    const auto a = queue.ask(std::move(names));
    EXPECT_EQ(a.error, errc::success);
    EXPECT_TRUE(a.is_held);
    return a.id;
  }

  guard_id waits(guarded_names names) {
    const auto a = queue.ask(std::move(names));
    EXPECT_EQ(a.error, errc::success);
    EXPECT_FALSE(a.is_held);
    return a.id;
  }

  ids end(guard_id id) {
    ids next;
    queue.end(id, next);
    return next;
  }

  entry_queue queue{8};
};

TEST_F(EntryQueue, GivesANameToOneAtATimeInTheOrderOfArrival) {
  const auto first = held({"f", {}});
  const auto second = waits({"f", {}});
  const auto third = waits({"f", {}});

  EXPECT_EQ(end(first), ids{second});
  EXPECT_EQ(end(second), ids{third});
  EXPECT_EQ(end(third), ids{});
  EXPECT_TRUE(queue.empty());
}

TEST_F(EntryQueue, KeepsDifferentNamesApart) {
  const auto f = held({"f", {}});
  const auto g = held({"g", {}});

  EXPECT_EQ(end(f), ids{});
  EXPECT_EQ(end(g), ids{});
}

TEST_F(EntryQueue, GivesTwoNamesTogether) {
  const auto f = held({"f", {}});
  const auto both = waits({"f", "g"});
  const auto g = waits({"g", {}}); // behind the earlier guard

  EXPECT_EQ(end(f), ids{both});
  EXPECT_EQ(end(both), ids{g});
}

TEST_F(EntryQueue, DoesNotMakeAGuardOfOneNameTwiceWaitForItself) {
  const auto both = held({"f", "f"});
  const auto next = waits({"f", {}});

  EXPECT_EQ(end(both), ids{next});
}

TEST_F(EntryQueue, GivesTheWholeDirectoryToOneAlone) {
  const auto f = held({"f", {}});
  const auto whole = waits({});
  const auto g = waits({"g", {}}); // otherwise the whole directory would wait forever
  const auto h = waits({"h", {}});

  EXPECT_EQ(end(f), ids{whole});
  EXPECT_EQ(end(whole), (ids{g, h}));
}

TEST_F(EntryQueue, GivesTheWholeDirectoryToOneAfterTheOther) {
  const auto first = held({});
  const auto second = waits({});

  EXPECT_EQ(end(first), ids{second});
  EXPECT_EQ(end(second), ids{});
}

TEST_F(EntryQueue, LetsOthersPassOneThatNoLongerWaits) {
  const auto f = held({"f", {}});
  const auto whole = waits({});
  const auto g = waits({"g", {}});

  EXPECT_EQ(end(whole), ids{g});
  EXPECT_EQ(queue.waiting(), 0U);
  EXPECT_EQ(end(f), ids{});
}

TEST_F(EntryQueue, HandsOverAllThatWait) {
  const auto f = held({"f", {}});
  const auto again = waits({"f", {}});
  const auto whole = waits({});
  const auto g = waits({"g", {}});

  EXPECT_EQ(queue.take_waiting(), (ids{again, whole, g}));
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(end(f), ids{});
  EXPECT_TRUE(queue.empty());
}

TEST_F(EntryQueue, IsBounded) {
  for (int i = 0; i < 8; ++i)
    held({std::to_string(i), {}});

  EXPECT_EQ(queue.ask({"f", {}}).error, errc::too_many_guards);
  EXPECT_EQ(queue.ask({}).error, errc::too_many_guards);
  EXPECT_EQ(queue.size(), 8U);
}

TEST_F(EntryQueue, RefusesASecondNameWithoutAFirst) {
  EXPECT_EQ(queue.ask({{}, "f"}).error, errc::invalid_argument);
  EXPECT_TRUE(queue.empty());
}

TEST_F(EntryQueue, IgnoresGuardsThatItDoesNotKnow) {
  const auto f = held({"f", {}});
  end(f);

  EXPECT_EQ(end(f), ids{});
  EXPECT_EQ(end(guard_id::none), ids{});
}

// Compares with a list that is scanned from the front each time.
TEST(RandomEntryQueues, AgreeWithAPlainList) {
  const auto* const given = std::getenv("LEASEBREAK_SEED");
  const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "seed=" << seed << '\n';
  std::mt19937_64 random{seed};
  struct entry {
    guard_id id{};
    std::set<std::string> names;
  };
  const auto conflict = [](const entry& a, const entry& b) {
    return a.names.empty() || b.names.empty() ||
      std::any_of(a.names.begin(), a.names.end(), [&](const auto& n) { return b.names.count(n); });
  };
  entry_queue queue{64};
  std::vector<entry> all;
  std::set<guard_id> known_held;
  const auto held_now = [&] {
    std::set<guard_id> result;
    for (auto e = all.begin(); e != all.end(); ++e)
      if (std::none_of(all.begin(), e, [&](const auto& before) { return conflict(before, *e); }))
        result.insert(e->id);
    return result;
  };
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0 && all.size() < 64) {
      const std::string name = random() % 8 == 0 ? "" : std::string(1, 'a' + random() % 4);
      const std::string also =
        !name.empty() && random() % 4 == 0 ? std::string(1, 'a' + random() % 4) : "";
      const auto a = queue.ask({name, also});
      entry e{a.id, {}};
      if (!name.empty())
        e.names.insert(name);
      if (!also.empty())
        e.names.insert(also);
      all.push_back(e);
      if (a.is_held)
        known_held.insert(a.id);
    } else if (!all.empty()) {
      const auto at = all.begin() + static_cast<std::ptrdiff_t>(random() % all.size());
      const auto id = at->id;
      all.erase(at);
      known_held.erase(id);
      ids next;
      queue.end(id, next);
      known_held.insert(next.begin(), next.end());
    }
    ASSERT_EQ(known_held, held_now()) << "step " << step << " seed=" << seed;
    ASSERT_EQ(queue.size(), all.size());
    ASSERT_EQ(queue.waiting(), all.size() - known_held.size());
  }
}

} // namespace
} // namespace leasebreak

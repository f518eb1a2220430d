#include "scene.hpp"
#include "search.hpp"
#include "support/effort.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>

namespace leasebreak::small_world {

namespace {

std::string name_for_test(std::string_view name) {
  std::string text;
  bool begins = true;
  for (const char c : name) {
    if (c != ' ')
      text += begins ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    begins = c == ' ';
  }
  return text;
}

const profile& named(std::string_view name) {
  const auto* const found = find_profile(name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

} // namespace

// -- the model ------------------------------------------------------------------------------------

class SmallWorld : public testing::TestWithParam<std::string_view> {};

TEST_P(SmallWorld, HoldsToTheReferenceInEveryHistory) {
  const auto& p = named(GetParam());

  const auto depth = test::slowness == 1 ? p.test_depth : std::min(p.test_depth, 4U);

  const auto found = search(p, {.depth = depth});

  EXPECT_EQ(found.problem, "") << describe(p, found);
  EXPECT_EQ(found.depth, depth);
  EXPECT_GT(found.states, 1000U);
  EXPECT_GT(found.compared, 0U) << "the canonical form was not checked";
}

INSTANTIATE_TEST_SUITE_P(Each, SmallWorld, testing::ValuesIn([] {
  std::vector<std::string_view> names;
  for (const auto& p : profiles())
    names.push_back(p.name);
  return names;
}()),
  [](const auto& each) { return name_for_test(each.param); });

// -- the small world itself -----------------------------------------------------------------------

struct mutant {
  fault what;
  std::string_view profile;
  std::size_t steps; ///< Length of the shortest history that shows it.
};

class Mutants : public testing::TestWithParam<mutant> {};

TEST_P(Mutants, AreFoundByTheShortestHistory) {
  const auto& p = named(GetParam().profile);

  const auto found = search(p, {.depth = 5}, GetParam().what);

  EXPECT_NE(found.problem, "") << "not found";
  EXPECT_EQ(found.history.size(), GetParam().steps) << describe(p, found);
}

INSTANTIATE_TEST_SUITE_P(Each, Mutants,
  testing::Values(mutant{fault::raising_acknowledgement, "leases", 3},
    mutant{fault::break_without_wait, "leases", 2},
    mutant{fault::dropped_notification, "leases", 2}, mutant{fault::stale_epoch, "leases", 3},
    mutant{fault::ignored_share_mode, "sharing", 2},
    mutant{fault::early_notification, "answers", 2}, mutant{fault::lost_completion, "leases", 3},
    mutant{fault::double_completion, "leases", 3}, mutant{fault::ignored_cancel, "leases", 3},
    mutant{fault::kept_open, "leases", 1}, mutant{fault::promised_write, "leases", 1},
    mutant{fault::ignored_deadline, "leases", 3}, mutant{fault::lock_beside_lock, "locks", 2},
    mutant{fault::refused_acknowledgement_ends, "leases", 3}),
  [](const auto& each) { return name_for_test(to_string(each.param.what)); });

TEST(Search, PrintsTheHistoryThatShowsAProblem) {
  const auto& p = named("leases");

  const auto text = describe(p, search(p, {.depth = 3}, fault::dropped_notification));

  EXPECT_NE(text.find("PROBLEM: "), std::string::npos) << text;
  EXPECT_NE(text.find("  1. A1 opens with R k1\n"), std::string::npos) << text;
}

TEST(Search, SaysHowFarItHasCome) {
  const auto& p = named("leases");

  const auto found = search(p, {.depth = 2});

  EXPECT_EQ(found.depth, 2U);
  EXPECT_EQ(found.states, found.states_within_depth);
  EXPECT_NE(describe(p, found).find(" states to depth 2"), std::string::npos);
}

TEST(Search, StopsWhenItsTimeIsUp) {
  const auto found = search(named("leases"), {.time = std::chrono::milliseconds{0}});

  EXPECT_EQ(found.problem, "");
  EXPECT_EQ(found.depth, 0U);
}

namespace {

action open_with(std::uint8_t slot, std::string_view choice) {
  const auto& opens = named("leases").opens;
  const auto found = std::ranges::find(opens, choice, &open_choice::name);
  EXPECT_NE(found, opens.end()) << choice;
  return {verb::open, slot, static_cast<std::uint8_t>(found - opens.begin())};
}

std::string canonical_after(const std::vector<action>& history) {
  scene s(named("leases"));
  for (const auto& a : history)
    s.step(a);
  EXPECT_EQ(s.problem(), "");
  return s.canonical();
}

} // namespace

TEST(CanonicalForm, IsTheSameWhicheverClientSlotAndKeyItIs) {
  const auto first = canonical_after({open_with(0, "RWH k1"), open_with(2, "R k2")});

  EXPECT_EQ(canonical_after({open_with(2, "RWH k1"), open_with(0, "R k2")}), first);
  EXPECT_EQ(canonical_after({open_with(0, "RWH k2"), open_with(2, "R k1")}), first);
  EXPECT_EQ(canonical_after({open_with(1, "RWH k1"), open_with(2, "R k2")}), first);
}

TEST(CanonicalForm, TellsApartWhatDiffers) {
  const auto first = canonical_after({open_with(0, "RWH k1"), open_with(2, "R k2")});

  EXPECT_NE(canonical_after({open_with(0, "RWH k1"), open_with(2, "R k1")}), first);
  EXPECT_NE(canonical_after({open_with(0, "RWH k1"), open_with(1, "R k2")}), first);
  EXPECT_NE(canonical_after({open_with(0, "RH k1"), open_with(2, "R k2")}), first);
}

TEST(CanonicalForm, ForgetsWhatIsOver) {
  const auto once = canonical_after({open_with(0, "RH k1")});

  EXPECT_EQ(
    canonical_after({open_with(2, "RWH k2"), {verb::close, 2, 0}, open_with(0, "RH k1")}), once);
}

} // namespace leasebreak::small_world

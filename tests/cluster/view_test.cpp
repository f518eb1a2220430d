// Views: members, slots, and their encoding.
#include <leasebreak/cluster/view.hpp>

#include "support/seed.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

view_member member(std::uint32_t number, const std::string& name) {
  return {name, node_id{number}, name + ":4711"};
}

view after(const view& now, const view_change& change) {
  auto next = next_view(now, change);
  EXPECT_TRUE(next);
  return next.value_or(now);
}

view joined(const view& now, std::uint32_t number, const std::string& name) {
  return after(now, {{}, member(number, name), {}});
}

view of_three() {
  return joined(joined(joined(first_view(), 1, "a"), 2, "b"), 3, "c");
}

std::map<node_id, std::size_t> shares(const view& v) {
  std::map<node_id, std::size_t> counts;
  for (const auto& slot : v.slots)
    ++counts[slot.node];
  return counts;
}

TEST(Views, GiveAllSlotsToTheFirstMember) {
  const auto v = joined(first_view(), 1, "a");

  EXPECT_EQ(v.number, 1U);
  EXPECT_EQ(v.members.front().joined, 1U);
  EXPECT_EQ(shares(v), (std::map<node_id, std::size_t>{{node_id{1}, default_slots}}));
  EXPECT_TRUE(std::ranges::all_of(v.slots, [](const auto& s) { return s.term == 1; }));
}

TEST(Views, DistributeSlotsEvenly) {
  const auto counts = shares(of_three());

  ASSERT_EQ(counts.size(), 3U);
  for (const auto& [node, count] : counts)
    EXPECT_THAT(count, testing::AllOf(testing::Gt(270U), testing::Lt(420U)));
}

TEST(Views, MoveSlotsOnlyToTheNodeThatJoins) {
  const auto before = joined(joined(first_view(), 1, "a"), 2, "b");
  const auto now = joined(before, 3, "c");

  for (std::size_t i = 0; i < now.slots.size(); ++i)
    if (now.slots[i].node == node_id{3})
      EXPECT_EQ(now.slots[i].term, now.number);
    else
      EXPECT_EQ(now.slots[i], before.slots[i]);
}

TEST(Views, MoveOnlyTheSlotsOfTheNodeThatIsGone) {
  const auto before = of_three();
  const auto now = after(before, {{node_id{2}}, std::nullopt, {}});

  EXPECT_EQ(now.find(node_id{2}), nullptr);
  EXPECT_TRUE(now.is_unfenced(node_id{2}));
  for (std::size_t i = 0; i < now.slots.size(); ++i)
    if (before.slots[i].node == node_id{2})
      EXPECT_EQ(now.slots[i].term, now.number);
    else
      EXPECT_EQ(now.slots[i], before.slots[i]);
}

TEST(Views, GiveARestartedNodeItsFormerSlots) {
  const auto before = of_three();
  const auto now = after(before, {{node_id{2}}, member(4, "b"), {}});

  ASSERT_NE(now.find("b"), nullptr);
  EXPECT_EQ(now.find("b")->node, node_id{4});
  for (std::size_t i = 0; i < now.slots.size(); ++i)
    EXPECT_EQ(now.slots[i].node == node_id{4}, before.slots[i].node == node_id{2});
}

TEST(Views, KeepNodesUntilTheyAreFenced) {
  const auto gone = after(of_three(), {{node_id{1}, node_id{3}}, std::nullopt, {}});
  const auto fenced = after(gone, {{}, std::nullopt, {node_id{3}}});

  EXPECT_EQ(gone.unfenced, (std::vector{node_id{1}, node_id{3}}));
  EXPECT_EQ(fenced.unfenced, std::vector{node_id{1}});
  EXPECT_EQ(fenced.slots, gone.slots);
}

TEST(Views, DoNotChangeWithoutACause) {
  EXPECT_FALSE(next_view(of_three(), {}));
  EXPECT_FALSE(next_view(of_three(), {{node_id{9}}, std::nullopt, {node_id{1}}}));
}

TEST(Views, RefuseMembersThatExistOrAreInvalid) {
  const auto v = of_three();
  const auto refuses = [&](view_member m) { return !next_view(v, {{}, std::move(m), {}}); };

  EXPECT_TRUE(refuses(member(4, "a")));
  EXPECT_TRUE(refuses(member(1, "d")));
  EXPECT_TRUE(refuses(member(4, "")));
  EXPECT_TRUE(refuses(member(0, "d")));
  EXPECT_TRUE(refuses(member(node_number_max + 1, "d")));
  EXPECT_TRUE(refuses(member(4, std::string(member_text_max + 1, 'd'))));
  const auto gone = after(v, {{node_id{2}}, std::nullopt, {}});
  EXPECT_FALSE(next_view(gone, {{}, member(2, "b"), {}}));
}

TEST(Views, EndWithTheLastNumber) {
  auto v = of_three();
  v.number = view_number_max;

  EXPECT_FALSE(next_view(v, {{node_id{1}}, std::nullopt, {}}));
}

TEST(Views, OfNoMembersHaveNoOwners) {
  const auto v = after(joined(first_view(8), 1, "a"), {{node_id{1}}, std::nullopt, {}});

  EXPECT_EQ(shares(v), (std::map<node_id, std::size_t>{{node_id::none, 8}}));
}

TEST(Slots, AreUsedEvenlyAndAlwaysTheSame) {
  std::map<slot_number, int> counts;
  for (int i = 0; i < 4000; ++i)
    ++counts[slot_of("file " + std::to_string(i), 16)];

  ASSERT_EQ(counts.size(), 16U);
  for (const auto& [slot, count] : counts)
    EXPECT_THAT(count, testing::AllOf(testing::Gt(170), testing::Lt(330)));
  EXPECT_EQ(slot_of("file 7", 1024), 772U); // nodes of different builds must agree
}

// -- bytes
// -----------------------------------------------------------------------------------------

view random_view(std::mt19937_64& random) {
  auto v = first_view(1 + random() % 40);
  for (std::uint32_t i = 1; i < 1 + random() % 30; ++i) {
    view_change change;
    if (random() % 2 == 0)
      change.joining = member(i, "node " + std::to_string(random() % 8));
    if (random() % 3 == 0 && !v.members.empty())
      change.gone.push_back(v.members[random() % v.members.size()].node);
    if (random() % 3 == 0 && !v.unfenced.empty())
      change.fenced.push_back(v.unfenced[random() % v.unfenced.size()]);
    v = next_view(v, change).value_or(v);
  }
  return v;
}

TEST(ViewBytes, GiveTheSameView) {
  std::mt19937_64 random(test::seed_of_this_run());
  for (int i = 0; i < 300; ++i) {
    const auto v = random_view(random);
    const auto again = decode_view(encode(v));
    ASSERT_TRUE(std::holds_alternative<view>(again)) << std::get<view_error>(again).what;
    EXPECT_EQ(std::get<view>(again), v);
  }
}

TEST(ViewBytes, AreFewKilobytes) {
  EXPECT_LT(encode(of_three()).size(), 2'200U);
}

// Everything that is accepted must be the encoding of a view.
void check_decoded(const std::string& bytes) {
  const auto decoded = decode_view(bytes);
  if (const auto* const v = std::get_if<view>(&decoded)) {
    EXPECT_EQ(encode(*v), bytes);
  }
}

TEST(ViewBytes, AreRefusedIfAnythingIsWrong) {
  std::mt19937_64 random(test::seed_of_this_run());
  for (int i = 0; i < 3'000 && !testing::Test::HasFailure(); ++i) {
    auto bytes = encode(random_view(random));
    switch (random() % 3) {
    case 0:
      bytes[random() % bytes.size()] = static_cast<char>(random());
      break;
    case 1:
      bytes.resize(random() % bytes.size());
      EXPECT_TRUE(std::holds_alternative<view_error>(decode_view(bytes)));
      break;
    default:
      bytes.insert(random() % bytes.size(), 1, static_cast<char>(random()));
    }
    check_decoded(bytes);
  }
}

std::string problem_of(const std::string& bytes) {
  const auto decoded = decode_view(bytes);
  const auto* const error = std::get_if<view_error>(&decoded);
  return error != nullptr ? error->what : "";
}

TEST(ViewBytes, NameTheProblem) {
  auto v = of_three();
  const auto good = encode(v);
  EXPECT_EQ(problem_of("{\"json\":1}"), "not a view of this version");
  EXPECT_EQ(problem_of(good.substr(0, good.size() - 1)), "ends too early");
  EXPECT_EQ(problem_of(good + "x"), "bytes after the end");
  std::swap(v.members[0], v.members[1]);
  EXPECT_EQ(problem_of(encode(v)), "members that are not in order");
  v = of_three();
  v.members[1].node = v.members[0].node;
  EXPECT_EQ(problem_of(encode(v)), "two members with the same number");
  v = of_three();
  v.unfenced = {v.members[0].node};
  EXPECT_EQ(problem_of(encode(v)), "nodes to be fenced that are not in order, or are members");
  v = of_three();
  v.slots[3].node = node_id::none;
  EXPECT_EQ(problem_of(encode(v)), "a slot without an owner");
  v = of_three();
  v.slots[3].term = v.number + 1;
  EXPECT_EQ(problem_of(encode(v)), "a number that is out of range");
  // The number of the view follows the mark of three bytes. A second form of it is not accepted.
  const std::string zeros(8, static_cast<char>(0x80));
  const auto longer = std::string(1, static_cast<char>(good[3] | 0x80)) + zeros + '\x02';
  ASSERT_LT(static_cast<unsigned char>(good[3]), 0x80U);
  EXPECT_EQ(
    problem_of(good.substr(0, 3) + longer + good.substr(4)), "a number that has too many bytes");
  v.slots.clear();
  EXPECT_EQ(problem_of(encode(v)), "a view without slots");
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

// When a node leaves, whom it suspects, and which nodes it has fenced.
#include "membership.hpp"

#include <gtest/gtest.h>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr node_id a{1};
constexpr node_id b{2};
constexpr node_id c{3};
constexpr time_point noon = time_point{} + std::chrono::hours{12};

view of_members(std::initializer_list<std::pair<node_id, const char*>> members) {
  auto v = first_view(4);
  for (const auto& [node, name] : members)
    v = next_view(v, {{}, view_member{name, node, {}, 0}, {}}).value();
  return v;
}

const view three = of_members({{a, "a"}, {b, "b"}, {c, "c"}});

constexpr seconds lease{5};
constexpr seconds silence{3};

/// What a node knows that has seen this document for so long.
disputes seen_for(const engine_document& d, seconds how_long) {
  disputes disputed(lease, silence);
  disputed.read(d, noon, noon);
  disputed.read(d, noon + how_long, noon + how_long);
  return disputed;
}

TEST(Suspicions, LetTheNodeLeaveThatIsInMorePairs) {
  const engine_document d{three, {{a, {b, c}}, {b, {a}}, {c, {a}}}};

  const auto disputed = seen_for(d, lease);
  EXPECT_TRUE(disputed.must_leave(d, a));
  EXPECT_FALSE(disputed.must_leave(d, b));
  EXPECT_FALSE(disputed.must_leave(d, c));
}

TEST(Suspicions, LetTheGreaterNameLeaveOfTwo) {
  const engine_document one_way{three, {{a, {b}}, {b, {}}, {c, {}}}};

  const auto disputed = seen_for(one_way, lease + silence);
  EXPECT_FALSE(disputed.must_leave(one_way, a));
  EXPECT_TRUE(disputed.must_leave(one_way, b));
  EXPECT_FALSE(disputed.must_leave(one_way, c));
}

// Its lease lasts for a while, and those who live write at different times that they do not hear
// it.
TEST(Suspicions, OfANodeThatHasDiedLetNobodyLeave) {
  const engine_document first{three, {{a, {}}, {b, {}}, {c, {b}}}};
  const engine_document then{three, {{a, {b}}, {b, {}}, {c, {b}}}};
  disputes disputed(lease, silence);
  for (const auto* const d : {&first, &then})
    for (const auto n : {a, c}) {
      disputed.read(*d, noon, noon);
      EXPECT_FALSE(disputed.must_leave(*d, n));
    }
}

TEST(Suspicions, OfANodeThatHasDiedSinceDoNotCount) {
  const engine_document paused{three, {{a, {c}}, {b, {}}, {c, {}}}};
  const engine_document died{three, {{a, {c}}, {b, {}}, {c, {a}}}};
  disputes disputed(lease, silence);
  disputed.read(paused, noon, noon);
  disputed.read(died, noon + seconds{4}, noon + seconds{4});
  disputed.read(died, noon + seconds{8}, noon + seconds{8});
  EXPECT_FALSE(disputed.must_leave(died, c));
}

// A node hangs. Those who live do not write at the same time that they do not hear it.
TEST(Suspicions, OfOneCauseCountTogether) {
  const engine_document first{three, {{a, {b, c}}, {b, {}}, {c, {a}}}};
  const engine_document then{three, {{a, {b, c}}, {b, {a}}, {c, {a}}}};
  disputes disputed(lease, silence);
  disputed.read(first, noon, noon);
  disputed.read(then, noon + milliseconds{100}, noon + milliseconds{200});
  disputed.read(then, noon + lease, noon + lease);
  EXPECT_TRUE(disputed.must_leave(then, a));
  EXPECT_FALSE(disputed.must_leave(then, c));
}

// The answer to a question of the past says nothing about the present.
TEST(Suspicions, AreAsOldAsTheQuestionForTheDocument) {
  const engine_document one_way{three, {{a, {b}}, {b, {}}, {c, {}}}};
  disputes disputed(lease, silence);
  disputed.read(one_way, noon, noon + seconds{1});
  disputed.read(one_way, noon + seconds{8}, noon + seconds{12});
  EXPECT_FALSE(disputed.must_leave(one_way, b));
  disputed.read(one_way, noon + seconds{9}, noon + seconds{12});
  EXPECT_TRUE(disputed.must_leave(one_way, b));
}

// A node writes that it does not hear another one, renews its lease, and dies. For a while it is
// still taken for heard.
TEST(Suspicions, OfANodeThatHasDiedSinceAreNotBelieved) {
  const engine_document noted{three, {{a, {b}}, {b, {}}, {c, {}}}};
  const engine_document died{three, {{a, {b}}, {b, {a}}, {c, {a}}}};
  disputes disputed(lease, silence);
  disputed.read(noted, noon, noon);
  disputed.read(noted, noon + seconds{7}, noon + seconds{7});
  EXPECT_FALSE(disputed.must_leave(noted, b));
  disputed.read(died, noon + seconds{8}, noon + seconds{8});
  disputed.read(died, noon + seconds{12}, noon + seconds{12});
  EXPECT_FALSE(disputed.must_leave(died, b));
}

TEST(Suspicions, ThatEndMeanwhileBeginAnew) {
  const engine_document suspected{three, {{a, {}}, {b, {a}}, {c, {}}}};
  const engine_document heard{three, {{a, {}}, {b, {}}, {c, {}}}};
  disputes disputed(lease, silence);
  disputed.read(suspected, noon, noon);
  disputed.read(heard, noon + seconds{4}, noon + seconds{4});
  disputed.read(suspected, noon + seconds{5}, noon + seconds{5});
  EXPECT_FALSE(disputed.must_leave(suspected, b));
}

TEST(Suspicions, OfNodesWithoutALeaseDoNotCount) {
  const engine_document d{three, {{a, {b, c}}}};

  const auto disputed = seen_for(d, seconds{9});
  EXPECT_FALSE(disputed.must_leave(d, a));
}

TEST(Suspicions, BeginWhenAMemberIsSilent) {
  heard_nodes heard(seconds{3});
  heard.install(three, a, noon);
  EXPECT_FALSE(heard.look(three, a, noon + seconds{1}));
  heard.heard(b, noon + seconds{1});
  (void)heard.look(three, a, noon + milliseconds{2'400});

  EXPECT_TRUE(heard.look(three, a, noon + milliseconds{3'500}));
  EXPECT_EQ(heard.suspected(), std::vector{c});
  heard.heard(c, noon + milliseconds{3'600});
  EXPECT_TRUE(heard.look(three, a, noon + milliseconds{3'600}));
  EXPECT_TRUE(heard.suspected().empty());
}

TEST(Suspicions, DoNotFollowFromAPauseOfTheNodeItself) {
  heard_nodes heard(seconds{3});
  heard.install(three, a, noon);
  (void)heard.look(three, a, noon);

  EXPECT_FALSE(heard.look(three, a, noon + seconds{10}));
}

TEST(Fences, AreAskedForOnceAndEndTheOpensOfTheNode) {
  const auto without = next_view(three, {{b}, std::nullopt, {}}).value();
  fenced_nodes fences;
  EXPECT_TRUE(fences.install(nullptr, three).empty());

  EXPECT_EQ(fences.install(&three, without), std::vector{b});
  EXPECT_TRUE(fences.install(&without, without).empty());
  EXPECT_TRUE(fences.take_ended(without).empty());
  EXPECT_FALSE(fences.is_over(without, b));
  fences.fenced(b);
  EXPECT_EQ(fences.take_ended(without), std::vector{b});
  EXPECT_TRUE(fences.is_over(without, b));
}

TEST(Fences, OfOtherNodesCount) {
  const auto without = next_view(three, {{b}, std::nullopt, {}}).value();
  const auto fenced = next_view(without, {{}, std::nullopt, {b}}).value();
  fenced_nodes fences;
  (void)fences.install(&three, without);
  (void)fences.install(&without, fenced);

  EXPECT_EQ(fences.take_ended(fenced), std::vector{b});
  EXPECT_TRUE(fences.all().empty());
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

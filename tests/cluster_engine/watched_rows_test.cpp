// When leases expire of which only the changes are seen.
#include "watched_rows.hpp"

#include <gtest/gtest.h>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using std::chrono::seconds;

constexpr node_id a{1};
constexpr node_id b{2};
constexpr watched_rows::clock::time_point noon{std::chrono::hours{12}};
const std::vector<node_id> none;

class WatchedRows : public testing::Test {
protected:
  /// Reads at once.
  std::vector<node_id> read(const watched_rows::numbers& rows, seconds at) {
    return watched.read(rows, noon + at, noon + at);
  }

  watched_rows watched{seconds{5}};
};

TEST_F(WatchedRows, ExpireWhenTheyHaveNotChangedForALease) {
  EXPECT_EQ(read({{a, 1}, {b, 1}}, seconds{0}), none);
  EXPECT_EQ(read({{a, 1}, {b, 2}}, seconds{4}), none);
  EXPECT_EQ(read({{a, 1}, {b, 2}}, seconds{5}), std::vector{a});
  EXPECT_EQ(read({{a, 1}, {b, 2}}, seconds{9}), (std::vector{a, b}));
}

TEST_F(WatchedRows, AreWatchedFromWhenTheyAreSeen) {
  EXPECT_EQ(read({{a, 7}}, seconds{100}), none);
  EXPECT_EQ(read({{a, 7}}, seconds{104}), none);
  EXPECT_EQ(read({{a, 7}}, seconds{105}), std::vector{a});
}

// A server that is restored from a copy has an earlier number.
TEST_F(WatchedRows, HaveChangedAlsoIfTheNumberIsLess) {
  EXPECT_EQ(read({{a, 7}}, seconds{0}), none);
  EXPECT_EQ(read({{a, 6}}, seconds{5}), none);
  EXPECT_EQ(read({{a, 6}}, seconds{10}), std::vector{a});
}

TEST_F(WatchedRows, AreForgottenWithTheRow) {
  EXPECT_EQ(read({{a, 7}}, seconds{0}), none);
  EXPECT_EQ(read({}, seconds{3}), none);
  EXPECT_EQ(read({{a, 7}}, seconds{5}), none);
}

// The row may have been read before the node waited for the answer, and may have changed since.
TEST_F(WatchedRows, AreAsOldAsTheQuestionsSay) {
  EXPECT_EQ(watched.read({{a, 1}}, noon, noon + seconds{1}), none);
  EXPECT_EQ(watched.read({{a, 1}}, noon + seconds{5}, noon + seconds{8}), none);
  EXPECT_EQ(watched.read({{a, 1}}, noon + seconds{6}, noon + seconds{8}), std::vector{a});
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

// The channels of a client, and the choice of channels for break notifications.
#include <leasebreak/model/client_channels.hpp>

#include <gtest/gtest.h>

namespace leasebreak {
namespace {

constexpr std::uint16_t v202 = 0x0202;
constexpr std::uint16_t v210 = 0x0210;
constexpr std::uint16_t v302 = 0x0302;
constexpr std::uint16_t v311 = 0x0311;

channel_id at(std::uint64_t connection, std::uint64_t session) {
  return {connection_id{connection}, session_id{session}};
}

/// Connections 1 and 2 are channels of session 10; 3 has the sessions 20 and 30.
class ClientChannels : public testing::Test {
protected:
  ClientChannels() {
    for (const auto& c : {at(1, 10), at(2, 10), at(3, 20), at(3, 30)})
      add(c);
  }
  void add(const channel_id& c) { EXPECT_EQ(table.add(c, v311, 100), errc::success); }
  [[nodiscard]] std::vector<channel_id> lease_at(std::vector<channel_id> opens) const {
    table.complete(opens, false);
    return opens;
  }
  [[nodiscard]] std::vector<channel_id> oplock_at(std::vector<channel_id> opens) const {
    table.complete(opens, true);
    return opens;
  }
  client_channels table;
};

using found = std::vector<channel_id>;

// MS-SMB2 3.3.4.7.
TEST_F(ClientChannels, OfALeaseAreThoseOfItsOpensThenOfItsSessionsThenOfTheClient) {
  EXPECT_EQ(lease_at({at(1, 10)}), (found{at(1, 10), at(2, 10), at(3, 20)}));
  EXPECT_EQ(lease_at({at(3, 20)}), (found{at(3, 20), at(1, 10), at(2, 10)}));
  EXPECT_EQ(lease_at({at(3, 20), at(1, 10)}), (found{at(3, 20), at(1, 10), at(2, 10)}));
}

// MS-SMB2 3.3.4.6.
TEST_F(ClientChannels, OfAnOplockAreThoseOfItsSessionAlone) {
  EXPECT_EQ(oplock_at({at(1, 10)}), (found{at(1, 10), at(2, 10)}));
  EXPECT_EQ(oplock_at({at(3, 20)}), found{at(3, 20)});
}

TEST_F(ClientChannels, DoNotHaveWhatIsLost) {
  table.lose(connection_id{2});
  EXPECT_EQ(lease_at({at(2, 10)}), (found{at(1, 10), at(3, 20)}));
  EXPECT_EQ(oplock_at({at(2, 10)}), found{at(1, 10)});
}

TEST_F(ClientChannels, LeaveASessionsOpensToTheOldestOfItsOthers) {
  add(at(4, 10));
  add(at(4, 30));
  EXPECT_EQ(table.lose(connection_id{1}), found{at(2, 10)});
  EXPECT_EQ(table.lose(connection_id{3}), found{at(4, 30)}) << "the session 20 has no other";
  EXPECT_FALSE(table.has(session_id{20}));
  EXPECT_EQ(table.successor_of(at(3, 30)), at(4, 30));
  EXPECT_EQ(table.successor_of(at(3, 20)), std::nullopt);
  EXPECT_EQ(table.successor_of(at(2, 10)), at(2, 10));
}

TEST_F(ClientChannels, AreNoneForTheOpensOfSessionsThatHaveEnded) {
  EXPECT_TRUE(table.end(session_id{20}));
  EXPECT_FALSE(table.end(session_id{20}));

  EXPECT_EQ(lease_at({at(3, 20)}), found{}) << "no acknowledgement could come";
  EXPECT_EQ(lease_at({at(3, 20), at(1, 10)}), (found{at(1, 10), at(2, 10), at(3, 30)}));
  table.clear();
  EXPECT_EQ(lease_at({at(1, 10)}), found{});
}

TEST_F(ClientChannels, WithoutASessionStayWhatTheyAre) {
  client_channels none;
  std::vector<channel_id> opens{at(1, 0), at(2, 0)};
  none.complete(opens, false);
  EXPECT_EQ(opens, (found{at(1, 0), at(2, 0)}));
  EXPECT_EQ(oplock_at({at(9, 0)}), found{at(9, 0)});
}

TEST_F(ClientChannels, AreLimited) {
  EXPECT_EQ(table.add(at(5, 50), v311, 4), errc::too_many_channels);
  EXPECT_EQ(table.add(at(1, 10), v311, 4), errc::success) << "it is there already";
  EXPECT_FALSE(table.has(at(5, 50)));
}

TEST_F(ClientChannels, NeedBothIds) {
  EXPECT_EQ(table.add(at(0, 50), v311, 100), errc::invalid_argument);
  EXPECT_EQ(table.add(at(5, 0), v311, 100), errc::invalid_argument);
}

// MS-SMB2 3.3.5.5.3.
TEST_F(ClientChannels, SpeakOneDialectOfVersion3) {
  EXPECT_EQ(table.add(at(5, 50), v302, 100), errc::dialect_mismatch);
  EXPECT_FALSE(table.has(session_id{50}));
  EXPECT_EQ(table.add(at(5, 50), v311, 100), errc::success);
}

TEST_F(ClientChannels, MaySpeakAnotherWhenAllOfTheFirstAreGone) {
  table.lose(connection_id{1});
  table.lose(connection_id{3});
  table.end(session_id{10});
  EXPECT_EQ(table.add(at(5, 50), v302, 100), errc::success);
}

TEST_F(ClientChannels, OfVersion2DoNotCount) {
  EXPECT_EQ(table.add(at(5, 50), v210, 100), errc::success);
  EXPECT_EQ(table.add(at(6, 60), v202, 100), errc::success);
}

} // namespace
} // namespace leasebreak

// Admission and displacement of connections.
#include <smb_server/session/connection_shares.hpp>

#include <gtest/gtest.h>

namespace leasebreak::smb {
namespace {

namespace asio = boost::asio;

asio::ip::address at(const char* address) {
  return asio::ip::make_address(address);
}

constexpr connection_id numbered(std::uint64_t n) {
  return static_cast<connection_id>(n);
}

class ConnectionShares : public ::testing::Test {
protected:
  /// Admits the next connection.
  connection_shares::verdict enter(const char* address = "10.0.0.1") {
    return shares_.enter(numbered(++last_), at(address));
  }

  std::uint64_t last_ = 0;
  connection_shares shares_{{6, 4, 2}};
};

TEST_F(ConnectionShares, LimitAllConnectionsAndThoseOfAnAddress) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(enter().refused.empty());
    shares_.logged_on(numbered(last_));
  }
  EXPECT_EQ(enter().refused, "too many connections from its address");

  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(enter("10.0.0.2").refused.empty());
    shares_.logged_on(numbered(last_));
  }
  EXPECT_EQ(enter("10.0.0.3").refused, "too many connections");
  EXPECT_EQ(shares_.size(), 6U);
}

// No address has more than its share, but together they have all connections.
TEST_F(ConnectionShares, OfSilentConnectionsOfSeveralAddressesMakeRoom) {
  for (const char* address : {"10.0.0.2", "10.0.0.1", "10.0.0.3", "10.0.0.1"})
    EXPECT_TRUE(enter(address).refused.empty());
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(enter("10.0.0.4").refused.empty());
    shares_.logged_on(numbered(last_));
  }

  const auto next = enter("10.0.0.5");

  EXPECT_TRUE(next.refused.empty());
  EXPECT_EQ(next.displaced, numbered(2)) << "the oldest of the address with most of them";
  // Displaced connections have descriptors until they end, thus few may exceed the limit.
  EXPECT_EQ(enter("10.0.0.6").refused, "too many connections");
  shares_.leave(numbered(2));
  EXPECT_TRUE(enter("10.0.0.6").refused.empty());
  EXPECT_EQ(shares_.size(), 7U);
}

TEST_F(ConnectionShares, AreFreeAgainWhenAConnectionLeaves) {
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(enter().refused.empty());
    shares_.logged_on(numbered(last_));
  }

  shares_.leave(numbered(2));

  EXPECT_TRUE(enter().refused.empty());
}

TEST_F(ConnectionShares, LetTheOldestSilentOneMakeRoom) {
  enter();
  enter();
  enter("10.0.0.2");

  const auto third = enter();

  EXPECT_TRUE(third.refused.empty());
  EXPECT_EQ(third.displaced, numbered(1));
}

TEST_F(ConnectionShares, KeepThoseThatHaveLoggedOn) {
  enter();
  shares_.logged_on(numbered(1));
  enter();
  EXPECT_EQ(enter().displaced, connection_id::none);

  EXPECT_EQ(enter().displaced, numbered(2));
}

TEST_F(ConnectionShares, CountADisplacedConnectionUntilItLeaves) {
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(enter().refused.empty());
  EXPECT_FALSE(enter().refused.empty());

  shares_.leave(numbered(1));

  EXPECT_EQ(enter().displaced, numbered(3));
}

// A displaced connection may log on before it ends. In either order it is counted once.
TEST_F(ConnectionShares, AllowALogonAfterTheDisplacement) {
  enter();
  enter();
  EXPECT_EQ(enter().displaced, numbered(1));

  shares_.logged_on(numbered(1));

  EXPECT_EQ(enter().displaced, numbered(2));
  shares_.leave(numbered(1));
  EXPECT_EQ(shares_.size(), 3U);
}

TEST_F(ConnectionShares, IgnoreConnectionsThatTheyDoNotKnow) {
  shares_.logged_on(numbered(7));
  shares_.leave(numbered(7));

  EXPECT_EQ(shares_.size(), 0U);
}

TEST(HostPart, IsAnIPv4AddressOrAnIPv6Network) {
  EXPECT_EQ(host_part(at("10.0.0.1")), at("10.0.0.1"));
  EXPECT_EQ(host_part(at("::ffff:10.0.0.1")), at("10.0.0.1"));
  EXPECT_EQ(host_part(at("2001:db8:1:2:3:4:5:6")), host_part(at("2001:db8:1:2::1")));
  EXPECT_NE(host_part(at("2001:db8:1:2::1")), host_part(at("2001:db8:1:3::1")));
}

} // namespace
} // namespace leasebreak::smb

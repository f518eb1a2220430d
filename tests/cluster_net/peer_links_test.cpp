// Connections between nodes, on loopback.
#include "certificates.hpp"
#include "cluster_engine/etcd_server.hpp"
#include "hello.hpp"
#include "loop.hpp"

#include <leasebreak/cluster/peer_links.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using namespace std::chrono_literals;
using cluster_engine_test::folder_of_test;
using cluster_net_test::authority;
namespace asio = boost::asio;
using asio::ip::tcp;

TEST(Hellos, SayWhoSends) {
  const hello h{"files", {"a", node_id{7}, "10.0.0.1:7000", 0}};
  const auto back = std::get<hello>(decode_hello(encode(h)));
  EXPECT_EQ(back.cluster, h.cluster);
  EXPECT_EQ(back.who, h.who);
}

TEST(Hellos, AreRefusedIfAnythingIsWrong) {
  const auto is_refused = [](const std::string& bytes) {
    return std::holds_alternative<std::string>(decode_hello(bytes));
  };
  const hello good{"files", {"a", node_id{7}, "10.0.0.1:7000", 0}};
  const auto bytes = encode(good);
  EXPECT_TRUE(is_refused("GET / HTTP/1.1"));
  EXPECT_TRUE(is_refused(bytes + "x"));
  for (std::size_t size = 0; size != bytes.size(); ++size)
    EXPECT_TRUE(is_refused(bytes.substr(0, size))) << size;
  auto other = good;
  other.who.node = node_id::none;
  EXPECT_TRUE(is_refused(encode(other)));
  other = good;
  other.who.name.clear();
  EXPECT_TRUE(is_refused(encode(other)));
  other = good;
  other.who.address.assign(member_text_max + 1, 'x');
  EXPECT_TRUE(is_refused(encode(other)));
}

TEST(LinkSettings, AreChecked) {
  const auto problem = [](std::string listen, std::string cluster = "files") {
    link_settings s;
    s.listen = std::move(listen);
    s.cluster = std::move(cluster);
    return problem_of(s);
  };
  EXPECT_EQ(problem("127.0.0.1:0"), "");
  EXPECT_EQ(problem("[::1]:7000"), "");
  EXPECT_EQ(problem("10.0.0.1:7000"), "nodes on several machines need TLS");
  for (const char* const bad :
    {"", "host:1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "::1:7000"})
    EXPECT_NE(problem(bad), "") << bad;
  EXPECT_NE(problem("127.0.0.1:0", ""), "");
}

/// A node with its links.
struct linked {
  linked(cluster_net_test::event_loop& loop, const std::string& name, std::uint32_t node,
    link_settings settings) {
    settings.listen = "127.0.0.1:0";
    settings.retry_time = 10ms;
    link_events events;
    events.arrived = [this](packet p) { packets.push_back(std::move(p)); };
    events.noted = [this](std::string what) { notes.push_back(std::move(what)); };
    events.clock = [this] { return now; };
    links.emplace(loop.io.get_executor(), std::move(settings), std::move(events));
    self = {name, node_id{node}, "127.0.0.1:" + std::to_string(links->port()), 0};
    links->start(self);
  }
  [[nodiscard]] bool has_noted(std::string_view part) const {
    return std::ranges::any_of(
      notes, [part](const auto& n) { return n.find(part) != std::string::npos; });
  }

  view_member self;
  std::vector<packet> packets;
  std::vector<std::string> notes;
  time_point now = time_point{} + 1h;
  std::optional<peer_links> links;
};

view view_of(const std::vector<view_member>& members) {
  view v;
  v.number = 1;
  v.members = members;
  v.slots = {{members.front().node, 1}};
  return v;
}

class PeerLinks : public testing::Test {
protected:
  linked& add(const std::string& name, std::uint32_t node) { return add(name, node, settings); }
  linked& add(const std::string& name, std::uint32_t node, const link_settings& s) {
    return *nodes.emplace_back(std::make_unique<linked>(loop, name, node, s));
  }
  static void introduce(linked& one, const linked& other) {
    one.links->install(view_of({one.self, other.self}));
  }
  static packet packet_between(const linked& from, const linked& to) {
    packet p{from.self.node, to.self.node, true, 3, {}};
    file_news news;
    news.notifications.resize(1);
    news.notifications[0].issued = from.now - 2s;
    p.messages.push_back({1, 1, news});
    return p;
  }
  /// Sends until something arrives or is noted by the recipient.
  bool is_delivered(linked& from, linked& to) {
    const auto seen = to.packets.size();
    const auto noted = to.notes.size() + from.notes.size();
    loop.run_until([&] {
      from.links->send(packet_between(from, to));
      return to.packets.size() != seen || to.notes.size() + from.notes.size() != noted;
    });
    return to.packets.size() != seen;
  }
  /// Connects without being a node.
  tcp::socket connect_to(const linked& to) {
    tcp::socket s(loop.io);
    s.connect({asio::ip::address_v4::loopback(), to.links->port()});
    return s;
  }
  bool is_closed_by_the_other(tcp::socket& s) {
    bool has_ended = false;
    char byte = 0;
    asio::async_read(
      s, asio::buffer(&byte, 1), [&](const auto& failed, std::size_t) { has_ended = !!failed; });
    return loop.run_until([&] { return has_ended; });
  }
  static std::string frame(const std::string& bytes) {
    std::string result(4, '\0');
    result[2] = static_cast<char>(bytes.size() >> 8U);
    result[3] = static_cast<char>(bytes.size());
    return result + bytes;
  }

  link_settings settings = [] {
    link_settings s;
    s.cluster = "files";
    return s;
  }();
  cluster_net_test::event_loop loop;
  std::vector<std::unique_ptr<linked>> nodes;
};

TEST_F(PeerLinks, CarryPackets) {
  auto& a = add("a", 1);
  auto& b = add("b", 2);
  b.now = time_point{} + 50h;
  introduce(a, b);
  ASSERT_TRUE(is_delivered(a, b));
  const auto& p = b.packets.front();
  EXPECT_EQ(p.from, node_id{1});
  EXPECT_EQ(p.consumed, 3U);
  const auto& news = std::get<file_news>(p.messages.at(0).body);
  EXPECT_EQ(news.notifications.at(0).issued, b.now - 2s);
}

TEST_F(PeerLinks, LetANodeThatJoinsBeAnswered) {
  auto& member = add("a", 1);
  auto& joins = add("b", 2);
  introduce(joins, member);
  ASSERT_TRUE(is_delivered(joins, member));
  EXPECT_TRUE(is_delivered(member, joins));
  member.links->install(view_of({member.self})); // which does not contain it yet
  ASSERT_TRUE(is_delivered(joins, member));
  EXPECT_TRUE(is_delivered(member, joins));
}

TEST_F(PeerLinks, GoOnWhenANodeIsBack) {
  auto& a = add("a", 1);
  auto& b = add("b", 2);
  introduce(a, b);
  ASSERT_TRUE(is_delivered(a, b));
  const auto port = b.links->port();
  b.links.reset();
  ASSERT_TRUE(loop.run_until([&] {
    a.links->send(packet_between(a, b));
    return a.has_noted("cannot be reached");
  }));
  auto s = settings;
  s.listen = "127.0.0.1:" + std::to_string(port);
  link_events events;
  bool has_arrived = false;
  events.arrived = [&](const packet&) { has_arrived = true; };
  events.clock = [] { return time_point{} + 1h; };
  peer_links again(loop.io.get_executor(), s, events);
  again.start(b.self);
  EXPECT_TRUE(loop.run_until([&] {
    a.links->send(packet_between(a, b));
    return has_arrived;
  }));
}

TEST_F(PeerLinks, RefuseNodesOfAnotherCluster) {
  auto other = settings;
  other.cluster = "music";
  auto& a = add("a", 1);
  auto& b = add("b", 2, other);
  introduce(b, a);
  EXPECT_FALSE(is_delivered(b, a));
  EXPECT_TRUE(a.has_noted("node \"b\" at \"127.0.0.1:")) << a.notes.at(0);
  EXPECT_TRUE(a.has_noted("belongs to the cluster \"music\""));
}

TEST_F(PeerLinks, RefuseOtherPrograms) {
  auto& a = add("a", 1);
  auto s = connect_to(a);
  asio::write(s, asio::buffer(frame("GET / HTTP/1.1")));
  EXPECT_TRUE(is_closed_by_the_other(s));
  EXPECT_TRUE(a.has_noted("it is no node of a cluster"));
  auto web = connect_to(a);
  asio::write(web, asio::buffer(std::string("GET / HTTP/1.1\r\n\r\n"))); // a length of 1.2 GB
  EXPECT_TRUE(is_closed_by_the_other(web));
}

TEST_F(PeerLinks, EndConnectionsThatSayNothing) {
  settings.hello_time = 50ms;
  auto& a = add("a", 1);
  auto s = connect_to(a);
  EXPECT_TRUE(is_closed_by_the_other(s));
  EXPECT_TRUE(a.has_noted("it says nothing"));
}

TEST_F(PeerLinks, RefuseWhatIsNoPacketOfTheSender) {
  auto& a = add("a", 1);
  const hello me{"files", {"x", node_id{9}, "127.0.0.1:1", 0}};
  auto s = connect_to(a);
  asio::write(s, asio::buffer(frame(encode(me)) + frame("nonsense")));
  EXPECT_TRUE(is_closed_by_the_other(s));
  EXPECT_TRUE(a.has_noted("not a packet of this version"));
  auto t = connect_to(a);
  const packet of_other{node_id{8}, a.self.node, true, 0, {}};
  asio::write(t, asio::buffer(frame(encode(me)) + frame(encode(of_other, a.now))));
  EXPECT_TRUE(is_closed_by_the_other(t));
  EXPECT_TRUE(a.has_noted("a packet of another node"));
  auto u = connect_to(a);
  asio::write(u, asio::buffer(frame(encode(me)) + "\x7f\xff\xff\xff"));
  EXPECT_TRUE(is_closed_by_the_other(u));
  EXPECT_TRUE(a.has_noted("too long"));
  EXPECT_TRUE(a.packets.empty());
}

TEST_F(PeerLinks, AcceptALimitedNumberOfConnections) {
  settings.accepted_max = 2;
  auto& a = add("a", 1);
  auto first = connect_to(a);
  auto second = connect_to(a);
  auto third = connect_to(a);
  EXPECT_TRUE(is_closed_by_the_other(third));
}

class SecureLinks : public PeerLinks {
protected:
  linked& secure(const std::string& name, std::uint32_t node) {
    return secure(name, node, signer.context_for(name));
  }
  linked& secure(
    const std::string& name, std::uint32_t node, std::shared_ptr<asio::ssl::context> tls) {
    auto s = settings;
    s.tls = std::move(tls);
    return add(name, node, s);
  }

  folder_of_test folder;
  authority signer{folder.path()};
};

TEST_F(SecureLinks, CarryPackets) {
  auto& a = secure("a", 1);
  auto& b = secure("b", 2);
  introduce(a, b);
  EXPECT_TRUE(is_delivered(a, b));
  EXPECT_TRUE(is_delivered(b, a));
}

TEST_F(SecureLinks, RefuseANodeWithTheCertificateOfAnother) {
  auto& a = secure("a", 1);
  auto& liar = secure("b", 2, signer.context_for("c"));
  introduce(liar, a);
  EXPECT_FALSE(is_delivered(liar, a));
  EXPECT_TRUE(a.has_noted("its certificate is not for the node \"b\""));
  introduce(a, liar); // nor is anything sent to it
  EXPECT_FALSE(is_delivered(a, liar));
}

TEST_F(SecureLinks, RefuseCertificatesOfOthersAndNone) {
  const folder_of_test elsewhere;
  const authority stranger(elsewhere.path());
  auto& a = secure("a", 1);
  auto& other = secure("b", 2, stranger.context_for("b"));
  introduce(other, a);
  EXPECT_FALSE(is_delivered(other, a));
  auto& without = secure("b", 3, signer.context_without());
  introduce(without, a);
  EXPECT_FALSE(is_delivered(without, a));
  auto& plain = add("b", 4);
  introduce(plain, a);
  EXPECT_FALSE(is_delivered(plain, a));
  EXPECT_TRUE(a.packets.empty());
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

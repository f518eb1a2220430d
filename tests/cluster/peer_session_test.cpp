// The session between two nodes, over packets that are lost, repeated and reordered.
#include <leasebreak/cluster/peer_session.hpp>

#include "support/seed.hpp"

#include <gtest/gtest.h>

#include <random>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

constexpr node_id near_end{1};
constexpr node_id far_end{2};
constexpr time_point first_moment = time_point{} + std::chrono::hours{24};

message_body numbered(std::uint64_t number) {
  request r;
  r.number = number;
  return r;
}

std::uint64_t number_in(const message& m) {
  return std::get<request>(m.body).number;
}

class PeerSessions : public testing::Test {
protected:
  /// Consumes everything that has arrived.
  static std::vector<std::uint64_t> consume(peer_session& s) {
    std::vector<std::uint64_t> all;
    while (const auto* const m = s.front()) {
      all.push_back(number_in(*m));
      s.pop();
    }
    return all;
  }

  session_settings settings{4, std::chrono::milliseconds{200}};
  peer_session sender{settings, near_end, far_end};
  peer_session receiver{settings, far_end, near_end};
};

using numbers = std::vector<std::uint64_t>;

TEST_F(PeerSessions, SendMessagesOnce) {
  sender.send(7, numbered(1));
  const auto first = sender.take_packet(first_moment);

  ASSERT_TRUE(first);
  EXPECT_EQ(first->from, near_end);
  EXPECT_EQ(first->to, far_end);
  ASSERT_EQ(first->messages.size(), 1U);
  EXPECT_EQ(first->messages.front().view, 7U);
  EXPECT_FALSE(sender.take_packet(first_moment + std::chrono::milliseconds{199}));
}

TEST_F(PeerSessions, RepeatWhatWasNotConsumed) {
  sender.send(7, numbered(1));
  (void)sender.take_packet(first_moment);
  const auto again = sender.take_packet(first_moment + settings.repetition);
  ASSERT_TRUE(again);
  receiver.receive(*again);
  EXPECT_EQ(consume(receiver), numbers{1});

  const auto confirmation = receiver.take_packet(first_moment);
  ASSERT_TRUE(confirmation);
  sender.receive(*confirmation);
  EXPECT_EQ(sender.unconsumed(), 0U);
  EXPECT_FALSE(sender.take_packet(first_moment + std::chrono::hours{1}));
}

TEST_F(PeerSessions, KnowSinceWhenTheOldestMessageWaits) {
  EXPECT_EQ(sender.oldest_since(), std::nullopt);
  sender.send(7, numbered(1));
  const auto first = sender.take_packet(first_moment);
  sender.send(7, numbered(2));
  sender.send(7, numbered(3));
  const auto second = first_moment + std::chrono::milliseconds{50};
  (void)sender.take_packet(second);
  (void)sender.take_packet(second + settings.repetition);
  EXPECT_EQ(sender.oldest_since(), first_moment);

  receiver.receive(*first);
  consume(receiver);
  sender.receive(*receiver.take_packet(first_moment));
  EXPECT_EQ(sender.oldest_since(), second);
  sender.receive({far_end, near_end, false, 3, {}});
  EXPECT_EQ(sender.oldest_since(), std::nullopt);
}

TEST_F(PeerSessions, DeliverARepeatedMessageOnce) {
  sender.send(7, numbered(1));
  const auto p = sender.take_packet(first_moment);
  receiver.receive(*p);
  receiver.receive(*p);
  EXPECT_EQ(consume(receiver), numbers{1});
  (void)receiver.take_packet(first_moment);

  receiver.receive(*p);
  EXPECT_EQ(consume(receiver), numbers{});
  EXPECT_TRUE(receiver.take_packet(first_moment)) << "the confirmation may have been lost";
}

TEST_F(PeerSessions, DeliverInOrder) {
  sender.send(7, numbered(1));
  const auto first = sender.take_packet(first_moment);
  sender.send(7, numbered(2));
  const auto second = sender.take_packet(first_moment);

  receiver.receive(*second);
  EXPECT_EQ(receiver.front(), nullptr);
  receiver.receive(*first);
  EXPECT_EQ(consume(receiver), (numbers{1, 2}));
}

TEST_F(PeerSessions, SendNoMoreThanTheWindow) {
  for (std::uint64_t i = 1; i <= 6; ++i)
    sender.send(7, numbered(i));
  const auto p = sender.take_packet(first_moment);
  ASSERT_EQ(p->messages.size(), 4U);

  receiver.receive(*p);
  (void)consume(receiver);
  sender.receive(*receiver.take_packet(first_moment));
  EXPECT_EQ(sender.take_packet(first_moment)->messages.size(), 2U);
}

TEST_F(PeerSessions, IgnoreMessagesBeyondTheWindow) {
  packet p{near_end, far_end, false, 0, {{6, 7, numbered(6)}}};
  receiver.receive(p);
  for (std::uint64_t i = 1; i <= 5; ++i)
    receiver.receive({near_end, far_end, false, 0, {{i, 7, numbered(i)}}});

  EXPECT_EQ(consume(receiver), (numbers{1, 2, 3, 4}));
}

TEST_F(PeerSessions, AnswerAGreeting) {
  EXPECT_FALSE(sender.take_packet(first_moment));
  sender.greet(true);
  const auto greeting = sender.take_packet(first_moment);
  ASSERT_TRUE(greeting);
  receiver.receive(*greeting);

  const auto answer = receiver.take_packet(first_moment);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->wants_answer);
  sender.receive(*answer);
  EXPECT_FALSE(sender.take_packet(first_moment));
}

TEST_F(PeerSessions, LoseNothingOnABadNetwork) {
  std::mt19937_64 random(test::seed_of_this_run());
  constexpr std::uint64_t count = 300;
  std::vector<packet> network;
  numbers arrived;
  auto now = first_moment;
  std::uint64_t sent = 0;
  for (int i = 0; i < 100'000 && arrived.size() < count; ++i) {
    now += std::chrono::milliseconds{random() % 100};
    if (sent < count && random() % 2 == 0)
      sender.send(7, numbered(++sent));
    for (auto* const end : {&sender, &receiver})
      if (auto p = end->take_packet(now); p && random() % 3 != 0)
        network.push_back(std::move(*p));
    if (network.empty())
      continue;
    const auto at = network.begin() + static_cast<std::ptrdiff_t>(random() % network.size());
    (at->to == near_end ? sender : receiver).receive(*at);
    if (random() % 4 != 0)
      network.erase(at);
    for (const auto n : consume(receiver))
      arrived.push_back(n);
  }

  ASSERT_EQ(arrived.size(), count);
  for (std::uint64_t i = 0; i < count; ++i)
    EXPECT_EQ(arrived[i], i + 1);
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

// Packets as bytes.
#include <leasebreak/cluster/message.hpp>

#include "support/seed.hpp"

#include <leasebreak/model/internal/value_archive.hpp>
#include <leasebreak/model/internal/value_fields.hpp>

#include <gtest/gtest.h>

#include <random>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
namespace {

using namespace std::chrono_literals;

constexpr time_point now_of_sender = time_point{} + 1000h;
constexpr time_point now_of_recipient = time_point{} + 7000h;

/// Gives all members of a value random values within their ranges.
class filler : public detail::value_reader<filler> {
public:
  explicit filler(std::uint64_t seed) : value_reader({}, now_of_sender), random_(seed) {}

  template <class... T>
  void operator()(T&... x) {
    (value(x), ...);
  }

  void value(bool& x) { x = random_() % 2 != 0; }
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) void value(T& x) { x = static_cast<T>(random_()); }
  template <class E>
  requires std::is_enum_v<E>
  void value(E& x) {
    x = static_cast<E>(random_() & static_cast<std::uint64_t>(detail::last_of<E>));
  }
  void value(oplock_level& x) {
    constexpr std::array all{oplock_level::none, oplock_level::level_ii, oplock_level::exclusive,
      oplock_level::batch, oplock_level::lease};
    x = all[random_() % all.size()];
  }
  void value(time_point& x) {
    constexpr std::array all{
      time_point{}, time_point::max(), now_of_sender, now_of_sender + 3s, now_of_sender - 5s};
    x = all[random_() % all.size()];
  }
  void value(duration& x) { x = duration{random_() % 1'000'000}; }
  void value(std::string& x) { x.assign(random_() % 4, static_cast<char>(random_())); }
  void value(std::monostate&) {}
  template <std::size_t N>
  void value(std::array<std::uint8_t, N>& x) {
    for (auto& b : x)
      b = static_cast<std::uint8_t>(random_());
  }
  template <class Tag>
  void value(id128<Tag>& x) {
    value(x.bytes);
  }
  template <class T>
  void value(std::optional<T>& x) {
    x.reset();
    if (random_() % 2 != 0)
      value(x.emplace());
  }
  template <class T>
  void value(std::vector<T>& x) {
    x.resize(random_() % 3);
    for (auto& each : x)
      value(each);
  }
  template <class T>
  requires requires(filler& a, T& x) { fields(a, x); }
  void value(T& x) { fields(*this, x); }

private:
  std::mt19937_64 random_;
};

/// Calls `f` with a value of each alternative, by its number.
template <class Variant, std::size_t I = 0, class Function>
void for_each_alternative(filler& fill, const Function& f) {
  if constexpr (I < std::variant_size_v<Variant>) {
    Variant x;
    fill(x.template emplace<I>());
    f(x);
    for_each_alternative<Variant, I + 1>(fill, f);
  }
}

packet with(message_body body) {
  packet p{node_id{7}, node_id{9}, true, 41, {}};
  p.messages.push_back({1, 5, std::move(body)});
  return p;
}

request request_of(command what) {
  return {3, 4, 17, "file", std::move(what), break_id{23}};
}

std::string problem_of_packet(const std::string& bytes) {
  const auto decoded = decode_packet(bytes, now_of_recipient);
  const auto* const error = std::get_if<packet_error>(&decoded);
  return error != nullptr ? error->what : "";
}

// Each member is written and read: what comes back is written as the same bytes.
void expect_comes_back(const packet& p) {
  const auto bytes = encode(p, now_of_sender);
  const auto back = decode_packet(bytes, now_of_recipient);
  ASSERT_TRUE(std::holds_alternative<packet>(back)) << std::get<packet_error>(back).what;
  EXPECT_EQ(encode(std::get<packet>(back), now_of_recipient), bytes);
}

bool is_of_the_owner(const command& what) {
  return std::holds_alternative<stop_waiting>(what) || std::holds_alternative<load_record>(what) ||
    std::holds_alternative<grace_ended>(what) || std::holds_alternative<deadline_reached>(what) ||
    std::holds_alternative<node_gone>(what);
}

TEST(PacketBytes, ContainEachCommandThatNodesSend) {
  const auto seed = test::seed_of_this_run();
  filler fill(seed);
  std::size_t sent = 0;
  for (int round = 0; round != 20; ++round)
    for_each_alternative<command>(fill, [&](const command& what) {
      if (is_of_the_owner(what))
        return;
      ++sent;
      expect_comes_back(with(request_of(what)));
    });
  EXPECT_EQ(sent, 20 * (std::variant_size_v<command> - 5));
}

TEST(PacketBytes, AreRefusedWithCommandsOfTheOwnerItself) {
  filler fill(1);
  for_each_alternative<command>(fill, [&](const command& what) {
    if (!is_of_the_owner(what))
      return;
    EXPECT_EQ(problem_of_packet(encode(with(request_of(what)), now_of_sender)),
      "a command that nodes do not send");
  });
}

file_news news_of(filler& fill, operation_result result) {
  file_news n;
  n.slot = 65'535;
  n.term = 5;
  n.file_id = "file";
  n.version = {5, 6};
  n.done = 17;
  fill(n.notifications);
  n.ended.push_back({open_id{5}, end_cause::superseded, client_guid::of(1, 2), {}, 3, true,
    hold_id{4}, lease_key::of(5, 6), true});
  n.completions.push_back({operation_of(node_id{7}, 3), errc::store_closed, std::move(result)});
  n.parts = {{client_guid::of(8), file_snapshot{"bytes"}}, {client_guid::of(9), std::nullopt}};
  n.lost = {client_guid::of(9)};
  return n;
}

TEST(PacketBytes, ContainEachResult) {
  filler fill(test::seed_of_this_run());
  for (int round = 0; round != 20; ++round)
    for_each_alternative<operation_result>(fill,
      [&](const operation_result& result) { expect_comes_back(with(news_of(fill, result))); });
}

TEST(PacketBytes, ContainReports) {
  slot_report r{3, 4, node_id{7}, {}, {}};
  r.files.push_back(
    {"file", node_id{8}, client_guid::of(1), {4, 2}, 5s, {std::string(3'000'000, 'x')}});
  r.pending.push_back(request_of(close_open{{open_id{2}}, operation_id{1}}));
  expect_comes_back(with(r));
}

TEST(PacketBytes, TakeTimesToTheClockOfTheRecipient) {
  file_news n;
  n.notifications.resize(1);
  n.notifications[0].issued = now_of_sender - 3s;
  const auto back = decode_packet(encode(with(n), now_of_sender), now_of_recipient);
  const auto& p = std::get<packet>(back);
  EXPECT_EQ(
    std::get<file_news>(p.messages.at(0).body).notifications.at(0).issued, now_of_recipient - 3s);
}

TEST(PacketBytes, NameTheProblem) {
  const auto p = with(request_of(end_hold{hold_id{1}}));
  const auto good = encode(p, now_of_sender);
  EXPECT_EQ(problem_of_packet(good), "");
  EXPECT_EQ(problem_of_packet("LP\x01"), "not a packet of this version");
  EXPECT_EQ(problem_of_packet(good + "x"), "bytes after the end");
  for (std::size_t size = 3; size != good.size(); ++size)
    EXPECT_NE(problem_of_packet(good.substr(0, size)), "") << size;
  auto other = p;
  other.from = node_id::none;
  EXPECT_EQ(problem_of_packet(encode(other, now_of_sender)), "a node without a number");
  other = p;
  other.messages.push_back(other.messages.back());
  EXPECT_EQ(problem_of_packet(encode(other, now_of_sender)), "messages that are not in order");
  other.messages.assign(packet_messages_max + 1, p.messages.back());
  EXPECT_EQ(problem_of_packet(encode(other, now_of_sender)), "a list that is too long");
  slot_report old{3, 4, node_id{7}, {}, {}};
  old.files.push_back({"file", node_id{8}, client_guid::of(1), {4, 2}, 24h * 366, {}});
  EXPECT_EQ(problem_of_packet(encode(with(old), now_of_sender)), "a report that is too old");
}

// Damaged bytes are refused, or are a packet. Times that are out of range may change once.
TEST(PacketBytes, OfAnyContentAreReadWithoutHarm) {
  const auto seed = test::seed_of_this_run();
  std::mt19937_64 random(seed);
  filler fill(seed);
  std::vector<std::string> good;
  for_each_alternative<command>(fill,
    [&](const command& what) { good.push_back(encode(with(request_of(what)), now_of_sender)); });
  for_each_alternative<operation_result>(fill, [&](const operation_result& result) {
    good.push_back(encode(with(news_of(fill, result)), now_of_sender));
  });
  for (int i = 0; i != 20'000; ++i) {
    auto bytes = good[random() % good.size()];
    for (auto changes = 1 + random() % 3; changes != 0; --changes)
      bytes[3 + random() % (bytes.size() - 3)] = static_cast<char>(random());
    const auto decoded = decode_packet(bytes, now_of_recipient);
    if (const auto* const p = std::get_if<packet>(&decoded)) {
      const auto again = encode(*p, now_of_recipient);
      const auto twice = decode_packet(again, now_of_recipient);
      ASSERT_TRUE(std::holds_alternative<packet>(twice));
      EXPECT_EQ(encode(std::get<packet>(twice), now_of_recipient), again);
    }
  }
}

} // namespace
} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

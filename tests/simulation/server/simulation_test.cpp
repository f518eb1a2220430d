// Tests of the simulator of the server: a seed decides everything, and problems are detected.
#include "server_run.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace leasebreak::smb::simulation {
namespace {

using namespace std::chrono_literals;

TEST(ServerSimulation, GoesTheSameWayTwice) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto s = scene_of(seed);
    const auto first = run(s, false);
    const auto second = run(s, false);
    ASSERT_EQ(first.problem, "") << "seed " << seed;
    ASSERT_EQ(first.hash, second.hash) << "seed " << seed;
    ASSERT_GT(first.operations, 5U);
  }
}

TEST(ServerSimulation, GoesAnotherWayWithAnotherSeed) {
  auto s = scene_of(1);
  const auto first = run(s, false);
  ++s.seed;
  EXPECT_NE(first.hash, run(s, false).hash);
}

constexpr std::uint64_t file = 7;

TEST(SimulatedContents, AreNotWhatWasOverwritten) {
  contents c;
  c.begin(file, 1, 10);
  c.end(file, 1, true, 11);
  EXPECT_TRUE(c.may_read(file, 1, 12, 13));
  EXPECT_FALSE(c.may_read(file, no_content, 12, 13));

  c.begin(file, 2, 14);
  EXPECT_TRUE(c.may_read(file, 1, 15, 16)) << "the write is in flight";
  EXPECT_TRUE(c.may_read(file, 2, 15, 16)) << "the write is in flight";

  c.end(file, 2, true, 17);
  EXPECT_FALSE(c.may_read(file, 1, 18, 19));
  EXPECT_TRUE(c.may_read(file, 1, 16, 19)) << "the read began before";
}

TEST(SimulatedContents, AreNotWhatWasRefused) {
  contents c;
  c.begin(file, 1, 10);
  c.end(file, 1, false, 11);

  EXPECT_FALSE(c.may_read(file, 1, 12, 13));
  EXPECT_TRUE(c.may_read(file, no_content, 12, 13));
}

TEST(SimulatedContents, MayComeLateIfTheAnswerWasLost) {
  contents c;
  c.begin(file, 1, 10);

  EXPECT_TRUE(c.may_read(file, no_content, 100, 101));
  EXPECT_TRUE(c.may_read(file, 1, 102, 103));
}

TEST(SimulatedDisk, KnowsWhichFileHadWhichNameWhen) {
  auto& d = the_disk();
  d.begin_anew({"a", "b"});
  const auto path = [&d](const char* name) { return d.path() + "/" + name; };
  std::ofstream{path("a")} << "12345678";
  d.look(10s);
  const auto made = d.at("a");
  ASSERT_NE(made, 0U);
  std::filesystem::rename(path("a"), path("b"));
  d.look(20s);

  EXPECT_FALSE(d.was_at("a", made, 5s, 9s));
  EXPECT_TRUE(d.was_at("a", made, 5s, 15s));
  EXPECT_FALSE(d.was_at("b", made, 5s, 15s));
  EXPECT_FALSE(d.was_at("a", made, 21s, 30s));
  EXPECT_TRUE(d.was_at("b", made, 21s, 30s));
  EXPECT_EQ(d.all_at("b"), (std::vector<std::uint64_t>{0, made}));
}

/// The bytes and the end that a client's end of a wire has received.
struct heard {
  byte_vector written;
  byte_vector arrived;
  int ended = 0;

  wire::listener_of_client listener() {
    return {[this](bytes_view b) { written.insert(written.end(), b.begin(), b.end()); },
      [this](bytes_view b) { arrived.insert(arrived.end(), b.begin(), b.end()); },
      [this] { ++ended; }};
  }
};

TEST(SimulatedWire, KeepsItsOrderAndLosesWhatIsOnItWhenItIsCut) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    loop l(seed);
    random_source random(seed);
    const auto w = std::make_shared<wire>(l, random);
    heard client;
    w->listen(client.listener());
    const auto write = [&w](std::uint8_t byte) {
      boost::system::error_code error;
      const asio::const_buffer piece{&byte, 1};
      return w->write(std::span{&piece, 1}, error);
    };
    for (std::uint8_t byte = 0; byte < 10; ++byte)
      write(byte);
    while (l.step()) {
      // until all has arrived
    }
    write(10);
    w->cut(1s);
    while (l.step()) {
      // until both ends know
    }

    EXPECT_EQ(client.arrived, (byte_vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})) << "seed " << seed;
    EXPECT_EQ(client.written.size(), 11U);
    EXPECT_EQ(client.ended, 1);
    EXPECT_TRUE(w->has_peer_left());
  }
}

} // namespace
} // namespace leasebreak::smb::simulation

// Bounded runs of the fuzz targets, with the corpus and random changes of it.
#include "frame_target.hpp"
#include "logon_target.hpp"
#include "mutator.hpp"
#include "session_target.hpp"
#include "support/effort.hpp"

#include <smb_server/wire/header.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>

namespace leasebreak::smb::fuzz {
namespace {

const std::filesystem::path corpus{LEASEBREAK_FUZZ_CORPUS};

unsigned seed() {
  static const unsigned value = [] {
    const char* given = std::getenv("LEASEBREAK_SEED");
    const unsigned s =
      given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
    std::cout << "seed=" << s << '\n';
    return s;
  }();
  return value;
}

std::vector<recording> recordings() {
  std::vector<recording> result;
  for (const byte_vector& bytes : read_folder(corpus / "sessions"))
    result.push_back(decode(bytes));
  return result;
}

TEST(Recordings, AreTheSameAfterDecodingAndEncoding) {
  for (const byte_vector& bytes : read_folder(corpus / "sessions"))
    EXPECT_EQ(encode(decode(bytes)), bytes);
}

TEST(Recordings, HaveEveryCommand) {
  std::set<command> seen;
  for (const byte_vector& frame : read_folder(corpus / "frames")) {
    const auto messages = split_compound(frame);
    ASSERT_TRUE(messages);
    for (const message& m : *messages)
      seen.insert(m.head.command);
  }

  EXPECT_EQ(seen.size(), std::size_t{command_count});
}

TEST(FrameParsers, SurviveTheCorpusAndChangesOfIt) {
  constexpr int rounds = test::effort(200'000);
  const std::vector<byte_vector> frames = read_folder(corpus / "frames");
  ASSERT_FALSE(frames.empty());
  SCOPED_TRACE("seed=" + std::to_string(seed()));
  mutator random{seed(), frames};

  for (const byte_vector& frame : frames)
    ASSERT_NO_THROW(parse_everything(frame));
  for (int i = 0; i < rounds; ++i)
    ASSERT_NO_THROW(parse_everything(random.frame())) << "round " << i;
}

std::vector<byte_vector> logons() {
  return read_folder(corpus / "logons");
}

TEST(LogonTokens, OfTheCorpusLogOnWithThePassword) {
  std::size_t let_in = 0;
  for (const byte_vector& bytes : logons()) {
    recorded_logon l = decode_logon(bytes);
    EXPECT_EQ(encode_logon(l), bytes);
    ASSERT_TRUE(l.knows_password);
    if (play_logon(bytes) == logon_end::done)
      ++let_in;
    l.knows_password = false;
    EXPECT_EQ(play_logon(encode_logon(l)), logon_end::refused);
  }
  EXPECT_GE(let_in, 5U); // complete logons, so that changes of them reach the last checks
}

TEST(LogonTokens, SurviveChangesOfTheCorpus) {
  constexpr int rounds = test::effort(100'000);
  const std::vector<byte_vector> recorded = logons();
  ASSERT_FALSE(recorded.empty());
  SCOPED_TRACE("seed=" + std::to_string(seed()));
  mutator random{seed(), recorded};
  int done = 0;

  for (int i = 0; i < rounds; ++i) {
    logon_end end = logon_end::unfinished;
    ASSERT_NO_THROW(end = play_logon(random.frame())) << "round " << i;
    done += end == logon_end::done ? 1 : 0;
  }

  EXPECT_GT(done, 0); // the client still logs on after harmless changes
}

TEST(Sessions, SurviveTheCorpusAndChangesOfIt) {
  constexpr int rounds = test::effort(150);
  const std::vector<recording> recorded = recordings();
  ASSERT_FALSE(recorded.empty());
  SCOPED_TRACE("seed=" + std::to_string(seed()));
  mutator random{seed(), read_folder(corpus / "frames")};
  session_player player;

  for (const recording& r : recorded)
    ASSERT_NO_THROW(player.play(r));
  for (int i = 0; i < rounds; ++i) {
    recording r = recorded[random.below(recorded.size())];
    random.change(r);
    ASSERT_NO_THROW(player.play(r)) << "round " << i;
  }

  // Warnings about refused logons are expected. An exception would be logged as an error.
  EXPECT_EQ(player.stop().find("[error]"), std::string::npos) << player.stop();
}

} // namespace
} // namespace leasebreak::smb::fuzz

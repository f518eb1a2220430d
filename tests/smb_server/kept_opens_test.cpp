// Opens that wait for their client, and the coordinator's giving them up at any moment; what the
// server notes for a restart.
#include <smb_server/kept_opens.hpp>
#include <smb_server/persistent_state.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace leasebreak::smb {
namespace {

open_ptr make_open(std::uint64_t number) {
  auto o = std::make_shared<open>();
  o->id = {number, number + 100};
  o->handle = open_id{number};
  return o;
}

struct running : kept_opens {
  running() { recovered(); }
};

TEST(KeptOpens, AreFoundAndTaken) {
  running kept;
  const auto o = make_open(1);
  kept.expect(o->handle);
  EXPECT_TRUE(kept.keep(o));

  EXPECT_EQ(kept.find(1), o);
  EXPECT_TRUE(kept.take(o, nullptr));
  EXPECT_FALSE(kept.take(o, nullptr));
  EXPECT_EQ(kept.find(1), nullptr);
}

TEST(KeptOpens, AreGivenUpOnce) {
  running kept;
  const auto o = make_open(1);
  kept.keep(o);

  EXPECT_EQ(kept.lose(o->handle), o);
  EXPECT_EQ(kept.lose(o->handle), nullptr);
  EXPECT_EQ(kept.size(), 0U);
}

TEST(KeptOpens, ThatAreGivenUpOnTheirWayAreNotKept) {
  running kept;
  const auto o = make_open(1);
  kept.expect(o->handle);
  EXPECT_EQ(kept.lose(o->handle), nullptr);

  EXPECT_FALSE(kept.keep(o));
  EXPECT_EQ(kept.size(), 0U);
}

TEST(KeptOpens, ThatAreGivenUpWhileTheirClientComesBackAreNotKeptAgain) {
  running kept;
  const auto o = make_open(1);
  kept.keep(o);
  ASSERT_TRUE(kept.take(o, nullptr));
  kept.lose(o->handle);

  EXPECT_FALSE(kept.keep(o));
}

// Nobody would ever ask for it again.
TEST(KeptOpens, RememberNothingOfOpensThatNobodyExpects) {
  running kept;
  const auto o = make_open(1);
  kept.lose(o->handle);
  EXPECT_TRUE(kept.keep(o));

  ASSERT_TRUE(kept.take(o, nullptr));
  kept.forget(o->handle);
  kept.lose(o->handle);
  EXPECT_TRUE(kept.keep(o));
}

TEST(KeptOpens, OfARestartMayBeGivenUpBeforeTheyAreThere) {
  kept_opens kept;
  const auto o = make_open(1);
  kept.lose(o->handle);

  EXPECT_FALSE(kept.keep(o));
}

TEST(PersistentState, ComesBackAsItWas) {
  const persistent_state bare{"user", "file", 0, 0, std::nullopt};
  const persistent_state full{std::string("\0\xff", 2), std::string(4000, 'n') + ":s", 0xffffffff,
    300'000, lease_key::of(1, 2)};

  EXPECT_EQ(parse_persistent_state(to_bytes(bare)), bare);
  EXPECT_EQ(parse_persistent_state(to_bytes(full)), full);
}

TEST(PersistentState, ThatIsCutOrLongerOrOfAnotherVersionIsNone) {
  const auto bytes = to_bytes({"user", "file", 1, 2, lease_key::of(1)});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse_persistent_state(bytes.substr(0, size))) << size;
  EXPECT_FALSE(parse_persistent_state(bytes + "x"));
  auto newer = bytes;
  newer[0] = 2;
  EXPECT_FALSE(parse_persistent_state(newer));
}

} // namespace
} // namespace leasebreak::smb

// The table of disconnected opens, whose opens may end at any time, and the server's part of
// persistent records.
#include <smb_server/opens/kept_opens.hpp>
#include <smb_server/opens/persistent_state.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

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

/// Reports the end of an open to the table. Returns whether the table has taken the report.
bool report(kept_opens& kept, const open_ptr& o, open_ptr* found = nullptr) {
  std::optional<open_lost> lost{std::in_place};
  lost->open = o->handle;
  lost->names.push_back({"root", "f"});
  const open_ptr there = kept.lose(lost);
  if (found != nullptr)
    *found = there;
  return !lost;
}

TEST(KeptOpens, AreFoundAndTaken) {
  running kept;
  const auto o = make_open(1);
  kept.expect(o->handle);
  EXPECT_FALSE(kept.keep(o));

  EXPECT_EQ(kept.find(1), o);
  EXPECT_TRUE(kept.take(o, nullptr));
  EXPECT_FALSE(kept.take(o, nullptr));
  EXPECT_EQ(kept.find(1), nullptr);
}

TEST(KeptOpens, EndOnce) {
  running kept;
  const auto o = make_open(1);
  EXPECT_FALSE(kept.keep(o));

  open_ptr found;
  EXPECT_FALSE(report(kept, o, &found));
  EXPECT_EQ(found, o);
  EXPECT_FALSE(report(kept, o, &found));
  EXPECT_EQ(found, nullptr);
  EXPECT_EQ(kept.size(), 0U);
}

TEST(KeptOpens, ThatEndBeforeTheyAreKeptAreNotKept) {
  running kept;
  const auto o = make_open(1);
  kept.expect(o->handle);
  EXPECT_TRUE(report(kept, o));

  const auto lost = kept.keep(o);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->names.size(), 1U);
  EXPECT_EQ(kept.size(), 0U);
}

// The file may have to be deleted.
TEST(KeptOpens, ThatEndBeforeTheyAreForgottenTellHow) {
  running kept;
  const auto o = make_open(1);
  kept.expect(o->handle);
  EXPECT_TRUE(report(kept, o));

  const auto lost = kept.forget(*o);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->open, o->handle);
  EXPECT_FALSE(kept.forget(*o));
}

TEST(KeptOpens, ThatEndDuringAReconnectAreNotKeptAgain) {
  running kept;
  const auto o = make_open(1);
  EXPECT_FALSE(kept.keep(o));
  ASSERT_TRUE(kept.take(o, nullptr));
  EXPECT_TRUE(report(kept, o));

  EXPECT_TRUE(kept.keep(o));
  EXPECT_EQ(kept.size(), 0U);
}

// Otherwise the record would remain for ever.
TEST(KeptOpens, RecordNoEndOfUnexpectedOpens) {
  running kept;
  const auto o = make_open(1);
  EXPECT_FALSE(report(kept, o));
  EXPECT_FALSE(kept.keep(o));

  ASSERT_TRUE(kept.take(o, nullptr));
  EXPECT_FALSE(kept.forget(*o));
  EXPECT_FALSE(report(kept, o));
  EXPECT_FALSE(kept.keep(o));
}

TEST(KeptOpens, OfARestartMayEndBeforeTheyAreRecovered) {
  kept_opens kept;
  const auto o = make_open(1);
  EXPECT_TRUE(report(kept, o));

  EXPECT_TRUE(kept.keep(o));
  EXPECT_EQ(kept.size(), 0U);
}

persistent_state full_state() {
  persistent_state s;
  s.user = std::string("\0\xff", 2);
  s.name = std::string(4000, 'n') + ":s";
  s.options = 0xffffffff;
  s.timeout_ms = 300'000;
  s.parent_key = lease_key::of(1, 2);
  s.name_before = "before";
  s.position = UINT64_MAX;
  s.action = vfs::create_action::created;
  return s;
}

TEST(PersistentState, SurvivesEncodingAndParsing) {
  persistent_state bare;
  bare.user = "user";
  bare.name = "file";

  EXPECT_EQ(parse_persistent_state(to_bytes(bare)), bare);
  EXPECT_EQ(parse_persistent_state(to_bytes(full_state())), full_state());
}

TEST(PersistentState, OfVersion2IsParsed) {
  auto old = full_state();
  old.action = vfs::create_action::opened; // not contained in version 2
  auto bytes = to_bytes(old);
  bytes.resize(bytes.size() - 4);
  bytes[0] = 2;

  EXPECT_EQ(parse_persistent_state(bytes), old);
}

TEST(PersistentState, WithAnUnknownActionIsRefused) {
  auto bytes = to_bytes(full_state());
  bytes[bytes.size() - 4] = 4;

  EXPECT_FALSE(parse_persistent_state(bytes));
}

TEST(PersistentState, OfVersion1IsParsed) {
  persistent_state old;
  old.user = "user";
  old.name = "file";
  old.parent_key = lease_key::of(7);
  const std::size_t later = 4 + 1 + 8 + 4; // no name, no AppInstanceId, position and action
  auto bytes = to_bytes(old);
  bytes.resize(bytes.size() - later);
  bytes[0] = 1;

  EXPECT_EQ(parse_persistent_state(bytes), old);
}

// Records contained the AppInstanceId before the coordinator stored it.
TEST(PersistentState, WithAnAppInstanceIdIsParsedWithoutIt) {
  const auto bytes = to_bytes(full_state());
  const std::size_t behind = bytes.size() - 8 - 4; // position and action
  ASSERT_EQ(bytes[behind - 1], '\0');

  const auto old = bytes.substr(0, behind - 1) + '\1' + std::string(16, 'i') + bytes.substr(behind);

  EXPECT_EQ(parse_persistent_state(old), full_state());
  EXPECT_FALSE(parse_persistent_state(old.substr(0, old.size() - 1)));
}

TEST(PersistentState, ThatIsCutOrLongerOrOfAnotherVersionIsRefused) {
  const auto bytes = to_bytes(full_state());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse_persistent_state(bytes.substr(0, size))) << size;
  EXPECT_FALSE(parse_persistent_state(bytes + "x"));
  auto newer = bytes;
  newer[0] = 4;
  EXPECT_FALSE(parse_persistent_state(newer));
}

} // namespace
} // namespace leasebreak::smb

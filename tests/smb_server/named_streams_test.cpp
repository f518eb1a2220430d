// Named streams on the wire: large ones, and renames of them (MS-FSA 2.1.5.15.11.1).
#include "names_fixture.hpp"

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::existing;
using testing::leased;
using testing::names_fixture;
using testing::opening;
using testing::raw_client;

constexpr std::uint32_t rwh = 7;

class NamedStreams : public names_fixture {
protected:
  std::uint32_t write(raw_client& c, const file_id& id, const std::string& text) {
    return c.call(command::write, raw_client::write_body(id, text)).head.status;
  }
  std::string read(raw_client& c, const file_id& id, std::uint32_t length = 60'000) {
    const answer a = c.call(command::read, raw_client::read_body(id, length));
    if (a.head.status != status::success)
      return {};
    const auto data = a.bytes.begin() + 80; // the header, and a READ response's fixed part
    return {data, a.bytes.end()};
  }
};

TEST_P(NamedStreams, AreLargerThanAnExtendedAttribute) {
  const file_id s = open(alice, "f:AFP_Resource");
  const std::string data(50'000, 'r');

  EXPECT_EQ(write(alice, s, data), status::success);
  EXPECT_EQ(read(bob, open(bob, "f:afp_resource", existing())), data);
  EXPECT_EQ(alice.close(s), status::success);
  EXPECT_EQ(status_of_open(carol, ".leasebreak.streams"), status::object_name_invalid);
  EXPECT_TRUE(exists(".leasebreak.streams"));
}

TEST_P(NamedStreams, AreRenamedWithAllTheirOpens) {
  const file_id mine = open(alice, "f:one");
  const file_id other = open(bob, "f:one");
  ASSERT_EQ(write(alice, mine, "data"), status::success);

  EXPECT_EQ(move(alice, mine, ":two:$DATA"), status::success);

  EXPECT_EQ(read(bob, other), "data");
  EXPECT_EQ(read(carol, open(carol, "f:TWO", existing())), "data");
  EXPECT_EQ(status_of_open(carol, "f:one", existing()), status::object_name_not_found);
}

TEST_P(NamedStreams, KeepTheirLeaseWhenTheyAreRenamed) {
  const file_id mine = open(alice, "f:one", leased(1, rwh));
  ASSERT_EQ(move(alice, mine, ":two"), status::success);

  opening reader = existing();
  reader.share = 7;
  bob.send(command::create, testing::body_of("f:two", reader));

  expect_break(alice);
}

TEST_P(NamedStreams, KeepTheirShareModeWhenTheyAreRenamed) {
  opening alone;
  alone.share = 0;
  const file_id mine = open(alice, "f:one", alone);
  ASSERT_EQ(move(alice, mine, ":two"), status::success);

  EXPECT_EQ(status_of_open(bob, "f:two", existing()), status::sharing_violation);
  const file_id successor = open(bob, "f:one");
  EXPECT_EQ(write(bob, successor, "new"), status::success);
  EXPECT_EQ(alice.close(mine), status::success);
  EXPECT_EQ(status_of_open(carol, "f:two", existing()), status::success);
}

TEST_P(NamedStreams, ReplaceOthersOnlyIfThatIsAskedForAndTheyAreNotOpen) {
  const file_id one = open(alice, "f:one");
  ASSERT_EQ(write(alice, one, "one"), status::success);
  const file_id two = open(bob, "f:two");

  EXPECT_EQ(move(alice, one, ":TWO"), status::object_name_collision);
  EXPECT_EQ(move(alice, one, ":two", true), status::access_denied);
  EXPECT_EQ(bob.close(two), status::success);
  EXPECT_EQ(move(alice, one, ":two", true), status::success);

  EXPECT_EQ(read(carol, open(carol, "f:two", existing())), "one");
}

TEST_P(NamedStreams, AreDeletedUnderTheirNewName) {
  const file_id mine = open(alice, "f:one");
  ASSERT_EQ(move(alice, mine, ":two"), status::success);
  ASSERT_EQ(set_deletion(alice, mine), status::success);
  EXPECT_EQ(status_of_open(bob, "f:two", existing()), status::delete_pending);
  EXPECT_EQ(alice.close(mine), status::success);

  EXPECT_EQ(status_of_open(bob, "f:two", existing()), status::object_name_not_found);
  EXPECT_TRUE(exists("f"));
}

TEST_P(NamedStreams, AreNotRenamedToWhatIsNoName) {
  const file_id mine = open(alice, "f:one");

  EXPECT_EQ(move(alice, mine, "two"), status::sharing_violation);
  for (const char* bad : {":", "::", ":two:", ":a:b:$DATA", ":a\\b", ":a/b"})
    EXPECT_EQ(move(alice, mine, bad), status::invalid_parameter) << bad;
  EXPECT_EQ(move(alice, mine, ":two:$INDEX_ALLOCATION"), status::object_type_mismatch);
  EXPECT_EQ(move(alice, mine, ":ONE:$DATA"), status::success) << "its own name";
  EXPECT_EQ(move(alice, mine, "::$DATA"), status::object_name_collision);
  EXPECT_EQ(move(alice, mine, "::$DATA", true), status::success);
}

TEST_P(NamedStreams, OfOthersAreNotRenamedThroughAnOpenOfTheFile) {
  constexpr std::uint32_t directory_option = 0x1;
  opening directory;
  directory.options = directory_option;

  EXPECT_EQ(move(alice, open(alice, "f"), ":s"), status::not_supported);
  EXPECT_EQ(move(alice, open(alice, "d", directory), ":s"), status::invalid_parameter);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutNewCalls, NamedStreams, ::testing::Bool());

} // namespace
} // namespace leasebreak::smb

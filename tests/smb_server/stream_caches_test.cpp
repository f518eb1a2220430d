// What clients cache of a file's named streams, when another client overwrites, deletes or replaces
// the file (MS-FSA 2.1.5.1.2, 2.1.5.15.3, 2.1.5.15.11).
#include "names_fixture.hpp"

namespace leasebreak::smb {
namespace {

using testing::body_of;
using testing::disposition_body;
using testing::existing;
using testing::leased;
using testing::move_body;
using testing::names_fixture;
using testing::opening;
using testing::raw_client;

constexpr std::uint32_t lease_rh = 3;
constexpr std::uint32_t lease_rwh = 7;
constexpr std::uint32_t share_without_delete = 3;

class StreamCachesOnTheWire : public names_fixture {
protected:
  static std::uint32_t write(raw_client& c, const file_id& id, const std::string& text) {
    return c.call(command::write, raw_client::write_body(id, text)).head.status;
  }

  static std::uint32_t acknowledge(raw_client& c, std::uint8_t key, std::uint32_t state) {
    byte_writer body;
    lease_break_message left;
    left.key.fill(key);
    left.state = state;
    encode(body, left);
    return c.call(command::oplock_break, body.view()).head.status;
  }

  static void expect_pending(raw_client& c) {
    const auto interim = c.receive();
    ASSERT_TRUE(interim);
    EXPECT_EQ(interim->head.status, status::pending);
  }

  /// Alice's stream of "f", whose handle only its caching keeps open.
  file_id cached_stream(std::uint32_t share, std::uint32_t state = lease_rh) {
    opening how = leased(1, state);
    how.share = share;
    return open(alice, "f:s", how);
  }
};

TEST_P(StreamCachesOnTheWire, AreWrittenBackBeforeTheFileIsOverwritten) {
  for (const auto how : {disposition::overwrite_if, disposition::supersede}) {
    const file_id s = cached_stream(7, lease_rwh);
    bob.send(command::create, body_of("f", {how}));

    expect_break(alice);
    expect_pending(bob);
    EXPECT_EQ(write(alice, s, "dirty"), status::success);
    EXPECT_EQ(acknowledge(alice, 1, 0), status::success);
    const auto overwritten = bob.await_answer();

    ASSERT_EQ(overwritten.head.status, status::success);
    EXPECT_EQ(status_of_open(carol, "f:s", existing()), status::object_name_not_found);
    EXPECT_EQ(alice.close(s), status::success);
    EXPECT_EQ(bob.close(raw_client::read_created(overwritten).id), status::success);
  }
}

TEST_P(StreamCachesOnTheWire, AreClosedBeforeTheFileIsOpenedForDeletion) {
  const file_id s = cached_stream(share_without_delete);
  bob.send(command::create, body_of("f", existing()));

  expect_break(alice);
  EXPECT_EQ(alice.close(s), status::success);

  EXPECT_EQ(bob.await_answer().head.status, status::success);
}

TEST_P(StreamCachesOnTheWire, OfAnOpenStreamDenyADeletion) {
  cached_stream(share_without_delete);
  bob.send(command::create, body_of("f", existing()));

  expect_break(alice);
  EXPECT_EQ(acknowledge(alice, 1, 1), status::success);

  EXPECT_EQ(bob.await_answer().head.status, status::sharing_violation);
}

TEST_P(StreamCachesOnTheWire, AreClosedBeforeTheFileIsDeleted) {
  const file_id s = cached_stream(7);
  const file_id f = open(bob, "f", existing());
  bob.send(command::set_info, disposition_body(f, true));

  expect_break(alice);
  EXPECT_EQ(alice.close(s), status::success);

  EXPECT_EQ(bob.await_answer().head.status, status::success);
  EXPECT_EQ(bob.close(f), status::success);
  EXPECT_FALSE(exists("f"));
  EXPECT_EQ(status_of_open(carol, "f"), status::success);
}

TEST_P(StreamCachesOnTheWire, AreClosedBeforeTheFileIsDeletedOnClose) {
  const file_id s = cached_stream(7);
  const file_id f = open(bob, "f", existing(delete_on_close));
  bob.send(command::close, raw_client::close_body(f));

  expect_break(alice);
  EXPECT_EQ(alice.close(s), status::success);

  EXPECT_EQ(bob.await_answer().head.status, status::success);
  EXPECT_FALSE(exists("f"));
}

TEST_P(StreamCachesOnTheWire, AreClosedBeforeAnotherFileIsRenamedOntoTheirs) {
  const file_id s = cached_stream(7);
  const file_id g = open(bob, "g");
  bob.send(command::set_info, move_body(g, file_class::rename, "f", true));

  expect_break(alice);
  EXPECT_EQ(alice.close(s), status::success);

  EXPECT_EQ(bob.await_answer().head.status, status::success);
  EXPECT_FALSE(exists("g"));
}

TEST_P(StreamCachesOnTheWire, OfAnOpenStreamKeepTheFileFromBeingReplaced) {
  cached_stream(7);
  const file_id g = open(bob, "g");
  bob.send(command::set_info, move_body(g, file_class::rename, "f", true));

  expect_break(alice);
  EXPECT_EQ(acknowledge(alice, 1, 1), status::success);

  EXPECT_EQ(bob.await_answer().head.status, status::access_denied);
  EXPECT_TRUE(exists("g"));
}

TEST_P(StreamCachesOnTheWire, OfADirectoryAreClosedBeforeItIsDeleted) {
  constexpr std::uint32_t directory_option = 0x1;
  opening directory;
  directory.options = directory_option;
  const file_id d = open(bob, "d", directory);
  const file_id s = open(alice, "d:s", leased(1, lease_rh));
  bob.send(command::set_info, disposition_body(d, true));

  expect_break(alice);
  EXPECT_EQ(alice.close(s), status::success);

  EXPECT_EQ(bob.await_answer().head.status, status::success);
  EXPECT_EQ(bob.close(d), status::success);
  EXPECT_FALSE(exists("d"));
}

TEST_P(StreamCachesOnTheWire, FollowTheirStreamWhenItIsRenamed) {
  const file_id s = cached_stream(share_without_delete);
  ASSERT_EQ(move(alice, s, ":t"), status::success);
  bob.send(command::create, body_of("f", existing()));

  expect_break(alice);
  EXPECT_EQ(alice.close(s), status::success);

  EXPECT_EQ(bob.await_answer().head.status, status::success);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutNewCalls, StreamCachesOnTheWire, ::testing::Bool());

} // namespace
} // namespace leasebreak::smb

// Names on the wire: after a wait, names are looked up again. Each test runs with a file system
// with and without unnamed files and RENAME_NOREPLACE.
#include "names_fixture.hpp"

#include <vector>

namespace leasebreak::smb {
namespace {

using testing::answer;
using testing::body_of;
using testing::existing;
using testing::leased;
using testing::move_body;
using testing::names_fixture;
using testing::opening;
using testing::raw_client;

class Names : public names_fixture {};

INSTANTIATE_TEST_SUITE_P(OfFileSystems, Names, ::testing::Values(true, false));

// -- CREATE ---------------------------------------------------------------------------------------

TEST_P(Names, AreLookedUpAgainByACreateThatWaited) {
  struct scene {
    disposition how;
    bool is_swapped; ///< Another file has the name after the wait.
    std::uint32_t expected;
    const char* text; ///< Content of the file with the name at the end.
  };
  const std::uint32_t not_found = status::object_name_not_found;
  const std::vector<scene> scenes{{disposition::open, false, not_found, ""},
    {disposition::open, true, status::success, "new"},
    {disposition::open_if, false, status::success, ""},
    {disposition::open_if, true, status::success, "new"},
    {disposition::overwrite, false, not_found, ""},
    {disposition::overwrite, true, status::success, ""},
    {disposition::overwrite_if, false, status::success, ""},
    {disposition::overwrite_if, true, status::success, ""},
    {disposition::supersede, false, status::success, ""},
    {disposition::supersede, true, status::success, ""}};
  for (const std::uint8_t level : {lease_level, batch_level}) {
    for (const scene& s : scenes) {
      SCOPED_TRACE(::testing::Message() << "level " << int{level} << " disposition "
                                        << static_cast<int>(s.how) << " swapped " << s.is_swapped);
      put("f", "old");
      put("other", "new");
      opening held;
      held.level = level;
      if (level == lease_level)
        held.lease = leased(1, 7).lease;
      const file_id a = open(alice, "f", held);
      opening how;
      how.how = s.how;
      const std::uint64_t waiting = bob.send(command::create, body_of("f", how));
      expect_break(alice);

      EXPECT_EQ(move(alice, a, "f.bak"), status::success);
      if (s.is_swapped) {
        const file_id other = open(alice, "other");
        EXPECT_EQ(move(alice, other, "f"), status::success);
        alice.close(other);
      }
      EXPECT_EQ(alice.close(a), status::success);

      const auto got = bob.receive_final();
      ASSERT_TRUE(got && got->head.message_id == waiting);
      EXPECT_EQ(got->head.status, s.expected);
      EXPECT_EQ(text_of("f.bak"), "old");
      EXPECT_EQ(exists("f"), s.expected == status::success);
      EXPECT_EQ(text_of("f"), s.text);
      if (got->head.status == status::success)
        bob.close(raw_client::read_created(*got).id);
      for (const char* name : {"f", "f.bak", "other"})
        std::filesystem::remove(server.directory() / name);
    }
  }
}

// The delete-on-close is for the file that has the name now, not for the file that had it before.
TEST_P(Names, ACreateThatWaitedDeletesNothingElseOnClose) {
  put("f", "old");
  const file_id a = open(alice, "f", leased(1, 7));
  opening how;
  how.how = disposition::open;
  how.options = delete_on_close;
  bob.send(command::create, body_of("f", how));
  expect_break(alice);

  EXPECT_EQ(move(alice, a, "f.bak"), status::success);
  alice.close(a);

  EXPECT_EQ(bob.receive_final()->head.status, status::object_name_not_found);
  EXPECT_EQ(text_of("f.bak"), "old");
}

// On a file system without unnamed files, the file gets its name first. Another open may be granted
// before.
TEST_P(Names, AFileThatTwoClientsCreateAtOnceStaysForOneOfThem) {
  opening alone;
  alone.share = 0;
  for (const auto how : {disposition::open_if, disposition::create, disposition::overwrite_if,
         disposition::supersede}) {
    alone.how = how;
    for (int round = 0; round < 25; ++round) {
      const std::string name =
        "f" + std::to_string(static_cast<int>(how)) + "." + std::to_string(round);
      alice.send(command::create, body_of(name, alone));
      bob.send(command::create, body_of(name, alone));
      const auto first = alice.receive_final();
      const auto second = bob.receive_final();
      ASSERT_TRUE(first && second);

      const bool alice_has = first->head.status == status::success;
      const bool bob_has = second->head.status == status::success;
      EXPECT_NE(alice_has, bob_has) << name;
      EXPECT_TRUE(exists(name));
      if (alice_has)
        alice.close(raw_client::read_created(*first).id);
      if (bob_has)
        bob.close(raw_client::read_created(*second).id);
    }
  }
}

// Two simultaneous CREATEs of a new name by one client with one lease key open the same file.
TEST_P(Names, AFileThatIsMadeTwiceUnderOneLeaseKeyIsOneFile) {
  raw_client second{server.port()};
  second.set_up({1});
  for (int round = 0; round < 25; ++round) {
    const std::string name = "f" + std::to_string(round);
    const auto key = static_cast<std::uint8_t>(round + 1);
    raw_client& again = second;
    alice.send(command::create, body_of(name, leased(key, 7)));
    again.send(command::create, body_of(name, leased(key, 7)));
    const auto first = alice.receive_final();
    const auto other = again.receive_final();
    ASSERT_TRUE(first && other);

    EXPECT_EQ(first->head.status, status::success);
    EXPECT_EQ(other->head.status, status::success);
  }
}

TEST_P(Names, ANewFileCanBeWrittenRenamedAndDeleted) {
  const file_id f = open(alice, "f", leased(1, 7));
  EXPECT_EQ(
    alice.call(command::write, raw_client::write_body(f, "text")).head.status, status::success);
  EXPECT_EQ(move(alice, f, "g"), status::success);
  EXPECT_EQ(set_deletion(alice, f), status::success);
  EXPECT_EQ(alice.close(f), status::success);

  EXPECT_FALSE(exists("f"));
  EXPECT_FALSE(exists("g"));
}

TEST_P(Names, ANewFileWithAStreamIsOneFile) {
  const answer a = alice.call(command::create, body_of("f:s"));
  if (a.head.status != status::success)
    GTEST_SKIP() << "the file system has no streams";

  EXPECT_TRUE(exists("f"));
  opening there;
  there.how = disposition::open;
  EXPECT_EQ(status_of_open(bob, "f:s", there), status::success);
}

// MS-SMB2 3.3.5.9.8: checked before the existence of the file.
TEST_P(Names, ALeaseKeyInUseComesBeforeNamesThatAreNotThere) {
  open(alice, "f", leased(1, 7));
  for (const auto how : {disposition::open, disposition::open_if, disposition::create,
         disposition::overwrite, disposition::overwrite_if, disposition::supersede}) {
    opening other = leased(1, 7);
    other.how = how;
    EXPECT_EQ(status_of_open(alice, "missing", other), status::invalid_parameter);
    EXPECT_EQ(status_of_open(alice, "no\\such\\way", other), status::invalid_parameter);
  }
  EXPECT_FALSE(exists("missing"));
}

// -- rename and hard link -------------------------------------------------------------------------

TEST_P(Names, AreLookedUpAgainByARenameOrLinkThatWaited) {
  for (const auto what : {file_class::rename, file_class::link}) {
    put("f", "source");
    put("g", "target");
    const file_id held = open(bob, "g", leased(2, 3));
    const file_id f = open(alice, "f");
    const std::uint64_t waiting = alice.send(command::set_info, move_body(f, what, "g", true));
    expect_break(bob);

    EXPECT_EQ(move(bob, held, "h"), status::success);
    opening fresh = leased(3, 7);
    fresh.share = 3;
    const file_id c = open(carol, "g", fresh);
    EXPECT_EQ(
      carol.call(command::write, raw_client::write_body(c, "carol")).head.status, status::success);
    bob.close(held);

    const auto got = alice.receive_final();
    ASSERT_TRUE(got && got->head.message_id == waiting);
    EXPECT_EQ(got->head.status, status::access_denied);
    EXPECT_EQ(text_of("g"), "carol");
    EXPECT_EQ(text_of("h"), "target");
    EXPECT_EQ(text_of("f"), "source");
    alice.close(f);
    carol.close(c);
    for (const char* name : {"f", "g", "h"})
      std::filesystem::remove(server.directory() / name);
  }
}

TEST_P(Names, AreReplacedIfTheyAreNotOpen) {
  for (const auto what : {file_class::rename, file_class::link}) {
    put("f", "source");
    put("g", "target");
    const file_id f = open(alice, "f");

    EXPECT_EQ(move(alice, f, "g", false, what), status::object_name_collision);
    EXPECT_EQ(text_of("g"), "target");
    EXPECT_EQ(move(alice, f, "g", true, what), status::success);
    EXPECT_EQ(text_of("g"), "source");
    EXPECT_EQ(exists("f"), what == file_class::link);
    alice.close(f);
  }
}

// The holder of the directory may take its time.
TEST_P(Names, ThatAreToBeReplacedCanBeOpenedWhileTheRenameWaitsForTheirDirectory) {
  std::filesystem::create_directory(server.directory() / "d");
  put("d/target", "target");
  const file_id source = open(bob, "source");
  raw_client holder{server.port()};
  holder.negotiate(dialect::smb_3_0_2, {4});
  holder.log_on();
  holder.connect_tree();
  opening exclusive = leased(1, rh, 2);
  exclusive.options = directory_option;
  exclusive.share = 1; // reading
  byte_writer body{body_of("d", exclusive)};
  body.patch_u32(24, 0x0012'0089); // DesiredAccess, for reading
  const testing::created directory =
    raw_client::read_created(holder.call(command::create, body.view()));
  ASSERT_EQ(directory.lease.value().state, rh);
  bob.send(command::set_info, move_body(source, file_class::rename, "d\\target", true));
  expect_break(holder);

  open(carol, "d\\target", existing());
  EXPECT_EQ(holder.close(directory.id), status::success);

  EXPECT_EQ(bob.await_answer().head.status, status::access_denied);
  EXPECT_EQ(text_of("d/target"), "target");
}

TEST_P(Names, OfTwoRenamesEachOntoTheOthersNameOneIsRefused) {
  put("f", "f");
  put("g", "g");
  const file_id f = open(alice, "f");
  const file_id g = open(bob, "g");

  alice.send(command::set_info, move_body(f, file_class::rename, "g", true));
  bob.send(command::set_info, move_body(g, file_class::rename, "f", true));

  // Both files are open, thus neither may be replaced. Neither request waits for the other for
  // ever.
  EXPECT_EQ(alice.receive_final()->head.status, status::access_denied);
  EXPECT_EQ(bob.receive_final()->head.status, status::access_denied);
}

// MS-FSA 2.1.5.15.11: a file that is opened during the wait counts like one that was open before.
TEST_P(Names, BeneathADirectoryOpenedWhileItsRenameWaitsKeepItsName) {
  for (const char* other : {"d\\g", "d\\new", "d\\s\\new"}) {
    SCOPED_TRACE(other);
    std::filesystem::create_directories(server.directory() / "d/s");
    put("d/f", "f");
    put("d/g", "g");
    const file_id held = open(bob, "d\\f", leased(2, 3));
    const file_id d = open(alice, "d", existing(directory_option));
    const std::uint64_t waiting =
      alice.send(command::set_info, move_body(d, file_class::rename, "e", false));
    expect_break(bob);

    const file_id newcomer = open(carol, other, leased(3, 7));
    bob.close(held);

    const auto renamed = alice.receive_final();
    ASSERT_TRUE(renamed && renamed->head.message_id == waiting);
    EXPECT_EQ(renamed->head.status, status::access_denied);
    EXPECT_FALSE(exists("e"));
    carol.close(newcomer);
    EXPECT_EQ(move(alice, d, "e"), status::success);
    alice.close(d);
    std::filesystem::remove_all(server.directory() / "e");
  }
}

TEST_P(Names, BeneathADirectoryOpenedAndClosedMeanwhileDoNotBlockItsRename) {
  std::filesystem::create_directory(server.directory() / "d");
  put("d/f", "f");
  const file_id held = open(bob, "d\\f", leased(2, 3));
  const file_id d = open(alice, "d", existing(directory_option));
  const std::uint64_t waiting =
    alice.send(command::set_info, move_body(d, file_class::rename, "e", false));
  expect_break(bob);

  carol.close(open(carol, "d\\new"));
  bob.close(held);

  const auto renamed = alice.receive_final();
  ASSERT_TRUE(renamed && renamed->head.message_id == waiting);
  EXPECT_EQ(renamed->head.status, status::success);
  EXPECT_TRUE(exists("e/new"));
}

// -- deletions ------------------------------------------------------------------------------------

TEST_P(Names, NothingIsMadeInADirectoryThatIsToBeDeleted) {
  std::filesystem::create_directory(server.directory() / "d");
  put("f", "f");
  opening directory;
  directory.options = directory_option;
  directory.how = disposition::open;
  const file_id d = open(alice, "d", directory);
  const file_id f = open(bob, "f");
  EXPECT_EQ(set_deletion(alice, d), status::success);

  EXPECT_EQ(status_of_open(bob, "d\\new"), status::delete_pending);
  opening made;
  made.options = directory_option;
  EXPECT_EQ(status_of_open(bob, "d\\newdir", made), status::delete_pending);
  EXPECT_EQ(status_of_open(bob, "d\\new:s"), status::delete_pending);
  EXPECT_NE(move(bob, f, "d\\f"), status::success);
  EXPECT_EQ(move(bob, f, "d\\f", false, file_class::link), status::delete_pending);

  EXPECT_EQ(alice.close(d), status::success);
  EXPECT_FALSE(exists("d"));
  EXPECT_TRUE(exists("f"));
}

TEST_P(Names, CanBeCreatedInADirectoryWhoseDeletionIsCancelled) {
  std::filesystem::create_directory(server.directory() / "d");
  opening directory;
  directory.options = directory_option;
  directory.how = disposition::open;
  const file_id d = open(alice, "d", directory);
  EXPECT_EQ(set_deletion(alice, d), status::success);
  EXPECT_EQ(set_deletion(alice, d, false), status::success);

  EXPECT_EQ(status_of_open(bob, "d\\new"), status::success);
  EXPECT_EQ(set_deletion(alice, d), status::directory_not_empty);
}

TEST_P(Names, OtherHardLinksOfAFileThatIsDeletedStay) {
  put("one", "data");
  std::filesystem::create_hard_link(server.directory() / "one", server.directory() / "two");
  opening there;
  there.how = disposition::open;
  for (const bool is_on_close : {false, true}) {
    SCOPED_TRACE(is_on_close);
    if (!exists("one"))
      std::filesystem::create_hard_link(server.directory() / "two", server.directory() / "one");
    const file_id two = open(bob, "two", there);
    opening deleting = there;
    deleting.options = is_on_close ? delete_on_close : 0;
    const file_id one = open(alice, "one", deleting);
    if (!is_on_close) {
      EXPECT_EQ(set_deletion(alice, one), status::success);
    }
    EXPECT_EQ(alice.close(one), status::success);
    EXPECT_EQ(bob.close(two), status::success);

    EXPECT_FALSE(exists("one"));
    EXPECT_EQ(text_of("two"), "data");
  }
}

TEST_P(Names, AHardLinkThatWasRenamedMeanwhileIsDeleted) {
  put("one", "data");
  std::filesystem::create_hard_link(server.directory() / "one", server.directory() / "two");
  opening there;
  there.how = disposition::open;
  const file_id two = open(bob, "two", there);
  const file_id one = open(alice, "one", there);
  EXPECT_EQ(set_deletion(alice, one), status::success);
  EXPECT_EQ(move(alice, one, "three"), status::success);
  EXPECT_EQ(alice.close(one), status::success);
  EXPECT_EQ(bob.close(two), status::success);

  EXPECT_FALSE(exists("three"));
  EXPECT_EQ(text_of("two"), "data");
}

// MS-FSA 2.1.5.5.
TEST_P(Names, ADirectoryThatIsNotEmptyStaysWhenItsDeletingOpenCloses) {
  std::filesystem::create_directory(server.directory() / "d");
  put("d/f", "f");
  opening deleting;
  deleting.options = directory_option | delete_on_close;
  deleting.how = disposition::open;
  const file_id d = open(alice, "d", deleting);
  EXPECT_EQ(alice.close(d), status::success);
  EXPECT_TRUE(exists("d/f"));

  std::filesystem::remove(server.directory() / "d/f");
  const file_id again = open(alice, "d", deleting);
  EXPECT_EQ(alice.close(again), status::success);
  EXPECT_FALSE(exists("d"));
}

TEST_P(Names, ADirectoryThatIsNotEmptyStaysWhenItsDeletingOpenIsLost) {
  std::filesystem::create_directory(server.directory() / "d");
  put("d/f", "f");
  {
    raw_client lost{server.port()};
    lost.set_up({4});
    opening deleting;
    deleting.options = directory_option | delete_on_close;
    deleting.how = disposition::open;
    open(lost, "d", deleting);
  }
  opening directory;
  directory.options = directory_option;
  directory.how = disposition::open;
  EXPECT_EQ(status_of_open(bob, "d", directory), status::success);
  EXPECT_TRUE(exists("d/f"));
}

} // namespace
} // namespace leasebreak::smb

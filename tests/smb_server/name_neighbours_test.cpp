// Names on the wire, beyond plain files: streams, directories, hard links, leases of version 2, and
// other ends of a wait.
#include "names_fixture.hpp"

#include <memory>
#include <string>
#include <vector>

namespace leasebreak::smb {
namespace {

using testing::body_of;
using testing::existing;
using testing::leased;
using testing::move_body;
using testing::names_fixture;
using testing::opening;
using testing::raw_client;

class NamesBeside : public names_fixture {
protected:
  NamesBeside() {
    dave.negotiate(dialect::smb_3_0, {4});
    EXPECT_EQ(dave.log_on(), status::success);
    EXPECT_EQ(dave.connect_tree(), status::success);
  }

  void make_directory(const std::string& name) const {
    std::filesystem::create_directory(server.directory() / name);
  }

  file_id open_directory(raw_client& c, const std::string& name, std::uint32_t options = 0) {
    return open(c, name, existing(directory_option | options));
  }

  /// No notification must have come: the next message is the response to a new request.
  static void expect_nothing_told(raw_client& c) {
    const std::uint64_t id = c.send(command::echo, empty_body);
    const auto next = c.receive();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->head.command, command::echo);
    EXPECT_EQ(next->head.message_id, id);
  }

  /// Waits for the final response to a pending request.
  static void expect_final(raw_client& c, std::uint64_t id, std::uint32_t expected) {
    const auto got = c.receive_final();
    ASSERT_TRUE(got && got->head.message_id == id);
    EXPECT_EQ(got->head.status, expected);
  }

  raw_client dave{server.port()}; ///< Can have leases of version 2 and directory leases.
};

INSTANTIATE_TEST_SUITE_P(OfFileSystems, NamesBeside, ::testing::Values(true, false));

// -- CREATE ---------------------------------------------------------------------------------------

TEST_P(NamesBeside, AreLookedUpAgainBehindALeaseOfVersionTwo) {
  put("f", "old");
  const file_id held = open(dave, "f", leased(1, rwh, 2));
  const std::uint64_t waiting = bob.send(command::create, body_of("f", existing()));
  expect_break(dave);

  EXPECT_EQ(move(dave, held, "g"), status::success);
  EXPECT_EQ(dave.close(held), status::success);

  expect_final(bob, waiting, status::object_name_not_found);
  EXPECT_EQ(text_of("g"), "old");
}

TEST_P(NamesBeside, OfDirectoriesAreLookedUpAgain) {
  make_directory("d");
  opening holding = leased(1, rh, 2);
  holding.options = directory_option;
  holding.share = 3;
  const file_id held = open(dave, "d", holding);
  opening deleting = existing(directory_option);
  const std::uint64_t waiting = bob.send(command::create, body_of("d", deleting));
  expect_break(dave);

  EXPECT_EQ(move(dave, held, "e"), status::success);
  EXPECT_EQ(dave.close(held), status::success);

  expect_final(bob, waiting, status::object_name_not_found);
  EXPECT_TRUE(exists("e"));
}

TEST_P(NamesBeside, OfStreamsAreLookedUpAgain) {
  const auto probe = alice.call(command::create, body_of("probe:s"));
  if (probe.head.status != status::success)
    GTEST_SKIP() << "the file system has no streams";
  for (const auto how : {disposition::open, disposition::open_if}) {
    SCOPED_TRACE(static_cast<int>(how));
    const file_id held = open(alice, "f:s", leased(1, rwh));
    opening asked;
    asked.how = how;
    const std::uint64_t waiting = bob.send(command::create, body_of("f:s", asked));
    expect_break(alice);

    const file_id f = open(alice, "f", existing());
    EXPECT_EQ(move(alice, f, "g", true), status::success);
    alice.close(f);
    EXPECT_EQ(alice.close(held), status::success);

    expect_final(
      bob, waiting, how == disposition::open ? status::object_name_not_found : status::success);
    EXPECT_TRUE(exists("g"));
    EXPECT_EQ(exists("f"), how == disposition::open_if);
  }
}

TEST_P(NamesBeside, OfFilesThatAreDeletedMeanwhileDoNotExist) {
  for (const auto how : {disposition::open, disposition::open_if, disposition::overwrite,
         disposition::overwrite_if, disposition::supersede}) {
    SCOPED_TRACE(static_cast<int>(how));
    put("f", "old");
    const file_id held = open(alice, "f", leased(1, rwh));
    opening asked;
    asked.how = how;
    const std::uint64_t waiting = bob.send(command::create, body_of("f", asked));
    expect_break(alice);

    EXPECT_EQ(set_deletion(alice, held), status::success);
    EXPECT_EQ(alice.close(held), status::success);

    const bool makes = how != disposition::open && how != disposition::overwrite;
    const auto got = bob.receive_final();
    ASSERT_TRUE(got && got->head.message_id == waiting);
    EXPECT_EQ(got->head.status, makes ? status::success : status::object_name_not_found);
    EXPECT_EQ(exists("f"), makes);
    EXPECT_EQ(text_of("f"), "");
    if (makes)
      bob.close(raw_client::read_created(*got).id);
    std::filesystem::remove(server.directory() / "f");
  }
}

TEST_P(NamesBeside, OfDirectoriesAndStreamsThatTwoClientsCreateAtOnceStay) {
  for (const char* kind : {"directory", "stream"}) {
    for (int round = 0; round < 20; ++round) {
      const bool is_stream = kind[0] == 's';
      const std::string name = (is_stream ? "f" : "d") + std::to_string(round);
      opening alone;
      alone.share = 0;
      alone.options = is_stream ? 0 : directory_option;
      alice.send(command::create, body_of(is_stream ? name + ":s" : name, alone));
      bob.send(command::create, body_of(is_stream ? name + ":s" : name, alone));
      const auto first = alice.receive_final();
      const auto second = bob.receive_final();
      ASSERT_TRUE(first && second);
      if (is_stream && first->head.status == status::not_supported)
        break;

      const bool alice_has = first->head.status == status::success;
      const bool bob_has = second->head.status == status::success;
      EXPECT_NE(alice_has, bob_has) << name;
      EXPECT_TRUE(exists(name));
      EXPECT_EQ(status_of_open(carol, is_stream ? name + ":s" : name,
                  existing(is_stream ? 0 : directory_option)),
        status::sharing_violation);
      if (alice_has)
        alice.close(raw_client::read_created(*first).id);
      if (bob_has)
        bob.close(raw_client::read_created(*second).id);
    }
  }
}

// A client that waits for another client's new file, and cancels or disconnects, must not delete
// it.
TEST_P(NamesBeside, OfAFileThatAnotherHasStayWhenAWaitIsCancelledOrItsConnectionLost) {
  for (const bool is_lost : {false, true}) {
    SCOPED_TRACE(is_lost);
    const file_id held = open(alice, "f", leased(1, rwh));
    auto waiter = std::make_unique<raw_client>(server.port());
    waiter->set_up({5});
    opening alone;
    alone.share = 0;
    const std::uint64_t waiting = waiter->send(command::create, body_of("f", alone));
    expect_break(alice);

    if (is_lost) {
      waiter.reset();
    } else {
      const auto interim = waiter->receive();
      ASSERT_TRUE(interim && interim->head.status == status::pending);
      waiter->send_frame(waiter->cancel_frame(waiting, interim->head.async_id));
      EXPECT_EQ(waiter->receive_final()->head.status, status::cancelled);
    }
    EXPECT_EQ(alice.call(command::write, raw_client::write_body(held, "mine")).head.status,
      status::success);
    EXPECT_EQ(alice.close(held), status::success);
    EXPECT_EQ(text_of("f"), "mine");
  }
}

TEST_P(NamesBeside, ALeaseKeyInUseComesBeforeNamesOfAnyKind) {
  open(dave, "f", leased(1, rwh, 2));
  open(alice, "g", leased(2, rwh));
  opening directory = leased(1, rh, 2);
  directory.options = directory_option;

  EXPECT_EQ(status_of_open(dave, "missing", leased(1, rwh, 2)), status::invalid_parameter);
  EXPECT_EQ(status_of_open(dave, "missing", directory), status::invalid_parameter);
  EXPECT_EQ(status_of_open(dave, "missing:s", leased(1, rwh, 2)), status::invalid_parameter);
  EXPECT_EQ(status_of_open(alice, "missing:s", leased(2, rwh)), status::invalid_parameter);
  EXPECT_EQ(status_of_open(bob, "missing", existing()), status::object_name_not_found);
  EXPECT_FALSE(exists("missing"));
}

// -- rename and hard link -------------------------------------------------------------------------

TEST_P(NamesBeside, AreLookedUpAgainByARenameThatWaitedForAnOplock) {
  for (const auto what : {file_class::rename, file_class::link}) {
    put("f", "source");
    put("g", "target");
    opening oplock = existing();
    oplock.level = batch_level;
    const file_id held = open(bob, "g", oplock);
    const file_id f = open(alice, "f");
    const std::uint64_t waiting = alice.send(command::set_info, move_body(f, what, "g", true));
    expect_break(bob);

    EXPECT_EQ(move(bob, held, "h"), status::success);
    const file_id fresh = open(dave, "g", leased(3, rwh, 2));
    bob.close(held);

    expect_final(alice, waiting, status::access_denied);
    EXPECT_EQ(text_of("h"), "target");
    EXPECT_EQ(text_of("f"), "source");
    alice.close(f);
    dave.close(fresh);
    for (const char* name : {"f", "g", "h"})
      std::filesystem::remove(server.directory() / name);
  }
}

// A replaced file may be another one than at first, if it has no open.
TEST_P(NamesBeside, ThatAreNewMeanwhileAreReplacedIfTheyAreNotOpen) {
  put("f", "source");
  put("g", "target");
  put("x", "another");
  const file_id held = open(bob, "g", leased(2, rh));
  const file_id f = open(alice, "f");
  const std::uint64_t waiting =
    alice.send(command::set_info, move_body(f, file_class::rename, "g", true));
  expect_break(bob);

  EXPECT_EQ(move(bob, held, "h"), status::success);
  const file_id x = open(carol, "x");
  EXPECT_EQ(move(carol, x, "g"), status::success);
  carol.close(x);
  bob.close(held);

  expect_final(alice, waiting, status::success);
  EXPECT_EQ(text_of("g"), "source");
  EXPECT_EQ(text_of("h"), "target");
}

TEST_P(NamesBeside, BeneathADirectoryKeepItsNameWhateverIsOpenThere) {
  make_directory("d");
  make_directory("d/s");
  put("d/f", "f");
  const file_id d = open_directory(alice, "d");
  const auto expect_denied = [&](const file_id& beneath) {
    EXPECT_EQ(move(alice, d, "e"), status::access_denied);
    EXPECT_EQ(bob.close(beneath), status::success);
  };

  expect_denied(open(bob, "d\\f"));
  expect_denied(open_directory(bob, "d\\s"));
  expect_denied(open(bob, "d\\s\\new"));
  if (const auto stream = bob.call(command::create, body_of("d\\f:s"));
      stream.head.status == status::success)
    expect_denied(raw_client::read_created(stream).id);

  EXPECT_EQ(move(alice, d, "e"), status::success);
  EXPECT_TRUE(exists("e/s/new"));
}

// A hard link below the directory counts only if it was opened by that name.
TEST_P(NamesBeside, BeneathADirectoryBlockItsRenameByThatNameOnly) {
  make_directory("d");
  put("one", "data");
  std::filesystem::create_hard_link(server.directory() / "one", server.directory() / "d/two");
  const file_id d = open_directory(alice, "d");
  const file_id one = open(bob, "one", existing());
  EXPECT_EQ(move(alice, d, "e"), status::success);

  const file_id two = open(carol, "e\\two", leased(3, rh));
  const std::uint64_t waiting =
    alice.send(command::set_info, move_body(d, file_class::rename, "d", false));
  expect_break(carol);
  EXPECT_EQ(carol.close(two), status::success);

  expect_final(alice, waiting, status::success);
  EXPECT_EQ(bob.close(one), status::success);
}

// -- deletions ------------------------------------------------------------------------------------

TEST_P(NamesBeside, MadeInADirectoryWhileItsDispositionWaitsKeepIt) {
  make_directory("d");
  opening holding = leased(1, rh, 2);
  holding.options = directory_option;
  const file_id held = open(dave, "d", holding);
  const file_id d = open_directory(alice, "d");
  const std::uint64_t waiting = alice.send(command::set_info, testing::disposition_body(d, true));
  expect_break(dave);

  const file_id child = open(carol, "d\\child");
  EXPECT_EQ(dave.close(held), status::success);

  expect_final(alice, waiting, status::directory_not_empty);
  EXPECT_EQ(alice.close(d), status::success);
  EXPECT_EQ(carol.close(child), status::success);
  EXPECT_TRUE(exists("d/child"));
}

TEST_P(NamesBeside, OfADirectoryThatIsNotEmptyBreakNothingOnItsDeletion) {
  enum class end { close, tree, session, connection };
  for (const end how : {end::close, end::tree, end::session, end::connection}) {
    SCOPED_TRACE(static_cast<int>(how));
    make_directory("d");
    put("d/f", "f");
    opening holding = leased(1, rh, 2);
    holding.options = directory_option;
    const file_id held = open(dave, "d", holding);
    auto leaver = std::make_unique<raw_client>(server.port());
    leaver->set_up({6});
    const file_id d = open_directory(*leaver, "d", delete_on_close);

    switch (how) {
    case end::close:
      EXPECT_EQ(leaver->close(d), status::success);
      break;
    case end::tree:
      EXPECT_EQ(leaver->call(command::tree_disconnect, empty_body).head.status, status::success);
      break;
    case end::session:
      EXPECT_EQ(leaver->call(command::logoff, empty_body).head.status, status::success);
      break;
    case end::connection:
      leaver.reset();
      break;
    }
    // No deletion is pending: entries can be created.
    EXPECT_EQ(bob.close(open(bob, "d\\more")), status::success);

    expect_break(dave); // by the new entry in the listing
    expect_nothing_told(dave);
    EXPECT_TRUE(exists("d/f"));
    EXPECT_EQ(dave.close(held), status::success);
    std::filesystem::remove_all(server.directory() / "d");
  }
}

TEST_P(NamesBeside, OfEmptyDirectoriesGoWithTheEndOfTheirDeletingOpens) {
  for (const bool is_session : {true, false}) {
    raw_client leaver{server.port()};
    leaver.set_up({6});
    make_directory("d");
    make_directory("e");
    make_directory("full");
    put("full/f", "f");
    for (const char* name : {"e", "full", "d"})
      open_directory(leaver, name, delete_on_close);

    const auto ended =
      leaver.call(is_session ? command::logoff : command::tree_disconnect, empty_body);

    EXPECT_EQ(ended.head.status, status::success);
    EXPECT_FALSE(exists("d"));
    EXPECT_FALSE(exists("e"));
    EXPECT_TRUE(exists("full/f"));
  }
}

TEST_P(NamesBeside, OfAHardLinkGoWhicheverOpenClosesLast) {
  for (const bool is_lost : {false, true}) {
    SCOPED_TRACE(is_lost);
    put("two", "data");
    std::filesystem::create_hard_link(server.directory() / "two", server.directory() / "one");
    {
      raw_client last{server.port()};
      last.set_up({6});
      const file_id two = open(last, "two", existing());
      const file_id one = open(alice, "one", existing());
      EXPECT_EQ(set_deletion(alice, one), status::success);
      EXPECT_EQ(alice.close(one), status::success);
      if (!is_lost) {
        EXPECT_EQ(last.close(two), status::success);
      }
    }
    // The file cannot be opened until the lost connection is noticed and the deletion done.
    auto got = bob.call(command::create, body_of("two", existing()));
    while (is_lost && got.head.status == status::delete_pending)
      got = bob.call(command::create, body_of("two", existing()));
    ASSERT_EQ(got.head.status, status::success);
    EXPECT_FALSE(exists("one"));
    EXPECT_EQ(text_of("two"), "data");
    bob.close(raw_client::read_created(got).id);
  }
}

TEST_P(NamesBeside, OfHardLinksThatAreBothDeletedBothGo) {
  put("one", "data");
  std::filesystem::create_hard_link(server.directory() / "one", server.directory() / "two");
  const file_id one = open(alice, "one", existing(delete_on_close));
  const file_id two = open(bob, "two", existing(delete_on_close));

  EXPECT_EQ(alice.close(one), status::success);
  EXPECT_EQ(bob.close(two), status::success);

  EXPECT_FALSE(exists("one"));
  EXPECT_FALSE(exists("two"));
}

} // namespace
} // namespace leasebreak::smb

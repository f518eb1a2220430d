// The paths of opens: listings, names of deletions, and renames of directories.
#include "files/path_index.hpp"
#include "support/two_clients.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace leasebreak::test {
namespace {

using time_of = two_clients::time;
using detail::path_index;
using detail::placed_open;

// -- the index ------------------------------------------------------------------------------------

TEST(PathIndex, FindsWhatIsBeneathADirectory) {
  path_index index;
  const placed_open one(index, "r", "a/b/f", "1");
  const placed_open two(index, "r", "a/b/c/g", "2");
  const placed_open again(index, "r", "a/b/h", "1");
  const placed_open beside(index, "r", "a/bb/f", "3");
  const placed_open itself(index, "r", "a/b", "4");
  const placed_open elsewhere(index, "s", "a/b/f", "5");

  EXPECT_EQ(index.beneath("r", "a/b"), (std::vector<file_name_id>{"1", "2"}));
  EXPECT_EQ(index.beneath("s", "a/b"), (std::vector<file_name_id>{"5"}));
  EXPECT_TRUE(index.beneath("r", "a/b/c/g").empty());
}

TEST(PathIndex, TellsWhetherSomethingIsBeneathADirectory) {
  path_index index;
  const placed_open one(index, "r", "a/b/f", "1");
  const placed_open two(index, "r", "a/g", "2");
  const file_name_id first = "1";
  const file_name_id second = "2";

  EXPECT_TRUE(index.has_beneath("r", "a/b"));
  EXPECT_TRUE(index.has_beneath("r", "a/b", &first));
  EXPECT_FALSE(index.has_beneath("r", "a/b", &second));
  EXPECT_FALSE(index.has_beneath("r", "a/c"));
  EXPECT_EQ(index.beneath("r", "a", 1).size(), 1U);
  EXPECT_EQ(index.beneath("r", "a", 2).size(), 2U);
}

TEST(PathIndex, ForgetsWhatHasEnded) {
  path_index index;
  { const placed_open gone(index, "r", "a/f", "1"); }

  EXPECT_TRUE(index.beneath("r", "a").empty());
}

TEST(PathIndex, FollowsRenames) {
  path_index index;
  const placed_open one(index, "r", "a/b/f", "1");
  const placed_open two(index, "r", "a/b/c/g", "2");
  const placed_open beside(index, "r", "a/bb", "3");

  index.rename("r", "a/b", "x");
  EXPECT_EQ(one.path(), "x/f");
  EXPECT_EQ(two.path(), "x/c/g");
  EXPECT_EQ(beside.path(), "a/bb");
  index.rename("r", "x/c/g", "h");
  EXPECT_EQ(two.path(), "h");
  index.rename("s", "x", "y");
  EXPECT_EQ(index.beneath("r", "x"), (std::vector<file_name_id>{"1"}));
}

TEST(PathIndex, KeepsEachOfManyOpensOfOneDirectory) {
  path_index index;
  std::vector<std::unique_ptr<placed_open>> opens;
  for (int i = 0; i < 1'000; ++i)
    opens.push_back(std::make_unique<placed_open>(
      index, "r", "d" + std::to_string(i % 300) + "/f" + std::to_string(i), std::to_string(i)));
  for (std::size_t i = 0; i < opens.size(); i += 2)
    opens[i].reset();

  EXPECT_EQ(index.beneath("r", "").size(), 500U);
  opens.clear();
  EXPECT_TRUE(index.beneath("r", "").empty());
}

// -- the coordinator ------------------------------------------------------------------------------

open_request placed(const client_guid& who, const std::string& file, std::uint64_t key,
  const std::string& path, lease_state want = lease_state::rh) {
  auto r = two_clients::request(who, file, key, want);
  r.root = "r";
  r.path = path;
  return r;
}

open_request without_lease(open_request r) {
  r.lease.reset();
  return r;
}

rename_tree_request renaming(const std::string& from) {
  return {"r", from, "dir", two_clients::alice};
}

class TreeRenames : public ::testing::Test {
protected:
  open_id open(open_request r) {
    auto& p = w.start(std::move(r));
    w.settle();
    EXPECT_EQ(p.error(), errc::success);
    return p.as<open_result>().open;
  }

  template <class Request>
  probe& begin(Request r) {
    auto& p = w.start(std::move(r));
    w.settle();
    return p;
  }

  two_clients w{time_of::driven};
};

TEST_F(TreeRenames, CompleteAtOnceIfNothingIsOpenBeneath) {
  open(placed(two_clients::bob, "f", 1, "other/f"));
  open(placed(two_clients::bob, "g", 2, "dd"));

  auto& renamed = begin(renaming("d"));

  EXPECT_EQ(renamed.error(), errc::success);
  EXPECT_TRUE(renamed.as<tree_guard>());
  EXPECT_TRUE(w.bob_saw.empty());
}

TEST_F(TreeRenames, WaitForTheHoldersOfFilesBeneath) {
  const auto f = open(placed(two_clients::bob, "f", 1, "d/s/f"));
  auto& renamed = begin(renaming("d"));
  EXPECT_FALSE(renamed.done());
  ASSERT_EQ(w.bob_saw.size(), 1U);

  w.close("f", f);

  EXPECT_EQ(renamed.error(), errc::success);
}

TEST_F(TreeRenames, AreRefusedIfAFileStaysOpenBeneath) {
  open(placed(two_clients::bob, "f", 1, "d/f"));
  auto& renamed = begin(renaming("d"));

  begin(lease_acknowledgement{two_clients::bob, lease_key::of(1), lease_state::r});

  EXPECT_EQ(renamed.error(), errc::access_denied);
  EXPECT_EQ(begin(placed(two_clients::bob, "g", 2, "d/g")).error(), errc::success);
}

TEST_F(TreeRenames, AskNobodyElseIfAnOpenStays) {
  for (std::uint64_t i = 0; i < 100; ++i)
    open(placed(two_clients::bob, "l" + std::to_string(i), i + 1, "d/l" + std::to_string(i)));
  for (int i = 0; i < 10; ++i)
    open(without_lease(
      placed(two_clients::bob, "f" + std::to_string(i), 0, "d/f" + std::to_string(i))));

  EXPECT_EQ(begin(renaming("d")).error(), errc::access_denied);

  EXPECT_TRUE(w.bob_saw.empty());
}

TEST_F(TreeRenames, AreRefusedThoughManyHoldersHaveNotAnswered) {
  open(without_lease(placed(two_clients::bob, "f", 0, "d/f")));
  for (std::uint64_t i = 0; i < 200; ++i)
    open(placed(two_clients::bob, "l" + std::to_string(i), i + 1, "d/l" + std::to_string(i)));

  EXPECT_EQ(begin(renaming("d")).error(), errc::access_denied);

  EXPECT_EQ(begin(placed(two_clients::bob, "g", 300, "d/g")).error(), errc::success);
}

TEST_F(TreeRenames, WaitForTheHoldersOfManyFiles) {
  std::vector<std::pair<std::string, open_id>> opens;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::string file = "l" + std::to_string(i);
    opens.emplace_back(file, open(placed(two_clients::bob, file, i + 1, "d/" + file)));
  }
  auto& renamed = begin(renaming("d"));
  EXPECT_EQ(w.bob_saw.size(), opens.size());

  for (const auto& [file, id] : opens) {
    EXPECT_FALSE(renamed.done());
    w.close(file, id);
  }

  EXPECT_EQ(renamed.error(), errc::success);
}

TEST_F(TreeRenames, OfManyFilesMayBeCancelled) {
  for (std::uint64_t i = 0; i < 200; ++i)
    open(placed(two_clients::bob, "l" + std::to_string(i), i + 1, "d/l" + std::to_string(i)));
  auto& renamed = begin(renaming("d"));
  EXPECT_FALSE(renamed.done());

  renamed.signal.emit(asio::cancellation_type::terminal);
  w.settle();

  EXPECT_EQ(renamed.error(), errc::cancelled);
}

// A hard link of the file elsewhere is open, and stays open.
TEST_F(TreeRenames, AreNotInTheWayOfNamesElsewhere) {
  open(placed(two_clients::alice, "f", 2, "beside/f", lease_state::r));
  const auto f = open(placed(two_clients::bob, "f", 1, "d/f"));
  auto& renamed = begin(renaming("d"));
  EXPECT_FALSE(renamed.done());

  w.close("f", f);

  EXPECT_EQ(renamed.error(), errc::success);
}

TEST_F(TreeRenames, AreRefusedIfAnotherFileIsOpenedBeneathMeanwhile) {
  for (const char* another : {"d/g", "d/s/g"}) {
    const auto f = open(placed(two_clients::bob, "f", 1, "d/f"));
    auto& renamed = begin(renaming("d"));
    auto& beneath = begin(placed(two_clients::bob, "g", 2, another));
    EXPECT_EQ(beneath.error(), errc::success);
    EXPECT_FALSE(beneath.as<open_result>().waited);
    EXPECT_FALSE(renamed.done());

    w.close("f", f);

    EXPECT_EQ(renamed.error(), errc::access_denied);
    EXPECT_EQ(w.bob_saw.size(), 1U);
    w.bob_saw.clear();
    w.close("g", beneath.as<open_result>().open);
  }
}

TEST_F(TreeRenames, SucceedIfFilesOpenedMeanwhileAreClosed) {
  const auto f = open(placed(two_clients::bob, "f", 1, "d/f"));
  auto& renamed = begin(renaming("d"));
  w.close("g", open(placed(two_clients::bob, "g", 2, "d/g")));
  open(placed(two_clients::bob, "h", 3, "dd/h"));

  w.close("f", f);

  EXPECT_EQ(renamed.error(), errc::success);
}

TEST_F(TreeRenames, LetNewOpensBeneathWaitUntilTheyAreMade) {
  auto& renamed = begin(renaming("d"));
  ASSERT_EQ(renamed.error(), errc::success);
  auto& beneath = begin(placed(two_clients::bob, "g", 2, "d/g"));
  auto& beside = begin(placed(two_clients::bob, "h", 3, "dd/h"));
  EXPECT_FALSE(beneath.done());
  EXPECT_EQ(beside.error(), errc::success);

  w.c->renamed("r", "d", "e");
  renamed.as<tree_guard>().release();
  w.settle();

  EXPECT_EQ(beneath.error(), errc::success);
  EXPECT_TRUE(beneath.as<open_result>().waited);
}

TEST_F(TreeRenames, MayBeCancelled) {
  open(placed(two_clients::bob, "f", 1, "d/f"));
  auto& renamed = begin(renaming("d"));

  renamed.signal.emit(asio::cancellation_type::terminal);
  w.settle();

  EXPECT_EQ(renamed.error(), errc::cancelled);
  EXPECT_EQ(begin(placed(two_clients::bob, "g", 2, "d/g")).error(), errc::success);
}

TEST_F(TreeRenames, OpensThatWaitForThemMayBeCancelled) {
  auto& renamed = begin(renaming("d"));
  ASSERT_EQ(renamed.error(), errc::success);
  auto& beneath = begin(placed(two_clients::bob, "g", 2, "d/g"));
  EXPECT_FALSE(beneath.done());

  beneath.signal.emit(asio::cancellation_type::partial);
  w.settle();

  EXPECT_EQ(beneath.error(), errc::cancelled);
  EXPECT_EQ(w.c->stats().opens_now, 0U);
}

TEST_F(TreeRenames, OpensThatWaitForThemEndWithTheirClient) {
  auto& renamed = begin(renaming("d"));
  ASSERT_EQ(renamed.error(), errc::success);
  auto& beneath = begin(placed(two_clients::bob, "g", 2, "d/g"));

  begin(disconnect_request{two_clients::bob, {}});

  EXPECT_EQ(beneath.error(), errc::client_gone);
  EXPECT_EQ(w.c->unregister_client(two_clients::bob), error_code{});
}

// An open that can be replayed on another channel continues there; others end with their
// connection.
TEST_F(TreeRenames, OpensThatWaitForThemGoOnOnAnotherChannel) {
  constexpr channel_id lost{connection_id{11}, session_id{5}};
  constexpr channel_id other{connection_id{12}, session_id{5}};
  for (const auto& c : {lost, other})
    ASSERT_FALSE(w.c->add_channel(two_clients::bob, c, 0x0311));
  auto& renamed = begin(renaming("d"));
  ASSERT_EQ(renamed.error(), errc::success);
  auto again = placed(two_clients::bob, "g", 2, "d/g", lease_state::rwh);
  again.connection = lost.connection;
  again.session = lost.session;
  auto once = placed(two_clients::bob, "h", 3, "d/h", lease_state::rwh);
  once.connection = lost.connection;
  once.session = lost.session;
  again.durable.emplace();
  again.durable->timeout = std::chrono::seconds{60};
  again.durable->guid = create_guid::of(1);
  auto& goes_on = begin(std::move(again));
  auto& ends = begin(std::move(once));

  begin(disconnect_request{two_clients::bob, lost.connection});
  EXPECT_EQ(ends.error(), errc::client_gone);
  EXPECT_FALSE(goes_on.done());
  renamed.as<tree_guard>().release();
  w.settle();

  EXPECT_EQ(goes_on.error(), errc::success);
  EXPECT_TRUE(goes_on.as<open_result>().durable);
}

TEST_F(TreeRenames, OpensThatWaitForThemEndWithTheirSession) {
  constexpr channel_id channel{connection_id{11}, session_id{5}};
  ASSERT_FALSE(w.c->add_channel(two_clients::bob, channel, 0x0311));
  auto& renamed = begin(renaming("d"));
  ASSERT_EQ(renamed.error(), errc::success);
  for (const bool is_tree : {true, false}) {
    auto asked = placed(two_clients::bob, "g", 2, "d/g");
    asked.connection = channel.connection;
    asked.session = channel.session;
    asked.tree = tree_id{7};
    auto& beneath = begin(std::move(asked));
    EXPECT_FALSE(beneath.done());

    if (is_tree)
      begin(end_tree_request{two_clients::bob, channel.session, tree_id{7}});
    else
      begin(end_session_request{two_clients::bob, channel.session});

    EXPECT_EQ(beneath.error(), errc::client_gone);
  }
}

TEST_F(TreeRenames, OpensDoNotWaitForThemForEver) {
  auto& renamed = begin(renaming("d"));
  ASSERT_EQ(renamed.error(), errc::success);
  auto& beneath = begin(placed(two_clients::bob, "g", 2, "d/g"));

  w.advance(std::chrono::seconds{71});

  EXPECT_EQ(beneath.error(), errc::sharing_violation);
}

TEST_F(TreeRenames, EndWithTheCoordinator) {
  open(placed(two_clients::bob, "f", 1, "d/f"));
  auto& renamed = begin(renaming("d"));
  auto& other = begin(renaming("e"));
  ASSERT_EQ(other.error(), errc::success);
  auto& beneath = begin(placed(two_clients::bob, "g", 2, "e/g"));

  begin(detail::shutdown_request{});

  EXPECT_EQ(renamed.error(), errc::shutting_down);
  EXPECT_EQ(beneath.error(), errc::shutting_down);
}

TEST_F(TreeRenames, RefuseWhatIsNoPath) {
  EXPECT_EQ(begin(rename_tree_request{"", "d", "dir", {}}).error(), errc::invalid_argument);
  EXPECT_EQ(begin(rename_tree_request{"r", "", "dir", {}}).error(), errc::invalid_argument);
  EXPECT_EQ(begin(rename_tree_request{"r", "d", "", {}}).error(), errc::file_id_empty);
  auto long_path = placed(two_clients::bob, "f", 1, std::string(40'000, 'x'));
  EXPECT_EQ(begin(std::move(long_path)).error(), errc::invalid_argument);
}

// -- listings and deletions -----------------------------------------------------------------------

TEST_F(TreeRenames, ListingsNameFilesByTheirPaths) {
  open(placed(two_clients::bob, "f", 1, "d/f"));
  w.c->renamed("r", "d", "e");

  auto& listed = begin(lock_query{});

  const auto& entries = listed.as<std::vector<listed_entry>>();
  ASSERT_EQ(entries.size(), 2U); // the open and its lease
  for (const auto& e : entries)
    EXPECT_EQ(e.path, "e/f");
}

TEST_F(TreeRenames, MeetOpensThatWerePlacedLater) {
  auto r = placed(two_clients::bob, "f", 1, "");
  const auto f = open(r);
  w.c->place("f", f, "r", "d/f");
  w.c->place("f", f, "r", "d/again"); // once it has a path, only renames change it
  w.c->place("f", open_id{4'711}, "r", "d/other");
  w.c->place("g", f, "r", "d/other");
  w.settle();

  auto& renamed = begin(renaming("d"));
  EXPECT_FALSE(renamed.done());
  w.close("f", f);
  EXPECT_EQ(renamed.error(), errc::success);
}

TEST_F(TreeRenames, DeletionsReturnTheNameOfTheirRequest) {
  auto one = placed(two_clients::alice, "f", 1, "one");
  one.access |= access::delete_file;
  const auto deleting = open(one);
  const auto keeping = open(placed(two_clients::bob, "f", 2, "two"));
  begin(access_request{"f", access_kind::set_delete, deleting, two_clients::alice, {}});
  w.start(lease_acknowledgement{two_clients::bob, lease_key::of(2), lease_state::r});
  w.settle();
  w.c->renamed("r", "one", "three");
  begin(close_request{"f", deleting});

  auto& closed = begin(close_request{"f", keeping});

  auto& result = closed.as<close_result>();
  EXPECT_TRUE(result.delete_file);
  EXPECT_EQ(result.names, (std::vector<deleted_name>{{"r", "three"}}));
}

TEST_F(TreeRenames, CancelledDeletionsAreForgotten) {
  auto one = placed(two_clients::alice, "f", 1, "one");
  one.access |= access::delete_file;
  const auto first = open(one);
  auto two = placed(two_clients::alice, "f", 1, "two");
  two.access |= access::delete_file;
  const auto second = open(two);
  begin(access_request{"f", access_kind::set_delete, first, two_clients::alice, {}});
  begin(close_request{"f", first});
  begin(access_request{"f", access_kind::clear_delete, second, two_clients::alice, {}});
  begin(access_request{"f", access_kind::set_delete, second, two_clients::alice, {}});

  auto& closed = begin(close_request{"f", second});

  EXPECT_EQ(closed.as<close_result>().names, (std::vector<deleted_name>{{"r", "two"}}));
}

TEST_F(TreeRenames, DeletionsOfLostConnectionsReturnTheirNames) {
  auto one = placed(two_clients::alice, "f", 1, "one");
  one.access |= access::delete_file;
  one.delete_on_close = true;
  open(one);

  auto& gone = begin(disconnect_request{two_clients::alice, {}});

  auto& result = gone.as<disconnect_result>();
  ASSERT_EQ(result.to_delete.size(), 1U);
  EXPECT_EQ(result.to_delete[0].names, (std::vector<deleted_name>{{"r", "one"}}));
}

} // namespace
} // namespace leasebreak::test

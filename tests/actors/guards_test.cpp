// Guards of directory entries: in order, limited, cancellable, and none for a directory that is
// being deleted.
#include "support/two_clients.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace leasebreak::test {
namespace {

using time_of = two_clients::time;

entry_guard_request entry(const std::string& name, const std::string& also = {}) {
  return {"d", name, also};
}

open_request open_of_directory(std::uint32_t access = access::read_data | access::delete_file) {
  open_request r;
  r.file = "d";
  r.client = two_clients::alice;
  r.access = access;
  r.is_directory = true;
  return r;
}

class Guards : public ::testing::Test {
protected:
  /// Returns an empty guard if the operation is pending.
  entry_guard take(probe& p) {
    EXPECT_TRUE(p.done());
    EXPECT_EQ(p.error(), errc::success);
    return p.done() ? std::move(p.as<entry_guard>()) : entry_guard{};
  }

  probe& ask(entry_guard_request r) {
    auto& p = w.start(std::move(r));
    w.settle();
    return p;
  }

  two_clients w{time_of::driven};
};

TEST_F(Guards, OfOneNameAreGivenOneAfterTheOther) {
  auto first = take(ask(entry("f")));
  auto& second = ask(entry("f"));
  auto& other = ask(entry("g"));
  EXPECT_TRUE(first);
  EXPECT_FALSE(second.done());
  take(other).release();

  first.release();
  EXPECT_FALSE(first);
  w.settle();

  take(second).release();
  w.settle();
}

TEST_F(Guards, OfDifferentDirectoriesAreIndependent) {
  const auto d = take(ask(entry("f")));
  const auto e = take(ask({"e", "f", {}}));

  EXPECT_TRUE(d);
  EXPECT_TRUE(e);
}

TEST_F(Guards, AreReleasedWhenTheyAreDropped) {
  { const auto dropped = take(ask(entry("f"))); }
  w.settle();

  EXPECT_TRUE(ask(entry("f")).done());
}

TEST_F(Guards, OfTwoNamesExcludeBoth) {
  auto both = take(ask(entry("f", "g")));
  auto& f = ask(entry("f"));
  auto& g = ask(entry("g"));
  EXPECT_FALSE(f.done());
  EXPECT_FALSE(g.done());

  both.release();
  w.settle();

  EXPECT_TRUE(f.done());
  EXPECT_TRUE(g.done());
}

TEST_F(Guards, OfTheWholeDirectoryExcludeEveryName) {
  auto f = take(ask(entry("f")));
  auto& whole = ask(entry(""));
  auto& g = ask(entry("g"));
  EXPECT_FALSE(whole.done());
  EXPECT_FALSE(g.done());

  f.release();
  w.settle();
  auto held = take(whole);
  EXPECT_FALSE(g.done());

  held.release();
  w.settle();
  EXPECT_TRUE(g.done());
}

TEST_F(Guards, ThatAreCancelledWhileTheyWaitLetOthersPass) {
  auto first = take(ask(entry("f")));
  auto& second = ask(entry("f", "g"));
  auto& third = ask(entry("g"));

  second.signal.emit(asio::cancellation_type::partial);
  w.settle();

  EXPECT_EQ(second.error(), errc::cancelled);
  EXPECT_EQ(second.calls, 1);
  EXPECT_EQ(third.error(), errc::success);
}

TEST_F(Guards, ThatAreGivenAreNotCancelled) {
  auto& p = ask(entry("f"));
  p.signal.emit(asio::cancellation_type::terminal);
  w.settle();

  EXPECT_EQ(p.calls, 1);
  EXPECT_TRUE(take(p));
}

TEST_F(Guards, AreBounded) {
  coordinator_config config;
  config.limit.guards_per_directory = 2;
  config.limit.entry_name_bytes = 3;
  two_clients small{time_of::driven, config};
  auto& first = small.start(entry("f"));
  auto& second = small.start(entry("f"));
  auto& third = small.start(entry("g"));
  auto& long_name = small.start(entry("four"));
  auto& long_second = small.start(entry("f", "four"));
  auto& no_first = small.start(entry("", "g"));
  auto& no_directory = small.start(entry_guard_request{"", "f", {}});
  small.settle();

  EXPECT_EQ(first.error(), errc::success);
  EXPECT_FALSE(second.done());
  EXPECT_EQ(third.error(), errc::too_many_guards);
  EXPECT_EQ(long_name.error(), errc::invalid_argument);
  EXPECT_EQ(long_second.error(), errc::invalid_argument);
  EXPECT_EQ(no_first.error(), errc::invalid_argument);
  EXPECT_EQ(no_directory.error(), errc::file_id_empty);
}

// MS-FSA 2.1.5.1.1: no entry can be created in a directory that is being deleted.
TEST_F(Guards, AreNotGivenInADirectoryThatIsToBeDeleted) {
  auto& opened = w.start(open_of_directory());
  w.settle();
  const auto d = opened.as<open_result>().open;
  auto first = take(ask(entry("f")));
  auto& waiting = ask(entry("f"));
  w.start(access_request{"d", access_kind::set_delete, d, two_clients::alice, {}});
  w.settle();

  EXPECT_EQ(waiting.error(), errc::delete_pending);
  EXPECT_EQ(ask(entry("g")).error(), errc::delete_pending);
  EXPECT_EQ(ask(entry("")).error(), errc::delete_pending);

  w.start(access_request{"d", access_kind::clear_delete, d, two_clients::alice, {}});
  w.settle();
  EXPECT_EQ(ask(entry("g")).error(), errc::success);
  EXPECT_FALSE(ask(entry("f")).done()); // the first one is still held
}

// In one turn of the directory: the release must not pass the guard on.
TEST_F(Guards, AreNotHandedOnInADirectoryThatIsToBeDeletedJustNow) {
  auto& opened = w.start(open_of_directory());
  w.settle();
  const auto d = opened.as<open_result>().open;
  auto first = take(ask(entry("f")));
  auto& waiting = ask(entry("f"));

  w.start(access_request{"d", access_kind::set_delete, d, two_clients::alice, {}});
  first.release();
  w.settle();

  EXPECT_EQ(waiting.error(), errc::delete_pending);
}

TEST_F(Guards, AreNotGivenWhileTheDirectoryIsRemoved) {
  auto& opened = w.start(open_of_directory());
  w.settle();
  const auto d = opened.as<open_result>().open;
  w.start(access_request{"d", access_kind::set_delete, d, two_clients::alice, {}});
  auto& closed = w.start(close_request{"d", d});
  w.settle();
  auto& removal = closed.as<close_result>();
  ASSERT_TRUE(removal.delete_file);

  EXPECT_EQ(ask(entry("f")).error(), errc::delete_pending);
  removal.hold.release();
  w.settle();
  EXPECT_EQ(ask(entry("f")).error(), errc::success); // whatever has the id now
}

TEST_F(Guards, ThatWaitEndWithTheCoordinator) {
  const auto first = take(ask(entry("f")));
  auto& second = ask(entry("f"));

  auto& down = w.start(detail::shutdown_request{});
  w.settle();

  EXPECT_EQ(down.error(), errc::success);
  EXPECT_EQ(second.error(), errc::shutting_down);
  EXPECT_EQ(ask(entry("g")).error(), errc::shutting_down);
}

TEST_F(Guards, AreCountedWhileTheyAreWaitedFor) {
  const auto waiting = [&] { return w.c->stats().waiting_for_guards_now; };
  auto& opened = w.start(open_of_directory());
  w.settle();
  const auto d = opened.as<open_result>().open;
  auto first = take(ask(entry("f")));
  EXPECT_EQ(waiting(), 0U);
  auto& second = ask(entry("f"));
  auto& third = ask(entry("f"));
  ask(entry("f"));
  EXPECT_EQ(waiting(), 3U);

  first.release();
  w.settle();
  EXPECT_EQ(waiting(), 2U) << "one has it";
  third.signal.emit(asio::cancellation_type::terminal);
  w.settle();
  EXPECT_EQ(waiting(), 1U) << "one was cancelled";
  w.start(access_request{"d", access_kind::set_delete, d, two_clients::alice, {}});
  w.settle();

  EXPECT_EQ(waiting(), 0U) << "it is not granted any more";
  EXPECT_EQ(w.c->stats().waiting_for_guards_most, 3U);
  EXPECT_EQ(w.c->stats().waiting_now, 0U);
  EXPECT_EQ(w.c->stats().waiting_most, 0U);
  take(second).release();
}

TEST(GuardsOfAWorld, OutliveTheCoordinator) {
  entry_guard kept;
  {
    two_clients w;
    auto& p = w.start(entry("f"));
    auto& waiting = w.start(entry("f"));
    w.settle();
    kept = std::move(p.as<entry_guard>());
    w.c.reset();
    w.io.restart();
    w.io.run();
    EXPECT_EQ(waiting.error(), errc::shutting_down);
    EXPECT_EQ(waiting.calls, 1);
  }
  kept.release();
  EXPECT_FALSE(kept);
}

// -- waiting opens, and files without opens ------------------------------------------------------

TEST_F(Guards, AnOpenSaysWhetherItWaited) {
  const auto a = w.open(two_clients::alice, "f", 1);
  EXPECT_FALSE(a.waited);
  auto& b = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  EXPECT_FALSE(b.done());

  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::rh});
  w.settle();

  EXPECT_EQ(b.error(), errc::success);
  EXPECT_TRUE(b.as<open_result>().waited);
}

TEST_F(Guards, ARefusedOpenSaysWhetherItWaited) {
  auto denying = two_clients::request(two_clients::alice, "f", 1, lease_state::rh);
  denying.share_access = 0;
  w.start(denying);
  w.settle();
  auto& b = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  w.start(lease_acknowledgement{two_clients::alice, lease_key::of(1), lease_state::r});
  w.settle();
  auto& c = w.start(two_clients::request(two_clients::bob, "f", 3));
  w.settle();

  EXPECT_EQ(b.error(), errc::sharing_violation);
  EXPECT_TRUE(b.as<open_result>().waited);
  EXPECT_EQ(c.error(), errc::sharing_violation);
  EXPECT_FALSE(c.as<open_result>().waited);
}

TEST_F(Guards, AFileWithoutOpensMayBeRemovedWhileNewOpensWait) {
  auto& removal =
    w.start(access_request{"f", access_kind::remove_unopened, {}, two_clients::alice, {}});
  w.settle();
  ASSERT_EQ(removal.error(), errc::success);
  ASSERT_TRUE(removal.as<access_result>().hold);
  auto& newcomer = w.start(two_clients::request(two_clients::bob, "f", 2));
  w.settle();
  EXPECT_FALSE(newcomer.done());

  removal.as<access_result>().hold.release();
  w.settle();

  EXPECT_EQ(newcomer.error(), errc::success);
  EXPECT_TRUE(newcomer.as<open_result>().waited);
}

TEST_F(Guards, AnOpenFileIsNotRemovedAndNothingIsBroken) {
  w.open(two_clients::bob, "f", 2);

  auto& removal =
    w.start(access_request{"f", access_kind::remove_unopened, {}, two_clients::alice, {}});
  w.settle();

  EXPECT_EQ(removal.error(), errc::access_denied);
  EXPECT_TRUE(w.bob_saw.empty());
}

TEST_F(Guards, AnOpenThatIsUndoneDeletesNothing) {
  auto r = two_clients::request(two_clients::alice, "f", 1);
  r.access |= access::delete_file;
  r.delete_on_close = true;
  auto& opened = w.start(r);
  w.settle();

  auto& closed = w.start(close_request{"f", opened.as<open_result>().open, false, true});
  w.settle();

  EXPECT_EQ(closed.error(), errc::success);
  EXPECT_FALSE(closed.as<close_result>().delete_file);
}

} // namespace
} // namespace leasebreak::test

// Watches without a server: which changes they report, and how many are kept.
#include <smb_server/notify/directory_watches.hpp>
#include <smb_server/wire/status.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace leasebreak::smb {
namespace {

class Watches : public ::testing::Test {
protected:
  watch_ptr add(bool recursive, std::size_t bytes_max, const void* client = nullptr,
    std::string place = "d", std::uint64_t user = 0) {
    watch_terms terms;
    terms.client = client;
    terms.user = user;
    terms.share = this;
    terms.directory = std::move(place);
    terms.recursive = recursive;
    terms.filter = notify_filter::file_name;
    terms.bytes_max = bytes_max;
    return watches.add(terms, io.get_executor());
  }

  /// Returns the status of a request, or `pending`.
  std::uint32_t ask(const watch_ptr& w) {
    notify_waiter waiter{runs, io.get_executor()};
    waiter.room = std::size_t{1} << 20;
    w->wait(waiter);
    w->leave(waiter);
    data = waiter.data;
    return waiter.answered ? waiter.status : status::pending;
  }

  /// Makes changes with this total size.
  void fill(std::size_t bytes, const std::string& place = "d") {
    const std::string name(200, 'n');
    for (std::size_t i = 0; i * name.size() < bytes; ++i)
      report(place + "/" + std::to_string(i) + name);
  }

  void report(const std::string& name, std::uint32_t what = notify_filter::file_name) {
    watches.report(this, {{name, change_action::added, what}});
    io.restart();
    io.poll();
  }

  loop_set loops{1};
  boost::asio::io_context& io = loops.main();
  machine runs{loops};
  directory_watches watches{{10'000, 15'000}};
  byte_vector data; ///< Of the last response.
  const int one = 1; // clients
  const int two = 2;
};

TEST_F(Watches, SeeMatchingChangesOnly) {
  const watch_ptr w = add(false, 4'096);
  notify_waiter waiter{runs, io.get_executor()};
  waiter.room = 4'096;
  w->wait(waiter);

  report("dd/x");
  report("x");
  report("d");
  report("d/e/x");
  report("d/x", notify_filter::size);
  watches.report(nullptr, {{"d/x", change_action::added, notify_filter::file_name}});
  io.restart();
  io.poll();

  EXPECT_FALSE(waiter.answered);
  report("d/x");
  EXPECT_TRUE(waiter.answered);
  w->leave(waiter);
}

TEST_F(Watches, RememberUpToTheirLimit) {
  const watch_ptr w = add(false, 100);
  for (int i = 0; i < 1'000; ++i)
    report("d/" + std::to_string(i));

  notify_waiter waiter{runs, io.get_executor()};
  waiter.room = 4'096;
  w->wait(waiter);

  EXPECT_TRUE(waiter.answered);
  EXPECT_EQ(waiter.status, status::notify_enum_dir);
}

TEST_F(Watches, AnswerFirstComeFirstServed) {
  const watch_ptr w = add(false, 4'096);
  notify_waiter first{runs, io.get_executor()};
  notify_waiter second{runs, io.get_executor()};
  first.room = second.room = 4'096;
  w->wait(first);
  w->wait(second);

  report("d/x");

  EXPECT_TRUE(first.answered);
  EXPECT_FALSE(second.answered);
  w->end(status::notify_cleanup);
  EXPECT_TRUE(second.answered);
  EXPECT_EQ(second.status, status::notify_cleanup);
}

// A change and the request for it may come in either order.
TEST_F(Watches, TellAChangeBeforeTheRequest) {
  const watch_ptr w = add(false, 4'096);

  report("d/x");

  EXPECT_EQ(ask(w), status::success);
  EXPECT_EQ(ask(w), status::pending);
}

TEST_F(Watches, TellAChangeAfterTheRequest) {
  const watch_ptr w = add(false, 4'096);
  notify_waiter waiter{runs, io.get_executor()};
  waiter.room = 4'096;
  w->wait(waiter);

  report("d/x");

  EXPECT_TRUE(waiter.answered);
  EXPECT_EQ(waiter.status, status::success);
}

// The request may be cancelled after its watch was scheduled to complete it.
TEST_F(Watches, KeepAChangeWhoseRequestIsCancelledMeanwhile) {
  const watch_ptr w = add(false, 4'096);
  notify_waiter waiter{runs, io.get_executor()};
  waiter.room = 4'096;
  w->wait(waiter);
  watches.report(this, {{"d/x", change_action::added, notify_filter::file_name}});

  w->leave(waiter);
  io.poll();

  EXPECT_FALSE(waiter.answered);
  EXPECT_EQ(ask(w), status::success);
}

// A watch may end after it was scheduled to complete a request.
TEST_F(Watches, MayEndBetweenAChangeAndItsAnswer) {
  watch_ptr w = add(false, 4'096);
  EXPECT_EQ(ask(w), status::pending);
  watches.report(this, {{"d/x", change_action::added, notify_filter::file_name}});

  w.reset();
  io.poll();

  EXPECT_EQ(watches.bytes(), 0U);
}

TEST_F(Watches, OfParentsAreToldIfTheyAreRecursive) {
  const watch_ptr root = add(true, 4'096, nullptr, "");
  const watch_ptr flat = add(false, 4'096, nullptr, "");
  const watch_ptr parent = add(true, 4'096);

  report("d/e/x");

  EXPECT_EQ(ask(root), status::success);
  EXPECT_EQ(ask(parent), status::success);
  EXPECT_EQ(ask(flat), status::pending);
  report("y");
  EXPECT_EQ(ask(flat), status::success);
}

TEST_F(Watches, OfOneClientKeepAChangeOnce) {
  std::vector<watch_ptr> all;
  for (int i = 0; i < 1'000; ++i)
    all.push_back(add(false, 4'096, &one));

  report("d/x");

  EXPECT_LT(watches.bytes(), 200U);
  EXPECT_TRUE(std::all_of(
    all.begin(), all.end(), [&](const watch_ptr& w) { return ask(w) == status::success; }));
  EXPECT_EQ(watches.bytes(), 0U);
}

TEST_F(Watches, KeepNothingForThoseThatAreGone) {
  watch_ptr w = add(false, 4'096);
  fill(1'000);
  EXPECT_GT(watches.bytes(), 1'000U);

  w.reset();

  EXPECT_EQ(watches.bytes(), 0U);
}

TEST_F(Watches, OfAClientLoseTheirChangesBeyondItsLimit) {
  constexpr std::size_t many = 100'000;
  const watch_ptr greedy = add(false, many, &one);
  const watch_ptr too = add(false, many, &one, "e");
  const watch_ptr other = add(false, many, &two, "e");
  report("e/x");

  fill(many);

  EXPECT_LE(watches.bytes(), 10'000U + 200U);
  EXPECT_EQ(ask(greedy), status::notify_enum_dir);
  EXPECT_EQ(ask(too), status::notify_enum_dir);
  EXPECT_EQ(ask(other), status::success);
}

TEST_F(Watches, OfTheClientWithMostLoseTheirChangesBeyondTheTotal) {
  constexpr std::size_t many = 100'000;
  const watch_ptr most = add(false, many, &one);
  fill(5'000);
  const watch_ptr fewer = add(false, many, &two, "e");
  const int three = 3;
  const watch_ptr fewest = add(false, many, &three, "f");
  fill(3'000, "f");

  fill(3'000, "e");

  EXPECT_LE(watches.bytes(), 15'000U);
  EXPECT_EQ(ask(most), status::notify_enum_dir);
  EXPECT_EQ(ask(fewer), status::success);
  EXPECT_EQ(ask(fewest), status::success);
}

// Each client of the user has fewer than the other user's.
TEST_F(Watches, OfTheUserWithMostLoseTheirChangesBeyondTheTotal) {
  constexpr std::size_t many = 100'000;
  const int three = 3;
  const watch_ptr other = add(false, many, &three, "f", 2);
  fill(4'500, "f");
  const watch_ptr first = add(false, many, &one, "d", 1);
  fill(4'000, "d");
  const watch_ptr second = add(false, many, &two, "e", 1);

  fill(4'000, "e");

  EXPECT_LE(watches.bytes(), 15'000U);
  EXPECT_EQ(ask(other), status::success);
  EXPECT_TRUE(ask(first) == status::notify_enum_dir || ask(second) == status::notify_enum_dir);
}

TEST_F(Watches, AreToldAgainAfterALoss) {
  const watch_ptr w = add(false, 100'000);
  fill(100'000);
  EXPECT_EQ(ask(w), status::notify_enum_dir);

  report("d/x");

  EXPECT_EQ(ask(w), status::success);
}

TEST_F(Watches, FollowTheirDirectoryToAnotherName) {
  const watch_ptr here = add(false, 4'096, &one, "d");
  const watch_ptr below = add(false, 4'096, &two, "d/sub");
  const watch_ptr beside = add(false, 4'096, &two, "dd");

  watches.rename(this, "d", "other/e");
  report("d/of-another-directory");
  EXPECT_EQ(ask(here), status::pending);
  report("other/e/x");
  report("other/e/sub/y");

  EXPECT_EQ(ask(here), status::success);
  EXPECT_EQ(data, encode_changes({{change_action::added, "x"}}));
  EXPECT_EQ(ask(below), status::success);
  EXPECT_EQ(data, encode_changes({{change_action::added, "y"}}));
  EXPECT_EQ(ask(beside), status::pending);
}

TEST_F(Watches, LoseTheirUnreportedChangesWhenTheirDirectoryIsRenamed) {
  const watch_ptr w = add(false, 4'096, &one);
  EXPECT_EQ(ask(w), status::pending);
  report("d/x");

  watches.rename(this, "d", "a-much-longer-name-than-before");

  EXPECT_EQ(watches.bytes(), 0U);
  EXPECT_EQ(ask(w), status::notify_enum_dir);
  EXPECT_EQ(ask(w), status::pending);
}

TEST_F(Watches, MayMeetThoseOfADirectoryThatTheirsReplaces) {
  const watch_ptr old = add(false, 4'096, &one, "e");
  watch_ptr moved = add(false, 4'096, &one, "d");

  watches.rename(this, "d", "e");
  report("e/x");

  EXPECT_EQ(ask(moved), status::success);
  moved.reset();
  EXPECT_EQ(ask(old), status::success);
}

TEST_F(Watches, OfADirectoryThatIsToBeDeletedEndTheirRequests) {
  const watch_ptr w = add(false, 4'096);
  notify_waiter waiter{runs, io.get_executor()};
  w->wait(waiter);

  watches.report_gone(this, "d");
  io.poll();

  EXPECT_EQ(waiter.status, status::delete_pending);
  EXPECT_EQ(ask(w), status::pending);
}

} // namespace
} // namespace leasebreak::smb

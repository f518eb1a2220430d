// The duration of polling before the event loop's thread sleeps.
#include <smb_server/runtime/event_loop.hpp>

#include <boost/asio/post.hpp>

#include <gtest/gtest.h>

#include <thread>

namespace leasebreak::smb {
namespace {

using std::chrono::microseconds;

constexpr microseconds longest{200};

TEST(poll_window, begins_with_sleep) {
  EXPECT_EQ(poll_window{longest}.current(), microseconds{0});
}

TEST(poll_window, grows_while_work_comes_soon_and_no_further_than_it_may) {
  poll_window w{longest};
  auto before = w.current();
  for (int i = 0; i < 3; ++i) {
    w.slept(longest);
    EXPECT_GT(w.current(), before);
    before = w.current();
  }
  for (int i = 0; i < 10; ++i)
    w.slept(microseconds{1});
  EXPECT_EQ(w.current(), longest);
}

TEST(poll_window, shrinks_to_nothing_when_work_comes_late) {
  poll_window w{longest};
  for (int i = 0; i < 10; ++i)
    w.slept(microseconds{1});
  w.slept(longest + microseconds{1});
  EXPECT_EQ(w.current(), longest / 2);
  for (int i = 0; i < 10; ++i)
    w.slept(std::chrono::seconds{1});
  EXPECT_EQ(w.current(), microseconds{0});
}

TEST(poll_window, of_zero_never_looks) {
  poll_window w{microseconds{0}};
  w.slept(microseconds{0});
  w.slept(microseconds{1});
  EXPECT_EQ(w.current(), microseconds{0});
}

TEST(run_polling, does_what_comes_from_other_threads_and_ends_with_the_work) {
  boost::asio::io_context io{1};
  int done = 0;
  auto work = boost::asio::make_work_guard(io);
  std::jthread other{[&] {
    for (int i = 0; i < 1'000; ++i)
      boost::asio::post(io, [&done] { ++done; });
    boost::asio::post(io, [&work] { work.reset(); });
  }};
  run_polling(io, poll_window{longest});
  EXPECT_EQ(done, 1'000);
}

TEST(run_polling, ends_when_stopped) {
  boost::asio::io_context io{1};
  const auto work = boost::asio::make_work_guard(io);
  boost::asio::post(io, [&io] { io.stop(); });
  run_polling(io, poll_window{longest});
  EXPECT_TRUE(io.stopped());
}

} // namespace
} // namespace leasebreak::smb

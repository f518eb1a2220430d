// Operations in coroutines, with requests written in place. g++ 12 destroys aggregates twice there;
// requests are not aggregates.
#include "support/two_clients.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <boost/system/system_error.hpp>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#ifdef BOOST_ASIO_HAS_CO_AWAIT

namespace leasebreak::test {
namespace {

static_assert(!std::is_aggregate_v<open_request> && !std::is_aggregate_v<close_request> &&
  !std::is_aggregate_v<reconnect_request> && !std::is_aggregate_v<replay_request> &&
  !std::is_aggregate_v<server_state_request> && !std::is_aggregate_v<resilience_request> &&
  !std::is_aggregate_v<lock_request> && !std::is_aggregate_v<unlock_request> &&
  !std::is_aggregate_v<oplock_acknowledgement> && !std::is_aggregate_v<access_request> &&
  !std::is_aggregate_v<io_request> && !std::is_aggregate_v<force_break_request> &&
  !std::is_aggregate_v<reclaim_lock_request> && !std::is_aggregate_v<entry_guard_request> &&
  !std::is_aggregate_v<rename_tree_request> && !std::is_aggregate_v<file_query> &&
  !std::is_aggregate_v<lock_query>);

const std::string long_id = "a file's id that is longer than what fits into a string object";

/// Errors, which are not tested here, become exceptions.
asio::awaitable<int> all_in_braces(coordinator& c) {
  int done = 0;
  const auto file = long_id;
  auto request = two_clients::request(two_clients::alice, file, 1);
  auto o = co_await c.async_open(std::move(request), asio::use_awaitable);
  o.answer.sent();
  co_await c.async_check_io({file, o.open, {0, 10}, true}, asio::use_awaitable);
  // g++ 12 rejects a list of elements here.
  const std::vector<lock_element> elements{{{0, 10}, true}};
  static_cast<void>(co_await c.async_lock({file, o.open, elements}, asio::use_awaitable));
  const std::vector<byte_range> ranges{{0, 10}};
  done += static_cast<int>(co_await c.async_unlock({file, o.open, ranges}, asio::use_awaitable));
  (co_await c.async_access({file, access_kind::write, o.open}, asio::use_awaitable)).hold.release();
  static_cast<void>(co_await c.async_guard_entry({file, "an entry's name"}, asio::use_awaitable));
  static_cast<void>(
    co_await c.async_rename_tree({"a share", "a directory", file}, asio::use_awaitable));
  done += (co_await c.async_query_file(file_query(file), asio::use_awaitable)).delete_pending;
  co_await c.async_force_break({file, two_clients::bob}, asio::use_awaitable);
  co_await c.async_replay(
    {file, o.open, two_clients::alice, lease_request{lease_key::of(1), lease_state::rwh, 2, 0, {}}},
    asio::use_awaitable);
  done += (co_await c.async_list({}, asio::use_awaitable)).empty() ? 0 : 1;
  co_await c.async_close({file, o.open}, asio::use_awaitable);
  co_return done;
}

/// Operations that fail here.
asio::awaitable<int> failing_in_braces(coordinator& c) {
  int failed = 0;
  const auto file = long_id;
  constexpr open_id none{77};
  constexpr auto token = asio::use_awaitable;
  try {
    co_await c.async_reconnect({file, none, two_clients::alice}, token);
  } catch (const boost::system::system_error&) {
    ++failed;
  }
  try {
    co_await c.async_set_server_state({file, none, long_id}, token);
  } catch (const boost::system::system_error&) {
    ++failed;
  }
  try {
    co_await c.async_acknowledge(
      oplock_acknowledgement{file, two_clients::alice, none, oplock_level::none}, token);
  } catch (const boost::system::system_error&) {
    ++failed;
  }
  try {
    co_await c.async_reclaim_lock({file, none, long_id}, token);
  } catch (const boost::system::system_error&) {
    ++failed;
  }
  co_return failed;
}

int run(two_clients& w, asio::awaitable<int> what) {
  int result = -1;
  asio::co_spawn(w.io, std::move(what), [&](const std::exception_ptr& e, int r) {
    EXPECT_EQ(e, nullptr);
    result = r;
  });
  w.settle();
  return result;
}

TEST(Awaitables, TakeRequestsInBraces) {
  two_clients w;

  EXPECT_EQ(run(w, all_in_braces(*w.c)), 2);
  EXPECT_EQ(run(w, failing_in_braces(*w.c)), 4);
}

} // namespace
} // namespace leasebreak::test

#endif

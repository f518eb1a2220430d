// Runs the coroutines of engines.
#pragma once

#include <leasebreak/cluster/engine.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

namespace leasebreak::cluster_engine_test {

/// An event loop on which engines run.
class engine_runner {
public:
  /// Runs a coroutine to its end.
  template <class T>
  T run(boost::asio::awaitable<T> what) {
    std::optional<T> result;
    boost::asio::co_spawn(
      io, [&]() -> boost::asio::awaitable<void> { result = co_await std::move(what); },
      boost::asio::detached);
    io.restart();
    io.run();
    return *std::move(result);
  }
  /// Returns the result; throws if there is none.
  template <class T>
  T value(boost::asio::awaitable<cluster::engine_result<T>> what) {
    auto result = run(std::move(what));
    if (const auto* const failed = std::get_if<cluster::engine_error>(&result))
      throw std::runtime_error(failed->what);
    return std::get<T>(std::move(result));
  }
  /// Returns the problem; throws if there is none.
  template <class T>
  cluster::engine_error problem(boost::asio::awaitable<cluster::engine_result<T>> what) {
    return std::get<cluster::engine_error>(run(std::move(what)));
  }
  /// Waits for a while.
  void pass(std::chrono::milliseconds time) {
    boost::asio::steady_timer timer(io, time);
    timer.async_wait([](const auto&) {});
    io.restart();
    io.run();
  }

  boost::asio::io_context io;
};

/// The first view of a cluster, with one member.
inline cluster::view first_view_of(node_id node) {
  cluster::view_change change;
  change.joining = cluster::view_member{"a", node, "a:1", 0};
  return *next_view(cluster::first_view(8), change);
}

} // namespace leasebreak::cluster_engine_test

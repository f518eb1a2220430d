// An event loop that runs until something has happened.
#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>

namespace leasebreak::cluster_net_test {

struct event_loop {
  boost::asio::io_context io{1};

  /// Returns whether `has_happened` returns true within a minute.
  template <class Function>
  bool run_until(const Function& has_happened) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    while (!has_happened()) {
      if (std::chrono::steady_clock::now() > end)
        return false;
      io.restart();
      io.run_one_for(std::chrono::milliseconds{20});
    }
    return true;
  }
};

} // namespace leasebreak::cluster_net_test

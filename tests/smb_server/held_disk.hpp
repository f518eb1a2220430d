// A disk that blocks while a test observes the server.
#pragma once

#include "test_server.hpp"

#include <boost/asio/system_executor.hpp>
#include <boost/asio/use_future.hpp>

#include <cstddef>
#include <future>
#include <latch>
#include <thread>
#include <vector>

namespace leasebreak::smb::testing {

/// Blocks all disk threads of a server until it is released or destroyed. Operations queue up
/// meanwhile.
class held_disk {
public:
  explicit held_disk(test_server& server)
    : workers_{server.get().workers()}, held_{static_cast<std::ptrdiff_t>(
                                          server.get().options().disk_threads)} {
    const std::shared_future<void> until = release_.get_future().share();
    for (std::size_t i = 0; i < server.get().options().disk_threads; ++i) {
      vfs::work<void> job = [this, until] {
        held_.count_down();
        until.wait();
        return vfs::error_code{};
      };
      ended_.push_back(workers_.async_finish<void>(
        boost::asio::system_executor{}, std::move(job), boost::asio::use_future));
    }
    held_.wait();
  }
  ~held_disk() { release(); }
  held_disk(const held_disk&) = delete;
  held_disk& operator=(const held_disk&) = delete;

  /// Returns when an operation is queued for the disk. A client cannot find out otherwise that the
  /// server has processed its request so far.
  void await_operation() const {
    while (workers_.operations() <= ended_.size())
      std::this_thread::yield();
  }

  /// Unblocks the threads, and returns when they are free.
  void release() {
    if (ended_.empty())
      return;
    release_.set_value();
    for (std::future<void>& each : ended_)
      each.get();
    ended_.clear();
  }

private:
  const vfs::worker_pool& workers_;
  std::latch held_;
  std::promise<void> release_;
  std::vector<std::future<void>> ended_;
};

} // namespace leasebreak::smb::testing

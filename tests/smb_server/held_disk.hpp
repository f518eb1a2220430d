// A disk that does nothing while a test looks at what the server does meanwhile.
#pragma once

#include "test_server.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/system_executor.hpp>

#include <cstddef>
#include <future>
#include <latch>
#include <memory>

namespace leasebreak::smb::testing {

/// Keeps all of a server's disk threads busy until it is released, or gone: what they are asked for
/// meanwhile waits. The server has as many as the options say unless the test says otherwise.
class held_disk {
public:
  explicit held_disk(test_server& server)
    : held_{static_cast<std::ptrdiff_t>(server.get().options().disk_threads)} {
    const std::shared_future<void> until = release_.get_future().share();
    for (std::size_t i = 0; i < server.get().options().disk_threads; ++i) {
      vfs::work<void> job = [this, until] {
        held_.count_down();
        until.wait();
        return vfs::error_code{};
      };
      server.get().workers().async_run<void>(
        boost::asio::system_executor{}, std::move(job), boost::asio::detached);
    }
    held_.wait();
  }
  ~held_disk() { release(); }
  held_disk(const held_disk&) = delete;
  held_disk& operator=(const held_disk&) = delete;

  void release() {
    if (!released_)
      release_.set_value();
    released_ = true;
  }

private:
  std::latch held_;
  std::promise<void> release_;
  bool released_ = false;
};

} // namespace leasebreak::smb::testing

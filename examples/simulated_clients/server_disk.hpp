// What the files of the simulated server contain. Content is a stamp; versions count the writes.
#pragma once

#include "clock.hpp"
#include "oracle.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace leasebreak::simulated {

/// The disk. Thread-safe. A write is completed, and the judge told, before anyone can read it.
class server_disk {
public:
  server_disk(std::size_t files, oracle& judge, const sim_clock& clock);

  /// Every write needs a stamp of its own.
  [[nodiscard]] stamp next_stamp() { return ++stamps_; }

  /// Replaces the file's content and returns what it is now.
  content write(std::size_t file, std::size_t writer, stamp mark);

  [[nodiscard]] content read(std::size_t file) const;

private:
  struct slot {
    mutable std::mutex mutex;
    content now;
  };

  std::vector<std::unique_ptr<slot>> slots_;
  oracle& judge_;
  const sim_clock& clock_;
  std::atomic<stamp> stamps_{0};
};

} // namespace leasebreak::simulated

// The disk of the simulated server. A file's content is a stamp; its version counts the writes.
#pragma once

#include "clock.hpp"
#include "oracle.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace leasebreak::simulated {

/// The disk. Thread-safe. A write is reported to the oracle before it can be read.
class server_disk {
public:
  server_disk(std::size_t files, oracle& judge, const sim_clock& clock);

  /// Returns a new stamp; every write needs its own.
  [[nodiscard]] stamp next_stamp() { return ++stamps_; }

  /// Replaces the file's content and returns the new one.
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

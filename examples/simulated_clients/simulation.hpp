// One run: a server with its coordinator, many clients and local processes, and what came of it.
#pragma once

#include "operation_ledger.hpp"
#include "oracle.hpp"
#include "server.hpp"
#include "tally.hpp"

#include <leasebreak/statistics.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::simulated {

/// How far a run is.
struct progress {
  duration elapsed{};
  std::uint64_t operations = 0; ///< Of the coordinator, completed.
  oracle_counts judged;
  leasebreak::statistics coordinator;
  std::shared_ptr<const tally> counts;
};

/// What is to be run.
struct settings {
  std::size_t clients = 50;
  std::size_t files = 20;
  std::size_t threads = 2;
  duration run_time = std::chrono::seconds{5};
  /// Goes on after `run_time` until this says that enough was seen, to `run_time_max` at most.
  /// Called from the thread that called `run`. Empty: the run ends after `run_time`.
  std::function<bool(const progress&)> enough;
  duration run_time_max = std::chrono::minutes{1};
  std::string store = "memory"; ///< As `leasebreak::open_store` takes it.
  std::uint64_t seed = 1;
  unsigned unresponsive_percent = 2; ///< Of the clients; at least one if not 0.
  duration break_timeout = std::chrono::seconds{1};
  faults injected;

  /// Empty if all is well; otherwise what is wrong.
  [[nodiscard]] std::string validate() const;
};

/// What came of a run.
struct outcome {
  duration took{}; ///< While the clients worked.
  oracle_counts judged;
  std::vector<stale_read> stale;
  std::uint64_t operations_started = 0;
  std::uint64_t operations_completed = 0;
  std::uint64_t completed_twice = 0;
  std::uint64_t completed_inside = 0;
  std::string outstanding; ///< Operations that never completed.
  std::vector<std::string> left_over; ///< What was still held when everything was closed.
  std::vector<std::string> trouble; ///< Anything else that should not be.
  bool hangs = false; ///< The clients have not come to an end.
  duration clock_tolerance{}; ///< How precisely the two clocks could be compared.
  leasebreak::statistics coordinator;
  std::shared_ptr<const tally> counts;

  /// Whether no read was stale.
  [[nodiscard]] bool coherent() const { return judged.stale == 0; }

  /// Whether every operation completed exactly once, nothing was left, and nothing odd was seen.
  [[nodiscard]] bool orderly() const;
};

/// Runs a simulation; calls `show` about once a second from the calling thread.
/// Throws `std::runtime_error` if the store cannot be opened, `std::invalid_argument` if the
/// settings are wrong.
[[nodiscard]] outcome run(
  const settings& s, const std::function<void(const progress&)>& show = nullptr);

} // namespace leasebreak::simulated

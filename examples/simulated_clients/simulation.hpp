// One run of the simulation: a server with its coordinator, many clients and local processes.
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

/// The progress of a run.
struct progress {
  duration elapsed{};
  std::uint64_t operations = 0; ///< Of the coordinator, completed.
  oracle_counts judged;
  leasebreak::statistics coordinator;
  std::shared_ptr<const tally> counts;
};

/// The parameters of a run.
struct settings {
  std::size_t clients = 50;
  std::size_t files = 20;
  std::size_t threads = 2;
  duration run_time = std::chrono::seconds{5};
  /// If set, the run continues after `run_time` until this returns true, at most until
  /// `run_time_max`. Called on the thread that called `run`.
  std::function<bool(const progress&)> enough;
  duration run_time_max = std::chrono::minutes{1};
  std::string store = "memory"; ///< The argument of `leasebreak::open_store`.
  std::uint64_t seed = 1;
  unsigned unresponsive_percent = 2; ///< Of the clients; at least one if not 0.
  duration break_timeout = std::chrono::seconds{1};
  faults injected;

  /// Returns an error message, or an empty string if the settings are valid.
  [[nodiscard]] std::string validate() const;
};

/// The result of a run.
struct outcome {
  duration took{}; ///< How long the clients worked.
  oracle_counts judged;
  std::vector<stale_read> stale;
  std::uint64_t operations_started = 0;
  std::uint64_t operations_completed = 0;
  std::uint64_t completed_twice = 0;
  std::uint64_t completed_inside = 0;
  std::string outstanding; ///< Operations that never completed.
  std::vector<std::string> left_over; ///< State that remained after all clients closed their files.
  std::vector<std::string> trouble; ///< Other problems.
  bool hangs = false; ///< The clients did not finish.
  duration clock_tolerance{}; ///< The maximum error of the comparison of the two clocks.
  leasebreak::statistics coordinator;
  std::shared_ptr<const tally> counts;

  /// Whether no read was stale.
  [[nodiscard]] bool coherent() const { return judged.stale == 0; }

  /// Whether every operation completed exactly once, no state remained, and no problem was seen.
  [[nodiscard]] bool orderly() const;
};

/// Runs a simulation; calls `show` about once a second from the calling thread.
/// Throws `std::runtime_error` if the store cannot be opened, `std::invalid_argument` if the
/// settings are wrong.
[[nodiscard]] outcome run(
  const settings& s, const std::function<void(const progress&)>& show = nullptr);

} // namespace leasebreak::simulated

// Counts the operations of the simulated clients and their durations. Thread-safe.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/errors.hpp>
#include <leasebreak/statistics.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace leasebreak::simulated {

using counter = std::atomic<std::uint64_t>;

/// A histogram that any thread may add to.
class shared_histogram {
public:
  void add(leasebreak::duration d);
  [[nodiscard]] leasebreak::latency_histogram snapshot() const;

private:
  std::array<counter, leasebreak::latency_histogram::buckets> count_{};
};

/// The counters.
struct tally {
  counter reads = 0; ///< By clients, from the cache or the server.
  counter cache_hits = 0; ///< Reads without the server.
  counter writes = 0; ///< By clients, buffered or not.
  counter writes_buffered = 0; ///< Writes without the server.
  counter flushes = 0;
  counter opens_kept = 0; ///< Opens served by a cached handle.
  counter overwrites = 0;
  counter locks = 0;
  counter renames = 0;
  counter deletes = 0;
  counter cancellations = 0; ///< Operations that a client cancelled.
  counter disconnects = 0;
  counter local_reads = 0; ///< By processes on the server.
  counter local_writes = 0;
  counter local_others = 0; ///< Renames and removals of names.
  counter breaks_ignored = 0;
  counter breaks_late = 0; ///< Breaks that expired before the client's acknowledgement.
  counter breaks_lost = 0; ///< Only with faults: notifications that were dropped.
  counter breaks_unsendable = 0; ///< The client was disconnected.
  counter breaks_early = 0; ///< Notifications of oplocks before the client knew of the grant.
  shared_histogram waited_opens; ///< Opens during which a break began on the file.
  shared_histogram all_opens;

  /// Counts an operation's error, other than success.
  void failed(leasebreak::errc e);

  /// Records an error that no client should see.
  void unexpected(std::string what);

  [[nodiscard]] std::map<leasebreak::errc, std::uint64_t> errors() const;
  [[nodiscard]] std::map<std::string, std::uint64_t> unexpected() const;

private:
  mutable std::mutex mutex_;
  std::map<leasebreak::errc, std::uint64_t> errors_;
  std::map<std::string, std::uint64_t> unexpected_;
};

} // namespace leasebreak::simulated

// The oracle of a simulation: checks every read of every client against the newest completed write.
//
// A write is completed when the server's disk has it. A read may return older content only where
// the protocol allows it. A break of Read caching does not wait for the holder (MS-FSA 2.1.4.12),
// so its notification may be in flight while the write is executed. The oracle therefore waits for
// the notification, and checks that it was issued before the write completed.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/lease_state.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace leasebreak::simulated {

/// The content of a file. Every write of a simulation has a unique stamp.
using stamp = std::uint64_t;

/// Identifies one grant of caching to one client on one file: a lease from its first open to its
/// last close, or an oplock. 0 means none.
using cache_id = std::uint64_t;

/// The content that a reader sees: the version, which counts the disk's writes, and the stamp.
struct content {
  std::uint64_t version = 0;
  stamp mark = 0;

  friend bool operator==(const content&, const content&) = default;
};

/// One read by a client or a local process.
struct observed_read {
  std::size_t file = 0;
  std::size_t reader = 0;
  cache_id cache = 0; ///< 0: served from the server's disk.
  content seen;
  time_point began{};
  bool holds_write = false; ///< The reader believes that it holds Write.
};

/// A read that no rule allows.
struct stale_read {
  observed_read read;
  std::uint64_t missed = 0; ///< The version of the first write that it should have seen.
  time_point missed_at{};
  std::string why;
  std::string history; ///< The file's last events, one per line.
};

/// The oracle's counters.
struct oracle_counts {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t reads_on_the_way = 0; ///< Older content, break notification in flight.
  std::uint64_t reads_tightened = 0; ///< Older content, break to Read not acknowledged.
  std::uint64_t reads_excluded = 0; ///< By clients that had ignored a break.
  std::uint64_t writes_lost = 0; ///< Buffered by a client that lost its lease or connection.
  std::uint64_t stale = 0;
};

/// The oracle. Thread-safe: files are independent, and each has a mutex.
class oracle {
public:
  /// `tolerance` is the maximum difference between the caller's clock and the coordinator's.
  oracle(std::size_t files, duration break_timeout, duration tolerance = duration::zero());

  /// The disk has executed the write `mark` as `version`. Must be called in the order of versions.
  void wrote(
    std::size_t file, std::size_t writer, std::uint64_t version, stamp mark, time_point now);

  /// A client has buffered a write, which is immediately visible to that client.
  void buffered(std::size_t file, std::size_t writer, stamp mark, time_point now);

  /// A client has lost its buffered write.
  void lost(std::size_t file, std::size_t writer, time_point now);

  /// A write that is not buffered replaces a client's buffered write.
  void superseded(std::size_t file, std::size_t writer);

  /// A read has returned.
  void read(const observed_read& r);

  /// A break notification for `cache` has arrived.
  void notified(std::size_t file, std::size_t reader, cache_id cache, time_point issued,
    lease_state to, time_point now);

  /// The acknowledgement of the notification issued at `issued` was accepted.
  void answered(std::size_t file, cache_id cache, time_point issued, time_point now);

  /// The client has closed all opens of `cache`, or has noticed its revocation.
  void ended(std::size_t file, cache_id cache, time_point now);

  /// The client has ignored a break: its later reads from `cache` are not checked.
  void ignored(std::size_t file, cache_id cache, time_point now);

  /// The run is over: reports all reads that are still unexplained as stale.
  void finish();

  /// Sets the maximum difference between the clocks. Must be called before use.
  void set_tolerance(duration tolerance) { tolerance_ = tolerance; }

  [[nodiscard]] oracle_counts counts() const;

  /// The first stale reads, at most `kept_max`.
  [[nodiscard]] std::vector<stale_read> stale() const;

  static constexpr std::size_t kept_max = 10;

private:
  enum class event_kind : std::uint8_t { wrote, buffered, lost, read, notified, answered, ended };

  struct event {
    event_kind kind{};
    std::size_t who = 0;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    time_point at{};
    lease_state to{};
  };

  struct write_record {
    std::uint64_t version = 0;
    stamp mark = 0;
    time_point at{};
  };

  struct break_record {
    cache_id cache = 0;
    time_point issued{};
    lease_state to{};
    std::optional<time_point> answered;
  };

  struct suspicion {
    observed_read read;
    write_record missed;
    std::string history;
  };

  struct file_record {
    mutable std::mutex mutex;
    std::deque<write_record> writes; // newest last, without gaps
    std::deque<break_record> breaks;
    std::deque<event> events;
    std::vector<suspicion> suspicions;
    std::unordered_map<std::size_t, stamp> buffered; // by writer
    std::deque<cache_id> ignored;
    oracle_counts counts;
    std::vector<stale_read> stale;
  };

  static void note(file_record& f, const event& e);
  static std::string describe(const file_record& f);
  static void convict(file_record& f, suspicion s, std::string why);
  [[nodiscard]] bool was_tightened(const file_record& f, const suspicion& s) const;
  void judge(file_record& f, const observed_read& r);
  void resolve(file_record& f, cache_id cache, time_point issued, lease_state to);

  std::vector<std::unique_ptr<file_record>> files_;
  duration break_timeout_;
  duration tolerance_;
};

} // namespace leasebreak::simulated

// What one client caches of one file, and what its lease or oplock lets it do with that.
#pragma once

#include "oracle.hpp"

#include <leasebreak/model/effects.hpp>

#include <cstdint>
#include <optional>

namespace leasebreak::simulated {

/// A client's cache of one file, as a state machine without I/O: it obeys the lease that the client
/// believes to hold, and says what is to be done when that is broken. Not thread-safe.
///
/// A lease is identified by `cache_id` from before its first open is sent until its last open is
/// closed. A notification that overtakes the answer to an open caps what that answer grants.
class file_cache {
public:
  explicit file_cache(duration break_timeout) : break_timeout_{break_timeout} {}

  /// A break that awaits the client's acknowledgement.
  struct pending_break {
    leasebreak::break_id id{};
    lease_state to{};
    time_point deadline{}; ///< From then on, the server takes the lease for revoked.
  };

  /// A first open is about to be sent, under this identity.
  void begin(cache_id id);

  /// An open is about to be sent; `granted` or `refused` follows.
  void opening();

  /// The answer to an open: it reports `state`.
  void granted(lease_state state);

  /// An open failed.
  void refused();

  /// A notification has come, issued at `issued` by this clock. Stops what may no longer be done.
  void notified(const leasebreak::break_notification& n, time_point issued);

  /// The server has accepted an acknowledgement of the break `id`, with `state`.
  void acknowledged(leasebreak::break_id id, lease_state state);

  /// If a break's deadline has passed: forgets everything, and says so.
  [[nodiscard]] bool expire(time_point now);

  /// Everything is closed, or the connection is lost: nothing may be cached.
  void end();

  /// What may be done now, as far as the client knows.
  [[nodiscard]] lease_state usable() const { return usable_; }
  [[nodiscard]] bool may(lease_state part) const { return is_subset(part, usable_); }

  /// What a read sees without asking the server.
  [[nodiscard]] std::optional<content> read() const;

  /// To be taken before the server is asked for content, and given to `fill` with the answer.
  [[nodiscard]] std::uint64_t ticket() const { return generation_; }

  /// Keeps what the server answered, unless caching has been lost since the ticket was taken.
  void fill(std::uint64_t ticket, content c);

  /// Takes a write into the cache. False if that is not allowed: it must go to the server.
  [[nodiscard]] bool buffer(stamp mark);

  /// What must be written back before Write is given up.
  [[nodiscard]] std::optional<stamp> dirty() const;

  /// What was buffered under `mark` is on the server now, as `c`.
  void flushed(stamp mark, content c);

  /// Throws away what is buffered.
  void discard_dirty() { dirty_.reset(); }

  [[nodiscard]] cache_id id() const { return id_; }
  [[nodiscard]] const std::optional<pending_break>& pending() const { return pending_; }

  /// The client wants no more than `to`, before it says so to the server.
  void lower(lease_state to);

private:
  duration break_timeout_;
  cache_id id_ = 0;
  lease_state usable_ = lease_state::none;
  std::optional<content> clean_; // what the server had, while Read lasts
  std::optional<stamp> dirty_; // newer than that, while Write lasts
  std::optional<pending_break> pending_;
  std::optional<time_point> chain_began_; // first notification of a break with follow-ups
  std::uint16_t chain_epoch_ = 0;
  lease_state cap_ = lease_state::rwh; // by notifications that came while an open was under way
  int opening_ = 0;
  std::uint64_t generation_ = 0;
};

} // namespace leasebreak::simulated

// One client's cache of one file, and the caching that its lease or oplock permits.
#pragma once

#include "oracle.hpp"

#include <leasebreak/model/effects.hpp>

#include <cstdint>
#include <optional>

namespace leasebreak::simulated {

/// A client's cache of one file, as a state machine without I/O. It obeys the lease that the client
/// believes it holds. Not thread-safe.
///
/// `cache_id` identifies a lease from before its first open is sent until its last open is closed.
/// A notification that overtakes the response to an open limits the state which that response
/// grants.
class file_cache {
public:
  explicit file_cache(duration break_timeout) : break_timeout_{break_timeout} {}

  /// A break whose acknowledgement the client has not sent.
  struct pending_break {
    leasebreak::break_id id{};
    lease_state to{};
    time_point deadline{}; ///< The server revokes the lease at this time.
  };

  /// The first open of this cache is about to be sent.
  void begin(cache_id id);

  /// An open is about to be sent; `granted` or `refused` follows.
  void opening();

  /// The response to an open has arrived and grants `state`.
  void granted(lease_state state);

  /// An open failed.
  void refused();

  /// A notification has arrived. Downgrades the cache. `issued` is in the client's time.
  void notified(const leasebreak::break_notification& n, time_point issued);

  /// The server has accepted the acknowledgement of the break `id` with `state`.
  void acknowledged(leasebreak::break_id id, lease_state state);

  /// If the deadline of a break has passed, discards everything and returns true.
  [[nodiscard]] bool expire(time_point now);

  /// All opens are closed or the connection is lost: discards everything.
  void end();

  /// The caching that the client believes is permitted.
  [[nodiscard]] lease_state usable() const { return usable_; }
  [[nodiscard]] bool may(lease_state part) const { return is_subset(part, usable_); }

  /// The cached content, if a read may be served from the cache.
  [[nodiscard]] std::optional<content> read() const;

  /// Must be taken before content is requested from the server, and passed to `fill`.
  [[nodiscard]] std::uint64_t ticket() const { return generation_; }

  /// Caches the server's content, unless Read caching was lost since the ticket was taken.
  void fill(std::uint64_t ticket, content c);

  /// Buffers a write. Returns false if that is not permitted and the server must execute the write.
  [[nodiscard]] bool buffer(stamp mark);

  /// The buffered write, which must be flushed before Write is released.
  [[nodiscard]] std::optional<stamp> dirty() const;

  /// The server has executed the buffered write `mark`; the content is now `c`.
  void flushed(stamp mark, content c);

  /// Discards the buffered write.
  void discard_dirty() { dirty_.reset(); }

  [[nodiscard]] cache_id id() const { return id_; }
  [[nodiscard]] const std::optional<pending_break>& pending() const { return pending_; }

  /// Reduces the caching to `to`, before the client acknowledges.
  void lower(lease_state to);

private:
  duration break_timeout_;
  cache_id id_ = 0;
  lease_state usable_ = lease_state::none;
  std::optional<content> clean_; // the server's content; needs Read
  std::optional<stamp> dirty_; // the newer buffered write; needs Write
  std::optional<pending_break> pending_;
  std::optional<time_point> chain_began_; // first notification of a break with follow-ups
  std::uint16_t chain_epoch_ = 0;
  lease_state cap_ = lease_state::rwh; // limit set by notifications during an open in flight
  int opening_ = 0;
  std::uint64_t generation_ = 0;
};

} // namespace leasebreak::simulated

// How long a node may act: its lease at the engine, on its own clock.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>

#include <chrono>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// The times of a node's lease.
struct lease_settings {
  duration length = std::chrono::seconds{5}; ///< How long the engine keeps a lease (TTL).
  duration renewal = std::chrono::seconds{1}; ///< The time between two renewals.
  /// The node stops this long before the engine may let the lease expire. A node that is paused for
  /// less between a look at the clock and the action that follows does no harm.
  duration margin = std::chrono::milliseconds{500};
  /// The greatest drift of a node's clock, and of that of the engine, in thousandths.
  int drift_permille = 10;
};

/// The lease of one run of a node. It expires on the node's own clock before it can expire at the
/// engine, and does not come back then. Not thread-safe.
///
/// Times must be of a clock that also counts while the machine is suspended (CLOCK_BOOTTIME).
class node_lease {
public:
  /// The lease is not granted yet.
  explicit node_lease(const lease_settings& settings) : settings_(settings) {}

  /// Returns whether a renewal should be sent at `now`.
  [[nodiscard]] bool is_renewal_due(time_point now) const noexcept { return now >= next_renewal_; }
  /// A renewal is sent at `now`.
  void renewal_sent(time_point now) noexcept { next_renewal_ = now + settings_.renewal; }
  /// The renewal that was sent at `sent` has succeeded, which is known at `now`. The time counts
  /// from `sent`, because the engine may have counted from then on.
  void renewed(time_point sent, time_point now) noexcept;

  /// Returns whether the node may act at `now`.
  [[nodiscard]] bool is_held(time_point now) const noexcept { return now < deadline_; }
  /// Returns whether the lease was ever granted.
  [[nodiscard]] bool was_granted() const noexcept { return deadline_ != time_point::min(); }
  /// Returns when it expires, unless it is renewed.
  [[nodiscard]] time_point deadline() const noexcept { return deadline_; }

private:
  lease_settings settings_;
  time_point next_renewal_ = time_point::min();
  time_point deadline_ = time_point::min();
};

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

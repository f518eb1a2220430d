// The simulation's clock, which can be compared with the coordinator's times.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <chrono>

namespace leasebreak::simulated {

/// A wall clock that never runs backwards: reads the system clock once, then adds steady time.
class sim_clock {
public:
  sim_clock();

  [[nodiscard]] time_point now() const {
    return base_ + std::chrono::duration_cast<duration>(std::chrono::steady_clock::now() - start_);
  }

  /// Converts a time of another clock of this kind to this clock's time.
  [[nodiscard]] time_point from_theirs(time_point reported) const { return reported - offset_; }

  /// The other clock showed `reported` at some time between `before` and `after`. Must be called a
  /// few times before use; keeps the tightest bounds.
  void compare(time_point before, time_point reported, time_point after);

  /// The maximum error of `from_theirs`.
  [[nodiscard]] duration tolerance() const { return tolerance_; }

private:
  time_point base_;
  std::chrono::steady_clock::time_point start_;
  duration lowest_ = duration::min();
  duration highest_ = duration::max();
  duration offset_{};
  duration tolerance_{};
};

} // namespace leasebreak::simulated

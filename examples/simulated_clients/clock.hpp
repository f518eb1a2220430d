// The simulation's clock, comparable with the times that the coordinator reports.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <chrono>

namespace leasebreak::simulated {

/// A wall clock that never runs backwards: taken once, steady from then on.
class sim_clock {
public:
  sim_clock();

  [[nodiscard]] time_point now() const {
    return base_ + std::chrono::duration_cast<duration>(std::chrono::steady_clock::now() - start_);
  }

  /// `reported` by another clock of this kind, in this clock's time.
  [[nodiscard]] time_point from_theirs(time_point reported) const { return reported - offset_; }

  /// The other clock said `reported` at some moment between `before` and `after`. To be called a
  /// few times before use; the tightest bounds count.
  void compare(time_point before, time_point reported, time_point after);

  /// By how much `from_theirs` may be wrong.
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

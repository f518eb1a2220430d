#include "clock.hpp"

#include <algorithm>

namespace leasebreak::simulated {

sim_clock::sim_clock()
  : base_{std::chrono::time_point_cast<duration>(std::chrono::system_clock::now())},
    start_{std::chrono::steady_clock::now()} {}

void sim_clock::compare(time_point before, time_point reported, time_point after) {
  lowest_ = std::max(lowest_, reported - after);
  highest_ = std::min(highest_, reported - before);
  offset_ = lowest_ + (highest_ - lowest_) / 2;
  tolerance_ = std::max(highest_ - lowest_, lowest_ - highest_);
}

} // namespace leasebreak::simulated

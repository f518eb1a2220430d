// Time, as the model sees it: a parameter.
#pragma once

#include <chrono>

namespace leasebreak {

/// A wall-clock time that never runs backwards within one process: whoever drives the model takes
/// the wall clock once and adds steady time to it. So deadlines are safe from clock changes, and
/// `break_started` still means something after a restart.
using time_point = std::chrono::sys_time<std::chrono::nanoseconds>;
using duration = std::chrono::nanoseconds;

} // namespace leasebreak

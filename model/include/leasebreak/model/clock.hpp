// The model's time types. The model reads no clock; it takes the time as a parameter.
#pragma once

#include <leasebreak/model/export.hpp>

#include <chrono>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// A wall-clock time that never goes backwards within one process: the caller reads the wall clock
/// once and adds steady time to it. Deadlines are thus unaffected by clock changes, and
/// `break_started` is still meaningful after a restart.
using time_point = std::chrono::sys_time<std::chrono::nanoseconds>;

/// A time span of the model. `duration::max()` means unlimited where the documentation says so.
using duration = std::chrono::nanoseconds;

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

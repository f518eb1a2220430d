// The memory that the process has, and does not need any more.
#pragma once

#include <cstddef>

namespace leasebreak::smb {

/// Returns free memory to the system if there is more than `free_max` of it. glibc keeps what was
/// freed below the top of its heaps. Takes a millisecond for each few megabytes, and holds up
/// allocations meanwhile: call it seldom, and not on an event loop. True: there was more.
bool trim_heap(std::size_t free_max) noexcept;

} // namespace leasebreak::smb

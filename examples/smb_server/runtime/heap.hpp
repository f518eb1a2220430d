// Returns unused heap memory to the system.
#pragma once

#include <cstddef>

namespace leasebreak::smb {

/// Returns free memory to the system if there are more than `free_max` bytes, because glibc keeps
/// freed memory below the top of its heaps. Returns whether there were more. Takes about a
/// millisecond per few megabytes, and blocks allocations meanwhile. Call it rarely, and not on an
/// event loop.
bool trim_heap(std::size_t free_max) noexcept;

} // namespace leasebreak::smb

// Replaces sources of nondeterminism in a program that serves files.
#pragma once

#include <cstdint>

namespace leasebreak::smb::simulation {

/// Seeds the random bytes, and numbers files in the order in which they are seen.
void begin_anew(std::uint64_t seed);

} // namespace leasebreak::smb::simulation

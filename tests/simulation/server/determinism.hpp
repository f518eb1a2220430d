// What would differ from run to run in a program that serves files, made the same.
#pragma once

#include <cstdint>

namespace leasebreak::smb::simulation {

/// Random bytes follow from the seed, and files are numbered in the order in which they are seen.
void begin_anew(std::uint64_t seed);

} // namespace leasebreak::smb::simulation

// The numbers that a process counts.
#pragma once

namespace leasebreak::simulation {

/// Resets the numbers that are counted per process, so that a scene does not depend on earlier
/// scenes. Must not be called while a coordinator exists.
void begin_numbers_anew();

} // namespace leasebreak::simulation

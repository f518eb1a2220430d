// A coordinator that runs in a simulation's loop.
#pragma once

#include "loop.hpp"

#include <leasebreak/coordinator.hpp>

#include <memory>

namespace leasebreak::simulation {

/// Resets the numbers that are counted per process, so that a scene does not depend on earlier
/// scenes. Must not be called while a coordinator exists.
void begin_numbers_anew();

/// Makes a coordinator on the loop's executor, with the loop's clocks.
[[nodiscard]] std::unique_ptr<coordinator> make_coordinator(
  loop& in, coordinator_config config, std::shared_ptr<detail::time_source> clocks);

} // namespace leasebreak::simulation

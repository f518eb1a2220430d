// A coordinator that lives in a loop.
#pragma once

#include "loop.hpp"

#include <leasebreak/coordinator.hpp>

#include <memory>

namespace leasebreak::simulation {

/// What counts within the process counts from the beginning again, so that a scene does not depend
/// on those before it. While there is no coordinator.
void begin_numbers_anew();

/// On the loop's executor and with the clocks, which are the loop's.
[[nodiscard]] std::unique_ptr<coordinator> make_coordinator(
  loop& in, coordinator_config config, std::shared_ptr<detail::time_source> clocks);

} // namespace leasebreak::simulation

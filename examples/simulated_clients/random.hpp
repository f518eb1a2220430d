// Where chance comes from: sources with a seed, so that what the clients do can be had again.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <random>

namespace leasebreak::simulated {

using random_source = std::mt19937_64;

/// True in `percent` of all cases.
[[nodiscard]] bool chance(random_source& random, unsigned percent);

/// Uniform in [0, max].
[[nodiscard]] leasebreak::duration up_to(random_source& random, leasebreak::duration max);

} // namespace leasebreak::simulated

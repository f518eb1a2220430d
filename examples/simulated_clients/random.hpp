// Random numbers with a seed, so that the clients' operations can be repeated.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <random>

namespace leasebreak::simulated {

using random_source = std::mt19937_64;

/// Returns true with a probability of `percent`.
[[nodiscard]] bool chance(random_source& random, unsigned percent);

/// Returns a duration that is uniform in [0, max].
[[nodiscard]] leasebreak::duration up_to(random_source& random, leasebreak::duration max);

} // namespace leasebreak::simulated

// A scene that fails, cut down to the steps that it takes.
#pragma once

#include "world.hpp"

namespace leasebreak::simulation {

/// Drops steps, in ever smaller pieces, as long as some problem is left.
[[nodiscard]] scene shrunk(scene s);

/// The problem of a scene and what led to it, a line each.
[[nodiscard]] std::string story(const scene& s);

} // namespace leasebreak::simulation

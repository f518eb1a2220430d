// A scene that fails, cut down to the steps that it takes.
#pragma once

#include "scene.hpp"

namespace leasebreak::simulation {

/// Drops steps, in ever smaller pieces, as long as some problem is left.
[[nodiscard]] scene shrunk(const simulation_kind& of, scene s);

/// The problem of a scene and what led to it, a line each.
[[nodiscard]] std::string story(const simulation_kind& of, const scene& s);

} // namespace leasebreak::simulation

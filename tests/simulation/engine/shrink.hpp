// Reduces a failing scene to the steps that the failure needs.
#pragma once

#include "scene.hpp"

namespace leasebreak::simulation {

/// Removes steps, in ever smaller pieces, as long as the same kind of problem remains.
[[nodiscard]] scene shrunk(const simulation_kind& of, scene s);

/// Returns the problem of a scene and its history, one line each.
[[nodiscard]] std::string story(const simulation_kind& of, const scene& s);

} // namespace leasebreak::simulation

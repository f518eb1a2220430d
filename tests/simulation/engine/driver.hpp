// The program of a simulation.
#pragma once

#include "scene.hpp"

namespace leasebreak::simulation {

/// Runs scene after scene, as the command line says. Returns the exit status: 0 only if none
/// failed.
[[nodiscard]] int drive(const simulation_kind& what, int argc, char** argv);

} // namespace leasebreak::simulation

// Command line of a simulation program.
#pragma once

#include "scene.hpp"

namespace leasebreak::simulation {

/// Runs one scene after another as the command line says. Returns the exit status, which is 0 only
/// if all scenes passed.
[[nodiscard]] int drive(const simulation_kind& what, int argc, char** argv);

} // namespace leasebreak::simulation

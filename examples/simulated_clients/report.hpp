// Prints the results of a simulation, as text or JSON.
#pragma once

#include "simulation.hpp"

#include <iosfwd>

namespace leasebreak::simulated {

/// Prints a line about the progress of a run.
void print_progress(std::ostream& out, const progress& p);

/// Prints the final table and the histograms.
void print_table(std::ostream& out, const settings& s, const outcome& result);

/// Prints the stale reads with the histories of their files, and all other problems.
void print_failures(std::ostream& out, const settings& s, const outcome& result);

/// Prints the result as one JSON object.
void print_json(std::ostream& out, const settings& s, const outcome& result);

} // namespace leasebreak::simulated

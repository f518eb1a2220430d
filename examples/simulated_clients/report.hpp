// Tells people, and programs, what came of a simulation.
#pragma once

#include "simulation.hpp"

#include <iosfwd>

namespace leasebreak::simulated {

/// A line about how far a run is.
void print_progress(std::ostream& out, const progress& p);

/// The final table, the histograms and the verdict.
void print_table(std::ostream& out, const settings& s, const outcome& result);

/// Every stale read with the history of its file, and everything else that went wrong.
void print_failures(std::ostream& out, const settings& s, const outcome& result);

/// All of it as one JSON object.
void print_json(std::ostream& out, const settings& s, const outcome& result);

} // namespace leasebreak::simulated

// Enumerates all histories of a small world, shorter ones first.
#pragma once

#include "action.hpp"
#include "faulty_file.hpp"
#include "profile.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace leasebreak::small_world {

/// Limits of a search.
struct bounds {
  unsigned depth = 100;
  std::chrono::steady_clock::duration time = std::chrono::hours{24};
  std::size_t states = 40'000'000; ///< About 40 bytes each.
};

/// The result of a search.
struct report {
  unsigned depth = 0; ///< All histories up to this length were checked.
  std::size_t states = 0; ///< Distinct states, including those of the unfinished depth.
  std::size_t states_within_depth = 0;
  std::size_t steps = 0; ///< Steps that were taken and checked.
  std::size_t compared = 0; ///< Merged histories whose futures were compared.
  bool is_exhausted = false; ///< All states were found.
  std::vector<action> history; ///< The shortest history that leads to `problem`.
  std::string problem; ///< Empty if none was found.
  std::string story; ///< The history with the effects of each step.
};

/// Enumerates the histories of `p`, level by level.
[[nodiscard]] report search(const profile& p, const bounds& within, fault what = fault::none);

/// Returns the figures, and the history of a problem, as text.
[[nodiscard]] std::string describe(const profile& p, const report& r);

} // namespace leasebreak::small_world

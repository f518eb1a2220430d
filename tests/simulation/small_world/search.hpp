// All histories of a small world, the shorter ones first.
#pragma once

#include "action.hpp"
#include "faulty_file.hpp"
#include "profile.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace leasebreak::small_world {

/// How far to go.
struct bounds {
  unsigned depth = 100;
  std::chrono::steady_clock::duration time = std::chrono::hours{24};
  std::size_t states = 40'000'000; ///< About 40 bytes each.
};

/// What was found.
struct report {
  unsigned depth = 0; ///< To which every history was looked at.
  std::size_t states = 0; ///< Different ones, with those of the depth that was not finished.
  std::size_t states_within_depth = 0;
  std::size_t steps = 0; ///< That were taken and checked.
  std::size_t compared =
    0; ///< Histories that were taken for the same, and compared by what follows.
  bool is_exhausted = false; ///< Nothing is left: there are no more states.
  std::vector<action> history; ///< The shortest that leads to `problem`.
  std::string problem; ///< Empty: all is well.
  std::string story; ///< The history, and what each of its steps led to.
};

/// Enumerates the histories of `p`, level by level.
[[nodiscard]] report search(const profile& p, const bounds& within, fault what = fault::none);

/// The figures, and the history of a problem, for a reader.
[[nodiscard]] std::string describe(const profile& p, const report& r);

} // namespace leasebreak::small_world

// What a simulation is made of: steps, which make sense in any order and any number.
#pragma once

#include "loop.hpp"
#include "random.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace leasebreak::simulation {

/// One step: what, numbers that choose among what there is at the time, and how long after the step
/// before. Any of them can be left out.
struct step {
  std::uint8_t what = 0;
  std::uint16_t a = 0;
  std::uint16_t b = 0;
  std::uint16_t c = 0;
  std::uint16_t d = 0;
  span gap{};
};

/// Returns a step without a gap.
[[nodiscard]] inline step random_step(random_source& random) {
  const auto number = [&random] { return static_cast<std::uint16_t>(random.next()); };
  step s;
  s.what = static_cast<std::uint8_t>(random.next());
  s.a = number();
  s.b = number();
  s.c = number();
  s.d = number();
  return s;
}

/// Returns a gap: none, long at times, and mostly less than `usual_us` microseconds.
[[nodiscard]] inline span random_gap(random_source& random, std::uint64_t usual_us) {
  switch (random.below(16)) {
  case 0:
    return std::chrono::milliseconds{random.below(40'000)};
  case 1:
  case 2:
    return std::chrono::milliseconds{random.below(200)};
  case 3:
  case 4:
  case 5:
  case 6:
    return span{};
  default:
    return std::chrono::microseconds{random.below(usual_us)};
  }
}

/// What the seed decides of a run.
struct scene {
  std::uint64_t seed = 0; ///< Of the order of handlers, of delays, and of the settings.
  std::vector<step> steps;
};

/// How a run went.
struct outcome {
  std::string problem; ///< Empty: none.
  std::vector<std::string> history;
  std::uint64_t hash = 0;
  std::uint64_t operations = 0;
  std::uint64_t handlers = 0;
};

/// What can be run.
struct simulation_kind {
  std::string name; ///< Of the program.
  std::function<scene(std::uint64_t)> scene_of; ///< The scene of a seed.
  /// Runs a scene; if told so, the outcome says what has happened.
  std::function<outcome(const scene&, bool)> run;
};

} // namespace leasebreak::simulation

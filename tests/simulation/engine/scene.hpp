// A simulation is a list of steps. They are valid in any order and number.
#pragma once

#include "loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace leasebreak::simulation {

/// One step: an action, numbers that choose among what exists at that time, and the time since the
/// previous step. Each step can be omitted.
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

/// Returns a gap that is sometimes zero, sometimes long, and mostly less than `usual_us`
/// microseconds.
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

/// All input of a run.
struct scene {
  std::uint64_t seed = 0; ///< Decides the order of handlers, the delays and the settings.
  std::vector<step> steps;
};

/// The result of a run.
struct outcome {
  std::string problem; ///< Empty if there was none.
  std::vector<std::string> history;
  std::uint64_t hash = 0;
  std::uint64_t operations = 0;
  std::uint64_t handlers = 0;
};

/// A kind of simulation.
struct simulation_kind {
  std::string name; ///< Of the program.
  std::function<scene(std::uint64_t)> scene_of; ///< Makes the scene of a seed.
  /// Runs a scene. If the second argument is true, the outcome contains the history.
  std::function<outcome(const scene&, bool)> run;
};

} // namespace leasebreak::simulation

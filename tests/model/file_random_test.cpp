// Random sequences of commands over a few clients and keys, checked with the caches and the oracle
// of simulation.hpp. A failing sequence is reduced before it is printed.
#include "simulation.hpp"
#include "support/seed.hpp"

#include <cstdlib>
#include <iostream>
#include <random>

namespace leasebreak::model_test {
namespace {

std::vector<step> random_steps(std::mt19937_64& random, std::size_t count) {
  std::vector<step> steps(count);
  for (auto& s : steps) {
    const auto value = random();
    const auto more = random();
    s.what = static_cast<std::uint8_t>(value);
    s.a = static_cast<std::uint16_t>(value >> 8);
    s.b = static_cast<std::uint16_t>(value >> 24);
    s.c = static_cast<std::uint16_t>(value >> 40);
    s.d = static_cast<std::uint16_t>(more);
  }
  return steps;
}

std::string run(bool is_directory, const std::vector<step>& steps) {
  return simulation(is_directory).run(steps);
}

/// Removes steps, in ever smaller pieces, while the sequence still fails.
std::vector<step> shrunk(bool is_directory, std::vector<step> steps) {
  for (std::size_t piece = steps.size() / 2; piece != 0; piece /= 2) {
    for (std::size_t at = 0; at + piece <= steps.size();) {
      auto fewer = steps;
      const auto first = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(first, first + static_cast<std::ptrdiff_t>(piece));
      if (run(is_directory, fewer).empty())
        at += piece;
      else
        steps = std::move(fewer);
    }
  }
  return steps;
}

std::string story(bool is_directory, const std::vector<step>& steps) {
  simulation again(is_directory);
  std::string text = again.run(steps) + "\nafter these commands:\n";
  for (const auto& line : again.history())
    text += "  " + line + "\n";
  return text;
}

void run_many(bool is_directory, int sequences) {
  const auto seed = test::seed_of_this_run();
  std::mt19937_64 random(seed);
  for (int i = 0; i < sequences; ++i) {
    const auto steps = random_steps(random, 120);
    if (run(is_directory, steps).empty())
      continue;
    const auto few = shrunk(is_directory, steps);
    FAIL() << "seed=" << seed << " sequence " << i << ": " << story(is_directory, few);
  }
}

TEST(RandomCommands, LeaveFilesCoherent) {
  run_many(false, 1'000);
}

TEST(RandomCommands, LeaveDirectoriesCoherent) {
  run_many(true, 400);
}

} // namespace
} // namespace leasebreak::model_test

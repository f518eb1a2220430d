// Random sequences of commands over a few clients and keys, checked with the caches and the oracle
// of simulation.hpp. A failing sequence is reduced before it is printed.
#include "random_steps.hpp"
#include "simulation.hpp"
#include "support/effort.hpp"
#include "support/seed.hpp"

#include <cstdlib>
#include <iostream>
#include <random>

namespace leasebreak::model_test {
namespace {

std::string run(bool is_directory, const std::vector<step>& steps) {
  return simulation(is_directory).run(steps);
}

std::string run_with_copies(bool is_directory, const std::vector<step>& steps) {
  const auto every = steps.empty() ? 1U : 1U + steps.front().a % 40U;
  return simulation(is_directory, every).run(steps);
}

using run_function = std::string (*)(bool is_directory, const std::vector<step>& steps);

/// Removes steps, in ever smaller pieces, while the sequence still fails.
std::vector<step> shrunk(run_function run, bool is_directory, std::vector<step> steps) {
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

std::string story(run_function run, bool is_directory, const std::vector<step>& steps) {
  simulation again(is_directory);
  (void)again.run(steps);
  std::string text = run(is_directory, steps) + "\nafter these commands:\n";
  for (const auto& line : again.history())
    text += "  " + line + "\n";
  return text;
}

void run_many(run_function run, bool is_directory, int sequences) {
  const auto seed = test::seed_of_this_run();
  std::mt19937_64 random(seed);
  for (int i = 0; i < test::effort(sequences); ++i) {
    const auto steps = random_steps(random, 120);
    if (run(is_directory, steps).empty())
      continue;
    const auto few = shrunk(run, is_directory, steps);
    FAIL() << "seed=" << seed << " sequence " << i << ": " << story(run, is_directory, few);
  }
}

TEST(RandomCommands, LeaveFilesCoherent) {
  run_many(run, false, 1'000);
}

TEST(RandomCommands, LeaveDirectoriesCoherent) {
  run_many(run, true, 400);
}

TEST(RandomCommands, HaveTheSameEffectsOnCopiesOfFiles) {
  run_many(run_with_copies, false, 400);
}

TEST(RandomCommands, HaveTheSameEffectsOnCopiesOfDirectories) {
  run_many(run_with_copies, true, 200);
}

} // namespace
} // namespace leasebreak::model_test

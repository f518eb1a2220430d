// The seed of a test that chooses at random.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace leasebreak::test {

/// A new seed, or the one that `LEASEBREAK_SEED` names, to play a failure again. Prints it.
[[nodiscard]] inline std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("LEASEBREAK_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::cout << "seed=" << seed << std::endl;
  return seed;
}

} // namespace leasebreak::test

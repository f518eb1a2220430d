// The seed of random tests.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace leasebreak::test {

/// Returns a new seed, or the value of `LEASEBREAK_SEED` to reproduce a failure. Prints it.
[[nodiscard]] inline std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("LEASEBREAK_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::cout << "seed=" << seed << std::endl;
  return seed;
}

} // namespace leasebreak::test

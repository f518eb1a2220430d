// The behaviour of the clients of a run.
#pragma once

#include "random.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace leasebreak::simulated {

/// How a client behaves.
struct client_traits {
  bool unresponsive = false; ///< Never acknowledges in time; notices when the break has expired.
  bool slow = false; ///< Takes up to a quarter of the break timeout to acknowledge.
  bool flaky = false; ///< Loses its connection at random.
  bool uses_oplocks = false; ///< Traditional oplocks instead of leases.
  std::uint8_t lease_version = 2;
};

/// Returns the traits of `clients` clients. Each trait is given to a fixed number of random
/// clients, at least one. `unresponsive_percent` may be 0; then no client is unresponsive.
[[nodiscard]] std::vector<client_traits> deal_traits(
  std::size_t clients, unsigned unresponsive_percent, random_source& random);

} // namespace leasebreak::simulated

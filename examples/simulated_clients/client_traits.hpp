// How the clients of a run differ.
#pragma once

#include "random.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace leasebreak::simulated {

/// How a client behaves.
struct client_traits {
  bool unresponsive = false; ///< Never acknowledges, and finds out when the server has given up.
  bool slow = false; ///< Takes up to a quarter of the break timeout to answer.
  bool flaky = false; ///< Loses its connection now and then.
  bool uses_oplocks = false; ///< Traditional oplocks instead of leases.
  std::uint8_t lease_version = 2;
};

/// The traits of `clients` clients, dealt out at random. How many clients have a trait is not left
/// to chance: every run has its share of each, one at least. `unresponsive_percent` may be 0.
[[nodiscard]] std::vector<client_traits> deal_traits(
  std::size_t clients, unsigned unresponsive_percent, random_source& random);

} // namespace leasebreak::simulated

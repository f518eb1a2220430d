// One coordinator for all benchmarks beside held leases, because a million opens take long.
#pragma once

#include "world.hpp"

#include <cstddef>
#include <cstdint>

namespace leasebreak::bench {

/// The clients 1 to `files`, and others that hold leases. The first `files` files are free.
class held_world {
public:
  static constexpr std::size_t files = 64;
  static constexpr std::uint64_t holders = 8;

  held_world();

  /// Holds as many leases of other files, which must not be fewer than before.
  void hold(std::size_t count);

  world w;

private:
  std::size_t held_ = 0;
};

/// Returns the coordinator that all share, with that many leases.
[[nodiscard]] held_world& world_that_holds(std::size_t count);

} // namespace leasebreak::bench

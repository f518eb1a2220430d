// One coordinator for all benchmarks beside held leases, because a million opens take long.
#pragma once

#include "world.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace leasebreak::bench {

/// The clients 1 to `files`, and others that hold leases. The first `files` files are free.
class held_world {
public:
  static constexpr std::size_t files = 64;
  static constexpr std::uint64_t holders = 8;

  /// With paths, the held files are in directories of sixteen.
  explicit held_world(bool with_paths = false);

  /// Holds as many leases of other files, which must not be fewer than before.
  void hold(std::size_t count);

  world w;

  /// Returns the path of a file.
  [[nodiscard]] static std::string path_of(std::size_t file);

private:
  const bool with_paths_;
  std::size_t held_ = 0;
};

/// Returns the coordinator that all share, with that many leases.
[[nodiscard]] held_world& world_that_holds(std::size_t count);

} // namespace leasebreak::bench

// Points in time for the tests of the clients' caches and of the oracle.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <chrono>

namespace leasebreak::simulated {

inline constexpr auto timeout = std::chrono::seconds{1};

[[nodiscard]] inline time_point at(std::chrono::milliseconds ms) {
  return time_point{} + std::chrono::hours{1} + ms;
}

} // namespace leasebreak::simulated

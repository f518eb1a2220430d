// Random steps for simulation.hpp.
#pragma once

#include "simulation.hpp"

#include <cstddef>
#include <initializer_list>
#include <random>
#include <vector>

namespace leasebreak::model_test {

inline constexpr node_id first_node{1};
inline constexpr node_id second_node{2};

[[nodiscard]] std::vector<step> random_steps(std::mt19937_64& random, std::size_t count);

/// Returns the reports of all clients that have something through these nodes, and of the nodes.
[[nodiscard]] std::vector<node_report> reports_of(
  const file_state& file, std::initializer_list<node_id> nodes, time_point now);

} // namespace leasebreak::model_test

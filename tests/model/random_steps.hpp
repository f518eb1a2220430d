// Random steps for simulation.hpp.
#pragma once

#include "simulation.hpp"

#include <cstddef>
#include <random>
#include <vector>

namespace leasebreak::model_test {

inline constexpr node_id first_node{1};
inline constexpr node_id second_node{2};

[[nodiscard]] std::vector<step> random_steps(std::mt19937_64& random, std::size_t count);

} // namespace leasebreak::model_test

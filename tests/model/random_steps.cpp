#include "random_steps.hpp"

namespace leasebreak::model_test {

std::vector<step> random_steps(std::mt19937_64& random, std::size_t count) {
  std::vector<step> steps(count);
  for (auto& s : steps) {
    const auto value = random();
    const auto more = random();
    s.what = static_cast<std::uint8_t>(value);
    s.a = static_cast<std::uint16_t>(value >> 8);
    s.b = static_cast<std::uint16_t>(value >> 24);
    s.c = static_cast<std::uint16_t>(value >> 40);
    s.d = static_cast<std::uint16_t>(more);
  }
  return steps;
}

} // namespace leasebreak::model_test

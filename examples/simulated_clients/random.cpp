#include "random.hpp"

namespace leasebreak::simulated {

bool chance(random_source& random, unsigned percent) {
  return std::uniform_int_distribution<unsigned>{0, 99}(random) < percent;
}

leasebreak::duration up_to(random_source& random, leasebreak::duration max) {
  using ticks = leasebreak::duration::rep;
  return leasebreak::duration{std::uniform_int_distribution<ticks>{0, max.count()}(random)};
}

} // namespace leasebreak::simulated

// See numbers.hpp.
#include "numbers.hpp"

#include "completion/operation.hpp"
#include "runtime/unique_number.hpp"

#include <leasebreak/model/ids.hpp>

namespace leasebreak::simulation {

void begin_numbers_anew() {
  detail::number_blocks<open_id>::begin_anew();
  detail::number_blocks<detail::operation>::begin_anew();
}

} // namespace leasebreak::simulation

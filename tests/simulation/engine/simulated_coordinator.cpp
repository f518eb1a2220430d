// See simulated_coordinator.hpp.
#include "simulated_coordinator.hpp"

#include "api/coordinator_impl.hpp"
#include "runtime/unique_number.hpp"

#include <utility>

namespace leasebreak::detail {

struct coordinator_access {
  static std::unique_ptr<coordinator> make(boost::asio::any_io_executor executor,
    coordinator_config config, std::shared_ptr<time_source> time) {
    auto impl = coordinator_impl::make(
      executor, std::move(config), coordinator_impl::mode::configured, std::move(time));
    return std::unique_ptr<coordinator>(new coordinator(executor, std::move(impl)));
  }
};

} // namespace leasebreak::detail

namespace leasebreak::simulation {

void begin_numbers_anew() {
  detail::number_blocks<open_id>::begin_anew();
  detail::number_blocks<detail::operation>::begin_anew();
}

std::unique_ptr<coordinator> make_coordinator(
  loop& in, coordinator_config config, std::shared_ptr<detail::time_source> clocks) {
  return detail::coordinator_access::make(in.get_executor(), std::move(config), std::move(clocks));
}

} // namespace leasebreak::simulation

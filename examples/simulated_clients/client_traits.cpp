#include "client_traits.hpp"

#include <algorithm>
#include <numeric>

namespace leasebreak::simulated {

namespace {

constexpr unsigned slow_percent = 10;
constexpr unsigned flaky_percent = 10;
constexpr unsigned oplocks_percent = 15;
constexpr unsigned first_leases_percent = 25; // clients that support only leases of version 1

std::size_t share_of(std::size_t clients, unsigned percent) {
  return percent == 0 ? 0 : std::max<std::size_t>(1, clients * percent / 100);
}

// Calls `give` for `percent` of the clients.
template <class Give>
void deal(
  std::vector<client_traits>& clients, unsigned percent, random_source& random, const Give& give) {
  std::vector<std::size_t> order(clients.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  order.resize(std::min(order.size(), share_of(order.size(), percent)));
  for (const auto i : order)
    give(clients[i]);
}

} // namespace

std::vector<client_traits> deal_traits(
  std::size_t clients, unsigned unresponsive_percent, random_source& random) {
  std::vector<client_traits> dealt(clients);
  deal(dealt, unresponsive_percent, random, [](auto& c) { c.unresponsive = true; });
  deal(dealt, slow_percent, random, [](auto& c) { c.slow = true; });
  deal(dealt, flaky_percent, random, [](auto& c) { c.flaky = true; });
  deal(dealt, oplocks_percent, random, [](auto& c) { c.uses_oplocks = true; });
  deal(dealt, first_leases_percent, random, [](auto& c) { c.lease_version = 1; });
  return dealt;
}

} // namespace leasebreak::simulated

// Delays, losses and cuts.
#include "network.hpp"

#include <algorithm>

namespace leasebreak::simulation {

using std::chrono::microseconds;

bool network::is_cut(std::size_t from, std::size_t to) const {
  const auto cut = cut_until_.find({from, to});
  return cut != cut_until_.end() && loop_.now() < cut->second;
}

span network::delay() {
  if (random_.below(20) != 0 || is_healed_)
    return microseconds{200 + random_.below(6'000)};
  return microseconds{10'000 + random_.below(is_slow_ ? 1'900'000 : 250'000)};
}

void network::put(std::size_t from, std::size_t to, std::function<void()> arrives) {
  loop_.after(delay(), [this, from, to, f = std::move(arrives)] {
    if (!is_cut(from, to))
      f();
  });
}

void network::send(std::size_t from, std::size_t to, std::function<void()> arrives) {
  if (is_cut(from, to) || (!is_healed_ && random_.one_in(100)))
    return;
  if (!is_healed_ && random_.one_in(50))
    put(from, to, arrives);
  put(from, to, std::move(arrives));
}

void network::cut(std::size_t from, std::size_t to, span how_long) {
  auto& until = cut_until_[{from, to}];
  until = std::max(until, loop_.now() + how_long);
}

bool network::was_bad_around(std::size_t machine, span within) const {
  return is_slow_ || is_healed_ ||
    std::any_of(cut_until_.begin(), cut_until_.end(), [&](const auto& c) {
      return (c.first.first == machine || c.first.second == machine) &&
        c.second + within > loop_.now();
    });
}

void network::heal() {
  cut_until_.clear();
  is_healed_ = true;
}

} // namespace leasebreak::simulation

#include "unresponsive.hpp"

#include <algorithm>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

bool unresponsive_clients::add(const client_guid& client, time_point now) {
  const std::lock_guard lock(mutex_);
  if (clients_.size() >= clients_max && !clients_.contains(client))
    forget_oldest_locked(now);
  auto& c = clients_[client];
  const bool was = c.is_unresponsive(now);
  c.at[c.next] = now;
  c.next = (c.next + 1) % breaks;
  c.known = std::min(c.known + 1, breaks);
  return !was && c.is_unresponsive(now);
}

std::size_t unresponsive_clients::count(time_point now) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(clients_.begin(), clients_.end(),
    [now](const auto& c) { return c.second.is_unresponsive(now); }));
}

void unresponsive_clients::forget_oldest_locked(time_point now) {
  std::erase_if(clients_, [now](const auto& c) { return now - c.second.newest() >= period; });
  if (clients_.size() < clients_max)
    return;
  clients_.erase(std::min_element(clients_.begin(), clients_.end(),
    [](const auto& a, const auto& b) { return a.second.newest() < b.second.newest(); }));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

// Leases and the document.
#include "lease_engine.hpp"

#include <algorithm>
#include <utility>

namespace leasebreak::simulation {

bool lease_engine::is_alive(node_id node) const {
  const auto found = leases_.find(node);
  return found != leases_.end() && loop_.now() < found->second.expires;
}

bool lease_engine::renew(node_id node, std::vector<node_id> suspected) {
  if (!known_.insert(node).second && !is_alive(node))
    return false;
  leases_[node] = {loop_.now() + length_, std::move(suspected)};
  return true;
}

void lease_engine::revoke(node_id node) {
  known_.insert(node);
  leases_.erase(node);
}

cluster::engine_document lease_engine::read() const {
  cluster::engine_document d{std::get<cluster::view>(cluster::decode_view(document_)), {}};
  for (const auto& [node, l] : leases_)
    if (is_alive(node))
      d.living[node] = l.suspected;
  return d;
}

bool lease_engine::propose(const cluster::view& next) {
  if (std::get<cluster::view>(cluster::decode_view(document_)).number + 1 != next.number)
    return false;
  document_ = cluster::encode(next);
  return true;
}

void lease_engine::be_away(span how_long) {
  for (auto& [node, l] : leases_)
    if (is_alive(node))
      l.expires = std::max(l.expires, loop_.now() + how_long + length_);
}

} // namespace leasebreak::simulation

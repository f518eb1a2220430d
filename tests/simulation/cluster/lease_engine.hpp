// A linearizable engine in place of etcd: leases that expire, and one document that is replaced by
// compare-and-swap.
#pragma once

#include "loop.hpp"

#include <leasebreak/cluster/cluster_node.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace leasebreak::simulation {

class lease_engine {
public:
  lease_engine(loop& on, span lease_length) : loop_(on), length_(lease_length) {}

  /// Returns false if the node had a lease that has expired.
  [[nodiscard]] bool renew(node_id node, std::vector<node_id> suspected);
  void revoke(node_id node);
  [[nodiscard]] cluster::engine_document read() const;
  /// Returns whether the view was replaced.
  bool propose(const cluster::view& next);

  /// The engine does not answer for a time, which the caller ensures. Leases that were alive get
  /// their whole time again then.
  void be_away(span how_long);
  /// Returns whether the node has a lease.
  [[nodiscard]] bool is_alive(node_id node) const;

private:
  struct lease {
    span expires{};
    std::vector<node_id> suspected;
  };

  loop& loop_;
  span length_;
  std::map<node_id, lease> leases_;
  std::set<node_id> known_;
  std::string document_ = cluster::encode(cluster::first_view(8));
};

} // namespace leasebreak::simulation

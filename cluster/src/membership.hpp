// Membership of the cluster: which nodes are heard, suspected and fenced, and when a node leaves.
#pragma once

#include <leasebreak/cluster/cluster_node.hpp>

#include <map>
#include <optional>
#include <set>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// Returns whether `self` must leave, because it and another living member do not hear each other.
/// Of two such nodes, the one leaves that does not hear more others, or else has the greater name.
/// No other node removes a node whose lease has not expired: its clients may still use their
/// caches.
[[nodiscard]] bool must_leave(const engine_document& d, node_id self);

/// Which nodes were heard, and which are suspected. Times are of this node's clock.
class heard_nodes {
public:
  explicit heard_nodes(duration timeout) : timeout_(timeout) {}

  void heard(node_id node, time_point now) { heard_[node] = now; }
  /// Whether the node was heard in the last `within`.
  [[nodiscard]] bool is_heard(node_id node, time_point now, duration within) const;
  /// Forgets nodes that were not heard for the timeout.
  void forget_silent(time_point now);
  /// New members count as heard. Forgets nodes that are no members.
  void install(const view& v, node_id self, time_point now);
  /// Looks for silent members. Returns whether the result of `suspected` has changed.
  bool look(const view& v, node_id self, time_point now);
  [[nodiscard]] const std::vector<node_id>& suspected() const noexcept { return suspected_; }

private:
  duration timeout_;
  std::map<node_id, time_point> heard_;
  std::vector<node_id> suspected_;
  std::optional<time_point> last_look_;
};

/// The nodes that are to be fenced, and those that are.
class fenced_nodes {
public:
  /// Returns the nodes for which a fence is to be asked now.
  [[nodiscard]] std::vector<node_id> install(const view* before, const view& v);
  /// A node is fenced.
  void fenced(node_id node) { fenced_.insert(node); }
  /// Takes out the nodes whose opens are to end, because they are fenced.
  [[nodiscard]] std::vector<node_id> take_ended(const view& v);
  /// Returns whether the opens of the node have ended already, or it never was a member.
  [[nodiscard]] bool is_over(const view& v, node_id node) const {
    return v.find(node) == nullptr && !ending_.contains(node);
  }
  [[nodiscard]] const std::set<node_id>& all() const noexcept { return fenced_; }

private:
  std::set<node_id> asked_;
  std::set<node_id> fenced_;
  std::set<node_id> ending_; ///< Nodes that failed while this node was a member.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

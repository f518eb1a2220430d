// Membership of the cluster: which nodes are heard, suspected and fenced, and when a node leaves.
#pragma once

#include <leasebreak/cluster/cluster_node.hpp>

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// Which living members do not hear each other. One of two such nodes leaves. While the lease of a
/// node that has died lasts, others suspect it, and it may have suspected others, but that is no
/// reason for any node to leave. So two nodes that suspect each other count when both suspicions are
/// as old as a lease: both nodes have renewed their leases meanwhile. If only one suspects the other,
/// it may have died and still be taken for heard; so they count later. Times are of this node's
/// clock.
class disputes {
public:
  /// `lease` is the length of a lease, and `silence` the time after which a node that has died is
  /// suspected by all others for certain.
  disputes(duration lease, duration silence) : lease_(lease), silence_(silence) {}

  /// Takes what the engine had between `sent` and `now`. Must be called for each document.
  void read(const engine_document& d, time_point sent, time_point now);
  /// Returns whether `self` must leave. Of two nodes, the one leaves that does not hear more
  /// others, or else has the greater name. For that, suspicions as old as half a lease count, since
  /// those of one cause do not begin at the same time. No other node removes a node whose lease has not
  /// expired: its clients may still use their caches. `d` is the document that was read last.
  [[nodiscard]] bool must_leave(const engine_document& d, node_id self) const;

private:
  using pair = std::pair<node_id, node_id>;

  /// Returns the pairs of nodes, in both orders, between which both suspicions have `age`, or one
  /// has `age` and `silence_`.
  [[nodiscard]] std::set<pair> of_age(duration age) const;

  duration lease_;
  duration silence_;
  std::map<pair, time_point> since_; ///< Suspicions among living members.
  time_point sent_{}; ///< When the document was asked for.
};

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

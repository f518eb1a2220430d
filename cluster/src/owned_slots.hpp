// The slots that this node owns: from the first report to the last turn.
#pragma once

#include <leasebreak/cluster/cluster_node.hpp>

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// Sends a message to another node.
class message_sender {
public:
  virtual void send(node_id to, message_body body) = 0;

protected:
  message_sender() = default;
  message_sender(const message_sender&) = default;
  message_sender& operator=(const message_sender&) = default;
  ~message_sender() = default;
};

/// The owner's part of the protocol. A slot is opened when all members have reported that may know
/// something of it, and when all failed nodes are fenced.
class owned_slots {
public:
  /// `requests_max` is the most requests that a node has without an answer.
  owned_slots(node_id self, std::size_t requests_max) : self_(self), requests_max_(requests_max) {}

  /// Installs a view. Returns the slots that this node had opened and does not own any more. They
  /// are released.
  [[nodiscard]] std::vector<slot_number> install(const view& v, node_effects& out);
  /// A node is fenced, or `v` does not contain it any more.
  void fences_changed(const view& v, const std::set<node_id>& fenced, node_effects& out);

  void take(slot_report report, node_effects& out);
  void take(node_id from, request r, node_effects& out);
  /// A slot is open. Returns the nodes whose opens its files have. Some may have failed meanwhile.
  [[nodiscard]] std::set<node_id> take(const slot_opened& opened, node_effects& out);
  /// Returns whether the turn is of a slot that this node owns.
  bool take(const file_turn& turn);

  [[nodiscard]] bool serves(slot_number slot) const;

private:
  enum class phase { collecting, opening, open };
  struct owned {
    std::uint64_t term = 0;
    phase at = phase::collecting;
    std::set<node_id> missing; ///< Members that have not reported.
    std::set<node_id> reported; ///< Each reports once.
    std::vector<slot_report> reports;
    std::vector<std::pair<node_id, request>> queue; ///< Requests that wait until the slot is open.
    std::set<std::pair<node_id, std::uint64_t>> done; ///< Requests executed while it was opened.
  };

  void execute(const request& r, node_id from, node_effects& out) const;
  void open_if_ready(slot_number slot, owned& o, node_effects& out);

  void forget_queue(const owned& o);

  node_id self_;
  std::size_t requests_max_;
  std::map<node_id, std::size_t> queued_; ///< Requests in the queues of all slots, by node.
  std::set<node_id> members_; ///< Of the current view.
  std::map<slot_number, owned> slots_;
  bool are_all_fenced_ = false;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

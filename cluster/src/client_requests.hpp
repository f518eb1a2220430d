// The requests of this node's clients, and what the clients have.
#pragma once

#include "owned_slots.hpp"

#include <leasebreak/cluster/cluster_node.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// The part of the protocol at the node of the clients. It keeps each request until its answer, and
/// for each file the parts of its clients that the owner sent last. Both are reported if the slot
/// moves.
class client_requests {
public:
  client_requests(node_id self, message_sender& sender) : self_(self), sender_(&sender) {}

  /// Installs a view. `before` is the previous one or null; `released` are slots that this node
  /// owned.
  void install(
    const view* before, const view& v, const std::vector<slot_number>& released, time_point now);
  /// A slot that this node owned is removed. Its content is reported now.
  void take(const slot_released& released, time_point now);
  /// This node has opened a slot: the files know what its clients have.
  void opened(slot_number slot) { mirror_.erase(slot); }

  /// Keeps a request, and sends it to the owner.
  void submit(const std::string& file_id, command what, break_id about = break_id::none);
  /// News from the owner of a slot.
  void take(node_id from, file_news news, time_point now, node_effects& out);
  void abandon(operation_id operation);

  [[nodiscard]] operation_id new_operation() { return operation_of(self_, ++last_operation_); }
  [[nodiscard]] std::size_t pending() const noexcept { return pending_.size(); }
  [[nodiscard]] std::size_t mirrored() const noexcept;

private:
  struct pending_request {
    request what;
    operation_id operation{};
    bool is_abandoned = false; ///< The result is not wanted.
  };
  struct mirrored_part {
    file_version version;
    time_point received;
    file_snapshot part;
  };
  /// The state of a slot at this node.
  struct moving_slot {
    bool is_releasing = false; ///< The files of this node are not known yet.
    /// What clients of failed nodes have; only this node knows it, as the previous owner.
    std::vector<file_report> of_failed_nodes;
    time_point released_at{};
  };

  void report(slot_number slot, time_point now);
  void mirror(const file_news& news, time_point now);
  void complete(const file_news& news, completion what, node_effects& out);

  node_id self_;
  message_sender* sender_;
  view view_;
  std::map<std::uint64_t, pending_request> pending_; ///< By number.
  std::map<operation_id, std::uint64_t> numbers_; ///< Of pending operations.
  std::map<slot_number, std::map<std::string, std::map<client_guid, mirrored_part>>> mirror_;
  std::map<slot_number, moving_slot> moving_;
  std::uint64_t last_number_ = 0;
  std::uint64_t last_operation_ = 0;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

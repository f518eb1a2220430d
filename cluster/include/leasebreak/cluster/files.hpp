// The files of the slots that a node owns: what the protocol asks of them, and what they report.
//
// The protocol does not execute commands itself. It emits requests, and is given their results
// later, in order. `local_files` executes them at once, on the calling thread; actors may execute
// them elsewhere.
#pragma once

#include <leasebreak/cluster/message.hpp>
#include <leasebreak/model/export.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// Makes the files of a slot from reports. The results are turns, then `slot_opened`.
///
/// Requests that only release something, and whose result is certain without the other nodes, are
/// executed first, each on the report of its own node: the previous owner may have executed them
/// already, and have granted others what they released. If reports still contradict each other, an
/// older one has missed a release, and the opens in it are lost.
struct open_slot {
  slot_number slot = 0; ///< The slot.
  std::uint64_t term = 0; ///< The term of the new owner.
  std::vector<slot_report> reports; ///< From all nodes that may have something.
};

/// Executes a request of a node. The result is a turn.
struct execute_request {
  request what; ///< The request. Its slot is open.
  node_id origin{}; ///< The node.
};

/// A node has failed, and was fenced: executes `node_gone` for all files. The results are turns.
struct end_node {
  node_id node{}; ///< The node.
};

/// Removes a slot that this node no longer owns. The result is `slot_released`.
struct release_slot {
  slot_number slot = 0; ///< The slot.
  std::uint64_t term = 0; ///< The term in which this node owned it.
};

/// A request of the protocol.
using files_request = std::variant<open_slot, execute_request, end_node, release_slot>;

/// What a client has of a file through one node after a turn.
struct node_part {
  node_id node{}; ///< The node.
  client_part what; ///< The part.
  bool is_lost = false; ///< The client is among `file_news::lost`.
};

/// One turn of a file.
struct file_turn {
  slot_number slot = 0; ///< The slot of the file.
  std::uint64_t term = 0; ///< The term of this node.
  std::string file_id; ///< The file.
  file_version version; ///< Of the file after the turn.
  node_id origin{}; ///< The node whose request was executed; none: another cause.
  std::uint64_t number = 0; ///< `request::number`.
  std::vector<break_notification> notifications; ///< As in `effects`.
  std::vector<completion> completions; ///< As in `effects`.
  std::vector<open_ended> ended; ///< As in `effects`.
  /// Of all clients and nodes for which something may have changed. This node may be left out.
  std::vector<node_part> parts;
};

/// The files of a slot exist. Follows the turns that came from this.
struct slot_opened {
  slot_number slot = 0; ///< The slot.
  std::uint64_t term = 0; ///< The term of this node.
};

/// A slot was removed.
struct slot_released {
  slot_number slot = 0; ///< The slot.
  std::uint64_t term = 0; ///< The term in which this node owned it.
  std::vector<file_report> files; ///< What clients had of its files, through all nodes.
};

/// A result.
using files_result = std::variant<file_turn, slot_opened, slot_released>;

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

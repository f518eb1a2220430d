// One node of a cluster, as a pure state machine.
//
// Functions of this class are its inputs; its outputs are effects, which the caller executes in
// order. It has no sockets, threads or clock: the time is a parameter.
#pragma once

#include <leasebreak/cluster/files.hpp>
#include <leasebreak/cluster/message.hpp>
#include <leasebreak/cluster/node_lease.hpp>
#include <leasebreak/cluster/peer_session.hpp>
#include <leasebreak/cluster/view.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// Settings of a node. They must be the same on all nodes of a cluster.
struct node_settings {
  lease_settings lease; ///< The lease at the engine.
  session_settings session; ///< The sessions with other nodes.
  duration reading = std::chrono::milliseconds{100}; ///< How often to read the engine's document.
  duration greeting = std::chrono::milliseconds{500}; ///< How often to greet other nodes.
  duration peer_timeout = std::chrono::seconds{3}; ///< When a silent node is suspected.
  std::size_t requests_max = 100'000; ///< Requests of the node without an answer.
  std::size_t strangers_max = 64; ///< Nodes that are no members, and that are answered.

  /// `file_policy::break_timeout` must be longer than this. Half of it is left to a break that is
  /// sent again, and in that the holder's node must hear of it or be missed.
  [[nodiscard]] duration break_timeout_above() const noexcept {
    return 2 * (2 * session.repetition + lease.length);
  }
};

/// What the engine has, as of one moment.
struct engine_document {
  view current; ///< The view.
  /// Nodes whose leases have not expired, with the nodes that each of them suspects.
  std::map<node_id, std::vector<node_id>> living;
};

// -- effects: requests to the engine
// ---------------------------------------------------------------

/// Renew the lease of this node, or create it. The result is `lease_renewed` or `lease_refused`. It
/// must be refused if the lease has expired.
struct renew_lease {
  time_point sent{}; ///< To be passed to `lease_renewed`.
  std::vector<node_id> suspected; ///< To be stored with the lease.
};
/// Read the document. The result is `document_read`.
struct read_document {
  time_point sent{}; ///< To be passed to `document_read`.
};
/// Replace the view if its number is still one less. The result is known by reading.
struct propose_view {
  view next; ///< The view.
};
/// End the lease of this node.
struct revoke_lease {};

// -- effects: for the embedder
// ---------------------------------------------------------------------

/// Send a packet to another node.
struct send_packet {
  packet what; ///< The packet.
};
/// Disconnect the clients of a node that has failed, and prevent its writes. The result is
/// `node_fenced`. All nodes may ask for this at the same time.
struct fence_node {
  node_id node{}; ///< The node.
};
/// An operation of this node has ended.
struct operation_completed {
  slot_number slot = 0; ///< The slot of the file.
  std::uint64_t term = 0; ///< The term of the owner that has executed it.
  std::string file_id; ///< The file.
  completion what; ///< The result.
};
/// A break notification for a client of this node.
struct break_arrived {
  slot_number slot = 0; ///< The slot of the file.
  std::uint64_t term = 0; ///< The term of the owner that sent it.
  std::string file_id; ///< The file.
  break_notification what; ///< The notification.
};
/// A change of the parts that clients of this node have of a file. Precedes the breaks and results
/// of the same turn of the file.
struct part_changed {
  std::string file_id; ///< The file.
  std::vector<open_ended> ended; ///< Opens that have ended, in order.
  /// What clients have through this node now; the others have what they had. An open that is
  /// neither in the part of its client nor in `ended` has been lost with an owner that failed.
  std::vector<client_part> parts;
};
/// All opens of a client of the file through this node have ended.
struct opens_lost {
  std::string file_id; ///< The file.
  client_guid client; ///< The client.
};
/// Why a node stepped down.
enum class step_down_cause : std::uint8_t {
  expired, ///< Its lease has expired on its own clock.
  refused, ///< The engine has refused to renew its lease.
  removed, ///< It is not a member of the current view.
  suspected, ///< Other nodes do not hear it, or it does not hear them.
  left, ///< `leave` was called.
};
/// Disconnect all clients at once. Nothing else happens in this object; the node may join again as
/// a new run.
struct stepped_down {
  step_down_cause cause{}; ///< The reason.
};

/// An effect.
using node_effect =
  std::variant<renew_lease, read_document, propose_view, revoke_lease, send_packet, fence_node,
    operation_completed, break_arrived, part_changed, opens_lost, stepped_down, files_request>;
/// Effects, in order.
using node_effects = std::vector<node_effect>;

/// Where a node is.
enum class node_stage : std::uint8_t {
  joining, ///< It is not a member yet.
  member, ///< It is a member of the view.
  stopped, ///< It has stepped down.
};

/// Returns the name of the value for logs.
[[nodiscard]] std::string_view to_string(step_down_cause cause) noexcept;
/// Returns the name of the value for logs.
[[nodiscard]] std::string_view to_string(node_stage stage) noexcept;

/// One run of a node. Each function appends its effects to `out`. `now` must not be earlier than in
/// a previous call. If the lease has expired at `now`, the node steps down in place of what the
/// function does. Not thread-safe.
class cluster_node {
public:
  /// `self` names this run; its `joined` does not count. A new cluster gets `slots` slots.
  cluster_node(const node_settings& settings, view_member self, std::size_t slots = default_slots);
  ~cluster_node();
  cluster_node(const cluster_node&) = delete;
  cluster_node& operator=(const cluster_node&) = delete;

  // -- inputs
  // --------------------------------------------------------------------------------------

  /// Must be called regularly, at least twice as often as any duration in the settings.
  void tick(time_point now, node_effects& out);
  /// The lease was renewed.
  void lease_renewed(time_point sent, time_point now, node_effects& out);
  /// The lease has expired at the engine.
  void lease_refused(time_point now, node_effects& out);
  /// The engine's document, from a linearizable read of its view and leases. Has no effect if a
  /// document that was asked for later has been read before.
  void document_read(const engine_document& d, time_point sent, time_point now, node_effects& out);
  /// A packet from another node.
  void packet_arrived(const packet& p, time_point now, node_effects& out);
  /// The node is fenced.
  void node_fenced(node_id node, time_point now, node_effects& out);
  /// A result of a `files_request`, or a turn that followed from a deadline.
  void files_did(files_result what, time_point now, node_effects& out);

  /// Sends a command of a client of this node to the owner of the file. If the command has an
  /// operation, it must be from `new_operation`, and its result follows as `operation_completed`:
  /// once, unless the node steps down before or `abandon` is called. If it has a node, that must be
  /// this one. `about` is the break that the command acknowledges. Errors, without effect:
  /// `not_started` if the node is not a member; `too_many_waiting` if `node_settings::requests_max`
  /// is reached; `shutting_down` if it has stepped down.
  [[nodiscard]] errc submit(const std::string& file_id, command what, time_point now,
    node_effects& out, break_id about = break_id::none);
  /// Cancels an operation whose result is not wanted. Closes an open that it is granted. No-op if
  /// there is no such operation.
  void abandon(operation_id operation, time_point now, node_effects& out);
  /// Steps down on request.
  void leave(time_point now, node_effects& out);

  /// Returns an id for an operation of this node, which is unique in the cluster.
  [[nodiscard]] operation_id new_operation();

  // -- queries
  // -------------------------------------------------------------------------------------

  /// Returns the stage.
  [[nodiscard]] node_stage stage() const noexcept;
  /// Returns the view in which the node is, or null.
  [[nodiscard]] const view* current_view() const noexcept;
  /// Returns whether the node executes requests for the slot.
  [[nodiscard]] bool serves(slot_number slot) const;
  /// Returns how many requests have no answer.
  [[nodiscard]] std::size_t pending() const noexcept;
  /// Returns whether a member has not consumed what was sent to it two repetitions ago. It may not
  /// know of a break then; see `local_files::expire`.
  [[nodiscard]] bool is_unheard(time_point now) const;
  /// Returns the members that have been silent for `peer_timeout`.
  [[nodiscard]] const std::vector<node_id>& suspected() const noexcept;
  /// Returns for how many files owned elsewhere the node knows what its clients have.
  [[nodiscard]] std::size_t mirrored() const noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

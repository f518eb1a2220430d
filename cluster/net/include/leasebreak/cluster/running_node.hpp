// A run of a node on an executor: the protocol with an engine, links to the other nodes, and files.
#pragma once

#include <leasebreak/cluster/cluster_node.hpp>
#include <leasebreak/cluster/engine.hpp>
#include <leasebreak/cluster/peer_links.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/file_state.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// A node.
struct node_config {
  std::string name; ///< Its name, the same in all runs. With TLS, its certificate is for this name.
  std::string advertise; ///< Where other nodes reach it. Empty: where it listens.
  node_settings settings; ///< The same on all nodes, and consistent with the engine's lease.
  std::size_t slots = default_slots; ///< Of a new cluster.
  link_settings links; ///< Connections to other nodes.
  file_policy policy; ///< Of the files that it owns.
  std::chrono::milliseconds tick{50}; ///< How often the node looks at its clock.
};

/// What a node tells its user, on its executor, and never within a call of the node. All may be
/// empty.
struct node_events {
  std::function<void(operation_completed)> completed; ///< An operation has ended.
  std::function<void(break_arrived)> broken; ///< A break notification for a client.
  /// The part of a file that clients of this node have has changed. If it is set, this is told for
  /// files of this node, too.
  std::function<void(part_changed)> changed;
  std::function<void(opens_lost)> lost; ///< Opens of clients have ended.
  std::function<void()> joined; ///< The run is a member of the cluster now.
  /// The run is over: disconnect all clients at once.
  std::function<void(step_down_cause)> stepped_down;
  /// Disconnect the clients of a node that has failed, and prevent its writes; then call `done`, on
  /// any thread. Empty: nothing can do that, and the node's lease alone is relied on.
  std::function<void(node_id node, std::function<void()> done)> fence;
  std::function<void(std::string)> noted; ///< A line for the log.
};

/// One run of a node. Must only be used on its executor, which must run one handler at a time.
class running_node {
public:
  /// `config.links` must have no problem. Throws `boost::system::system_error` if it cannot listen.
  running_node(boost::asio::any_io_executor on, std::unique_ptr<engine> with, node_config config,
    node_events events);
  /// Ends the run as if the process ended: its lease expires by itself. No event follows.
  ~running_node();
  running_node(const running_node&) = delete;
  running_node& operator=(const running_node&) = delete;

  /// Begins the run, which then joins the cluster by itself. Must be called once, first. The error
  /// is the engine's; then the object is of no use. The object must live until the result.
  [[nodiscard]] boost::asio::awaitable<std::optional<engine_error>> start();
  /// Steps down, and lets others take over at once. `stepped_down` follows.
  void leave();

  /// As `cluster_node::submit`, with the time of the machine's clock.
  [[nodiscard]] errc submit(
    const std::string& file_id, command what, break_id about = break_id::none);
  /// As `cluster_node::abandon`.
  void abandon(operation_id operation);
  /// As `cluster_node::new_operation`. The run must have begun.
  [[nodiscard]] operation_id new_operation();

  /// The protocol, for queries; null before the run has begun.
  [[nodiscard]] const cluster_node* node() const;
  /// This run; none before it has begun.
  [[nodiscard]] node_id id() const;
  /// The port on which it listens; 0 if it has stepped down.
  [[nodiscard]] std::uint16_t port() const;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// The membership of a server in a cluster: `coordinator_config::cluster`.
#pragma once

#include <leasebreak/cluster/running_node.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/remote_files.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// A member. The functions are called on the executor of the member, one at a time.
struct member_config {
  /// Makes the connection of one run to the engine, on the executor that it is given. Required.
  std::function<std::unique_ptr<engine>(boost::asio::any_io_executor)> make_engine;
  /// The node. Its policy is that of the coordinator.
  node_config node;
  std::chrono::milliseconds rejoin{1'000}; ///< The pause before a node joins again.
  /// The server is not a member any more. It must end all connections of clients at once, because
  /// other servers may soon grant what these clients still cache. Required.
  std::function<void(step_down_cause)> on_step_down;
  /// As `node_events::fence`. May be empty.
  std::function<void(node_id node, std::function<void()> done)> fence;
  std::function<void(node_id run)> on_join; ///< The server is a member now. May be empty.
  std::function<void(std::string)> noted; ///< A line for the log. May be empty.
};

/// A server of the cluster.
struct member_peer {
  view_member who; ///< As in the view.
  std::size_t slots = 0; ///< How many slots it owns.
  bool is_silent = false; ///< This server has not heard it for `node_settings::peer_timeout`.
};

/// What a member knows of its cluster.
struct member_status {
  /// Where this server is. As a member, it executes operations.
  node_stage stage = node_stage::joining;
  node_id run{}; ///< The current run; none before the engine has given a number.
  std::uint64_t view = 0; ///< The number of its view; 0: none.
  std::vector<member_peer> members; ///< The members of that view.
  std::size_t slots = 0; ///< How many slots there are.
  std::size_t served = 0; ///< For how many of them this server executes commands.
  std::size_t pending = 0; ///< Commands of this server without a result.
};

/// Joins a cluster, and joins again after each time that it had to step down. Thread-safe.
class member final : public remote_files {
public:
  /// Uses a strand of `on`.
  member(boost::asio::any_io_executor on, member_config config);
  /// Ends the membership as if the process ended: others take over when its lease has expired. No
  /// function of the configuration is called afterwards, except by calls in progress on other
  /// threads.
  ~member() override;
  member(const member&) = delete;
  member& operator=(const member&) = delete;

  /// Begins to join. Must be called once, when the coordinator exists.
  void start();
  /// Steps down, lets others take over at once, and does not join again. `on_step_down` is called
  /// if the server was a member; then `done`, which may be empty.
  void leave(std::function<void()> done);
  /// Calls `to` on the executor of the member.
  void status(std::function<void(member_status)> to);

  void use(std::shared_ptr<remote_files_user> user, const file_policy& policy) override;
  void submit(node_id run, const std::string& file_id, command what, break_id about) override;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

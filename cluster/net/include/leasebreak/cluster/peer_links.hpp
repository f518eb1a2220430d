// Connections between the nodes of a cluster: packets over TCP, with TLS and certificates on both
// sides.
//
// Each node sends over connections that it opens, and receives over those that it accepts. The
// first frame of a connection says who sends. A frame is its length, four bytes in network order,
// and its bytes.
#pragma once

#include <leasebreak/cluster/message.hpp>
#include <leasebreak/cluster/view.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// How a node is connected to others.
struct link_settings {
  std::string cluster; ///< The cluster's name. Nodes of another one are refused.
  std::string
    listen; ///< Where others reach this node: an IP address and a port, as in `[::1]:7000`.
  /// The certificate of this node, and the authorities that sign those of nodes. A node's
  /// certificate is for its name (`view_member::name`), as for the name of a host. Null: no TLS,
  /// which is only permitted between nodes on one machine.
  std::shared_ptr<boost::asio::ssl::context> tls;
  std::size_t accepted_max = 256; ///< Connections of other nodes.
  std::chrono::milliseconds hello_time{5'000}; ///< For a new connection to say who it is.
  std::chrono::milliseconds retry_time{200}; ///< Between two attempts to reach a node.
  /// What may wait to be sent to one node. Packets beyond it are dropped, and repeated later.
  std::size_t queue_bytes_max = std::size_t{64} << 20U;
};

/// What links tell their user, on their executor.
struct link_events {
  std::function<void(packet)> arrived; ///< A packet, from the node that it names as its sender.
  /// Something that an operator should know, on one line: a node that is refused, or that cannot be
  /// reached. At most one of each attempt.
  std::function<void(std::string)> noted;
  std::function<time_point()> clock; ///< Returns the time for `encode` and `decode_packet`.
};

/// Returns what is wrong with the settings, or an empty text.
[[nodiscard]] std::string problem_of(const link_settings& settings);

/// The connections of one run of a node. Must only be used on its executor, which must run one
/// handler at a time. The events are called by it, never within a call of this object.
class peer_links {
public:
  /// Listens. `settings` must have no problem. Throws `boost::system::system_error` if the address
  /// is in use or not of this machine.
  peer_links(boost::asio::any_io_executor on, link_settings settings, link_events events);
  /// Closes all connections. No event follows.
  ~peer_links();
  peer_links(const peer_links&) = delete;
  peer_links& operator=(const peer_links&) = delete;

  /// Begins to accept and to send, as this run of the node. `self.address` is told to others.
  void start(const view_member& self);
  /// Makes members of a view reachable, and forgets nodes that are not. Nodes that join make
  /// themselves known.
  void install(const view& v);
  /// Sends a packet, unless its recipient is not known. It may be lost.
  void send(const packet& p);
  /// Returns the port on which it listens.
  [[nodiscard]] std::uint16_t port() const;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

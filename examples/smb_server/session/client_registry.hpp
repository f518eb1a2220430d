// The connected clients, and the delivery of break notifications to them (MS-SMB2 3.3.4.7).
#pragma once

#include <smb_server/session/channel_group.hpp>

#include <leasebreak/coordinator.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace leasebreak::smb {

class connection;

/// Lists the connections of each client, and registers clients with the coordinator while they have
/// any. Thread-safe.
class client_registry : public std::enable_shared_from_this<client_registry> {
public:
  /// `c` must outlive the object. With several loops, breaks of a client are delivered from the
  /// loop of its connection, otherwise from the coordinator's.
  client_registry(coordinator& c, bool has_several_loops)
    : coordinator_{c}, has_several_loops_{has_several_loops} {}

  /// Adds a negotiated connection of a client.
  error_code add(client_guid client, const std::shared_ptr<connection>& c, std::string label);

  /// Removes a connection after its opens have ended.
  void remove(client_guid client, const connection* c);

  /// Closes all connections of a client. Returns false if there are none.
  bool disconnect(client_guid client);

  /// Sends the break on the first channel that accepts it, or reports it as undeliverable.
  void deliver(client_guid client, undelivered_break b);

private:
  struct entry {
    connection_id id{};
    std::weak_ptr<smb::connection> connection;
  };

  struct known_client {
    std::vector<entry> connections;
    boost::asio::any_io_executor sink_executor; ///< Empty: the coordinator's.
  };

  [[nodiscard]] error_code enter(
    client_guid client, const boost::asio::any_io_executor& executor, std::string label);
  [[nodiscard]] break_sink sink_of(client_guid client);
  [[nodiscard]] bool forget(client_guid client, const connection* c);
  [[nodiscard]] std::shared_ptr<connection> find(client_guid client, connection_id id) const;
  void offer(client_guid client, std::size_t next, undelivered_break b);

  coordinator& coordinator_;
  const bool has_several_loops_;
  /// Held while a client is registered or unregistered, which may wait for the client's sink. The
  /// sink must therefore not lock it.
  std::mutex registering_;
  mutable std::mutex mutex_; ///< Protects `clients_`. Locked after `registering_`.
  std::unordered_map<client_guid, known_client> clients_;
};

} // namespace leasebreak::smb

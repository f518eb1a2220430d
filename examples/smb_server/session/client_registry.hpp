// The clients that are connected, and the way to them for break notifications (MS-SMB2 3.3.4.7).
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

/// Knows each client's connections, and registers the client with the coordinator while it has any.
/// May be used from any thread.
class client_registry : public std::enable_shared_from_this<client_registry> {
public:
  /// `c` must outlive the object's use.
  explicit client_registry(coordinator& c) : coordinator_{c} {}

  /// A connection has said whose it is.
  error_code add(client_guid client, const std::shared_ptr<connection>& c, std::string label);

  /// A connection is gone, and so are its opens.
  void remove(client_guid client, const connection* c);

  /// Ends all connections of a client. False if it has none.
  bool disconnect(client_guid client);

  /// Sends it on the first of its channels that takes it, or reports that there is none.
  void deliver(client_guid client, undelivered_break b);

private:
  struct entry {
    connection_id id{};
    std::weak_ptr<smb::connection> connection;
  };

  [[nodiscard]] bool is_known(client_guid client) const;
  [[nodiscard]] bool forget(client_guid client, const connection* c);
  [[nodiscard]] std::shared_ptr<connection> find(client_guid client, connection_id id) const;
  void offer(client_guid client, std::size_t next, undelivered_break b);

  coordinator& coordinator_;
  /// Held while a client is registered or unregistered, which waits for its sink: never taken by
  /// it.
  std::mutex registering_;
  mutable std::mutex mutex_; ///< Of `clients_`. Taken after `registering_`.
  std::unordered_map<client_guid, std::vector<entry>> clients_;
};

} // namespace leasebreak::smb

// Delivers break notifications to connections.
#include <smb_server/session/client_registry.hpp>

#include <smb_server/net/connection.hpp>
#include <smb_server/runtime/mutant.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::smb {

error_code client_registry::add(
  client_guid client, const std::shared_ptr<connection>& c, std::string label) {
  const std::lock_guard registering{registering_};
  if (!is_known(client)) {
    const error_code error = coordinator_.register_client(
      client,
      [weak = weak_from_this(), client](
        const break_notification& n, const file_name_id&, break_report report) {
        if (const auto self = weak.lock())
          self->deliver(client, {n, std::move(report)});
        else
          report.undeliverable();
      },
      std::move(label));
    if (error)
      return error;
  }
  const std::lock_guard lock{mutex_};
  clients_[client].push_back({c->id(), c});
  return {};
}

bool client_registry::is_known(client_guid client) const {
  const std::lock_guard lock{mutex_};
  return clients_.contains(client);
}

void client_registry::remove(client_guid client, const connection* c) {
  const std::lock_guard registering{registering_};
  const bool is_last = forget(client, c);
  // The coordinator does not unregister a client in use. Keep its entry for the next connection.
  if (is_last && !coordinator_.unregister_client(client)) {
    const std::lock_guard lock{mutex_};
    clients_.erase(client);
  }
}

// Returns whether that was the client's last connection.
bool client_registry::forget(client_guid client, const connection* c) {
  const std::lock_guard lock{mutex_};
  const auto found = clients_.find(client);
  if (found == clients_.end())
    return false;
  std::erase_if(found->second, [c](const entry& e) {
    const auto alive = e.connection.lock();
    return !alive || alive.get() == c;
  });
  return found->second.empty();
}

bool client_registry::disconnect(client_guid client) {
  std::vector<std::shared_ptr<connection>> ending;
  {
    const std::lock_guard lock{mutex_};
    const auto found = clients_.find(client);
    if (found == clients_.end())
      return false;
    for (const entry& e : found->second)
      if (auto alive = e.connection.lock())
        ending.push_back(std::move(alive));
  }
  for (const auto& c : ending)
    boost::asio::post(c->get_executor(), [c] { c->close("disconnected by an operator"); });
  return !ending.empty();
}

void client_registry::deliver(client_guid client, undelivered_break b) {
  if (LEASEBREAK_MUTANT(breaks_have_one_channel) && b.what.channels.size() > 1)
    b.what.channels.resize(1);
  offer(client, 0, std::move(b));
}

std::shared_ptr<connection> client_registry::find(client_guid client, connection_id id) const {
  const std::lock_guard lock{mutex_};
  const auto found = clients_.find(client);
  if (found == clients_.end())
    return nullptr;
  const auto c = std::find_if(
    found->second.begin(), found->second.end(), [id](const entry& e) { return e.id == id; });
  return c == found->second.end() ? nullptr : c->connection.lock();
}

// The coordinator lists the channels, best first. If a connection does not accept the break, try
// the next channel.
void client_registry::offer(client_guid client, std::size_t next, undelivered_break b) {
  while (next < b.what.channels.size()) {
    const channel_id to = b.what.channels[next++];
    if (const auto c = find(client, to.connection)) {
      boost::asio::dispatch(c->get_executor(),
        [self = shared_from_this(), client, c, to, next, b = std::move(b)]() mutable {
          if (!c->send_break(b, to.session))
            self->offer(client, next, std::move(b));
        });
      return;
    }
  }
  b.report.undeliverable();
}

} // namespace leasebreak::smb

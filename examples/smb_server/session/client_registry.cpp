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
  const auto executor = has_several_loops_ ? c->get_executor() : boost::asio::any_io_executor{};
  const std::lock_guard registering{registering_};
  if (const error_code error = enter(client, executor, std::move(label)))
    return error;
  const std::lock_guard lock{mutex_};
  clients_[client].connections.push_back({c->id(), c});
  return {};
}

// Makes the client known to the coordinator. A client that comes back may do so on another loop.
error_code client_registry::enter(
  client_guid client, const boost::asio::any_io_executor& executor, std::string label) {
  bool is_known = false;
  {
    const std::lock_guard lock{mutex_};
    const auto found = clients_.find(client);
    is_known = found != clients_.end();
    if (is_known && (!found->second.connections.empty() || found->second.sink_executor == executor))
      return {};
  }
  const error_code error = is_known
    ? coordinator_.replace_sink(client, sink_of(client), executor)
    : coordinator_.register_client(client, sink_of(client), std::move(label), executor);
  if (error)
    return error;
  const std::lock_guard lock{mutex_};
  clients_[client].sink_executor = executor;
  return {};
}

break_sink client_registry::sink_of(client_guid client) {
  return [weak = weak_from_this(), client](
           const break_notification& n, const file_name_id&, break_report report) {
    if (const auto self = weak.lock())
      self->deliver(client, {n, std::move(report), {}});
    else
      report.undeliverable();
  };
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
  std::erase_if(found->second.connections, [c](const entry& e) {
    const auto alive = e.connection.lock();
    return !alive || alive.get() == c;
  });
  return found->second.connections.empty();
}

bool client_registry::disconnect(client_guid client) {
  std::vector<std::shared_ptr<connection>> ending;
  {
    const std::lock_guard lock{mutex_};
    const auto found = clients_.find(client);
    if (found == clients_.end())
      return false;
    for (const entry& e : found->second.connections)
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
  const auto& all = found->second.connections;
  const auto c = std::find_if(all.begin(), all.end(), [id](const entry& e) { return e.id == id; });
  return c == all.end() ? nullptr : c->connection.lock();
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
  if (b.not_taken)
    b.not_taken();
  else
    b.report.undeliverable();
}

} // namespace leasebreak::smb

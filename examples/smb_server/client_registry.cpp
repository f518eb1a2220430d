// Routes break notifications to connections.
#include <smb_server/client_registry.hpp>

#include <smb_server/connection.hpp>

#include <boost/asio/dispatch.hpp>

#include <utility>

namespace leasebreak::smb {

error_code client_registry::add(
  client_guid client, const std::shared_ptr<connection>& c, std::string label) {
  const std::lock_guard lock{mutex_};
  const auto [it, fresh] = clients_.try_emplace(client);
  if (fresh) {
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
    if (error) {
      clients_.erase(it);
      return error;
    }
  }
  auto more = *it->second.connections;
  more.push_back(c);
  it->second.connections = std::make_shared<const candidates>(std::move(more));
  return {};
}

void client_registry::remove(client_guid client, const connection* c) {
  const std::lock_guard lock{mutex_};
  const auto found = clients_.find(client);
  if (found == clients_.end())
    return;
  candidates left = *found->second.connections;
  std::erase_if(left, [c](const std::weak_ptr<connection>& w) {
    const auto alive = w.lock();
    return !alive || alive.get() == c;
  });
  const bool is_last = left.empty();
  found->second.connections = std::make_shared<const candidates>(std::move(left));
  // A client that is busy keeps its entry, and with it its registration, for its next connection.
  if (is_last && !coordinator_.unregister_client(client))
    clients_.erase(found);
}

void client_registry::deliver(client_guid client, undelivered_break b) {
  std::shared_ptr<const candidates> to;
  {
    const std::lock_guard lock{mutex_};
    const auto found = clients_.find(client);
    if (found != clients_.end())
      to = found->second.connections;
  }
  if (!to)
    return b.report.undeliverable();
  // A lease is the client's, through whichever connection it was had: its notification goes to the
  // client's oldest connection, as Samba's clients expect it. An oplock's goes to a channel of its
  // session: the others do not take it.
  offer(std::move(to), 0, std::move(b));
}

void client_registry::offer(
  std::shared_ptr<const candidates> to, std::size_t next, undelivered_break b) {
  while (next < to->size()) {
    if (const auto c = (*to)[next].lock()) {
      boost::asio::dispatch(
        c->get_executor(), [c, to = std::move(to), next, b = std::move(b)]() mutable {
          if (!c->send_break(b))
            offer(std::move(to), next + 1, std::move(b));
        });
      return;
    }
    ++next;
  }
  b.report.undeliverable();
}

} // namespace leasebreak::smb

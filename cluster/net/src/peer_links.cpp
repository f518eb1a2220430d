// All coroutines hold the object, and end when it is closed.
#include <leasebreak/cluster/peer_links.hpp>

#include "hello.hpp"
#include "peer_channel.hpp"
#include "use_tuple.hpp"
#include <leasebreak/model/quoted.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

std::optional<tcp::endpoint> endpoint_of(std::string_view text) {
  const auto [address, port] = split_address(text);
  error_code failed;
  const auto parsed = asio::ip::make_address(address, failed);
  if (port.empty() || failed)
    return std::nullopt;
  return tcp::endpoint(parsed, static_cast<std::uint16_t>(std::stoul(port)));
}

std::string name_of(const view_member& m) {
  return "node " + quoted(m.name) + " at " + quoted(m.address);
}

/// What is sent to one node.
struct outgoing {
  outgoing(const asio::any_io_executor& on, view_member m)
    : who(std::move(m)), wake(on), pause(on) {}

  view_member who;
  asio::steady_timer wake; ///< Cancelled when there is something to send, or nothing any more.
  asio::steady_timer pause; ///< Between two attempts.
  std::vector<std::string> queue;
  std::size_t queued_bytes = 0;
  std::shared_ptr<peer_channel> channel;
  bool is_over = false;
  bool is_noted = false; ///< A problem was told, and nothing has come from the node since.
};

} // namespace

struct peer_links::impl : std::enable_shared_from_this<impl> {
  impl(asio::any_io_executor e, link_settings s, link_events v)
    : on(std::move(e)), settings(std::move(s)), events(std::move(v)), acceptor(on) {}

  void listen();
  void close();
  void meet(const view_member& who);
  void forget(outgoing& o);
  void note(std::string what) const {
    if (!is_closed && events.noted)
      events.noted(std::move(what));
  }
  [[nodiscard]] bool may_be_plain(const tcp::endpoint& other) const {
    return settings.tls != nullptr || other.address().is_loopback();
  }

  static asio::awaitable<void> accept_all(std::shared_ptr<impl> self);
  static asio::awaitable<void> receive(
    std::shared_ptr<impl> self, std::shared_ptr<peer_channel> c, std::string from);
  asio::awaitable<std::string> read_all(std::shared_ptr<peer_channel> channel);
  asio::awaitable<std::string> read_hello(const std::shared_ptr<peer_channel>& c, view_member& who);
  static asio::awaitable<void> send_all(std::shared_ptr<impl> self, std::shared_ptr<outgoing> o);
  asio::awaitable<error_code> open(outgoing& o);
  asio::awaitable<error_code> send_queue(outgoing& o);

  asio::any_io_executor on;
  link_settings settings;
  link_events events;
  tcp::acceptor acceptor;
  view_member me;
  bool is_closed = false;
  std::set<std::shared_ptr<peer_channel>> accepted;
  std::map<node_id, std::shared_ptr<outgoing>> peers;
  std::set<node_id> members; ///< Of the view; others are strangers.
};

void peer_links::impl::listen() {
  const auto at = *endpoint_of(settings.listen);
  acceptor.open(at.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind(at);
  acceptor.listen();
}

void peer_links::impl::close() {
  is_closed = true;
  error_code ignored;
  acceptor.close(ignored);
  for (const auto& c : accepted)
    c->close();
  for (auto& [node, o] : peers)
    forget(*o);
  peers.clear();
}

void peer_links::impl::forget(outgoing& o) {
  o.is_over = true;
  o.wake.cancel();
  o.pause.cancel();
  if (o.channel != nullptr)
    o.channel->close();
}

void peer_links::impl::meet(const view_member& who) {
  if (who.node == me.node)
    return;
  if (const auto known = peers.find(who.node); known != peers.end()) {
    known->second->is_noted = false;
    return;
  }
  if (!members.contains(who.node) && peers.size() >= members.size() + settings.accepted_max)
    return;
  const auto o = std::make_shared<outgoing>(on, who);
  peers.emplace(who.node, o);
  asio::co_spawn(on, send_all(shared_from_this(), o), asio::detached);
}

// -- receiving

asio::awaitable<void> peer_links::impl::accept_all(std::shared_ptr<impl> self) {
  while (!self->is_closed) {
    tcp::socket socket(self->on);
    auto [failed] = co_await self->acceptor.async_accept(socket, use_tuple);
    if (self->is_closed)
      co_return;
    if (failed) { // no descriptors are left, for example
      asio::steady_timer pause(self->on, self->settings.retry_time);
      co_await pause.async_wait(use_tuple);
      continue;
    }
    error_code gone;
    const auto from = socket.remote_endpoint(gone);
    if (gone || !self->may_be_plain(from) || self->accepted.size() >= self->settings.accepted_max)
      continue;
    auto c = std::make_shared<peer_channel>(std::move(socket), self->settings.tls);
    self->accepted.insert(c);
    asio::co_spawn(
      self->on, receive(self, std::move(c), from.address().to_string()), asio::detached);
  }
}

asio::awaitable<void> peer_links::impl::receive(
  std::shared_ptr<impl> self, std::shared_ptr<peer_channel> c, std::string from) {
  const auto why = co_await self->read_all(c);
  c->close();
  self->accepted.erase(c);
  if (!why.empty())
    self->note("the connection from " + from + " is refused: " + why);
}

// Returns why the connection is refused, or an empty text if it has ended.
asio::awaitable<std::string> peer_links::impl::read_all(std::shared_ptr<peer_channel> channel) {
  auto& c = *channel;
  view_member who;
  if (auto why = co_await read_hello(channel, who); !why.empty())
    co_return why;
  std::string frame;
  while (!is_closed) {
    const auto failed = co_await c.read(frame, packet_bytes_max);
    if (failed == asio::error::message_size)
      co_return name_of(who) + " sends a packet that is too long";
    if (failed || is_closed)
      co_return std::string();
    auto decoded = decode_packet(frame, events.clock());
    if (const auto* const error = std::get_if<packet_error>(&decoded))
      co_return name_of(who) + " sends a packet that is not understood: " + error->what;
    auto& p = std::get<packet>(decoded);
    if (p.from != who.node)
      co_return name_of(who) + " sends a packet of another node";
    meet(who); // again, because a view that it has not joined yet forgets it
    events.arrived(std::move(p));
  }
  co_return std::string();
}

asio::awaitable<std::string> peer_links::impl::read_hello(
  const std::shared_ptr<peer_channel>& c, view_member& who) {
  asio::steady_timer limit(on, settings.hello_time); // its end cancels the wait
  limit.async_wait([c](error_code cancelled) {
    if (!cancelled)
      c->close();
  });
  if (const auto failed = co_await c->accept())
    co_return failed == asio::error::operation_aborted ? "it says nothing" : failed.message();
  std::string frame;
  const auto failed = co_await c->read(frame, hello_bytes_max);
  if (failed || is_closed)
    co_return is_closed || failed == asio::error::eof ? "" : "it says nothing";
  auto decoded = decode_hello(frame);
  if (auto* const why = std::get_if<std::string>(&decoded))
    co_return std::move(*why);
  auto& h = std::get<hello>(decoded);
  if (h.cluster != settings.cluster)
    co_return name_of(h.who) + " belongs to the cluster " + quoted(h.cluster);
  if (!c->is_named(h.who.name))
    co_return "its certificate is not for the node " + quoted(h.who.name);
  who = std::move(h.who);
  co_return std::string();
}

// -- sending

asio::awaitable<error_code> peer_links::impl::open(outgoing& o) {
  const auto to = endpoint_of(o.who.address);
  if (!to)
    co_return asio::error::host_not_found;
  if (!may_be_plain(*to))
    co_return asio::error::no_permission;
  o.channel = std::make_shared<peer_channel>(tcp::socket(on), settings.tls);
  const auto c = o.channel;
  if (const auto failed = co_await c->connect(*to, o.who.name))
    co_return failed;
  std::vector<std::string> first{encode(hello{settings.cluster, me})};
  co_return co_await c->write(std::move(first));
}

asio::awaitable<error_code> peer_links::impl::send_queue(outgoing& o) {
  const auto c = o.channel;
  while (!o.is_over) {
    if (o.queue.empty()) {
      o.wake.expires_at(asio::steady_timer::time_point::max());
      co_await o.wake.async_wait(use_tuple);
      continue;
    }
    auto frames = std::exchange(o.queue, {});
    o.queued_bytes = 0;
    if (const auto failed = co_await c->write(std::move(frames)))
      co_return failed;
  }
  co_return error_code{};
}

asio::awaitable<void> peer_links::impl::send_all(
  std::shared_ptr<impl> self, std::shared_ptr<outgoing> o) {
  while (!o->is_over) {
    auto failed = co_await self->open(*o);
    if (!failed)
      failed = co_await self->send_queue(*o);
    if (o->is_over)
      break;
    if (!std::exchange(o->is_noted, true))
      self->note(name_of(o->who) + " cannot be reached: " + failed.message());
    o->queue.clear(); // of another connection; it is repeated
    o->queued_bytes = 0;
    o->pause.expires_after(self->settings.retry_time);
    co_await o->pause.async_wait(use_tuple);
  }
  if (o->channel != nullptr)
    o->channel->close();
}

// -- the interface

peer_links::peer_links(asio::any_io_executor on, link_settings settings, link_events events)
  : impl_(std::make_shared<impl>(std::move(on), std::move(settings), std::move(events))) {
  impl_->listen();
}

peer_links::~peer_links() {
  impl_->close();
}

void peer_links::start(const view_member& self) {
  impl_->me = self;
  asio::co_spawn(impl_->on, impl::accept_all(impl_), asio::detached);
}

void peer_links::install(const view& v) {
  auto& i = *impl_;
  i.members.clear();
  for (const auto& m : v.members)
    i.members.insert(m.node);
  std::erase_if(i.peers, [&](const auto& p) {
    const bool is_gone = !i.members.contains(p.first);
    if (is_gone)
      i.forget(*p.second);
    return is_gone;
  });
  for (const auto& m : v.members)
    i.meet(m);
}

void peer_links::send(const packet& p) {
  const auto found = impl_->peers.find(p.to);
  if (found == impl_->peers.end())
    return;
  auto& o = *found->second;
  auto bytes = encode(p, impl_->events.clock());
  if (bytes.size() > impl_->settings.queue_bytes_max - o.queued_bytes)
    return;
  o.queued_bytes += bytes.size();
  o.queue.push_back(std::move(bytes));
  o.wake.cancel();
}

std::uint16_t peer_links::port() const {
  return impl_->acceptor.local_endpoint().port();
}

std::string problem_of(const link_settings& s) {
  const auto at = endpoint_of(s.listen);
  if (!at)
    return "not an IP address and a port, as in 10.0.0.1:7000: " + quoted(s.listen);
  if (s.tls == nullptr && !at->address().is_loopback())
    return "nodes on several machines need TLS";
  if (s.cluster.empty() || s.cluster.size() > member_text_max)
    return "the name of a cluster has 1 to 255 bytes";
  return {};
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

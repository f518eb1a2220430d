// A small lease server with a line protocol, to play with by nc. docs/tutorial.md explains it.
#include <leasebreak/coordinator.hpp>

#include <boost/asio.hpp>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
#include <sstream>

namespace leasebreak::mini {

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);
constexpr auto rethrow = [](std::exception_ptr e) { e ? std::rethrow_exception(e) : void(); };
constexpr std::size_t line_bytes_max = 100, links_max = 64;
constexpr auto text_of = [](lease_state s) { return std::string(to_string(s)); };
constexpr std::hash<std::string> number_of; // clients of a real protocol choose these ids

struct client { // outlives its connection while it has durable opens
  client_guid guid;
  std::shared_ptr<struct link> on; // null while it is disconnected
  std::map<std::string, open_id> opens; // one of each file; none: the open is pending
};

struct link { // a connection
  tcp::socket socket;
  connection_id id{};
  std::shared_ptr<client> who; // null before "hello"

  // Does not wait: a client that stops reading is disconnected. Returns whether it is connected.
  bool send(const std::string& line) {
    error_code error;
    asio::write(socket, asio::buffer(line + "\n"), error);
    if (error)
      socket.close(error);
    return socket.is_open();
  }
  void reply(const std::string& command, error_code error, const std::string& result = "") {
    send((error ? "error " : "ok ") + command + ": " + (error ? error.message() : result));
  }
};
using link_ptr = std::shared_ptr<link>;

class server {
public:
  server(asio::io_context& io, const char* port)
    : acceptor_(io, *tcp::resolver(io).resolve("127.0.0.1", port)),
      leases_(io.get_executor(), config()) {
    std::cout << "listening on port " << acceptor_.local_endpoint().port() << std::endl;
    asio::co_spawn(io, accept(), rethrow);
    asio::co_spawn(io, stop_on_signal(), rethrow);
  }

private:
  asio::awaitable<void> accept() {
    while (acceptor_.is_open()) {
      auto [error, socket] = co_await acceptor_.async_accept(no_throw);
      if (!error && links_.size() < links_max)
        asio::co_spawn(acceptor_.get_executor(), serve(std::move(socket)), rethrow);
    }
  }

  asio::awaitable<void> serve(tcp::socket socket) {
    const auto l = std::make_shared<link>(link{std::move(socket), connection_id{++last_link_}, {}});
    l->socket.non_blocking(true);
    links_.emplace(l->id, l);
    for (std::string read;;) {
      const auto [error, size] = co_await asio::async_read_until(
        l->socket, asio::dynamic_buffer(read, line_bytes_max), '\n', no_throw);
      if (error == asio::error::not_found)
        l->send("error: the line is too long");
      if (error)
        break;
      execute(l, read.substr(0, size)); // does not wait: the next line may be an ack
      read.erase(0, size);
    }
    l->socket.close();
    links_.erase(l->id);
    if (!l->who)
      co_return;
    const disconnect_request gone{l->who->guid, l->id};
    const auto [error, ended] = co_await leases_.async_disconnect(gone, no_throw);
    std::erase_if(l->who->opens, [&kept = ended.kept](const auto& each) { // kept: durable opens
      return each.second != open_id::none && std::ranges::count(kept, each.second) == 0;
    });
    l->who->on = nullptr;
    forget(*l->who);
  }

  void forget(const client& who) {
    if (!who.on && !leases_.unregister_client(who.guid)) // an error: the client has durable opens
      clients_.erase(who.guid);
  }

  void execute(const link_ptr& l, const std::string& line) {
    std::string verb, name, text, option;
    std::istringstream(line) >> verb >> name >> text >> option;
    const auto command = verb + " " + name;
    if (!l->who)
      return verb == "hello" ? hello(l, name) : l->reply(command, errc::unknown_client);
    const auto& [guid, on, opens] = *l->who;
    const auto id = opens.contains(name) ? opens.at(name) : open_id::none;
    const auto key = lease_key::of(number_of(name));
    const auto state = parse_lease_state(text);
    if (verb == "open" && state)
      open(l, name, *state, option == "durable");
    else if (verb == "ack" && state)
      leases_.async_acknowledge(lease_acknowledgement{guid, key, *state},
        [=](error_code e, lease_state kept) { l->reply(command, e, text_of(kept)); });
    else if (verb == "reconnect")
      leases_.async_reconnect(reconnect_request(name, id, guid, l->id, key),
        [=](error_code e, const auto& open) { l->reply(command, e, text_of(open.state)); });
    else if (verb == "close")
      leases_.async_close(close_request(name, id), [=](error_code e, const auto&) {
        if (!e)
          l->who->opens.erase(name);
        l->reply(command, e, "closed");
      });
    else
      l->send("commands: open FILE STATE [durable], ack FILE STATE, reconnect FILE, close FILE");
  }

  void hello(const link_ptr& l, const std::string& name) {
    const auto guid = client_guid::of(number_of(name));
    auto& who = clients_[guid];
    if (who && who->on)
      return static_cast<void>(l->send("error hello " + name + ": it is connected"));
    if (!who) {
      who = std::make_shared<client>(client{guid, nullptr, {}});
      leases_.register_client(guid, [who](const auto& n, const auto& file, auto report) {
        auto line = "break " + file + " to " + text_of(n.to) + (n.ack_required ? ", ack it" : "");
        if (!who->on || who->on->id != n.connection() || !who->on->send(line))
          report.undeliverable();
      });
    }
    l->who = who;
    who->on = l;
    l->reply("hello " + name, {}, std::to_string(who->opens.size()) + " to reconnect");
  }

  void open(const link_ptr& l, const std::string& file, lease_state state, bool durable) {
    if (!l->who->opens.try_emplace(file, open_id::none).second)
      return static_cast<void>(l->send("error open " + file + ": it is open"));
    open_request ask;
    ask.file = file; // a file has one name here, which thus identifies it
    ask.client = l->who->guid;
    ask.connection = l->id;
    ask.lease = lease_request{lease_key::of(number_of(file)), state, 2, 0, {}};
    if (durable)
      ask.durable.emplace().timeout = std::chrono::seconds{60};
    leases_.async_open(std::move(ask), [l, file](error_code error, const open_result& granted) {
      if (error)
        l->who->opens.erase(file);
      else
        l->who->opens[file] = granted.open;
      l->reply("open " + file, error, text_of(granted.state) + (granted.durable ? " durable" : ""));
    }); // destroys `granted.answer`: a break of this grant may follow the reply from now on
  }

  coordinator_config config() {
    coordinator_config c;
    c.on_open_lost = [this](const open_lost& lost) { // a durable open expired or was purged
      const auto found = clients_.find(lost.client);
      if (found != clients_.end() && found->second->opens.erase(lost.file) != 0)
        forget(*std::shared_ptr(found->second));
    };
    return c;
  }

  asio::awaitable<void> stop_on_signal() {
    asio::signal_set signals(acceptor_.get_executor(), SIGINT, SIGTERM);
    co_await signals.async_wait(no_throw);
    acceptor_.close();
    for (const auto& [id, l] : links_)
      l->socket.close();
    co_await leases_.async_shutdown();
    std::cout << "stopped" << std::endl;
  }

  tcp::acceptor acceptor_;
  std::map<connection_id, link_ptr> links_;
  std::map<client_guid, std::shared_ptr<client>> clients_;
  std::uint64_t last_link_ = 0;
  coordinator leases_; // destroyed first, with the functions that refer to the other members
};

} // namespace leasebreak::mini

int main(int argc, char** argv) try {
  boost::asio::io_context io;
  const leasebreak::mini::server s(io, argc > 1 ? argv[1] : "4450");
  io.run();
} catch (const std::exception& e) {
  std::cerr << "mini_server: " << e.what() << '\n';
  return 1;
}

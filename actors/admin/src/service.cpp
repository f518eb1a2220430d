// See leasebreak/admin/service.hpp.
#include "connection.hpp"
#include "core.hpp"
#include "listeners.hpp"
#include "router.hpp"

#include <leasebreak/admin/service.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace asio = boost::asio;

namespace {

constexpr std::size_t socket_path_max = 107; // sun_path, without the terminating zero
constexpr std::size_t request_bytes_min = 1'024;

[[noreturn]] void refuse(const char* what) {
  throw std::invalid_argument(what);
}

asio::ip::address address_of(const service_options& o) {
  error_code wrong;
  const auto address = asio::ip::make_address(o.address, wrong);
  if (wrong)
    refuse("address: must be an IP address");
  return address;
}

void check(const service_options& o) {
  if (o.socket_path.empty() && o.address.empty())
    refuse("socket_path, address: one of them is needed");
  if (o.socket_path.size() > socket_path_max)
    refuse("socket_path: too long");
  if ((o.socket_mode & ~0777U) != 0)
    refuse("socket_mode: must contain only permissions");
  if (o.connections_max == 0 || o.page_entries_max == 0)
    refuse("connections_max, page_entries_max: must be at least 1");
  if (o.request_bytes_max < request_bytes_min)
    refuse("request_bytes_max: must be at least 1,024");
  if (o.client_time <= o.client_time.zero() || o.action_time < o.action_time.zero())
    refuse("client_time, action_time: must be positive");
  if (o.events_queued_max == 0 || o.heartbeat <= o.heartbeat.zero())
    refuse("events_queued_max, heartbeat: must be positive");
  if (o.address.empty())
    return;
  if (!address_of(o).is_loopback() && !o.allow_remote)
    refuse("address: must be a loopback address unless allow_remote is set");
  if (o.token_file.empty())
    refuse("token_file: required for TCP");
}

access_rules rules_of(const service_options& o) {
  access_rules rules;
  rules.page_entries_max = o.page_entries_max;
  rules.hosts = {"localhost", "127.0.0.1", "[::1]"};
  rules.hosts.insert(rules.hosts.end(), o.host_names.begin(), o.host_names.end());
  if (!o.address.empty())
    rules.hosts.push_back(address_of(o).is_v6() ? "[" + o.address + "]" : o.address);
  return rules;
}

} // namespace

/// Owns the listeners, and tracks the connections. Used on the strand, except where noted.
class LEASEBREAK_HIDDEN service::state : public std::enable_shared_from_this<state> {
public:
  state(asio::any_io_executor executor, coordinator& c, service_options options)
    : strand_(asio::make_strand(std::move(executor))), socket_rules_(rules_of(options)),
      tcp_rules_(rules_of(options)), core_(std::make_shared<core>(strand_, c, std::move(options))) {
  }

  /// Called before the first handler runs.
  void open() {
    const auto& o = core_->options();
    if (!o.address.empty()) {
      tcp_rules_.tokens = token_list::read(o.token_file);
      tcp_.emplace(listen_on(strand_, asio::ip::tcp::endpoint(address_of(o), o.port)));
      tcp_rules_.port = port_ = tcp_->local_endpoint().port();
    }
    if (!o.socket_path.empty()) {
      unix_.emplace(listen_on(strand_, o.socket_path, o.socket_mode));
      is_bound_ = true;
    }
  }

  void start() {
    if (unix_)
      asio::co_spawn(strand_, accept(shared_from_this(), *unix_), asio::detached);
    if (tcp_)
      asio::co_spawn(strand_, accept(shared_from_this(), *tcp_), asio::detached);
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// Any thread.
  void stop() noexcept {
    core_->detach();
    if (is_bound_.exchange(false))
      ::unlink(core_->options().socket_path.c_str());
    try {
      asio::post(strand_, [self = shared_from_this()] { self->close(); });
    } catch (const std::bad_alloc&) {
      // The coordinator is not used any more in any case; the sockets end with the executor.
    }
  }

private:
  void close() noexcept {
    stopping_ = true;
    error_code ignored;
    if (unix_)
      unix_->close(ignored);
    if (tcp_)
      tcp_->close(ignored);
    for (auto* const c : connections_)
      c->close();
  }

  template <class Acceptor>
  static asio::awaitable<void> accept(std::shared_ptr<state> self, Acceptor& from) {
    asio::steady_timer pause(self->strand_);
    pace accepts(std::chrono::milliseconds{2}, 64);
    while (!self->stopping_) {
      co_await wait_for(accepts, self->strand_); // meanwhile they wait in the kernel's queue
      error_code error;
      try {
        auto socket = co_await from.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (!error)
          self->take(std::move(socket));
      } catch (const std::bad_alloc&) {
        error = make_error_code(boost::system::errc::not_enough_memory);
      }
      if (!error || self->stopping_)
        continue;
      pause.expires_after(std::chrono::milliseconds(100)); // for example, out of descriptors
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }

  void take(asio::basic_stream_socket<asio::local::stream_protocol, asio::any_io_executor> socket) {
    auto who = peer_of(socket, core_->options().socket_right);
    take(std::move(socket), socket_rules_, std::move(who));
  }
  void take(asio::basic_stream_socket<asio::ip::tcp, asio::any_io_executor> socket) {
    auto who = peer_of(socket);
    take(std::move(socket), tcp_rules_, std::move(who));
  }
  void take(stream_socket socket, const access_rules& rules, caller who) {
    if (connections_.size() >= core_->options().connections_max)
      return leasebreak::admin::refuse(std::move(socket));
    auto c = std::make_unique<connection>(core_, std::move(socket), rules, std::move(who));
    auto known = std::make_unique<known_connection>(
      *this, std::move(c)); // counts toward the limit from now on
    asio::co_spawn(strand_, serve(shared_from_this(), std::move(known)), asio::detached);
  }

  /// A connection that the service can close.
  class known_connection {
  public:
    known_connection(state& in, std::unique_ptr<connection> c) : in_(in), c_(std::move(c)) {
      in_.connections_.insert(c_.get());
    }
    ~known_connection() { in_.connections_.erase(c_.get()); }
    known_connection(const known_connection&) = delete;
    known_connection& operator=(const known_connection&) = delete;
    [[nodiscard]] connection& get() noexcept { return *c_; }

  private:
    state& in_;
    std::unique_ptr<connection> c_;
  };

  static asio::awaitable<void> serve(
    std::shared_ptr<state> self, std::unique_ptr<known_connection> c) {
    if (!self->stopping_)
      co_await c->get().run();
    c.reset(); // before the objects that it refers to
  }

  const asio::any_io_executor strand_;
  access_rules socket_rules_;
  access_rules tcp_rules_;
  const std::shared_ptr<core> core_;
  std::optional<unix_acceptor> unix_;
  std::optional<tcp_acceptor> tcp_;
  std::uint16_t port_ = 0;
  std::atomic<bool> is_bound_{false}; ///< The Unix socket's file belongs to this service.
  std::set<connection*> connections_;
  bool stopping_ = false;
};

service::service(asio::any_io_executor executor, coordinator& c, service_options options) {
  check(options);
  state_ = std::make_shared<state>(std::move(executor), c, std::move(options));
  state_->open();
  try {
    state_->start();
  } catch (...) {
    stop();
    throw;
  }
}

service::~service() {
  stop();
}

void service::stop() noexcept {
  state_->stop();
}

std::uint16_t service::port() const noexcept {
  return state_->port();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

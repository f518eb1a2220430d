// An HTTP service for operators: who holds what, who waits for whom, metrics, and breaks by hand.
//
//   GET  /                        a page for browsers; it asks for a token if needed
//   GET  /metrics                 the text format of Prometheus
//   GET  /healthz, /readyz        whether it runs, and whether it is ready; no right is needed
//   GET  /api/v1/stats            counters and gauges
//   GET  /api/v1/clients          registered clients         ?limit= &after=
//   GET  /api/v1/files            what is held and waits     ?path= (whole or last components)
//                                                            &prefix= &share= &client= &file=
//   GET  /api/v1/breaks           breaks in progress         the same
//   GET  /api/v1/waits            waiter, holder, deadline   the same
//   POST /api/v1/break            {"path" or "file", "share", "client", "key", "keep", "dry_run"}
//   POST /api/v1/disconnect       {"client", "dry_run"}
//
// An error is {"error": {"code": ..., "message": ...}}. Acting needs the right to act, the header
// `X-Leasebreak-Action: 1` and `Content-Type: application/json`, none of which a web page of
// another origin can send.
#pragma once

#include <leasebreak/coordinator.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace spdlog {
class logger;
}

namespace leasebreak::admin {

/// What a caller may do. Who may act may read as well.
enum class right : std::uint8_t { none, read, act };

/// Who sends a request.
struct caller {
  bool is_local = false; ///< Through the Unix socket.
  std::uint32_t uid = 0; ///< Through the Unix socket: the peer's user.
  std::string address; ///< Through TCP: the peer's address.
  right granted = right::none; ///< By the socket's rights or the token.
};

/// Settings of a service. Without `socket_path` and `address` it serves nobody; both may be given.
struct service_options {
  /// Path of a Unix socket, at most 107 bytes. Whoever may open it is trusted with
  /// `socket_right`. A socket that a former process has left there is replaced, if it is nobody's;
  /// any other file is an error.
  std::string socket_path;
  unsigned socket_mode = 0660; ///< Permissions of the Unix socket.
  right socket_right = right::act; ///< What the Unix socket's users may do.

  /// IP address for TCP, such as `127.0.0.1`. Needs `token_file`. Only a loopback address, unless
  /// `allow_remote`: there is no TLS, so that everybody on the way reads tokens and answers.
  std::string address;
  std::uint16_t port = 0; ///< 0: one that is free; see `service::port`.
  bool allow_remote = false; ///< `address` need not be a loopback address.
  /// File of the tokens that TCP callers send as `Authorization: Bearer TOKEN`: one a line, after
  /// `read` or `act` and a space; a token alone may act; `#` begins a comment. A token has at least
  /// 16 characters, letters, digits, and `-._~+/=`. The file must be the own user's or root's, and
  /// nobody else's to read (0600). Read once.
  std::string token_file;
  /// Further names by which TCP callers may call the service in the Host header, without port.
  /// `localhost` and the loopback addresses are always accepted, as is `address`.
  std::vector<std::string> host_names;

  std::size_t connections_max = 8; ///< Further ones are answered with 503 and closed.
  std::size_t request_bytes_max = std::size_t{64} << 10; ///< Of header and body together.
  /// A request must be there within this time after the one before, and its answer be taken.
  std::chrono::milliseconds client_time = std::chrono::seconds{10};
  /// How long the answer to a break waits for its end; the break goes on after that.
  std::chrono::milliseconds action_time = std::chrono::seconds{5};
  std::size_t page_entries_max = 1'000; ///< The most entries of a page of a listing.

  /// Asked for each request that needs a right, in addition: false refuses it. Empty: `caller`'s
  /// right decides alone. Called on the service's executor; must not block.
  std::function<bool(const caller& who, right needed)> authorize;
  /// Whether the host is ready, for `/readyz`. Empty: it is. Called as `authorize` is.
  std::function<bool()> is_ready;
  /// Ends all connections of a client, as if they were lost, which ends its opens in the end; false
  /// if it has none. Empty: `POST /api/v1/disconnect` is refused, since the coordinator does not
  /// know what else the host keeps of a client. Called as `authorize` is.
  std::function<bool(const client_guid& client)> disconnect;

  std::string version; ///< Of the host program, for the metrics.
  /// Takes one line for each action: who, what, on what, dry run, outcome. Null: spdlog's logger
  /// named "leasebreak", if there is one. Kept alive as long as there is a connection.
  std::shared_ptr<spdlog::logger> logger;
};

/// The service. Starts no thread: everything runs on a strand of the executor, so that the host's
/// threads serve it. What it asks the coordinator are the same calls that a host can make.
///
/// Thread safety: members may be called from any thread. Lifetime: the coordinator must outlive the
/// service; the executor must exist as long as there is a handler in its queue. A running service
/// keeps an `io_context` busy until `stop`.
class service {
public:
  /// Listens from now on. Throws `std::invalid_argument` for options that contradict what is said
  /// there, `std::runtime_error`, with words for the operator, for a token file that is missing,
  /// unsafe or empty, and `boost::system::system_error` if a socket cannot be had.
  service(boost::asio::any_io_executor executor, coordinator& c, service_options options);

  /// As `stop`.
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// Closes the listeners and all connections, and removes the Unix socket. From then on the
  /// coordinator is not called any more. May be called again.
  void stop() noexcept;

  /// The TCP port that it listens on; 0 without TCP.
  [[nodiscard]] std::uint16_t port() const noexcept;

private:
  class state;
  std::shared_ptr<state> state_;
};

} // namespace leasebreak::admin

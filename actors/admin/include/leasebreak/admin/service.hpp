// An HTTP service for operators: holders, pending operations and their blockers, metrics, and
// forced breaks.
//
//   GET  /                        a page for browsers; it asks for a token if needed
//   GET  /metrics                 the text format of Prometheus
//   GET  /healthz, /readyz        whether it runs, and whether it is ready; needs no right
//   GET  /api/v1/stats            counters and gauges
//   GET  /api/v1/clients          registered clients         ?limit= &after=
//   GET  /api/v1/files            holders, pending operations ?path= (whole or last components)
//                                                            &prefix= &share= &client= &file=
//   GET  /api/v1/breaks           breaks in progress         the same
//   GET  /api/v1/waits            operation, holder, deadline the same
//   GET  /api/v1/events           server-sent events         ?what=breaks (the default) or all
//   GET  /api/v1/top?of=          blockers or files of the last hour  &limit=
//   GET  /api/v1/cluster          the servers of the host's cluster
//   GET  /api/v1/settings         what can change while the host runs
//   POST /api/v1/settings         {"name", "value", "share", "dry_run"}
//   POST /api/v1/break            {"path" or "file", "share", "client", "key", "keep", "dry_run"}
//   POST /api/v1/disconnect       {"client", "dry_run"}
//
// `/api/v1/events` streams one JSON object for each event, with its kind as the SSE event, until
// the client closes the connection or the service stops. A reader that is too slow gets an event
// `dropped` with a `count`.
//
// After a burst of 64, all connections together get 500 responses a second, and each listener takes
// 500 connections a second.
//
// An error is {"error": {"code": ..., "message": ...}}. An action needs the right to act, the
// header `X-Leasebreak-Action: 1` and `Content-Type: application/json`, none of which a web page of
// another origin can send.
#pragma once

#include <leasebreak/admin/cluster_report.hpp>
#include <leasebreak/admin/event_feed.hpp>
#include <leasebreak/coordinator.hpp>
#include <leasebreak/model/export.hpp>

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

/// The HTTP service for operators. Begin with `service`.
namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT admin {

/// The rights of a caller. The right to act includes the right to read.
enum class right : std::uint8_t {
  none,
  read, ///< May list, and read the statistics.
  act ///< May also break leases and disconnect clients.
};

/// The sender of a request.
struct caller {
  bool is_local = false; ///< Connected through the Unix socket.
  std::uint32_t uid = 0; ///< Unix socket: the user of the peer.
  std::string address; ///< TCP: the address of the peer.
  right granted = right::none; ///< From `socket_right` or the token.
};

/// Settings of a service. `socket_path` or `address` must be set; both may be.
struct service_options {
  /// Path of a Unix socket, at most 107 bytes. Every process that can open it has
  /// `socket_right`. A stale socket of a former process is replaced; any other file at this path is
  /// an error.
  std::string socket_path;
  unsigned socket_mode = 0660; ///< Permissions of the Unix socket.
  right socket_right = right::act; ///< The right of callers on the Unix socket.

  /// IP address for TCP, such as `127.0.0.1`. Needs `token_file`. Must be a loopback address unless
  /// `allow_remote` is set: there is no TLS, so tokens and responses can be read on the network.
  std::string address;
  std::uint16_t port = 0; ///< 0: any free port; see `service::port`.
  bool allow_remote = false; ///< Allows an `address` that is not a loopback address.
  /// File of the tokens that TCP callers send as `Authorization: Bearer TOKEN`: one per line, after
  /// `read` or `act` and a space. A token without a right may act; `#` begins a comment. A token
  /// has at least 16 characters: letters, digits, and `-._~+/=`. The file must be owned by the
  /// process's user or root, and not be readable by others (0600). Read once.
  std::string token_file;
  /// Further names that are accepted in the Host header of TCP callers, without port.
  /// `localhost` and the loopback addresses are always accepted, as is `address`.
  std::vector<std::string> host_names;

  std::size_t connections_max = 8; ///< Further ones are answered with 503 and closed.
  std::size_t request_bytes_max = std::size_t{64} << 10; ///< Of header and body together.
  /// Time limit for receiving a request after the previous one, and for sending a response.
  std::chrono::milliseconds client_time = std::chrono::seconds{10};
  /// How long the response to a break request waits for the end of the break, which continues.
  std::chrono::milliseconds action_time = std::chrono::seconds{5};
  std::size_t page_entries_max = 1'000; ///< Maximum number of entries on a page of a listing.

  /// The events of the coordinator. Null: `/api/v1/events` and `/api/v1/top` are refused.
  std::shared_ptr<event_feed> events;
  /// Maximum number of readers of events, which keep their connections; always less than
  /// `connections_max`.
  std::size_t event_readers_max = 4;
  std::size_t events_queued_max = 512; ///< Events that a reader may lag behind; then some are lost.
  /// A reader gets a comment after this time without events, which shows that the connection lives.
  std::chrono::milliseconds heartbeat = std::chrono::seconds{15};

  /// Additional check for each request that needs a right; false refuses the request. Empty: only
  /// the right of the caller counts. Called on the service's executor; must not block.
  std::function<bool(const caller& who, right needed)> authorize;
  /// Returns whether the host is ready, for `/readyz`. Empty: always. Called like `authorize`.
  std::function<bool()> is_ready;
  /// Ends all connections of a client as if they were lost, which also ends its opens; returns
  /// false if it has none. Empty: `POST /api/v1/disconnect` is refused, because the coordinator
  /// does not know the other state of the client in the host. Called like `authorize`.
  std::function<bool(const client_guid& client)> disconnect;

  /// Passes on what the host knows of its cluster, now or later, on any thread, once. It may also
  /// drop the function. Empty: `/api/v1/cluster` has the stage `none`. Called like `authorize`.
  std::function<void(std::function<void(cluster_report)> to)> cluster;

  std::string version; ///< Version of the host program, for the metrics.
  /// Receives one audit line per action: caller, action, target, dry run, outcome. Null: the spdlog
  /// logger named "leasebreak", if it exists. Kept alive while there is a connection.
  std::shared_ptr<spdlog::logger> logger;
};

/// The service. Starts no thread; everything runs on a strand of the executor. It uses only the
/// public functions of the coordinator.
///
/// Thread safety: members may be called from any thread. Lifetime: the coordinator must outlive the
/// service; the executor must exist as long as there is a handler in its queue. A running service
/// keeps an `io_context` busy until `stop`.
class service {
public:
  /// Starts to listen. Throws `std::invalid_argument` for options that violate their documentation,
  /// `std::runtime_error` with a message for the operator if the token file is missing, unsafe or
  /// empty, and `boost::system::system_error` if a socket cannot be opened.
  service(boost::asio::any_io_executor executor, coordinator& c, service_options options);

  /// Calls `stop`.
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// Closes the listeners and all connections, and removes the Unix socket. Afterwards the
  /// coordinator is not called any more. Idempotent.
  void stop() noexcept;

  /// Returns the TCP port that the service listens on; 0 without TCP.
  [[nodiscard]] std::uint16_t port() const noexcept;

private:
  class state;
  std::shared_ptr<state> state_;
};

} // namespace admin
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

// What the server can be told: by its command line, or by a test.
#pragma once

#include <leasebreak/model/lease_state.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leasebreak::smb {

/// What may follow a share's path.
struct share_options {
  /// `,ca`: opens may be persistent, so that they outlive the server's process.
  bool continuously_available = false;
  /// `,leases=full|shared|none`: the most that clients may cache, RWH, R or nothing.
  lease_state leases = lease_state::rwh;
};

/// `--share NAME=PATH[,OPTION]...`; in the path a comma is written twice.
struct share_definition {
  std::string name;
  std::string path;
  share_options options{};
};

/// Bounds on what peers can make the server keep.
struct server_limits {
  std::size_t connections = 1'024; ///< Further ones are closed at once.
  std::size_t connections_per_address = 512; ///< An IPv6 network of 64 bits counts as one address.
  /// The same without a session so far: the oldest of them ends to make room for a further one.
  std::size_t silent_per_address = 256;
  std::size_t sessions_per_connection = 64; ///< Those being set up among them.
  std::size_t channels_per_session = 32; ///< Connections that it is bound to.
  std::size_t trees_per_session = 64;
  std::size_t opens = 262'144; ///< Of all connections, kept ones among them, and listings.
  std::size_t opens_per_connection = 65'536; ///< Or of all that may share sessions.
  std::size_t opens_per_user = 131'072; ///< Kept ones among them.
  std::size_t locks_per_user = 50'000; ///< Byte-range locks, half of those of the coordinator.
  std::size_t io_bytes = std::size_t{8} << 20; ///< Of one read, write, listing or query.
  std::size_t credits = 8'192; ///< Of one connection.
  /// Requests of one connection that wait, and whose client was told so; further ones are refused.
  std::size_t pending_requests = 512;
  /// Others of one connection that are worked on: what comes after them is read later.
  std::size_t working_requests = 128;
  /// The same while other connections send requests: for `company_time` after each of theirs.
  std::size_t working_requests_in_company = 4;
  std::chrono::milliseconds company_time{100};
  /// For how long a connection in company is not read at most, between two requests.
  std::chrono::milliseconds company_pause{20};
  /// Waiting for the disk, of all connections; a quarter of it at most for those of one client.
  std::size_t disk_operations = 4'096;
  std::size_t requests_bytes = std::size_t{64} << 20; ///< Being worked on, of one connection.
  std::size_t responses_bytes = std::size_t{64} << 20; ///< Waiting for the peer to take them.
  /// Changes that CHANGE_NOTIFY has not told a client: beyond it all of them have to be looked up.
  std::size_t client_changes_bytes = std::size_t{4} << 20;
  std::size_t changes_bytes = std::size_t{64}
    << 20; ///< Of all clients; the one with most loses its.
  std::size_t setup_frame_bytes = 65'536; ///< Of a frame before the connection's first session.
  std::chrono::seconds setup_time{60}; ///< Until a connection must have its first session.
  /// For TCP to deliver a break; then it is sent on another channel too, if there is one.
  std::chrono::milliseconds break_taken_time{5'000};
  /// For the peer to take any byte of the answers that wait; then its connection ends. Longer than
  /// a break takes: a computer that sleeps for a while loses no more than a break's timeout takes.
  std::chrono::milliseconds answer_taken_time{120'000};
  /// For a connection that is ending, until a client that is back already is refused what is on it.
  std::chrono::milliseconds let_go_time{5'000};

  /// Longer frames are not read; the connection is closed.
  [[nodiscard]] std::size_t frame_bytes() const noexcept { return io_bytes + 65'536; }

  /// Returns the limits for a process with this number of file descriptors. Some descriptors are
  /// reserved for the server, at most a quarter of the rest is for connections, and the remainder
  /// is for opens. One client gets at most a quarter of the latter, because each open may be listed
  /// as well. A client with the maximum number of opens thus blocks no other client's connections
  /// or opens.
  [[nodiscard]] server_limits within(std::size_t descriptors) const;
};

/// `--admin PATH`, `--admin ADDRESS:PORT` and `--admin-token FILE`; see
/// `leasebreak::admin::service_options`.
struct admin_options {
  std::string socket_path;
  std::string address;
  std::uint16_t port = 0;
  std::string token_file;
};

/// `--cluster`, and what belongs to it; see `leasebreak::cluster::member`.
struct cluster_options {
  std::string engine; ///< `etcd:URL[,URL]...` or `postgres:CONNECTION`; empty: no cluster.
  std::pair<std::string, std::string> user; ///< Name and password at etcd; both empty: none.
  std::string name = "leasebreak"; ///< The cluster's.
  std::string node; ///< This server's, unique in the cluster; empty: the host's.
  std::string listen = "127.0.0.1:4451"; ///< For the other servers.
  /// Files in PEM form: the certificate for the name of this server, its key, and the authority
  /// that has signed those of all servers. Empty: no TLS, which is for one machine.
  std::string certificate;
  std::string key;
  std::string authority;
  std::chrono::milliseconds lease{5'000}; ///< After which others take over from a dead server.
};

/// All settings.
struct server_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 4450; ///< 0: any that is free.
  std::vector<share_definition> shares;
  std::vector<std::pair<std::string, std::string>> users; ///< Names and passwords.
  std::string domain = "WORKGROUP"; ///< See `account_list`.
  std::string store = "memory";
  bool require_signing = false; ///< What a session sends unsigned is refused.
  std::chrono::milliseconds break_timeout{35'000};
  std::size_t threads = 1; ///< Each runs an event loop of its own.
  std::chrono::microseconds poll_time{200}; ///< See `poll_window`.
  std::size_t disk_threads = 4;
  /// False: as on a file system that has no files without names, and no renames that replace
  /// nothing. For tests.
  bool uses_new_calls = true;
  /// How long a request may wait for others before its client gets an interim response. Most
  /// requests that need another client's acknowledgement take longer; most others complete before.
  /// 0: each wait causes an interim response.
  std::chrono::microseconds interim_delay{500};
  std::string log_level = "info";
  std::string log_format = "text"; ///< Or "json".
  std::vector<std::string> settings; ///< `[SHARE:]NAME=VALUE`; see `settings_of`.
  std::string config_file; ///< Empty: none was given.
  bool check_only = false; ///< The options are to be checked, and nothing is to be served.
  cluster_options cluster;
  admin_options admin; ///< Neither path nor address: no service for operators.
  server_limits limits;
};

/// What a command line came to: options, or a text to print and the exit status.
struct parsed_options {
  std::optional<server_options> options;
  std::string text;
  int status = 0;
};

[[nodiscard]] parsed_options parse_options(int argc, const char* const* argv);

} // namespace leasebreak::smb

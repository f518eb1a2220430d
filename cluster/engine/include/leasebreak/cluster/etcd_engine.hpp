// etcd as the engine of a cluster, through its JSON gateway.
#pragma once

#include <leasebreak/cluster/engine.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace boost::asio::ssl {
class context;
}

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT cluster {

/// Where a server of etcd listens.
struct etcd_endpoint {
  std::string host; ///< A name or an address. Names are resolved for each new connection.
  std::string port; ///< A number.
  bool is_tls = false; ///< `https`.

  friend bool operator==(const etcd_endpoint&, const etcd_endpoint&) = default;
};

/// Returns the endpoints of a list such as `http://a:2379,https://[::1]:2379`, or what is wrong
/// with it.
[[nodiscard]] std::variant<std::vector<etcd_endpoint>, std::string> parse_etcd_endpoints(
  std::string_view list);

/// How to use etcd.
struct etcd_settings {
  std::vector<etcd_endpoint> endpoints; ///< At least one. They are tried in turn.
  /// The cluster's name: 1 to 64 letters, digits, `.`, `_` and `-`. All keys begin with
  /// `leasebreak/NAME/`.
  std::string cluster;
  std::chrono::seconds lease{5}; ///< How long a lease lives without renewal: 1 s to an hour.
  /// How long one endpoint may take to answer. Several of them should fit into `lease`.
  std::chrono::milliseconds timeout{1'000};
  /// For `https`: certificates that are trusted, and this node's own if etcd asks for one. Host
  /// names are verified.
  std::shared_ptr<boost::asio::ssl::context> tls;
  /// Empty: etcd has no authentication, or uses certificates. With a user, endpoints on other
  /// machines must be `https`, because the password is sent to them.
  std::string user;
  std::string password; ///< Of `user`.
};

/// Returns what is wrong with the settings, or an empty text.
[[nodiscard]] std::string problem_of(const etcd_settings& settings);

/// Returns an engine for one run of a node. `settings` must have no problem; throws
/// `std::invalid_argument` otherwise. Connections are opened when they are needed, at most one for
/// each operation in progress.
[[nodiscard]] std::unique_ptr<engine> make_etcd_engine(
  boost::asio::any_io_executor on, etcd_settings settings);

} // namespace cluster
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

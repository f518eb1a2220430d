// Requests to etcd's JSON gateway (API version 3), as text.
#pragma once

#include <leasebreak/cluster/view.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {

/// The keys of a cluster.
struct etcd_keys {
  explicit etcd_keys(const std::string& cluster);

  [[nodiscard]] std::string of_node(node_id node) const;

  std::string view; ///< The view, as `encode` writes it.
  std::string last_node; ///< The number of the last run that was started, as a decimal number.
  std::string nodes; ///< The beginning of the keys of living nodes. Their leases expire.
  std::string nodes_end; ///< The first key behind those.
};

/// A request: where it goes, and what it says.
struct etcd_request {
  std::string path;
  std::string body;
};

[[nodiscard]] etcd_request authenticate(std::string_view user, std::string_view password);
[[nodiscard]] etcd_request grant_lease(std::chrono::seconds how_long);
[[nodiscard]] etcd_request keep_lease(std::string_view lease);
[[nodiscard]] etcd_request revoke_lease_of(std::string_view lease);
/// Reads one key.
[[nodiscard]] etcd_request read_key(std::string_view key);
/// Sets a key if its revision is still this one; 0: if it does not exist.
[[nodiscard]] etcd_request replace_key(
  std::string_view key, std::string_view value, std::uint64_t revision);
/// Sets the key of a node, which ends with the lease.
[[nodiscard]] etcd_request put_node(
  std::string_view key, std::string_view value, std::string_view lease);
/// Reads the view and all living nodes, as of one revision.
[[nodiscard]] etcd_request read_document_of(const etcd_keys& keys);
/// Sets the view if its revision is still this one and the node's key exists.
[[nodiscard]] etcd_request replace_view(
  const etcd_keys& keys, std::string_view value, std::uint64_t revision, node_id by);

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster

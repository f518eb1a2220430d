// The server as a member of a cluster: `--cluster`.
#pragma once

#include <leasebreak/config.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::cluster {
class member;
}

namespace leasebreak::smb {

class server;
class cluster_membership;

/// Adds the membership that the server's options ask for to the coordinator's configuration, and
/// returns it; null if they ask for none. Throws `std::runtime_error`, with words for the user.
[[nodiscard]] std::shared_ptr<cluster_membership> make_membership(
  server& host, leasebreak::coordinator_config& config);

/// Returns the member, not null. Only in a program built with LEASEBREAK_CLUSTER.
[[nodiscard]] const std::shared_ptr<cluster::member>& member_of(
  const cluster_membership& m) noexcept;
/// Returns the name of this server in the cluster.
[[nodiscard]] const std::string& name_of(const cluster_membership& m) noexcept;

/// Joins the cluster, however long that takes.
[[nodiscard]] boost::asio::awaitable<void> join(std::shared_ptr<cluster_membership> as);

/// Leaves the cluster, so that others take over at once.
[[nodiscard]] boost::asio::awaitable<void> leave(
  std::shared_ptr<cluster_membership> as, boost::asio::any_io_executor on);

} // namespace leasebreak::smb

// Limits the number of connections, in total and per address.
#pragma once

#include <leasebreak/requests.hpp>

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <list>
#include <map>
#include <string_view>
#include <unordered_map>

namespace leasebreak::smb {

/// Counts connections. Each address gets a share of all connections, and a smaller share of
/// connections without a session. Beyond the latter the oldest connection without a session is
/// displaced. At the limit of all connections, the address with the most connections without a
/// session loses its oldest one. Silent connections thus keep no client out, whether they come from
/// its address or from others. Not thread-safe.
class connection_shares {
public:
  /// All must be positive.
  struct bounds {
    /// Displaced ones may exceed it by a sixteenth until they have ended, but at least by one.
    std::size_t connections = 1;
    std::size_t per_address = 1;
    std::size_t silent_per_address = 1; ///< Connections that had no session so far.
  };

  /// The result for a new connection.
  struct verdict {
    /// The reason, or empty if it is admitted. Then `leave` must follow.
    std::string_view refused{};
    connection_id displaced{}; ///< Nonzero: close this connection unless it has a session by then.
  };

  connection_shares() = default;
  explicit connection_shares(bounds most) noexcept : most_{most} {}

  [[nodiscard]] verdict enter(connection_id id, const boost::asio::ip::address& address);

  /// The connection has its first session. Idempotent.
  void logged_on(connection_id id);

  void leave(connection_id id);

  [[nodiscard]] std::size_t size() const noexcept { return connections_.size(); }

private:
  struct share {
    std::size_t connections = 0;
    std::list<connection_id> silent{}; ///< Oldest first.
  };
  using shares = std::map<boost::asio::ip::address, share>;
  struct member {
    shares::iterator of;
    std::list<connection_id>::iterator place{}; ///< In the share's `silent`, if `silent` is set.
    bool silent = true;
    bool displaced = false; ///< It is ending, unless it has got a session at the last moment.
  };

  [[nodiscard]] std::size_t ending_max() const noexcept;
  connection_id displace_oldest(share& of);
  connection_id displace_of_all();

  bounds most_;
  shares shares_;
  std::unordered_map<connection_id, member> connections_;
  std::size_t displaced_ = 0; ///< Members with `displaced`.
};

/// Returns the part of an address that identifies a host: an IPv4 address, or the 64-bit network of
/// an IPv6 address (RFC 4291 2.5.4), in which a host may use any address.
[[nodiscard]] boost::asio::ip::address host_part(const boost::asio::ip::address& address);

} // namespace leasebreak::smb

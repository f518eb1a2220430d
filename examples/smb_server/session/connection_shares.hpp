// How many connections there may be, in all and of each address.
#pragma once

#include <leasebreak/requests.hpp>

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <list>
#include <map>
#include <string_view>
#include <unordered_map>

namespace leasebreak::smb {

/// Counts connections. Those of one address get a share of all. Those that have not logged on yet
/// get a smaller share: beyond it the oldest of them makes room, so that silent connections keep no
/// client of their address out. Not thread-safe.
class connection_shares {
public:
  /// None is zero.
  struct bounds {
    std::size_t connections = 1;
    std::size_t per_address = 1;
    std::size_t silent_per_address = 1; ///< Without a session so far.
  };

  /// What becomes of a new connection.
  struct verdict {
    std::string_view refused{}; ///< Why; empty: it is admitted, and `leave` must follow.
    connection_id displaced{}; ///< Not zero: this one is to end, unless it has logged on meanwhile.
  };

  connection_shares() = default;
  explicit connection_shares(bounds most) noexcept : most_{most} {}

  [[nodiscard]] verdict enter(connection_id id, const boost::asio::ip::address& address);

  /// It has a session. May be called again.
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
    std::list<connection_id>::iterator place{}; ///< In the share's `silent`, if it is there.
    bool silent = true;
  };

  bounds most_;
  shares shares_;
  std::unordered_map<connection_id, member> connections_;
};

/// The part of an address that one host has to itself: an IPv4 address, or the 64 bits of an IPv6
/// network (RFC 4291 2.5.4), in which a host may take any address.
[[nodiscard]] boost::asio::ip::address host_part(const boost::asio::ip::address& address);

} // namespace leasebreak::smb

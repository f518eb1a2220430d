// Counts connections by address, and lists those without a session.
#include <smb_server/session/connection_shares.hpp>

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::smb {

namespace asio = boost::asio;

connection_shares::verdict connection_shares::enter(
  connection_id id, const asio::ip::address& address) {
  const auto known = shares_.find(host_part(address));
  if (known != shares_.end() && known->second.connections >= most_.per_address)
    return {"too many connections from its address", {}};
  if (connections_.size() >= most_.connections + ending_max())
    return {"too many connections", {}};
  verdict result;
  const bool is_full = connections_.size() - displaced_ >= most_.connections;
  if (known != shares_.end() && known->second.silent.size() >= most_.silent_per_address)
    result.displaced = displace_oldest(known->second);
  else if (is_full)
    result.displaced = displace_of_all();
  if (is_full && result.displaced == connection_id::none)
    return {"too many connections", {}};
  const auto of = shares_.try_emplace(host_part(address)).first;
  share& s = of->second;
  std::list<connection_id> place{id};
  connections_.emplace(id, member{of, place.begin()});
  s.silent.splice(s.silent.end(), place);
  ++s.connections;
  return result;
}

/// Displaced connections end soon, but use descriptors until then.
std::size_t connection_shares::ending_max() const noexcept {
  constexpr std::size_t parts = 16;
  return std::max<std::size_t>(most_.connections / parts, 1);
}

connection_id connection_shares::displace_oldest(share& of) {
  const connection_id oldest = of.silent.front();
  member& m = connections_.at(oldest);
  m.silent = false;
  m.displaced = true;
  ++displaced_;
  of.silent.pop_front();
  return oldest;
}

/// Returns none if all connections have a session.
connection_id connection_shares::displace_of_all() {
  const auto most = std::max_element(shares_.begin(), shares_.end(),
    [](const auto& a, const auto& b) { return a.second.silent.size() < b.second.silent.size(); });
  if (most == shares_.end() || most->second.silent.empty())
    return connection_id::none;
  return displace_oldest(most->second);
}

void connection_shares::logged_on(connection_id id) {
  const auto found = connections_.find(id);
  if (found == connections_.end())
    return;
  if (std::exchange(found->second.silent, false))
    found->second.of->second.silent.erase(found->second.place);
  if (std::exchange(found->second.displaced, false))
    --displaced_;
}

void connection_shares::leave(connection_id id) {
  logged_on(id);
  const auto found = connections_.find(id);
  if (found == connections_.end())
    return;
  const auto of = found->second.of;
  connections_.erase(found);
  if (--of->second.connections == 0)
    shares_.erase(of);
}

asio::ip::address host_part(const asio::ip::address& address) {
  if (address.is_v4())
    return address;
  const asio::ip::address_v6 whole = address.to_v6();
  if (whole.is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, whole);
  constexpr std::size_t network_bytes = 8;
  asio::ip::address_v6::bytes_type bytes = whole.to_bytes();
  std::fill(bytes.begin() + network_bytes, bytes.end(), std::uint8_t{0});
  return asio::ip::address_v6{bytes};
}

} // namespace leasebreak::smb

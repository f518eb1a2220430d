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
  if (connections_.size() >= most_.connections)
    return {"too many connections", {}};
  const auto of = shares_.try_emplace(host_part(address)).first;
  share& s = of->second;
  if (s.connections >= most_.per_address)
    return {"too many connections from its address", {}};
  verdict result;
  if (s.silent.size() >= most_.silent_per_address) {
    result.displaced = s.silent.front();
    connections_.at(result.displaced).silent = false;
    s.silent.pop_front();
  }
  std::list<connection_id> place{id};
  connections_.emplace(id, member{of, place.begin()});
  s.silent.splice(s.silent.end(), place);
  ++s.connections;
  return result;
}

void connection_shares::logged_on(connection_id id) {
  const auto found = connections_.find(id);
  if (found != connections_.end() && std::exchange(found->second.silent, false))
    found->second.of->second.silent.erase(found->second.place);
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

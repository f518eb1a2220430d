#include <smb_server/commands/network_interfaces.hpp>

#include <smb_server/commands/access.hpp>
#include <smb_server/net/connection.hpp>
#include <smb_server/server.hpp>
#include <smb_server/wire/network.hpp>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <memory>

namespace leasebreak::smb::commands {

namespace {

using asio::ip::address;

constexpr std::size_t interfaces_max = 64; ///< Further ones are omitted.

std::uint64_t speed_of(const std::string& name) {
  constexpr std::uint64_t usual = 1'000'000'000;
  constexpr std::int64_t bits = 1'000'000;
  std::int64_t megabits = 0;
  std::ifstream{"/sys/class/net/" + name + "/speed"} >> megabits;
  return megabits > 0 ? static_cast<std::uint64_t>(megabits * bits) : usual;
}

/// Returns an IPv4 or IPv6 address, or nothing.
std::optional<address> address_of(const sockaddr* from) {
  if (from != nullptr && from->sa_family == AF_INET) {
    const auto& v4 = *reinterpret_cast<const sockaddr_in*>(from);
    return asio::ip::address_v4{ntohl(v4.sin_addr.s_addr)};
  }
  if (from != nullptr && from->sa_family == AF_INET6) {
    const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(from);
    asio::ip::address_v6::bytes_type bytes;
    std::copy(std::begin(v6.sin6_addr.s6_addr), std::end(v6.sin6_addr.s6_addr), bytes.begin());
    return asio::ip::address_v6{bytes};
  }
  return std::nullopt;
}

/// Returns whether clients can reach a server that listens at `at` through address `a`.
bool is_reached(const address& a, const address& at) {
  if (!at.is_unspecified())
    return a == at;
  const bool link_local = a.is_v6() && a.to_v6().is_link_local();
  return !a.is_loopback() && !link_local && (a.is_v4() || at.is_v6());
}

network_interface describe(const ifaddrs& from, const address& a) {
  network_interface n;
  n.index = ::if_nametoindex(from.ifa_name);
  n.bits_per_second = speed_of(from.ifa_name);
  n.is_v6 = a.is_v6();
  if (a.is_v6()) {
    n.address = a.to_v6().to_bytes();
  } else {
    const auto bytes = a.to_v4().to_bytes();
    std::copy(bytes.begin(), bytes.end(), n.address.begin());
  }
  return n;
}

vfs::result<std::vector<network_interface>> list_interfaces(const address& at) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0)
    return vfs::from_errno(errno);
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all{first, ::freeifaddrs};
  std::vector<network_interface> result;
  for (const ifaddrs* i = first; i != nullptr && result.size() < interfaces_max; i = i->ifa_next) {
    const auto a = address_of(i->ifa_addr);
    if (!a || (i->ifa_flags & IFF_UP) == 0 || !is_reached(*a, at))
      continue;
    network_interface n = describe(*i, *a);
    if (n.index != 0)
      result.push_back(n);
  }
  return result;
}

} // namespace

asio::awaitable<reply> query_network_interfaces(request& r, ioctl_request asked) {
  if ((r.on().terms.capabilities & capability::multi_channel) == 0)
    co_return fail(status::not_supported);
  if (asked.id != related_file_id)
    co_return fail(status::invalid_parameter);
  vfs::detail::work<std::vector<network_interface>> job =
    [at = asio::ip::make_address(r.host().options().address)] { return list_interfaces(at); };
  auto [error, all] = co_await r.host().workers().async_run<std::vector<network_interface>>(
    r.on().get_executor(), std::move(job), asio::as_tuple(asio::use_awaitable));
  if (error)
    co_return fail(status_of(error));
  const byte_vector data = encode_network_interfaces(all);
  if (asked.output_max < data.size())
    co_return fail(status::buffer_too_small);
  reply answer;
  encode_ioctl_response(answer.out, asked.code, asked.id, data);
  co_return answer;
}

} // namespace leasebreak::smb::commands

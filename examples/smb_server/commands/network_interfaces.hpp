// FSCTL_QUERY_NETWORK_INTERFACE_INFO: lists addresses for further channels.
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/data.hpp>

namespace leasebreak::smb::commands {

inline constexpr std::uint32_t fsctl_query_network_interfaces = 0x0014'01fc;

/// MS-SMB2 3.3.5.15.11.
asio::awaitable<reply> query_network_interfaces(request& r, ioctl_request asked);

} // namespace leasebreak::smb::commands

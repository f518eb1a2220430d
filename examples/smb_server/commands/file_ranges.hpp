// Zeros and holes (MS-FSCC 2.3.48, 2.3.67, 2.3.71; MS-FSA 2.1.5.10).
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/data.hpp>

#include <cstdint>

namespace leasebreak::smb::commands {

inline constexpr std::uint32_t fsctl_set_sparse = 0x0009'00c4;
inline constexpr std::uint32_t fsctl_set_zero_data = 0x0009'80c8;
inline constexpr std::uint32_t fsctl_query_allocated_ranges = 0x0009'40cf;

[[nodiscard]] asio::awaitable<reply> set_sparse(request& r, const ioctl_request& asked, open_ptr o);
[[nodiscard]] asio::awaitable<reply> set_zero_data(
  request& r, const ioctl_request& asked, open_ptr o);
[[nodiscard]] asio::awaitable<reply> query_allocated_ranges(const ioctl_request& asked, open_ptr o);

} // namespace leasebreak::smb::commands

// Server-side copies, which avoid sending the data to the client and back (MS-SMB2 3.3.5.15.5,
// 3.3.5.15.6).
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/data.hpp>

#include <cstdint>

namespace leasebreak::smb::commands {

inline constexpr std::uint32_t fsctl_request_resume_key = 0x0014'0078;
/// Requires read access to the target, too.
inline constexpr std::uint32_t fsctl_copy_chunk = 0x0014'40f2;
inline constexpr std::uint32_t fsctl_copy_chunk_write = 0x0014'80f2;

/// Returns a key with which the client can use the open as the source of a copy.
[[nodiscard]] reply request_resume_key(const ioctl_request& asked, const open& o);

[[nodiscard]] asio::awaitable<reply> copy_chunks(
  request& r, const ioctl_request& asked, open_ptr target);

} // namespace leasebreak::smb::commands

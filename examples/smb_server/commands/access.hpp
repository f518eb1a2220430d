// Helpers of several commands: access checks, errors, and the metadata of files.
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/vfs/types.hpp>
#include <smb_server/wire/create.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>

namespace leasebreak::smb::commands {

/// Returns the NTSTATUS for an error of the coordinator or the file system, or for a cancelled
/// wait.
[[nodiscard]] std::uint32_t status_of(const boost::system::error_code& error) noexcept;

/// Byte-range locks from this offset on break no caching (MS-FSA 2.1.5.8). The allocation of a
/// sparse file may be smaller than its size, and all its bytes can be cached.
[[nodiscard]] inline std::uint64_t locked_end(const vfs::file_info& info) noexcept {
  return std::max(info.allocation_size, info.end_of_file);
}

[[nodiscard]] file_metadata to_metadata(const vfs::file_info& info);

/// Announces a change of the file to the coordinator. Keep the hold until the change is made.
struct announced {
  std::uint32_t status = status::success;
  leasebreak::hold hold;
};
[[nodiscard]] asio::awaitable<announced> announce(
  request& r, file_name_id file, access_kind kind, open_id handle);

/// Returns whether byte-range locks permit this read or write.
[[nodiscard]] asio::awaitable<std::uint32_t> check_locks(
  request& r, const open_ptr& o, byte_range range, bool is_write);

/// Returns whether a range ends beyond the largest offset.
[[nodiscard]] constexpr bool reaches_too_far(std::uint64_t offset, std::uint64_t length) noexcept {
  return offset > INT64_MAX || length > INT64_MAX - offset;
}

} // namespace leasebreak::smb::commands

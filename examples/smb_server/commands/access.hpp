// What several commands share: access checks, errors, and the metadata of files.
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/vfs/types.hpp>
#include <smb_server/wire/create.hpp>

#include <boost/system/error_code.hpp>

#include <algorithm>

namespace leasebreak::smb::commands {

/// The NTSTATUS for an error of the coordinator, the file system or a cancelled wait.
[[nodiscard]] std::uint32_t status_of(const boost::system::error_code& error) noexcept;

/// Behind what a byte-range lock counts for nothing (MS-FSA 2.1.5.8). A sparse file has less room
/// than bytes, and each of them can be cached.
[[nodiscard]] inline std::uint64_t locked_end(const vfs::file_info& info) noexcept {
  return std::max(info.allocation_size, info.end_of_file);
}

[[nodiscard]] file_metadata to_metadata(const vfs::file_info& info);

/// Announces a change of the file to the coordinator. The hold must live until the change is made.
struct announced {
  std::uint32_t status = status::success;
  leasebreak::hold hold;
};
[[nodiscard]] asio::awaitable<announced> announce(
  request& r, file_name_id file, access_kind kind, open_id handle);

/// Whether byte-range locks let this read or write pass.
[[nodiscard]] asio::awaitable<std::uint32_t> check_locks(
  request& r, const open_ptr& o, byte_range range, bool is_write);

/// Whether a range ends where no file can.
[[nodiscard]] constexpr bool reaches_too_far(std::uint64_t offset, std::uint64_t length) noexcept {
  return offset > INT64_MAX || length > INT64_MAX - offset;
}

} // namespace leasebreak::smb::commands

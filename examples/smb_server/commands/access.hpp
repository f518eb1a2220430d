// What several commands share: access checks, errors, and the metadata of files.
#pragma once

#include <smb_server/request.hpp>
#include <smb_server/vfs/types.hpp>
#include <smb_server/wire/create.hpp>

#include <boost/system/error_code.hpp>

namespace leasebreak::smb::commands {

/// The NTSTATUS for an error of the coordinator, the file system or a cancelled wait.
[[nodiscard]] std::uint32_t status_of(const boost::system::error_code& error) noexcept;

[[nodiscard]] file_metadata to_metadata(const vfs::file_info& info);

/// Announces a change of the file to the coordinator. The hold must live until the change is made.
struct announced {
  std::uint32_t status = status::success;
  leasebreak::hold hold;
};
[[nodiscard]] asio::awaitable<announced> announce(
  request& r, file_name_id file, access_kind kind, open_id handle);

} // namespace leasebreak::smb::commands

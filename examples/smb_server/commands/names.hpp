// Guards of directory entries, under which the meaning of a name cannot change.
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/vfs/vfs.hpp>

#include <leasebreak/entry_guard.hpp>
#include <leasebreak/requests.hpp>

namespace leasebreak::smb::commands {

/// A guard, or the error.
struct guarded {
  std::uint32_t status = status::success;
  error_code error; ///< The error of `status`.
  entry_guard guard;
};

/// Guards an entry of a directory.
[[nodiscard]] asio::awaitable<guarded> guard_entry(request& r, entry_guard_request ask);

/// Guards the name of a file in the current parent directory.
[[nodiscard]] asio::awaitable<guarded> guard_name(request& r, vfs::path name);

/// Whether a path still names the file, checked under a guard of the name.
enum class meaning { same, other, none };
[[nodiscard]] asio::awaitable<meaning> look_again(request& r, vfs::path name, file_name_id file);

/// Deletes what was created for a failed CREATE, unless another client has it open or has changed
/// it. A file without a name vanishes when it is closed.
[[nodiscard]] asio::awaitable<void> undo_create(request& r, vfs::opened opened);

} // namespace leasebreak::smb::commands

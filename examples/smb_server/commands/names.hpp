// What names mean, looked up where nothing can change meanwhile: guards of entries of directories.
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/vfs/vfs.hpp>

#include <leasebreak/entry_guard.hpp>
#include <leasebreak/requests.hpp>

namespace leasebreak::smb::commands {

/// A guard, or why there is none.
struct guarded {
  std::uint32_t status = status::success;
  error_code error; ///< The same.
  entry_guard guard;
};

/// Guards an entry of a directory.
[[nodiscard]] asio::awaitable<guarded> guard_entry(request& r, entry_guard_request ask);

/// Guards the name of a file, in the directory in which it is now.
[[nodiscard]] asio::awaitable<guarded> guard_name(request& r, vfs::path name);

/// Whether a path still means the file, as seen under a guard of its name.
enum class meaning { same, other, none };
[[nodiscard]] asio::awaitable<meaning> look_again(request& r, vfs::path name, file_name_id file);

/// Removes what was made for a CREATE that came to nothing, unless somebody else has it open, or
/// has changed it. Without a name it is gone by itself.
[[nodiscard]] asio::awaitable<void> undo_create(request& r, vfs::opened opened);

} // namespace leasebreak::smb::commands

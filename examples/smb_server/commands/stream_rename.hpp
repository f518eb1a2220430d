// Renames of named streams (MS-FSA 2.1.5.15.11.1).
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/file_information.hpp>

namespace leasebreak::smb::commands {

/// FileRenameInformation of an open stream, or with a new name that begins with a colon.
asio::awaitable<reply> rename_stream(request& r, open_ptr o, rename_setting setting);

} // namespace leasebreak::smb::commands

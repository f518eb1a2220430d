// From a request to the command that it names (MS-SMB2 3.3.5.2).
#pragma once

#include <smb_server/requests/request.hpp>

namespace leasebreak::smb {

/// Checks what all requests have in common (signature, session, tree) and carries out the command.
asio::awaitable<reply> dispatch(request& r);

} // namespace leasebreak::smb

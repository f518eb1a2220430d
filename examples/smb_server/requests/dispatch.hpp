// Routes a request to its command (MS-SMB2 3.3.5.2).
#pragma once

#include <smb_server/requests/request.hpp>

namespace leasebreak::smb {

/// Checks signature, session and tree of a request, and executes its command.
asio::awaitable<reply> dispatch(request& r);

/// Returns the response to a request that is related to one that has failed. Sets its channel,
/// which signs the response.
[[nodiscard]] reply fail_related(request& r);

} // namespace leasebreak::smb

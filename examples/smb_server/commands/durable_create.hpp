// The durable part of CREATE: timeouts, and reconnects to disconnected opens (MS-SMB2 3.3.5.9.6,
// 3.3.5.9.7, 3.3.5.9.10, 3.3.5.9.12).
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/create.hpp>
#include <smb_server/wire/durable.hpp>

#include <chrono>
#include <optional>

namespace leasebreak::smb::commands {

/// Returns how long a durable open is kept. Requests of version 1 contain no timeout.
[[nodiscard]] std::chrono::milliseconds durable_time(const durable_query& q);

/// Reconnects a client to its disconnected durable open.
[[nodiscard]] asio::awaitable<reply> reconnect(
  request& r, const create_request& asked, const durable_reconnect& d);

/// Handles a CREATE whose CreateGuid belongs to a durable open of the client that is disconnected
/// or on another connection. A replay reconnects to a disconnected open and gets the first response
/// again; any other CREATE fails (MS-SMB2 3.3.5.9.10). Returns nothing if the CREATE must be
/// executed.
[[nodiscard]] asio::awaitable<std::optional<reply>> take_back(
  request& r, const create_request& asked, const durable_query& query, bool may_be_persistent);

} // namespace leasebreak::smb::commands

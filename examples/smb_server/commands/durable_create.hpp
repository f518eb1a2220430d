// The durable part of CREATE: for how long opens are kept, and how a client has one back
// (MS-SMB2 3.3.5.9.6, 3.3.5.9.7, 3.3.5.9.10, 3.3.5.9.12).
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/create.hpp>
#include <smb_server/wire/durable.hpp>

#include <chrono>
#include <optional>

namespace leasebreak::smb::commands {

/// How long a durable open is kept. V1 has no wish of the client's.
[[nodiscard]] std::chrono::milliseconds durable_time(const durable_query& q);

/// Gives a client back a durable open that had lost its connection.
[[nodiscard]] asio::awaitable<reply> reconnect(
  request& r, const create_request& asked, const durable_reconnect& d);

/// The answer to a CREATE whose CreateGuid is that of an open of the client that has lost its
/// connection: who sends the CREATE again has the open back, answered as the first time, and nobody
/// else may use the CreateGuid (MS-SMB2 3.3.5.9.10). Nothing if the CREATE is to be done.
[[nodiscard]] asio::awaitable<std::optional<reply>> take_back(
  request& r, const create_request& asked, const durable_query& query, bool may_be_persistent);

} // namespace leasebreak::smb::commands

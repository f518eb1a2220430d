// Replayed CREATEs: the client has lost a channel, does not know the result, and sends the CREATE
// again on another channel (MS-SMB2 3.3.5.9.10).
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/create.hpp>

#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/lease_state.hpp>

#include <optional>

namespace leasebreak::smb::commands {

/// Identifies the CREATE, and contains what the coordinator compares with the first one.
struct create_again {
  guid create_guid{};
  std::optional<leasebreak::lease_request> lease;
  oplock_level oplock = oplock_level::none;
};

/// Handles a CREATE whose CreateGuid the client has used before, if the client has not used the
/// resulting open. Opens nothing, and returns the response of the first CREATE or an error. Returns
/// nothing if the CREATE must be executed.
[[nodiscard]] asio::awaitable<std::optional<reply>> answer_again(
  request& r, const create_request& asked, const create_again& again);

/// Marks the CreateGuid of a CREATE in progress.
class create_guid_in_work {
public:
  create_guid_in_work(connection& c, const std::optional<guid>& create_guid);
  ~create_guid_in_work();
  create_guid_in_work(const create_guid_in_work&) = delete;
  create_guid_in_work& operator=(const create_guid_in_work&) = delete;

private:
  channel_group_ptr group_;
  std::optional<guid> create_guid_;
};

} // namespace leasebreak::smb::commands

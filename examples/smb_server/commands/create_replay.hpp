// A CREATE that its client sends again, as it does not know what came of it: on another channel,
// when one was lost (MS-SMB2 3.3.5.9.10).
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/wire/create.hpp>

#include <leasebreak/model/commands.hpp>
#include <leasebreak/model/lease_state.hpp>

#include <optional>

namespace leasebreak::smb::commands {

/// What it is known by, and what the coordinator compares with the first one.
struct create_again {
  guid create_guid{};
  std::optional<leasebreak::lease_request> lease;
  oplock_level oplock = oplock_level::none;
};

/// The answer, if the client has sent a CREATE with this CreateGuid before and has not used what
/// came of it: nothing is opened then. Nothing if the CREATE is to be done.
[[nodiscard]] asio::awaitable<std::optional<reply>> answer_again(
  request& r, const create_request& asked, const create_again& again);

/// Marks the CreateGuid as that of a CREATE which is being done.
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

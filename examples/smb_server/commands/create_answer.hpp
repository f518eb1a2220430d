// The response to a CREATE that was granted, replayed, or reconnected to an open.
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/vfs/vfs.hpp>
#include <smb_server/wire/create.hpp>

#include <leasebreak/requests.hpp>

namespace leasebreak::smb::commands {

/// Returns the response for a granted open. Consumes `granted.answer`.
[[nodiscard]] reply answer_of(
  const create_request& asked, const open& o, const vfs::opened& opened, open_result& granted);

/// Adds a granted open to the tables, and returns the response. Consumes `granted.answer`.
[[nodiscard]] reply enter(request& r, const create_request& asked, const open_ptr& o,
  const vfs::opened& opened, open_result& granted);

/// Returns whether a new open has ended already, because its application opened the file on another
/// client before the open was in the tables. Such an open is removed and closed.
[[nodiscard]] asio::awaitable<bool> is_superseded(request& r, open_ptr o);

} // namespace leasebreak::smb::commands

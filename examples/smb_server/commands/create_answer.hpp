// The answer to a CREATE that was granted, or that gave an open back.
#pragma once

#include <smb_server/requests/request.hpp>
#include <smb_server/vfs/vfs.hpp>
#include <smb_server/wire/create.hpp>

#include <leasebreak/requests.hpp>

namespace leasebreak::smb::commands {

/// The answer for an open that was granted so. Takes `granted.answer`.
[[nodiscard]] reply answer_of(
  const create_request& asked, const open& o, const vfs::opened& opened, open_result& granted);

/// Enters an open that was granted, and answers. Takes `granted.answer`.
[[nodiscard]] reply enter(request& r, const create_request& asked, const open_ptr& o,
  const vfs::opened& opened, open_result& granted);

/// Whether an open that was just entered has ended already: its application may have opened the
/// file on another client before it was there to be found. It is taken out then, and done with.
[[nodiscard]] asio::awaitable<bool> is_superseded(request& r, open_ptr o);

} // namespace leasebreak::smb::commands

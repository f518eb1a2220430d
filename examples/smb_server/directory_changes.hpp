// What others see in a directory has changed: their leases on it must hear of it.
#pragma once

#include <smb_server/open.hpp>
#include <smb_server/session.hpp>

#include <leasebreak/hold.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace leasebreak::smb {

class server;

/// Breaks directory leases on the directory that holds `name`, but for one whose key is
/// `parent_key`. Does nothing if the directory cannot be found.
boost::asio::awaitable<void> tell_parent(server& host, std::shared_ptr<const served_share> share,
  vfs::path name, std::optional<lease_key> parent_key);

/// As above, for the place where an open file is now.
boost::asio::awaitable<void> tell_parent_of(server& host, const open& o);

/// The rest of a close: deletes the file if it is time, lets go of the hold, tells the directory,
/// and lets go of the file.
boost::asio::awaitable<void> after_close(
  server& host, open& o, bool delete_file, leasebreak::hold hold);

} // namespace leasebreak::smb

// Connections that run on one strand, and what is theirs together: those of one client that may be
// channels of one session (MS-SMB2 3.3.1.14, 3.3.1.16), or one connection by itself.
#pragma once

#include <smb_server/opens/open_table.hpp>
#include <smb_server/vfs/worker_pool.hpp>

#include <leasebreak/requests.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leasebreak::smb {

class connection;

/// A break notification on its way to its client.
struct undelivered_break {
  break_notification what;
  break_report report;
};

/// What belongs to the strand. Sessions and opens can be used through each of the connections, so
/// they need one strand in place of locks.
struct channel_group {
  channel_group(leasebreak::client_guid whose, boost::asio::any_io_executor runs_on)
    : client{whose}, executor{std::move(runs_on)} {}

  const leasebreak::client_guid client; ///< Zero: one connection by itself.
  const boost::asio::any_io_executor executor;
  const vfs::pool_lane lane = vfs::new_lane(); ///< Its operations on the disk.

  // The rest is used on the strand alone.

  std::vector<connection*> members; ///< Those that run, oldest first.
  open_table opens;
  std::set<guid> create_guids_in_work; ///< Of CREATEs in flight that may come again.
};

using channel_group_ptr = std::shared_ptr<channel_group>;

/// The groups of clients with connections. May be used from any thread.
class channel_groups : public std::enable_shared_from_this<channel_groups> {
public:
  /// The client's, or a new one on `fresh`. It lasts as long as somebody has it.
  [[nodiscard]] channel_group_ptr of(
    const leasebreak::client_guid& client, boost::asio::any_io_executor fresh);

  /// Null if it has none.
  [[nodiscard]] channel_group_ptr find(const leasebreak::client_guid& client) const;

  [[nodiscard]] std::size_t size() const;

private:
  void forget(const leasebreak::client_guid& client);

  mutable std::mutex mutex_;
  std::unordered_map<leasebreak::client_guid, std::weak_ptr<channel_group>> groups_;
};

} // namespace leasebreak::smb

// The connections of one strand, and what they share: either the connections of a client that may
// be channels of one session (MS-SMB2 3.3.1.14, 3.3.1.16), or a single connection.
#pragma once

#include <smb_server/opens/open_table.hpp>
#include <smb_server/vfs/worker_pool.hpp>

#include <leasebreak/requests.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace leasebreak::smb {

class connection;

/// A break notification on its way to the client.
struct undelivered_break {
  break_notification what;
  break_report report;
  std::function<void()> not_taken; ///< Called in place of the report, if set.
};

struct end_turn;

/// State of the strand. Each connection can use the sessions and opens of all; a common strand
/// replaces locks.
struct channel_group {
  channel_group(leasebreak::client_guid whose, boost::asio::any_io_executor runs_on)
    : client{whose}, executor{std::move(runs_on)} {}

  const leasebreak::client_guid client; ///< Zero for a single connection.
  const boost::asio::any_io_executor executor;
  const std::uint64_t number = vfs::new_lane_number(); ///< For its disk operations.

  // Use the rest only on the strand.

  std::vector<connection*> members; ///< Running connections, oldest first.
  open_table opens;
  std::set<guid> create_guids_in_work; ///< Of CREATEs in flight that the client may replay.
  std::deque<end_turn*> ends; ///< Ends of opens, in order; only the first one is in progress.
};

using channel_group_ptr = std::shared_ptr<channel_group>;

/// One end of a connection, session or tree connect at a time. The coordinator reports which opens
/// it keeps to the caller that asks first. If two ends of a group asked at the same time, that
/// could be the caller that has not taken these opens from the table.
struct end_turn {
  explicit end_turn(connection& whose); ///< Queues behind the other ends of its group.
  ~end_turn();
  end_turn(const end_turn&) = delete;
  end_turn& operator=(const end_turn&) = delete;

  const channel_group_ptr group;
  connection& on;
};

/// The groups of all clients with connections. Thread-safe.
class channel_groups : public std::enable_shared_from_this<channel_groups> {
public:
  /// Returns the client's group, or a new one on `fresh`. A group lives as long as its references.
  [[nodiscard]] channel_group_ptr of(
    const leasebreak::client_guid& client, boost::asio::any_io_executor fresh);

  /// Returns null if the client has none.
  [[nodiscard]] channel_group_ptr find(const leasebreak::client_guid& client) const;

  [[nodiscard]] std::size_t size() const;

private:
  void forget(const leasebreak::client_guid& client);

  mutable std::mutex mutex_;
  std::unordered_map<leasebreak::client_guid, std::weak_ptr<channel_group>> groups_;
};

} // namespace leasebreak::smb

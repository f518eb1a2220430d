// The simulated server: does with the coordinator and the disk what a real one does for a request.
#pragma once

#include "clock.hpp"
#include "operation_ledger.hpp"
#include "oracle.hpp"
#include "random.hpp"
#include "server_disk.hpp"
#include "tally.hpp"
#include "tracked.hpp"

#include <leasebreak/coordinator.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace leasebreak::simulated {

/// Ways in which the server uses the coordinator wrongly, to show that the judge finds out.
struct faults {
  unsigned lost_notifications_percent = 0; ///< Swallowed; the client stays responsive.
  unsigned unannounced_writes_percent = 0; ///< Written without asking the coordinator.
  bool early_release = false; ///< Holds end before the write is on the disk.
  bool early_answers = false; ///< Opens count as answered before their clients are told.
};

/// Whoever asks the server: a client, or a process on the server itself.
struct caller {
  std::size_t number = 0; ///< For the judge.
  leasebreak::client_guid guid; ///< Zero for a local process.
  random_source* random = nullptr;
};

[[nodiscard]] std::string name_of(std::size_t file);

/// The inverse of `name_of`.
[[nodiscard]] std::size_t file_of(const std::string& name);

/// Pauses the current coroutine.
boost::asio::awaitable<void> pause(duration d);

/// What an open led to.
struct opened_file {
  leasebreak::open_result granted;
  std::optional<content> truncated; ///< Overwriting: what the file contains now.
};

/// The server. Thread-safe, as far as callers are distinct. Each member runs on the executor of the
/// coroutine that calls it.
class server {
public:
  template <class T>
  using task = boost::asio::awaitable<T>;
  using slot = boost::asio::cancellation_slot;
  using nothing = std::monostate;

  server(leasebreak::coordinator& coordinator, server_disk& disk, operation_ledger& ledger,
    tally& counts, const sim_clock& clock, std::size_t files, faults injected);

  /// Opens; an overwriting open truncates the file, whose content is `truncated` then.
  task<answer<opened_file>> open(
    caller who, leasebreak::open_request request, stamp truncated, slot cancel = {});

  /// Closes, and deletes the file if that is due.
  task<answer<nothing>> close(caller who, std::size_t file, leasebreak::open_id open);

  /// Reads through an open, or (`none`) as a local process.
  task<answer<content>> read(caller who, std::size_t file, leasebreak::open_id open);

  /// Writes through an open, or (`none`) as a local process.
  task<answer<content>> write(caller who, std::size_t file, leasebreak::open_id open, stamp mark);

  task<answer<nothing>> lock(caller who, std::size_t file, leasebreak::open_id open,
    leasebreak::lock_element element, bool wait, slot cancel = {});
  task<answer<nothing>> unlock(
    caller who, std::size_t file, leasebreak::open_id open, leasebreak::byte_range range);

  /// Renames, marks for deletion and the like: anything that leaves the content alone.
  task<answer<nothing>> change(caller who, std::size_t file, leasebreak::access_kind kind,
    leasebreak::open_id open, slot cancel = {});

  task<answer<lease_state>> acknowledge(leasebreak::lease_acknowledgement a);
  task<answer<lease_state>> acknowledge(leasebreak::oplock_acknowledgement a);

  /// A client's connection is gone.
  task<answer<nothing>> disconnect(caller who, leasebreak::disconnect_request request);

  /// Makes a client known. `sink` gets its notifications, but for those that a fault swallows.
  void register_client(leasebreak::client_guid guid, std::string label, leasebreak::break_sink sink,
    boost::asio::any_io_executor executor, std::uint64_t seed);

  [[nodiscard]] server_disk& disk() { return disk_; }
  [[nodiscard]] const sim_clock& clock() const { return clock_; }

private:
  task<answer<leasebreak::hold>> announce(caller who, std::size_t file,
    leasebreak::access_kind kind, leasebreak::open_id open, slot cancel = {});
  task<content> put(caller who, std::size_t file, stamp mark, leasebreak::hold until);

  leasebreak::coordinator& coordinator_;
  server_disk& disk_;
  operation_ledger& ledger_;
  tally& counts_;
  const sim_clock& clock_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> breaks_; // begun on each file
  faults faults_;
};

} // namespace leasebreak::simulated

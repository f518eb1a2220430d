// The simulated server: executes requests with the coordinator and the disk, like a real server.
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

/// Injected misuse of the coordinator, to show that the oracle detects it.
struct faults {
  unsigned lost_notifications_percent = 0; ///< Dropped; the client stays responsive.
  unsigned unannounced_writes_percent = 0; ///< Executed without calling the coordinator.
  bool early_release = false; ///< Change holds are released before the write is on the disk.
  bool early_answers = false; ///< `sent()` is called before the client has the response.
};

/// The caller of the server: a client, or a process on the server.
struct caller {
  std::size_t number = 0; ///< For the oracle.
  leasebreak::client_guid guid; ///< Zero for a local process.
  random_source* random = nullptr;
};

[[nodiscard]] std::string name_of(std::size_t file);

/// The inverse of `name_of`.
[[nodiscard]] std::size_t file_of(const std::string& name);

boost::asio::awaitable<void> pause(duration d);

/// The result of an open.
struct opened_file {
  leasebreak::open_result granted;
  std::optional<content> truncated; ///< The new content, if the open has overwritten the file.
};

/// The server. Thread-safe for distinct callers. Each member runs on the executor of the calling
/// coroutine.
class server {
public:
  template <class T>
  using task = boost::asio::awaitable<T>;
  using slot = boost::asio::cancellation_slot;
  using nothing = std::monostate;

  server(leasebreak::coordinator& coordinator, server_disk& disk, operation_ledger& ledger,
    tally& counts, const sim_clock& clock, std::size_t files, faults injected);

  /// Opens a file. An overwriting open replaces the file's content by `truncated`.
  task<answer<opened_file>> open(
    caller who, leasebreak::open_request request, stamp truncated, slot cancel = {});

  /// Closes an open, and deletes the file if the coordinator says so.
  task<answer<nothing>> close(caller who, std::size_t file, leasebreak::open_id open);

  /// Reads through an open, or as a local process if `open` is `none`.
  task<answer<content>> read(caller who, std::size_t file, leasebreak::open_id open);

  /// Writes through an open, or as a local process if `open` is `none`.
  task<answer<content>> write(caller who, std::size_t file, leasebreak::open_id open, stamp mark);

  task<answer<nothing>> lock(caller who, std::size_t file, leasebreak::open_id open,
    leasebreak::lock_element element, bool wait, slot cancel = {});
  task<answer<nothing>> unlock(
    caller who, std::size_t file, leasebreak::open_id open, leasebreak::byte_range range);

  /// Executes a change that does not affect the content, such as a rename or a mark for deletion.
  task<answer<nothing>> change(caller who, std::size_t file, leasebreak::access_kind kind,
    leasebreak::open_id open, slot cancel = {});

  task<answer<lease_state>> acknowledge(leasebreak::lease_acknowledgement a);
  task<answer<lease_state>> acknowledge(leasebreak::oplock_acknowledgement a);

  /// A client's connection is lost.
  task<answer<nothing>> disconnect(caller who, leasebreak::disconnect_request request);

  /// Registers a client. `sink` receives its notifications, except those that a fault drops.
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
  std::unique_ptr<std::atomic<std::uint64_t>[]> breaks_; // number of breaks begun, per file
  faults faults_;
};

} // namespace leasebreak::simulated

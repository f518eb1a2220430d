// Watches of directories, with their pending requests and their unreported changes (MS-FSA
// 2.1.5.10, MS-SMB2 3.3.5.19).
#pragma once

#include <smb_server/notify/change_log.hpp>
#include <smb_server/requests/request.hpp>
#include <smb_server/runtime/timer.hpp>
#include <smb_server/wire/notify.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::smb {

class watch;
class watch_table;

/// The parameters of an open's watch, from its first CHANGE_NOTIFY until it closes.
struct watch_terms {
  const void* client = nullptr; ///< The client that the changes count for. Only compared.
  std::uint64_t user = 0; ///< The user that they count for. Only compared.
  const void* share = nullptr; ///< The share. Only compared.
  std::string directory; ///< Its path at first, with slashes. Empty for the root.
  bool recursive = false;
  std::uint32_t filter = 0; ///< `notify_filter` bits.
  std::size_t bytes_max = 0; ///< Beyond it, the client must list the directory.
};

/// Limits of unreported changes.
struct watch_limits {
  std::size_t client_bytes = std::size_t{4} << 20; ///< Beyond it, a client loses all its changes.
  /// Beyond it, of the user with the most, the client with the most loses all.
  std::size_t total_bytes = std::size_t{64} << 20;
};

/// A pending CHANGE_NOTIFY request. Belongs to the connection's strand.
struct notify_waiter {
  notify_waiter(const runtime& of, const asio::any_io_executor& executor) : timer{of, executor} {
    timer.expires_at(smb::timer::time_point::max());
  }

  smb::timer timer; ///< Cancelled when the request is completed.
  std::size_t room = 0; ///< Maximum size of the response.
  bool answered = false;
  std::uint32_t status = 0;
  byte_vector data;
};

/// Watches with equal terms, and their common changes. Protected by the table's lock.
struct watched_log {
  change_log changes;
  std::string directory; ///< Its current path.
  std::list<watch*> idle{}; ///< Not waiting for a change.
  std::list<watch*> awaiting{}; ///< To be notified of the next change.
};

/// The unreported changes of an open, and its pending requests. Belongs to its connection's strand,
/// except constant members and those of the table.
class watch : public std::enable_shared_from_this<watch> {
public:
  /// Created by `directory_watches::add`.
  watch(std::shared_ptr<watch_table> table, watch_terms terms, asio::any_io_executor executor);
  ~watch();
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;

  [[nodiscard]] const watch_terms& terms() const noexcept { return terms_; }
  [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }

  /// Completes a request, at once if there are changes, otherwise after the next change. Requests
  /// complete in FIFO order. `w` must live until it is completed or `leave` was called.
  void wait(notify_waiter& w);
  void leave(const notify_waiter& w);

  /// Completes pending requests with unreported changes.
  void answer();

  /// Completes all pending requests with the status. Later requests get it as well, except
  /// `status::delete_pending`.
  void end(std::uint32_t status);

private:
  friend class watch_table;

  void answer_first(std::uint32_t status);
  void answer_first(const change_log::news& news, const std::string& directory);

  const std::shared_ptr<watch_table> table_;
  const watch_terms terms_;
  const asio::any_io_executor executor_;
  std::uint32_t ended_ = 0; ///< If nonzero, the status of all later requests.
  std::deque<notify_waiter*> waiting_;

  // Protected by the table's lock.
  watched_log* log_ = nullptr;
  std::list<watch*>::iterator place_; ///< In one of the log's lists.
  bool awaiting_ = false; ///< In `awaiting`.
  change_log::position read_ = 0;
};

using watch_ptr = std::shared_ptr<watch>;

/// All watches of the server. Thread-safe.
class directory_watches {
public:
  explicit directory_watches(watch_limits limits = {});

  /// The watch ends with its last reference.
  [[nodiscard]] watch_ptr add(watch_terms terms, asio::any_io_executor executor);

  /// Reports changes that one operation made.
  void report(const void* share, const std::vector<name_change>& changes);

  /// A directory was renamed, and with it everything below. Watches follow it: they watch the
  /// directory, not its name (MS-FSA 2.1.5.10). Their unreported changes, which have the old names,
  /// are dropped, and the client must list the directory.
  void rename(const void* share, const std::string& from, const std::string& to);

  /// The directory is to be deleted: completes the pending requests.
  void report_gone(const void* share, const std::string& directory);

  /// The memory of the unreported changes.
  [[nodiscard]] std::size_t bytes() const;

private:
  std::shared_ptr<watch_table> table_;
};

} // namespace leasebreak::smb

// Who watches which directory, and what it has not been told yet (MS-FSA 2.1.5.10,
// MS-SMB2 3.3.5.19).
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

/// What an open wants to know about its directory, from its first CHANGE_NOTIFY until it closes.
struct watch_terms {
  const void* client = nullptr; ///< Whose changes these are; compared, and nothing else.
  const void* share = nullptr; ///< Which share; compared, and nothing else.
  std::string directory; ///< Its path, with slashes; empty for the root.
  bool recursive = false;
  std::uint32_t filter = 0; ///< `notify_filter` bits.
  std::size_t bytes_max = 0; ///< More than this has to be found out by listing the directory.
};

/// Bounds on the changes that are kept.
struct watch_limits {
  std::size_t client_bytes = std::size_t{4} << 20; ///< Beyond it a client loses all of its changes.
  std::size_t total_bytes = std::size_t{64} << 20; ///< Beyond it the client with the most does.
};

/// A request that waits for changes. Belongs to the connection's strand.
struct notify_waiter {
  notify_waiter(const runtime& of, const asio::any_io_executor& executor) : timer{of, executor} {
    timer.expires_at(smb::timer::time_point::max());
  }

  smb::timer timer; ///< Cancelled when there is an answer.
  std::size_t room = 0; ///< What its response may hold.
  bool answered = false;
  std::uint32_t status = 0;
  byte_vector data;
};

/// Watches with the same terms, and the changes that they have in common. Belongs to the table's
/// lock.
struct watched_log {
  change_log changes;
  std::list<watch*> idle{}; ///< Have nobody to tell.
  std::list<watch*> awaiting{}; ///< Are to hear of the next change.
};

/// What an open has not been told of, and who waits for it. Belongs to its connection's strand, but
/// for what never changes and what belongs to the table.
class watch : public std::enable_shared_from_this<watch> {
public:
  /// Made by `directory_watches::add`.
  watch(std::shared_ptr<watch_table> table, watch_terms terms, asio::any_io_executor executor);
  ~watch();
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;

  [[nodiscard]] const watch_terms& terms() const noexcept { return terms_; }
  [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }

  /// Answers at once if there is something to tell, else when there is, first come first served.
  /// The waiter stays until it is answered, or `leave` is called.
  void wait(notify_waiter& w);
  void leave(const notify_waiter& w);

  /// Answers those that wait with what there is to tell.
  void answer();

  /// Whoever waits is answered with the status; whoever waits later as well, unless it says that
  /// the directory is to be deleted.
  void end(std::uint32_t status);

private:
  friend class watch_table;

  void answer_first(std::uint32_t status);
  void answer_first(const change_log::news& news);

  const std::shared_ptr<watch_table> table_;
  const watch_terms terms_;
  const asio::any_io_executor executor_;
  std::uint32_t ended_ = 0; ///< Not zero: with this status.
  std::deque<notify_waiter*> waiting_;

  // The table's.
  watched_log* log_ = nullptr;
  std::list<watch*>::iterator place_; ///< In one of the log's lists.
  bool awaiting_ = false; ///< It is in `awaiting`.
  change_log::position read_ = 0;
};

using watch_ptr = std::shared_ptr<watch>;

/// All watches of the server. May be used from any thread.
class directory_watches {
public:
  explicit directory_watches(watch_limits limits = {});

  /// It ends with its last reference.
  [[nodiscard]] watch_ptr add(watch_terms terms, asio::any_io_executor executor);

  /// These changes have been made, by one operation.
  void report(const void* share, const std::vector<name_change>& changes);

  /// The directory is to be deleted.
  void report_gone(const void* share, const std::string& directory);

  /// What the changes that are kept take.
  [[nodiscard]] std::size_t bytes() const;

private:
  std::shared_ptr<watch_table> table_;
};

} // namespace leasebreak::smb

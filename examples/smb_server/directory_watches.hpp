// Who watches which directory, and what it has not been told yet (MS-FSA 2.1.5.10,
// MS-SMB2 3.3.5.19).
#pragma once

#include <smb_server/request.hpp>
#include <smb_server/wire/notify.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak::smb {

/// What an open wants to know about its directory, from its first CHANGE_NOTIFY until it closes.
struct watch_terms {
  const void* share = nullptr; ///< Which share; compared, and nothing else.
  std::string directory; ///< Its path, with slashes; empty for the root.
  bool recursive = false;
  std::uint32_t filter = 0; ///< `notify_filter` bits.
  std::size_t bytes_max = 0; ///< More than this is not remembered.
};

/// What happened to a name.
struct name_change {
  std::string name; ///< Its path, with slashes, and its stream.
  change_action action{};
  std::uint32_t what = 0; ///< `notify_filter` bits.
};

/// A request that waits for changes. Belongs to the connection's strand.
struct notify_waiter {
  explicit notify_waiter(const asio::any_io_executor& executor) : timer{executor} {
    timer.expires_at(asio::steady_timer::time_point::max());
  }

  asio::steady_timer timer; ///< Cancelled when there is an answer.
  std::size_t room = 0; ///< What its response may hold.
  bool answered = false;
  std::uint32_t status = 0;
  byte_vector data;
};

/// The changes that an open has not been told of. Belongs to its connection's strand, but for what
/// never changes.
class watch : public std::enable_shared_from_this<watch> {
public:
  watch(watch_terms terms, asio::any_io_executor executor)
    : terms_{std::move(terms)}, executor_{std::move(executor)} {}

  /// What of a change is to be told: nothing if it is somewhere else or of no interest. From any
  /// thread.
  [[nodiscard]] std::optional<change_record> record_of(
    const void* share, const name_change& c) const;

  [[nodiscard]] const watch_terms& terms() const noexcept { return terms_; }
  [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }

  /// Remembers changes, and answers who waits.
  void add(const std::vector<change_record>& changes);

  /// Answers at once if there is something to tell, else when there is, first come first served.
  /// The waiter stays until it is answered, or `leave` is called.
  void wait(notify_waiter& w);
  void leave(const notify_waiter& w);

  /// Whoever waits is answered with the status; whoever waits later as well, unless it says that
  /// the directory is to be deleted.
  void end(std::uint32_t status);

private:
  void answer_next();
  void forget();

  const watch_terms terms_;
  const asio::any_io_executor executor_;
  std::vector<change_record> changes_;
  std::size_t bytes_ = 0; ///< What they take.
  bool overflowed_ = false; ///< There was more than could be remembered.
  std::uint32_t ended_ = 0; ///< Not zero: with this status.
  std::deque<notify_waiter*> waiting_;
};

using watch_ptr = std::shared_ptr<watch>;

/// All watches of the server. May be used from any thread.
class directory_watches {
public:
  /// It ends with its last reference.
  [[nodiscard]] watch_ptr add(watch_terms terms, asio::any_io_executor executor);

  /// These changes have been made, by one operation.
  void report(const void* share, const std::vector<name_change>& changes);

  /// The directory is to be deleted.
  void report_gone(const void* share, const std::string& directory);

private:
  std::vector<watch_ptr> all();

  std::mutex mutex_;
  std::atomic<bool> any_{false}; ///< Whether there may be any.
  std::vector<std::weak_ptr<watch>> watches_;
};

} // namespace leasebreak::smb

// How a coordinator is set up.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/limits.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace leasebreak {

class lock_store;
struct open_lost;

/// Who runs the actors.
enum class scheduler_kind {
  asio, ///< The executor that the coordinator was given. No thread of its own.
  caf_sharing, ///< CAF's pool with one queue, `caf_threads` threads.
  caf_stealing, ///< CAF's pool with work stealing, `caf_threads` threads.
};

/// Settings of a coordinator. All have a default. A duration of `duration::max()` is for ever.
struct coordinator_config {
  scheduler_kind scheduler = scheduler_kind::asio;
  std::size_t caf_threads = 2; ///< For CAF's own pools; at least 1.
  std::size_t messages_per_turn =
    100; ///< Messages that a file handles before others get their turn.

  duration break_timeout = std::chrono::seconds{35}; ///< From a break's start until it is given up.
  /// The longest that an operation waits, unless for a byte-range lock.
  duration wait_max = std::chrono::seconds{70};
  /// How long a break is held back at most for an answer that the server has not sent; see
  /// `pending_answer`. No longer than `break_timeout`.
  duration answer_wait_max = std::chrono::seconds{5};
  limits limit;
  std::size_t idle_files_max = 1'024; ///< Files that own nothing, kept ready for their next use.

  /// Where records are kept. Null: nothing is persisted, and nothing is known after a restart.
  std::shared_ptr<lock_store> store;
  /// A grant completes only when its record is in the store; so does what a restart must not undo:
  /// leave to change what others had cached, and the end of a persistent open or of its locks. All
  /// that was changed of the file before is in the store then, too.
  bool durable = false;
  duration write_delay =
    std::chrono::milliseconds{2}; ///< For how long changes are collected into a batch.
  /// Records that may wait for the store: what would add to them is refused from then on. What
  /// files grant at the same moment may pass it by one grant each.
  std::size_t store_backlog_max = 1'000'000;
  duration store_retry_min =
    std::chrono::milliseconds{50}; ///< First pause after a failure; doubles.
  duration store_retry_max = std::chrono::seconds{10}; ///< Longest pause.
  /// After an unclean stop: for how long leases and locks that belong to no persistent open are
  /// kept for their holders, who may take them back (`open_request::reclaim`,
  /// `async_reclaim_lock`), and against everybody else. Zero: not at all. SMB has no message for
  /// that, so that its clients, who know their opens to be lost, would be kept off for nothing: it
  /// is for servers whose clients can. Persistent opens need none. It keeps the executor busy.
  duration grace = duration::zero();
  duration shutdown_store_wait =
    std::chrono::seconds{10}; ///< For a store that hangs while stopping.

  /// Told of durable opens that expire or give way to others, and of opens whose application has
  /// opened the file on another client; on the coordinator's executor, never from within a call,
  /// and on several threads at once if these run the executor. Must not throw. Lifetime: it is
  /// called until the coordinator's destructor has returned, which waits for calls on other
  /// threads, and never after that; so it may refer to the coordinator. A copy of it lives as long
  /// as the coordinator. Empty: nobody is told.
  std::function<void(open_lost)> on_open_lost;

  /// Null: spdlog's logger of the name "leasebreak", if there is one, otherwise nothing is logged.
  /// Lifetime: the coordinator keeps it alive, and logs nothing after its destructor has returned,
  /// not even about a store that hangs.
  std::shared_ptr<spdlog::logger> logger;

  /// Empty if all is well; otherwise which member is wrong, and why.
  [[nodiscard]] std::string validate() const;
};

} // namespace leasebreak

// The configuration of a coordinator.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/limits.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

class lock_store;
class remote_files;
struct event;
struct open_lost;

/// Where the actors run.
enum class scheduler_kind {
  asio, ///< On the executor of the coordinator, without threads of their own.
  caf_sharing, ///< On CAF's pool with one shared queue and `caf_threads` threads.
  caf_stealing, ///< On CAF's pool with work stealing and `caf_threads` threads.
};

/// Settings of a coordinator. All have defaults. A duration of `duration::max()` means unlimited.
struct coordinator_config {
  scheduler_kind scheduler = scheduler_kind::asio; ///< Where the actors run.
  std::size_t caf_threads = 2; ///< Only for CAF's pools; at least 1.
  std::size_t messages_per_turn =
    100; ///< Messages that a file handles before it yields to other files.

  duration break_timeout = std::chrono::seconds{35}; ///< From a break's start until it expires.
  /// The longest wait of an operation, except for byte-range locks.
  duration wait_max = std::chrono::seconds{70};
  /// How long a break is held back at most for a response that the server has not sent; see
  /// `pending_answer`. Must not exceed `break_timeout`.
  duration answer_wait_max = std::chrono::seconds{5};
  limits limit; ///< Upper bounds of what is accepted.
  std::size_t idle_files_max = 1'024; ///< Files without state that are kept for reuse.

  /// The store of the records. Null: nothing is persisted, and nothing is recovered after a
  /// restart.
  std::shared_ptr<lock_store> store;
  /// If true, these operations complete only after their records are durable: grants, permission to
  /// modify data that other clients had cached, and closing a persistent open or releasing its
  /// locks. All earlier changes to the same file are durable by then, too.
  bool durable = false;
  duration write_delay =
    std::chrono::milliseconds{2}; ///< How long changes are collected into a batch.
  /// Maximum number of unwritten records. Beyond it, new grants fail with `store_backlog`;
  /// concurrent grants may exceed it by one record per file.
  std::size_t store_backlog_max = 1'000'000;
  duration store_retry_min =
    std::chrono::milliseconds{50}; ///< First delay after a failure; doubles with each further one.
  duration store_retry_max = std::chrono::seconds{10}; ///< Longest delay.
  /// How long recovered leases and locks are kept after an unclean stop, unless they belong to a
  /// persistent open. Their holders may reclaim them (`open_request::reclaim`,
  /// `async_reclaim_lock`); they block all other clients. Zero turns this off. SMB has no message
  /// to reclaim a lease or lock, and its clients know that their opens are lost; a grace period
  /// would only block them. It is for servers whose clients can reclaim. Persistent opens need
  /// none. A grace period keeps the executor busy.
  duration grace = duration::zero();
  duration shutdown_store_wait =
    std::chrono::seconds{10}; ///< How long a shutdown waits for a store that does not respond.

  /// The cluster that executes the operations of all files. Null: the coordinator is alone. Until
  /// the server is a member, operations fail with `errc::not_a_member`. Persistent opens, guards
  /// beyond this server, and records do not exist in a cluster, so that `store` must be null.
  std::shared_ptr<remote_files> cluster;

  /// Called when a disconnected durable open expires or is purged because of a conflict, and when
  /// an open ends because its application has opened the file on another client, or is lost in a
  /// cluster. Called on the coordinator's executor, never from within a call to the coordinator,
  /// and concurrently if several threads run the executor. Must not throw. Empty: not called.
  ///
  /// Lifetime: calls end with the coordinator's destructor, which waits for calls in progress on
  /// other threads. The function may thus refer to the coordinator. A copy of it lives as long as
  /// the coordinator.
  std::function<void(open_lost)> on_open_lost;

  /// Called for each event; see `event_kind`. Empty: not called, and nothing is computed or
  /// allocated for it. Must not throw, block, call the coordinator, or destroy it; to do such
  /// things, copy the event and post it.
  ///
  /// Order: the calls for one file come one after the other, in the order in which its state
  /// changes, and before the handlers and sinks that learn of the same change. Calls for different
  /// files and clients are concurrent if several threads run the executor.
  ///
  /// Threads: called within the turn of the file, on the coordinator's executor or on CAF's
  /// threads. `event_kind::client_lost` comes within the call of `async_disconnect`.
  ///
  /// Lifetime: the event is valid during the call. Calls end with the coordinator's destructor,
  /// which waits for calls in progress on other threads. Opens that still exist and operations that
  /// still wait at that time have no further events. A copy of the function lives as long as the
  /// coordinator.
  ///
  /// Cost: about a microsecond for an event, and the time of the function, during which the file
  /// does nothing else.
  std::function<void(const event&)> on_event;

  /// The logger. Null: spdlog's logger named "leasebreak", if there is one, otherwise nothing is
  /// logged. The coordinator shares ownership of it, and logs nothing after its destructor has
  /// returned, not even about a store that does not respond.
  std::shared_ptr<spdlog::logger> logger;

  /// Returns an empty string if the configuration is valid, otherwise the name of the wrong member
  /// and the reason.
  [[nodiscard]] std::string validate() const;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

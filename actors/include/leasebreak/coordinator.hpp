// The public API: a coordinator of leases, oplocks and byte-range locks for an asynchronous server.
#pragma once

#ifndef __cpp_rtti
#error "leasebreak needs run-time type information: executors know each other by it (no -fno-rtti)"
#endif

#include <leasebreak/config.hpp>
#include <leasebreak/detail/pending_handler.hpp>
#include <leasebreak/error_code.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/requests.hpp>
#include <leasebreak/settings.hpp>
#include <leasebreak/statistics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// leasebreak: coordinates what the clients of an SMB server may cache. Begin with `coordinator`.
namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

namespace detail {

class coordinator_impl;
struct coordinator_access;

template <class Result>
struct signature {
  using type = void(error_code, Result);
  using handler = pending_handler_ptr<Result>;
  template <class Handler>
  using typed = typed_handler<Handler, Result>;
};
template <>
struct signature<void> {
  using type = void(error_code);
  using handler = pending_handler_ptr<>;
  template <class Handler>
  using typed = typed_handler<Handler>;
};
template <class Result>
using handler = typename signature<Result>::handler;

/// Refers to the state of a coordinator. An object that is created within an initiating call
/// borrows the reference of that call, which avoids reference counting. A copy, for example in a
/// deferred operation, is a weak reference.
class impl_ref {
public:
  explicit impl_ref(const std::shared_ptr<coordinator_impl>& alive) noexcept : borrowed_(&alive) {}
  impl_ref(const impl_ref& other) noexcept
    : weak_(other.borrowed_ != nullptr ? std::weak_ptr(*other.borrowed_) : other.weak_) {}
  impl_ref& operator=(const impl_ref&) = delete;
  ~impl_ref() = default;

  /// Calls `use` with the state, unless the coordinator is gone.
  template <class Use>
  void with(Use use) const {
    if (borrowed_ != nullptr)
      use(**borrowed_);
    else if (const auto alive = weak_.lock())
      use(*alive);
  }

private:
  const std::shared_ptr<coordinator_impl>* borrowed_ = nullptr;
  std::weak_ptr<coordinator_impl> weak_;
};

/// Start the operations. All return immediately. The state may no longer exist.
void start(const impl_ref& self, open_request&& r, handler<open_result> h);
void start(const impl_ref& self, close_request&& r, handler<close_result> h);
void start(const impl_ref& self, reconnect_request&& r, handler<open_result> h);
void start(const impl_ref& self, replay_request&& r, handler<open_result> h);
void start(const impl_ref& self, server_state_request&& r, handler<void> h);
void start(const impl_ref& self, resilience_request&& r, handler<void> h);
void start(const impl_ref& self, lock_request&& r, handler<std::size_t> h);
void start(const impl_ref& self, reclaim_lock_request&& r, handler<void> h);
void start(const impl_ref& self, unlock_request&& r, handler<std::size_t> h);
void start(const impl_ref& self, lease_acknowledgement&& r, handler<lease_state> h);
void start(const impl_ref& self, oplock_acknowledgement&& r, handler<oplock_level> h);
void start(const impl_ref& self, access_request&& r, handler<access_result> h);
void start(const impl_ref& self, entry_guard_request&& r, handler<entry_guard> h);
void start(const impl_ref& self, rename_tree_request&& r, handler<tree_guard> h);
void start(const impl_ref& self, io_request&& r, handler<void> h);
void start(const impl_ref& self, file_query&& r, handler<file_facts> h);
void start(const impl_ref& self, disconnect_request&& r, handler<disconnect_result> h);
void start(const impl_ref& self, end_session_request&& r, handler<disconnect_result> h);
void start(const impl_ref& self, end_tree_request&& r, handler<disconnect_result> h);
void start(const impl_ref& self, force_break_request&& r, handler<void> h);
void start(const impl_ref& self, lock_query&& r, handler<std::vector<listed_entry>> h);
void start(const impl_ref& self, list_request&& r, handler<listed_page> h);
struct start_request {};
void start(const impl_ref& self, start_request&& r, handler<start_result> h);
struct shutdown_request {};
void start(const impl_ref& self, shutdown_request&& r, handler<void> h);

/// Has an executor, which Asio's adapters require. Holds no strong reference, because a deferred
/// operation may be launched long after the coordinator is gone.
template <class Result>
struct initiation {
  using executor_type = boost::asio::any_io_executor;
  impl_ref impl;
  executor_type executor;

  [[nodiscard]] executor_type get_executor() const noexcept { return executor; }

  template <class Handler, class Request>
  void operator()(Handler&& h, Request&& r) const {
    using typed = typename signature<Result>::template typed<std::decay_t<Handler>>;
    if constexpr (std::is_lvalue_reference_v<Request>)
      start(impl, std::remove_cvref_t<Request>(r), typed::make(std::forward<Handler>(h), executor));
    else
      start(impl, std::move(r), typed::make(std::forward<Handler>(h), executor));
  }
};

} // namespace detail

/// Coordinates what the clients of a server may cache of its files.
///
/// *Operations* are Asio operations: they take any completion token (the default is `deferred`) and
/// complete exactly once, never from within the initiating call. They complete on the associated
/// executor of the handler, or on the coordinator's if it has none.
///
/// *Cancellation*: `async_open`, `async_lock`, `async_access`, `async_guard_entry`,
/// `async_rename_tree` and `async_force_break` support terminal, partial and total cancellation
/// alike, through the cancellation slot of the handler. A pending operation completes with
/// `errc::cancelled` and has no effect, except that a break which it caused continues. If the
/// operation was granted before the cancellation arrived, it completes with success. The other
/// operations never wait for a client, and ignore cancellation. Emit the signal on the thread or
/// strand on which the slot was connected. `emit` may throw `std::bad_alloc`, without effect.
///
/// *Thread safety*: every member may be called from any thread at any time. Only the destructor
/// must not run concurrently with another call, unless it is called from within a sink or
/// `on_open_lost`.
///
/// *Lifetimes*: deferred operations, holds, pending answers and break reports may outlive the
/// coordinator. Deferred operations then complete with `errc::shutting_down`, and the others do
/// nothing. Handlers of operations in flight run after the destructor, on executors that must still
/// exist; a handler that receives `errc::shutting_down` must thus not use the coordinator. Sinks
/// and `on_open_lost` are not called after the destructor; see `break_sink` for other ends of a
/// sink. `file_name_id`s, keys and all other arguments are copied.
///
/// *Executor*: with `scheduler_kind::asio` the actors run on the executor, which some thread must
/// run. If an operation starts on a thread that runs the `io_context` of its handler's executor,
/// and that is another one, it runs there and wakes no other thread. Such a loop must
/// run until all operations that started on it have completed, since their files wait for it. Do
/// not stop it before that. The executors of the coordinator, of clients and of handlers must exist
/// until their last call is made or dropped. The following keep an `io_context` busy, so that `run`
/// does not return:
/// - an operation, until its handler has been called: for up to `wait_max`, but without limit for a
///   byte-range lock. One that started on another loop keeps that loop busy, and this one if it
///   waits;
/// - a break in progress, until it ends, for up to `break_timeout`, whether an operation waits for
///   it or not;
/// - a disconnected durable open, until its client reconnects or its timeout expires;
/// - a break that is held back for a response that has not been sent, for up to `answer_wait_max`;
/// - a grace period (see `async_start`), until its end;
/// - records that have not been written to the store;
/// - a timer that is no longer needed, for 20 ms.
///
/// Opens, leases, locks, holds and registered clients do not keep it busy. To make `run` return,
/// use `async_shutdown`, which leaves no timer, destroy the coordinator, or stop the context.
///
/// *Memory*: if memory is exhausted, an initiating function, like any other member except the
/// destructor, throws `std::bad_alloc` without effect, and the handler is not called. Later, in the
/// turns of actors and when handlers are to be called, an operation can no longer be refused, and
/// what a client holds must not be lost. The process then ends with `std::abort` and one line on
/// the standard error output. If a handler or sink of the server runs out of memory, the exception
/// of the handler leaves the executor's `run`.
///
/// *Errors* common to all operations: `errc::shutting_down` after `async_shutdown` or destruction;
/// `errc::not_started` if there is a store and `async_start` has not completed.
class coordinator {
public:
  /// The type of the executor, as Asio's adapters expect it.
  using executor_type = boost::asio::any_io_executor;

  /// Creates a coordinator. Starts no operation, and no threads except those of a CAF pool; the
  /// thread of the store starts with `async_start`. The executor must exist until the coordinator
  /// is gone and its last handler has been called or dropped. The coordinator shares ownership of
  /// the store and the logger. Throws `std::invalid_argument` if `config.validate()` rejects the
  /// configuration, `std::bad_alloc`, and `std::system_error` if the system has no thread for a CAF
  /// pool.
  explicit coordinator(executor_type executor, coordinator_config config = {});

  /// Shuts down without running the executor. Operations in flight complete with
  /// `errc::shutting_down`. Writes unwritten records, and waits for that for up to
  /// `shutdown_store_wait`, unless an earlier `async_shutdown` has already waited that long. From
  /// the start of this call, sinks and `on_open_lost` are not called. Waits for such calls in
  /// progress on other threads; the caller must thus hold no lock that they take. May be called
  /// from within a handler, a sink or `on_open_lost`, whether or not the executor runs. Must not be
  /// called from a thread of the coordinator's own CAF pool.
  ~coordinator();

  coordinator(const coordinator&) = delete;
  coordinator& operator=(const coordinator&) = delete;

  /// Returns the executor that was passed to the constructor.
  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  /// Loads the store: increments the server epoch and recovers the records. If the last stop was
  /// not clean, or was within a grace period, starts the grace period; otherwise drops records that
  /// belong to no open. Persistent opens are recovered as disconnected opens and listed in the
  /// result; `async_reconnect` returns them to their clients.
  ///
  /// Call it once, or again after an error. No operation except `async_shutdown` may be started
  /// before its handler is called. It is optional without a store. The grace period of up to
  /// `coordinator_config::grace` keeps the executor busy, even if nothing is in flight.
  /// `async_shutdown` ends it, and the next start begins it again.
  ///
  /// Handler: `void(error_code, start_result)`. Errors: those of the store, `errc::no_thread` if
  /// the system has no thread for it, `invalid_argument` if it was started before, `shutting_down`.
  /// Not cancellable.
  template <class Token = boost::asio::deferred_t>
  auto async_start(Token&& token = {}) {
    return initiate<start_result>(detail::start_request{}, token);
  }

  /// Registers a client. `sink` is called on `executor`, by default the coordinator's, one call at
  /// a time; see `break_sink` for lifetimes. `label`, such as the client's address, is for logs,
  /// which show at most 64 bytes of it in quotes. A registered client does not keep an executor
  /// busy.
  ///
  /// Errors: `errc::shutting_down`; `errc::client_exists`; `errc::invalid_argument` if `client` is
  /// zero or `sink` is empty.
  error_code register_client(
    client_guid client, break_sink sink, std::string label = {}, executor_type executor = {});

  /// Unregisters a client. After success, its sink is not called any more and is destroyed;
  /// undelivered notifications are dropped. Waits for a call of the sink in progress on another
  /// thread; the caller must thus hold no lock that the sink takes. Does not wait if it is called
  /// from within the sink.
  ///
  /// Errors, all without effect: `errc::unknown_client`; `errc::client_busy` if the client has
  /// opens or operations that may wait. Call `async_disconnect` first.
  error_code unregister_client(client_guid client);

  /// Replaces the sink of a client and its executor. This is for servers whose sink belongs to a
  /// connection or process that ends while the client keeps opens. Undelivered notifications go to
  /// the new sink, even if the executor of the old one has stopped. Calls of the two sinks never
  /// overlap and keep their order. Waits for a call of the old sink in progress on another thread,
  /// then destroys the old sink; the caller must thus hold no lock that the sink takes. From within
  /// the old sink it does not wait; the old sink is destroyed when its call returns. Does not keep
  /// an executor busy.
  ///
  /// Errors, after which the old sink remains in use: `errc::unknown_client`;
  /// `errc::invalid_argument` if `sink` is empty.
  error_code replace_sink(client_guid client, break_sink sink, executor_type executor = {});

  /// Adds a channel: SESSION_SETUP has succeeded on a connection, for a new session or for another
  /// channel of an existing one (MS-SMB2 3.3.5.5.3). The coordinator then decides where break
  /// notifications of the session are sent, and which opens end when a connection is lost. Call it
  /// before the first operation of the session on that connection. `async_disconnect` and
  /// `async_end_session` remove channels. `dialect` is the DialectRevision of the connection
  /// (MS-SMB2 2.2.4). Does nothing if the channel exists already.
  ///
  /// Errors: `errc::unknown_client`; `errc::dialect_mismatch` if the client uses another SMB 3
  /// dialect in another session (Client.Dialect), in which case the server must end the new
  /// session; `errc::too_many_channels`; `errc::invalid_argument` if either id is none.
  error_code add_channel(client_guid client, const channel_id& channel, std::uint16_t dialect);

  /// Opens a file (MS-SMB2 3.3.5.9, MS-FSA 2.1.5.1.2). Completes when every conflicting break has
  /// ended. It waits for up to `wait_max` and is cancellable. Precondition: the client is
  /// registered, and stays so while it has the open.
  ///
  /// An open that fails or waits ends no other open. A granted open purges disconnected durable
  /// opens in its way. Only opens that its application has left behind (`open_request::instance`)
  /// end already when it waits.
  ///
  /// Handler: `void(error_code, open_result)`. The server may keep the result's `answer` and `hold`
  /// for as long as it needs them. Errors: `errc::sharing_violation`, `delete_pending`,
  /// `lease_key_in_use`, `newer_instance`, `zero_lease_key`, `reclaim_needed`,
  /// `nothing_to_reclaim`, `unknown_client`, `file_id_empty`, `file_id_too_long`,
  /// `invalid_argument`, the limits of opens and of pending operations, `store_backlog`,
  /// `cancelled`, `client_gone`, `unknown_session` if the session has ended or was never added.
  template <class Token = boost::asio::deferred_t>
  auto async_open(open_request request, Token&& token = {}) {
    return initiate<open_result>(std::move(request), token);
  }

  /// Closes an open (MS-FSA 2.1.5.4). Its locks are released, its pending lock requests complete
  /// with `errc::range_not_locked`, and its lease ends with the lease's last open. Waits, for up to
  /// `wait_max`, only if it deletes the file and other leases cache handles. Not cancellable. A
  /// durable open that is kept as a disconnected open keeps the executor busy up to its timeout.
  /// Handler: `void(error_code, close_result)`. Errors: `errc::unknown_open`, those of file ids.
  template <class Token = boost::asio::deferred_t>
  auto async_close(close_request request, Token&& token = {}) {
    return initiate<close_result>(std::move(request), token);
  }

  /// Reconnects a disconnected durable open (MS-SMB2 3.3.5.9.7, 3.3.5.9.12). The result says what
  /// the client may still cache. The server must check what the coordinator does not know, such as
  /// the user and the name. Persistent opens can be reconnected after a restart, too. Precondition:
  /// the client is registered. Not cancellable. Handler: `void(error_code, open_result)`. Errors:
  /// `errc::nothing_to_reclaim` for any mismatch, `unknown_client`, `unknown_session`, those of
  /// file ids.
  template <class Token = boost::asio::deferred_t>
  auto async_reconnect(reconnect_request request, Token&& token = {}) {
    return initiate<open_result>(std::move(request), token);
  }

  /// Replays a CREATE whose response the client has not seen (MS-SMB2 3.3.5.9.10). The result says
  /// what the open may cache now, for an oplock at most the level that the replay requests. Changes
  /// nothing except the open's connection, and never waits. The server must find the open by its
  /// CreateGuid, and check what the coordinator does not know: the session, the replay flag, and
  /// whether the client has used the open. Not cancellable. Handler: `void(error_code,
  /// open_result)`, without a hold.
  ///
  /// Errors: `errc::unknown_open` if the client has no such open or it is disconnected;
  /// `access_denied` if the lease key differs or only one of the two requests has a lease.
  template <class Token = boost::asio::deferred_t>
  auto async_replay(replay_request request, Token&& token = {}) {
    return initiate<open_result>(std::move(request), token);
  }

  /// Replaces the server's own bytes of a persistent open (`durable_request::server_state`),
  /// connected or not. In durable mode it completes when the store has them. If the store fails, a
  /// restart may find the old or the new bytes. Not cancellable. Handler: `void(error_code)`.
  /// Errors: `errc::unknown_open`, `invalid_argument` if the open is not persistent or the bytes
  /// are too long, `store_backlog`, those of the store.
  template <class Token = boost::asio::deferred_t>
  auto async_set_server_state(server_state_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// Makes an open resilient (MS-SMB2 3.3.5.15.9). When its connection or session ends, the open is
  /// kept for `timeout` regardless of its caching, with its locks and lock sequence numbers, until
  /// `async_reconnect`. Unlike a durable open it is never purged because of a conflict: its share
  /// mode and its locks count as before. Its caching is broken if another operation needs that. It
  /// is not stored and ends with a restart. An open that is durable or persistent stays so. While
  /// disconnected, it keeps the executor busy up to its timeout. May be repeated with another
  /// timeout. Not cancellable.
  ///
  /// Handler: `void(error_code)`. Errors: `errc::unknown_open` if there is no such open or it is
  /// disconnected, `invalid_argument` for a timeout that is not positive or above the limit and for
  /// an open that stands for a stream, those of file ids.
  template <class Token = boost::asio::deferred_t>
  auto async_make_resilient(resilience_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// Takes byte-range locks, all or none (MS-SMB2 3.3.5.14.2). If `fail_immediately` is false, it
  /// waits without a time limit and keeps the executor busy. The wait ends when the lock is
  /// granted, the open closes, the operation is cancelled, or its connection ends (that of the
  /// request, or of the open if the request names none). A lock that fails or waits ends no open.
  /// Handler: `void(error_code, std::size_t taken)`. `taken` is the number of locks that the open
  /// has gained: all elements, or none for a replayed request, whose locks it has already.
  ///
  /// Errors: `errc::lock_not_granted`, `unknown_open`, `invalid_lock_range`, `locks_on_directory`,
  /// `invalid_argument`, `reclaim_needed`, the limits of locks and of pending operations,
  /// `store_backlog`, `range_not_locked` if the open closes meanwhile, `cancelled`, `client_gone`.
  template <class Token = boost::asio::deferred_t>
  auto async_lock(lock_request request, Token&& token = {}) {
    return initiate<std::size_t>(std::move(request), token);
  }

  /// Releases byte-range locks in order, up to the first range that is not locked (MS-SMB2
  /// 3.3.5.14.1). Never waits for a client; not cancellable. Handler: `void(error_code, std::size_t
  /// released)`. Errors: `errc::range_not_locked`, `unknown_open`, `locks_on_directory`.
  template <class Token = boost::asio::deferred_t>
  auto async_unlock(unlock_request request, Token&& token = {}) {
    return initiate<std::size_t>(std::move(request), token);
  }

  /// Reclaims a byte-range lock that the open's client held before a restart, within the grace
  /// period (see `async_start`). Locks of persistent opens need not be reclaimed. Precondition: the
  /// open belongs to the client that held the lock. Not cancellable. Handler: `void(error_code)`.
  /// Errors: `errc::nothing_to_reclaim`, `wrong_owner`, `unknown_open`, `lock_not_granted`, the
  /// limits of locks.
  template <class Token = boost::asio::deferred_t>
  auto async_reclaim_lock(reclaim_lock_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// Acknowledges a lease break (MS-SMB2 3.3.5.22.2). It may come on any connection of the client.
  /// Not cancellable. Handler: `void(error_code, lease_state)`, with the state for the response.
  /// Errors: `errc::unknown_lease`, `lease_not_breaking`, `ack_exceeds_break`.
  template <class Token = boost::asio::deferred_t>
  auto async_acknowledge(lease_acknowledgement request, Token&& token = {}) {
    return initiate<lease_state>(std::move(request), token);
  }

  /// Acknowledges an oplock break (MS-SMB2 3.3.5.22.1). Not cancellable. Handler: `void(error_code,
  /// oplock_level)`, with the level for the response. Errors: `errc::unknown_open`,
  /// `oplock_not_breaking`, `invalid_oplock_ack`, `invalid_oplock_level`, `wrong_owner`.
  /// `invalid_oplock_ack` and `invalid_oplock_level` end a break in progress and leave no oplock.
  template <class Token = boost::asio::deferred_t>
  auto async_acknowledge(oplock_acknowledgement request, Token&& token = {}) {
    return initiate<oplock_level>(std::move(request), token);
  }

  /// Announces an access other than an open (MS-FSA 2.1.4.12). Completes when the access may be
  /// carried out. Waits for up to `wait_max`; cancellable. If the result's hold is not empty,
  /// release it after the access. The hold does not keep an executor busy, but it restrains other
  /// operations.
  ///
  /// A change of a directory does not wait. The client that made it is notified of breaks after the
  /// result's `answer`, other clients immediately. Precondition: a client that is named is
  /// registered; otherwise its disconnect does not end the wait.
  ///
  /// Handler: `void(error_code, access_result)`. Errors: `errc::unknown_open`, `access_denied`,
  /// `sharing_violation`, `delete_pending`, `reclaim_needed`, `break_timed_out`, the limits of
  /// pending operations, `cancelled`, `client_gone`.
  template <class Token = boost::asio::deferred_t>
  auto async_access(access_request request, Token&& token = {}) {
    return initiate<access_result>(std::move(request), token);
  }

  /// Guards one or two entries of a directory, or the whole directory, while the server looks a
  /// name up, decides and changes it. Completes when no earlier guard has a name in common; first
  /// come, first served. Never wait for a break while holding a guard. A directory that is being
  /// deleted admits no guards (MS-FSA 2.1.5.1.1), including those that wait already. Cancellable
  /// with all types of cancellation.
  ///
  /// Handler: `void(error_code, entry_guard)`. Errors: `errc::delete_pending`, `too_many_guards`,
  /// `file_id_too_long`, `invalid_argument` for a name that is too long or a second name without a
  /// first, `cancelled`.
  template <class Token = boost::asio::deferred_t>
  auto async_guard_entry(entry_guard_request request, Token&& token = {}) {
    return initiate<entry_guard>(std::move(request), token);
  }

  /// Prepares the rename of a directory (MS-FSA 2.1.5.15.11): breaks Handle caching of all files
  /// that are open by a path beneath it and waits for these breaks, but fails at the first open
  /// that stays; the files that were not asked by then keep their caches. While the guard lives,
  /// new opens beneath the directory wait; after `wait_max` they fail with
  /// `errc::sharing_violation`. Never wait for another break while holding it. Cancellable.
  ///
  /// Handler: `void(error_code, tree_guard)`. Errors: `errc::access_denied` if opens remain beneath
  /// the directory, `reclaim_needed`, `invalid_argument`, `file_id_too_long`, the limits of pending
  /// operations, `cancelled`.
  template <class Token = boost::asio::deferred_t>
  auto async_rename_tree(rename_tree_request request, Token&& token = {}) {
    return initiate<tree_guard>(std::move(request), token);
  }

  /// Updates the paths of opens after a file or directory was renamed, including those beneath it.
  /// Only affects opens with a path. Call it before the guards of the rename are released. `root`
  /// is as in `open_request`.
  void renamed(const std::string& root, const std::string& from, const std::string& to);

  /// Sets the path of an open that has none yet, such as one recovered after a restart; see
  /// `open_request::path`. Does nothing if there is no such open, or the path is too long.
  void place(const file_name_id& file, open_id open, std::string root, std::string path);

  /// Checks whether byte-range locks allow a read or write (MS-FSA 2.1.4.10). Breaks nothing, never
  /// waits for a client, not cancellable. Handler: `void(error_code)`. Errors:
  /// `errc::file_lock_conflict`, `reclaim_needed`, `unknown_open`.
  template <class Token = boost::asio::deferred_t>
  auto async_check_io(io_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// Returns information about a file that only the coordinator has, such as whether the file will
  /// be deleted (MS-FSA 2.1.5.12.27). Its cost does not depend on the number of opens. No member is
  /// set if the file has no opens. Breaks nothing, never waits for a client, not cancellable.
  /// Handler: `void(error_code, file_facts)`.
  template <class Token = boost::asio::deferred_t>
  auto async_query_file(file_query request, Token&& token = {}) {
    return initiate<file_facts>(std::move(request), token);
  }

  /// Disconnects a client: one or all of its connections are lost (MS-SMB2 3.3.7.1). The opens end,
  /// and pending operations of the connection complete with `errc::client_gone`, also on files of
  /// which the client has no open. Opens that were started before this call and are granted later
  /// end, too. The client stays registered.
  ///
  /// A session with another channel (`add_channel`) continues: its opens stay, breaks that were
  /// sent on the lost connection and not acknowledged are sent again on the other one, and a
  /// pending CREATE continues if the client can replay it, because it has a CreateGuid. A session
  /// without another channel has ended. Durable opens become disconnected opens and keep the
  /// executor busy up to their timeouts.
  ///
  /// All opens end at once: no break is sent for an open that ends, too. Deletions that require
  /// breaks of other clients continue in the background. Not cancellable. Handler:
  /// `void(error_code, disconnect_result)`; the server may keep the holds in `to_delete` for as
  /// long as it needs them. Errors: `errc::unknown_client`.
  template <class Token = boost::asio::deferred_t>
  auto async_disconnect(disconnect_request request, Token&& token = {}) {
    return initiate<disconnect_result>(std::move(request), token);
  }

  /// Ends a session on all its connections: LOGOFF (MS-SMB2 3.3.5.6), PreviousSessionId or a failed
  /// reauthentication (3.3.5.5.3), or the server's own decision (3.3.4.12). Like
  /// `async_disconnect`, for the opens and pending operations of the session; pending locks
  /// complete with `errc::range_not_locked`. After this call, opens in the session fail with
  /// `errc::unknown_session`. Not cancellable. Handler: `void(error_code, disconnect_result)`, as
  /// in `async_disconnect`. Errors: `errc::unknown_client`; `unknown_session` if nothing of the
  /// session is left, without effect.
  template <class Token = boost::asio::deferred_t>
  auto async_end_session(end_session_request request, Token&& token = {}) {
    return initiate<disconnect_result>(std::move(request), token);
  }

  /// Ends a tree connect of a session: TREE_DISCONNECT (MS-SMB2 3.3.5.8), or the server's own
  /// decision (3.3.4.11). Like `async_end_session`, for the opens of the tree connect, but durable
  /// opens end, too. The server must refuse later CREATEs in the tree itself. Not cancellable.
  /// Handler: `void(error_code, disconnect_result)`. Errors: those of `async_end_session`, and
  /// `errc::invalid_argument` if the tree is none.
  template <class Token = boost::asio::deferred_t>
  auto async_end_tree(end_tree_request request, Token&& token = {}) {
    return initiate<disconnect_result>(std::move(request), token);
  }

  /// Breaks what is cached of a file at an operator's request. Completes when the holders have
  /// released it. Purges disconnected durable opens whose caching would have to be reduced. Waits
  /// for up to `wait_max`; cancellable, in which case the breaks continue. With `ends_running`,
  /// breaks that are already in progress end at once, as if their deadlines had expired: their
  /// holders were asked and have not acknowledged, and lose what they cache. Handler:
  /// `void(error_code)`. Errors: `errc::invalid_lease_state`, `break_timed_out`, the limits of
  /// pending operations, `cancelled`.
  template <class Token = boost::asio::deferred_t>
  auto async_force_break(force_break_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// Lists opens, leases, locks, breaks and pending operations, with the reasons of waits. Each
  /// file is asked once; other files may change meanwhile. Not cancellable. Handler:
  /// `void(error_code, std::vector<listed_entry>)`.
  template <class Token = boost::asio::deferred_t>
  auto async_list(lock_query query, Token&& token = {}) {
    return initiate<std::vector<listed_entry>>(std::move(query), token);
  }

  /// Lists like `async_list`, but a page at a time: asks a few files at a time, lets other work run
  /// in between, and keeps one page in memory. With a path, asks only files that have such an open,
  /// unless more than 16,384 opens match. Between pages, files may appear or disappear; a file that
  /// exists throughout (with a path: an open of it with this path) is listed exactly once.
  /// `listed_page::next` is valid within this process. Not cancellable. Handler: `void(error_code,
  /// listed_page)`. Errors: `errc::invalid_argument` if the limit is zero.
  template <class Token = boost::asio::deferred_t>
  auto async_list_page(list_request request, Token&& token = {}) {
    return initiate<listed_page>(std::move(request), token);
  }

  /// Returns at most `limit` registered clients whose ids follow `after`, ordered by id. Does not
  /// wait. Thread-safe.
  [[nodiscard]] std::vector<listed_client> list_clients(
    std::size_t limit = 1'000, client_guid after = {}) const;

  /// Replaces the label of a client (`register_client`), for example once its user is known.
  /// Thread-safe. Errors: `errc::unknown_client`.
  error_code set_label(client_guid client, std::string label);

  /// Shuts down in an orderly way: accepts no new operations, completes pending ones with
  /// `errc::shutting_down`, writes all changes to the store and marks it as cleanly closed. Records
  /// of current holders stay in the store for the next start. Waits for the store for up to
  /// `shutdown_store_wait`, but not for clients. Call it once. Afterwards nothing keeps the
  /// executor busy, and the destructor does not wait. Not cancellable. Handler: `void(error_code)`,
  /// with the store's error if it could not be written in time.
  template <class Token = boost::asio::deferred_t>
  auto async_shutdown(Token&& token = {}) {
    return initiate<void>(detail::shutdown_request{}, token);
  }

  /// Returns the file for which the client uses this lease key; empty if there is none. A server
  /// can use it to refuse a create before it creates the file; `async_open` checks again. Never
  /// waits.
  [[nodiscard]] file_name_id file_of_lease(client_guid client, lease_key key) const;

  /// Changes settings. `edit` gets the current ones and changes what it wants to change; a call to
  /// this coordinator within `edit` is not allowed. Concurrent changes come one after the other, so
  /// that none is lost. The settings are in use when the function returns, also for files that
  /// exist already, and the changes are in the log at level info.
  ///
  /// - A break that begins afterwards has the new `break_timeout`, an operation that starts to wait
  ///   has the new `wait_max`. What began earlier keeps its deadline.
  /// - An open that is requested afterwards is granted at most the new `caching_max`. Leases keep
  ///   what they have; `async_force_break` reduces it.
  /// - A limit that falls below what exists ends nothing. It refuses what comes afterwards.
  ///
  /// Returns what has changed, with the old values. If the result has an error, nothing has
  /// changed: `errc::invalid_argument` if `settings::validate` rejects the result of `edit` or it
  /// has too many shares, `errc::shutting_down`. If `edit` throws, nothing has changed. Waits only
  /// for concurrent calls.
  settings_change change_settings(const std::function<void(settings&)>& edit);

  /// Returns the current settings.
  [[nodiscard]] settings current_settings() const;

  /// Returns counters and gauges. Never waits.
  [[nodiscard]] statistics stats() const;

private:
  friend struct detail::coordinator_access;
  coordinator(executor_type executor, std::shared_ptr<detail::coordinator_impl> impl);

  /// Returns the coordinator's state through one of several reference counts, so that threads
  /// rarely contend for the same one.
  [[nodiscard]] const std::shared_ptr<detail::coordinator_impl>& spread_ref() const noexcept;
  void spread();

  template <class Result, class Request, class Token>
  auto initiate(Request&& request, Token& token) {
    static_assert(!std::is_aggregate_v<Request> || std::is_trivially_destructible_v<Request>,
      "g++ 12 destroys an aggregate that is written within co_await twice");
    return boost::asio::async_initiate<Token, typename detail::signature<Result>::type>(
      detail::initiation<Result>{detail::impl_ref(spread_ref()), executor_}, token,
      std::move(request));
  }

  executor_type executor_;
  std::shared_ptr<detail::coordinator_impl> impl_;
  std::vector<std::shared_ptr<detail::coordinator_impl>> spread_; ///< Each keeps `impl_` alive.
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

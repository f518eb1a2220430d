// The public API: a coordinator of leases, oplocks and byte-range locks for an asynchronous server.
#pragma once

#ifndef __cpp_rtti
#error "leasebreak needs run-time type information: executors know each other by it (no -fno-rtti)"
#endif

#include <leasebreak/config.hpp>
#include <leasebreak/detail/pending_handler.hpp>
#include <leasebreak/error_code.hpp>
#include <leasebreak/requests.hpp>
#include <leasebreak/statistics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace leasebreak {

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

/// Refers to a coordinator's state. Made within an initiating call, it borrows that call's
/// reference, which saves the counting; a copy, such as a deferred operation has, is a weak
/// reference.
class impl_ref {
public:
  explicit impl_ref(const std::shared_ptr<coordinator_impl>& alive) noexcept : borrowed_(&alive) {}
  impl_ref(const impl_ref& other) noexcept
    : weak_(other.borrowed_ != nullptr ? std::weak_ptr(*other.borrowed_) : other.weak_) {}
  impl_ref& operator=(const impl_ref&) = delete;
  ~impl_ref() = default;

  /// Calls `use` with the state, unless that is gone.
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

/// What starts each operation. All return at once; `self` may be gone already.
void start(const impl_ref& self, open_request&& r, handler<open_result> h);
void start(const impl_ref& self, close_request&& r, handler<close_result> h);
void start(const impl_ref& self, reconnect_request&& r, handler<open_result> h);
void start(const impl_ref& self, replay_request&& r, handler<open_result> h);
void start(const impl_ref& self, server_state_request&& r, handler<void> h);
void start(const impl_ref& self, resilience_request&& r, handler<void> h);
void start(const impl_ref& self, lock_request&& r, handler<void> h);
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
struct start_request {};
void start(const impl_ref& self, start_request&& r, handler<start_result> h);
struct shutdown_request {};
void start(const impl_ref& self, shutdown_request&& r, handler<void> h);

/// Has an executor, so that Asio's adapters work, and holds no strong reference: a deferred
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

/// Coordinates what clients may cache of the files of a server.
///
/// *Operations* are Asio operations: they take any completion token (the default is `deferred`),
/// complete exactly once, never from within the initiating call, on the handler's associated
/// executor, or else the coordinator's.
///
/// *Cancellation*: `async_open`, `async_lock`, `async_access` and `async_force_break` support the
/// types terminal, partial and total alike, through the handler's cancellation slot: one that waits
/// completes with `errc::cancelled`, and has changed nothing but that a break that it caused goes
/// on. What was granted before the cancellation arrived stays granted, and completes so. The other
/// operations never wait for a client, and ignore cancellation. Emit a signal on the thread, or
/// strand, on which the slot was connected; `emit` may throw `std::bad_alloc`, and nothing has
/// happened.
///
/// *Thread safety*: every member may be called from any thread at any time, but for destruction,
/// which must not run at the same time as another call, unless that is from within a sink or
/// `on_open_lost`.
///
/// *Lifetimes*: deferred operations, holds, answers and reports may outlive the coordinator, and do
/// nothing then but complete with `errc::shutting_down`. Handlers of operations in flight run after
/// the destructor, on executors that must still exist; so a handler must not rely on the
/// coordinator if it is told `errc::shutting_down`. Sinks and `on_open_lost` are not called after
/// the destructor; `break_sink` says until when else. `file_name_id`s, keys and all other arguments
/// are copied.
///
/// *Executor*: with `scheduler_kind::asio` the actors run on the executor; some thread must run it.
/// A handler's executor, a client's and the coordinator's must exist until their last call is made
/// or dropped. What keeps an `io_context` busy, so that `run` does not return:
///  - an operation, until its handler has been called: for up to `wait_max`, but a byte-range lock
///    without end;
///  - a break in progress, waited for or not, for up to `break_timeout`, or until it ends earlier;
///  - a durable open without connection, until its client is back or its timeout is over;
///  - a break that is held back for an answer that is not sent, for up to `answer_wait_max`;
///  - a grace period (see `async_start`), until it is over;
///  - records that the store has not taken;
///  - for 20 ms, a timer that is not needed any more.
/// Opens, leases, locks, holds and registrations do not. To have `run` return now, use
/// `async_shutdown`, after which no timer is left, or destroy the coordinator, or stop the context.
///
/// *Memory*: an initiating function, and any other member but the destructor, throws
/// `std::bad_alloc` without having changed anything, and the handler is not called. Later, in the
/// turns of actors and when handlers are to be called, an operation can be refused no more, and
/// what a client holds must not be lost: then the process ends by `std::abort`, with one line on
/// the standard error output. That a handler or a sink runs out of memory is the server's own
/// affair: what a handler throws leaves the executor's `run`.
///
/// *Errors* common to all operations: `errc::shutting_down` after `async_shutdown` or destruction,
/// `errc::not_started` if there is a store and `async_start` has not completed.
class coordinator {
public:
  using executor_type = boost::asio::any_io_executor;

  /// Starts no operation and no thread that `config` does not name: the store's begins with
  /// `async_start`. The executor must exist until the coordinator is gone and its last handler has
  /// been called or dropped; the store and the logger are kept alive. Throws
  /// `std::invalid_argument` if `config.validate()` finds fault, `std::bad_alloc`, and
  /// `std::system_error` if a pool of CAF's is chosen and the system has no thread for it.
  explicit coordinator(executor_type executor, coordinator_config config = {});

  /// As `async_shutdown`, without waiting for anything that hangs: what is in flight completes with
  /// `errc::shutting_down`. From then on no sink and no `on_open_lost` is called; calls that are in
  /// progress on other threads are waited for, so no lock that they take may be held here. May be
  /// called from within a handler, a sink or `on_open_lost`, and whether or not the executor runs.
  /// Must not be called from one of the threads of a CAF pool of its own.
  ~coordinator();

  coordinator(const coordinator&) = delete;
  coordinator& operator=(const coordinator&) = delete;

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  /// Reads the store: bumps the server epoch, recovers what was held, and opens the grace period if
  /// the last stop was not clean, or within a grace period; otherwise what has no open is dropped.
  /// Persistent opens are back, without a connection: the result names them, and `async_reconnect`
  /// gives them to their clients. Precondition: other operations than `async_shutdown` wait for its
  /// handler; without a store it may be left out. To be called once; after an error it may be
  /// called again. A grace period, of up to `coordinator_config::grace`, keeps the executor busy,
  /// though nothing is in flight: `async_shutdown` ends that, and the next start opens it again.
  /// Handler: `void(error_code, start_result)`. Errors: those of the store, `errc::no_thread` if
  /// the system has no thread for it, `invalid_argument` if it was started before, `shutting_down`.
  /// Not cancellable.
  template <class Token = boost::asio::deferred_t>
  auto async_start(Token&& token = {}) {
    return initiate<start_result>(detail::start_request{}, token);
  }

  /// Makes a client known. `sink` is called on `executor`, which defaults to the coordinator's, one
  /// call at a time; `break_sink` says until when, and what is kept alive. `label`, such as its
  /// address, is for logs, where 64 bytes of it are shown in quotes. A registered client keeps no
  /// executor busy.
  /// Errors: `errc::shutting_down`; `errc::client_exists`; `errc::invalid_argument` if `client` is
  /// zero or `sink` empty.
  error_code register_client(
    client_guid client, break_sink sink, std::string label = {}, executor_type executor = {});

  /// Forgets a client. After success its sink is not called any more, and is destroyed; what was to
  /// be told is dropped. Waits for a call of the sink that is in progress on another thread, so no
  /// lock that the sink takes may be held here. From within the sink it does not wait. Errors,
  /// after which nothing has changed: `errc::unknown_client`; `errc::client_busy` if it still has
  /// opens, or operations that may wait: `async_disconnect` first.
  error_code unregister_client(client_guid client);

  /// Gives a client another sink and its executor: for a server whose sink belongs to a
  /// connection or a process that a client has left, while something of it is kept. Notifications
  /// that have not been handed to the old sink go to the new one, even if the old one's executor
  /// runs nothing any more. Calls of the two never overlap and keep their order. Waits for a call
  /// of the old sink that is in progress on another thread, so no lock that the sink takes may be
  /// held here; then the old one is destroyed. From within the old sink it does not wait: the call
  /// goes on, and the old sink is destroyed when it returns. Never keeps an executor busy by
  /// itself. Errors, after which the old sink is still called: `errc::unknown_client`;
  /// `errc::invalid_argument` if `sink` is empty.
  error_code replace_sink(client_guid client, break_sink sink, executor_type executor = {});

  /// A session can be used on a connection from now on: SESSION_SETUP has succeeded there, for a
  /// new session or for one more channel of it (MS-SMB2 3.3.5.5.3). The coordinator then decides
  /// where the session's break notifications go, what a lost connection leaves, and what ends. Call
  /// it before the first operation of the session there. It is undone by `async_disconnect` and
  /// `async_end_session`. `dialect` is the connection's DialectRevision (MS-SMB2 2.2.4).
  /// A channel that is known already stays as it is.
  /// Errors: `errc::unknown_client`; `errc::dialect_mismatch` if the client speaks another dialect
  /// of version 3 in another session (Client.Dialect): end the new session;
  /// `errc::too_many_channels`; `errc::invalid_argument` if either id is none.
  error_code add_channel(client_guid client, const channel_id& channel, std::uint16_t dialect);

  /// Opens a file (MS-SMB2 3.3.5.9, MS-FSA 2.1.5.1.2). Completes when every conflicting break has
  /// ended; it may wait for up to `wait_max`, and be cancelled. Precondition: the client is
  /// registered, and stays so as long as it has the open. An open that fails or waits has ended
  /// nobody's; one that goes on ends durable opens without connection that are in its way. Only
  /// what its application has left behind (`open_request::instance`) ends also when it waits.
  /// Handler: `void(error_code, open_result)`; the result's `answer` and `hold` may be kept for as
  /// long as the server needs. Errors: `errc::sharing_violation`, `delete_pending`,
  /// `lease_key_in_use`, `newer_instance`, `zero_lease_key`, `reclaim_needed`,
  /// `nothing_to_reclaim`, `unknown_client`, `file_id_empty`, `file_id_too_long`,
  /// `invalid_argument`, the limits of opens and of waiting, `store_backlog`, `cancelled`,
  /// `client_gone`, `unknown_session` if the session has ended or was never told of.
  template <class Token = boost::asio::deferred_t>
  auto async_open(open_request request, Token&& token = {}) {
    return initiate<open_result>(std::move(request), token);
  }

  /// Closes an open (MS-FSA 2.1.5.4). Its locks go, its waiting lock requests complete with
  /// `errc::range_not_locked`, and its lease goes with the lease's last open. It waits, for up to
  /// `wait_max`, only if it deletes the file and others have to let go of their handles; it cannot
  /// be cancelled. Without a connection a durable open keeps the executor busy up to its timeout.
  /// Handler: `void(error_code, close_result)`. Errors: `errc::unknown_open`, those of file ids.
  template <class Token = boost::asio::deferred_t>
  auto async_close(close_request request, Token&& token = {}) {
    return initiate<close_result>(std::move(request), token);
  }

  /// Gives a client back a durable open that lost its connection (MS-SMB2 3.3.5.9.7, 3.3.5.9.12),
  /// with what it may still cache. The server checks what the coordinator does not know: the user,
  /// the name. A persistent open can be had back after a restart as well. Precondition: the client
  /// is registered. Not cancellable. Handler: `void(error_code, open_result)`. Errors:
  /// `errc::nothing_to_reclaim` for whatever does not fit, `unknown_client`, `unknown_session`,
  /// those of file ids.
  template <class Token = boost::asio::deferred_t>
  auto async_reconnect(reconnect_request request, Token&& token = {}) {
    return initiate<open_result>(std::move(request), token);
  }

  /// Answers a CREATE that a client sends again because it has not seen the answer (MS-SMB2
  /// 3.3.5.9.10): with what its open may cache by now, and of an oplock no more than is asked for
  /// this time. Nothing changes, and nobody waits. The server knows the CreateGuid and finds the
  /// open by it, and checks what the coordinator does not know: the session, the flag, whether the
  /// client has used the open. Not cancellable. Handler: `void(error_code, open_result)`, without a
  /// hold.
  /// Errors: `errc::unknown_open` if the client has no such open with a connection,
  /// `access_denied` if it is for another lease key, or only one of the two has a lease.
  template <class Token = boost::asio::deferred_t>
  auto async_replay(replay_request request, Token&& token = {}) {
    return initiate<open_result>(std::move(request), token);
  }

  /// Replaces what the server keeps with a persistent open (`durable_request::server_state`), with
  /// a connection or without. In durable mode it completes when the store has it; if the store
  /// fails, it may or may not be what a restart finds. Not cancellable. Handler:
  /// `void(error_code)`. Errors: `errc::unknown_open`, `invalid_argument` if the open is not
  /// persistent or the state too long, `store_backlog`, those of the store.
  template <class Token = boost::asio::deferred_t>
  auto async_set_server_state(server_state_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// Makes an open resilient (MS-SMB2 3.3.5.15.9): when its connection or session ends it is kept
  /// for `timeout`, whatever it caches, with its locks and the numbers of its lock requests, until
  /// `async_reconnect` gives it back. Unlike a durable open it gives way to nobody: its share mode
  /// and its locks count as before. What it caches goes when somebody else needs that. It is not
  /// stored: a restart ends it. An open that is durable or persistent stays that as well. While it
  /// is without a connection it keeps the executor busy up to that time. May be asked for again,
  /// with another time. Not cancellable. Handler: `void(error_code)`. Errors: `errc::unknown_open`
  /// if there is no such open with a connection, `invalid_argument` for a time that is not positive
  /// or above the limit and for an open that stands for a stream, those of file ids.
  template <class Token = boost::asio::deferred_t>
  auto async_make_resilient(resilience_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// Takes byte-range locks, all or none (MS-SMB2 3.3.5.14.2). One that may wait
  /// (`fail_immediately` is false) does so without a limit of time, and keeps the executor busy,
  /// until it can be had, its open closes, the connection that it names ends (or its open's, if it
  /// names none), or it is cancelled. A lock that fails or waits has ended nobody's open. Handler:
  /// `void(error_code)`.
  /// Errors: `errc::lock_not_granted`, `unknown_open`, `invalid_lock_range`, `locks_on_directory`,
  /// `invalid_argument`, `reclaim_needed`, the limits of locks and of waiting, `store_backlog`,
  /// `range_not_locked` if the open closes meanwhile, `cancelled`, `client_gone`.
  template <class Token = boost::asio::deferred_t>
  auto async_lock(lock_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// Releases byte-range locks, in order, up to the first that is not held (MS-SMB2 3.3.5.14.1).
  /// Never waits for a client; not cancellable. Handler: `void(error_code, std::size_t released)`.
  /// Errors: `errc::range_not_locked`, `unknown_open`.
  template <class Token = boost::asio::deferred_t>
  auto async_unlock(unlock_request request, Token&& token = {}) {
    return initiate<std::size_t>(std::move(request), token);
  }

  /// After a restart: takes back a byte-range lock that the open's client held before, within the
  /// grace period (see `async_start`). The locks of persistent opens need not be taken back.
  /// Precondition: the open is one of the client that held it. Not cancellable. Handler:
  /// `void(error_code)`. Errors: `errc::nothing_to_reclaim`, `wrong_owner`, `unknown_open`,
  /// `lock_not_granted`, the limits of locks.
  template <class Token = boost::asio::deferred_t>
  auto async_reclaim_lock(reclaim_lock_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// Takes a client's acknowledgement of a lease break (MS-SMB2 3.3.5.22.2), from whichever
  /// connection. Not cancellable. Handler: `void(error_code, lease_state)`, with the state to be
  /// echoed. Errors:
  /// `errc::unknown_lease`, `lease_not_breaking`, `ack_exceeds_break`.
  template <class Token = boost::asio::deferred_t>
  auto async_acknowledge(lease_acknowledgement request, Token&& token = {}) {
    return initiate<lease_state>(std::move(request), token);
  }

  /// Takes a client's acknowledgement of an oplock break (MS-SMB2 3.3.5.22.1). Not cancellable.
  /// Handler: `void(error_code, oplock_level)`, with the level to be sent back.
  /// Errors: `errc::unknown_open`, `oplock_not_breaking`, `invalid_oplock_ack`,
  /// `invalid_oplock_level`, `wrong_owner`. `invalid_oplock_ack` and `invalid_oplock_level` end a
  /// break in progress with none.
  template <class Token = boost::asio::deferred_t>
  auto async_acknowledge(oplock_acknowledgement request, Token&& token = {}) {
    return initiate<oplock_level>(std::move(request), token);
  }

  /// Announces an access other than an open (MS-FSA 2.1.4.12); completes when it may be carried
  /// out. It may wait for up to `wait_max`, and be cancelled. If the result's hold is not empty,
  /// release it once that is done: it keeps no executor busy, but restrains others. Of a
  /// directory's change, which waits for nobody, its client hears behind the result's `answer`, and
  /// others at once. Precondition: a client that is named is registered, or its disconnect does not
  /// end the wait. Handler: `void(error_code, access_result)`. Errors: `errc::unknown_open`,
  /// `access_denied`, `sharing_violation`, `delete_pending`, `reclaim_needed`, the limits of
  /// waiting, `cancelled`, `client_gone`.
  template <class Token = boost::asio::deferred_t>
  auto async_access(access_request request, Token&& token = {}) {
    return initiate<access_result>(std::move(request), token);
  }

  /// Guards an entry of a directory, or two, or the directory as a whole: for as long as it takes
  /// to look at a name, to decide, and to change it. Completes when no guard that was asked for
  /// earlier has a name in common; first come, first served. Never hold a guard while somebody
  /// else's break is waited for. A directory that is to be deleted admits none (MS-FSA 2.1.5.1.1),
  /// not even one that waits already. Handler: `void(error_code, entry_guard)`. Errors:
  /// `errc::delete_pending`, `too_many_guards`, `file_id_too_long`, `invalid_argument` for a name
  /// that is too long or a second one without a first, `cancelled`. All types of cancellation end
  /// the wait.
  template <class Token = boost::asio::deferred_t>
  auto async_guard_entry(entry_guard_request request, Token&& token = {}) {
    return initiate<entry_guard>(std::move(request), token);
  }

  /// Makes way for the rename of a directory (MS-FSA 2.1.5.15.11): takes Handle from whoever has a
  /// file open beneath it by a path, waits for that, and looks what is open then. While the guard
  /// lives, opens beneath wait; after `wait_max` they fail with `errc::sharing_violation`. Never
  /// hold it while somebody else's break is waited for.
  /// Handler: `void(error_code, tree_guard)`. Errors: `errc::access_denied` if something stays open
  /// beneath, `reclaim_needed`, `invalid_argument`, `file_id_too_long`, the limits of waiting,
  /// `cancelled`.
  template <class Token = boost::asio::deferred_t>
  auto async_rename_tree(rename_tree_request request, Token&& token = {}) {
    return initiate<tree_guard>(std::move(request), token);
  }

  /// A file or directory has got another path, and with it all that is beneath. Of opens with a
  /// path; call it before the guards of the rename are released. `root` as in `open_request`.
  void renamed(const std::string& root, const std::string& from, const std::string& to);

  /// Says where an open is that has no path yet, such as one that a restart found: see
  /// `open_request::path`. Without effect if there is no such open, or the path is too long.
  void place(const file_name_id& file, open_id open, std::string root, std::string path);

  /// Whether byte-range locks allow a read or write (MS-FSA 2.1.4.10). Breaks nothing, never waits
  /// for a client, not cancellable. Handler:
  /// `void(error_code)`. Errors: `errc::file_lock_conflict`, `reclaim_needed`, `unknown_open`.
  template <class Token = boost::asio::deferred_t>
  auto async_check_io(io_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// What clients ask about a file that only the coordinator knows, such as whether it is to be
  /// deleted (MS-FSA 2.1.5.12.27). Costs the same with many opens as with one. Nothing is set for a
  /// file that nobody has open. Breaks nothing, never waits for a client, not cancellable.
  /// Handler: `void(error_code, file_facts)`.
  template <class Token = boost::asio::deferred_t>
  auto async_query_file(file_query request, Token&& token = {}) {
    return initiate<file_facts>(std::move(request), token);
  }

  /// A client's connection, or all of them, is gone (MS-SMB2 3.3.7.1): its opens end, and what
  /// waited on it completes with `errc::client_gone`, on files of which it has no open as well.
  /// A session that has another channel (`add_channel`) goes on: its opens stay, and breaks that
  /// were told on the connection and are not answered are told again on the other one. So does a
  /// CREATE that waits and can be sent again there, one with a CreateGuid. A session that has none
  /// has ended. Opens that were started before this call and are granted later count as well.
  /// Durable opens stay without a connection, and keep the executor busy up to their timeouts. The
  /// client stays registered. All of it ends at once: nobody is sent a break for an open that ends
  /// too, and deletions that need breaks of others go on without the caller. Not cancellable.
  /// Handler: `void(error_code, disconnect_result)`; the holds of its `to_delete` may be kept for
  /// as long as the server needs. Errors: `errc::unknown_client`.
  template <class Token = boost::asio::deferred_t>
  auto async_disconnect(disconnect_request request, Token&& token = {}) {
    return initiate<disconnect_result>(std::move(request), token);
  }

  /// A session has ended on all its connections: LOGOFF (MS-SMB2 3.3.5.6), PreviousSessionId or a
  /// failed re-authentication (3.3.5.5.3), or the server's own wish (3.3.4.12). As
  /// `async_disconnect`, for the session's opens and what waits in it; a lock that waits completes
  /// with `errc::range_not_locked`. From this call on nothing more is opened in the session
  /// (`errc::unknown_session`). Not cancellable. Handler: `void(error_code, disconnect_result)`, as
  /// of `async_disconnect`. Errors: `errc::unknown_client`, `unknown_session`: nothing of it is
  /// left, and nothing was done.
  template <class Token = boost::asio::deferred_t>
  auto async_end_session(end_session_request request, Token&& token = {}) {
    return initiate<disconnect_result>(std::move(request), token);
  }

  /// A tree connect of a session has ended: TREE_DISCONNECT (MS-SMB2 3.3.5.8), or the server's own
  /// wish (3.3.4.11). As `async_end_session`, for the tree's opens; what is durable ends too.
  /// CREATEs in the tree that come after this call are for the server to refuse. Not cancellable.
  /// Handler: `void(error_code, disconnect_result)`. Errors: as of `async_end_session`, and
  /// `errc::invalid_argument` if the tree is none.
  template <class Token = boost::asio::deferred_t>
  auto async_end_tree(end_tree_request request, Token&& token = {}) {
    return initiate<disconnect_result>(std::move(request), token);
  }

  /// An operator's break of what is cached of a file; completes when the holders have given it up.
  /// Durable opens without connection that would have to give something up end at once. It may wait
  /// for up to `wait_max`, and be cancelled; the breaks go on then.
  /// Handler: `void(error_code)`. Errors: `errc::invalid_lease_state`, the limits of waiting,
  /// `cancelled`.
  template <class Token = boost::asio::deferred_t>
  auto async_force_break(force_break_request request, Token&& token = {}) {
    return initiate<void>(std::move(request), token);
  }

  /// What is held, what is breaking and since when, what waits, for whom and why. Each file is
  /// asked once; files change while others are asked. Not cancellable. Handler: `void(error_code,
  /// std::vector<listed_entry>)`.
  template <class Token = boost::asio::deferred_t>
  auto async_list(lock_query query, Token&& token = {}) {
    return initiate<std::vector<listed_entry>>(std::move(query), token);
  }

  /// Stops in order: takes nothing new, completes what waits with `errc::shutting_down`, writes
  /// what is to be stored, marks the store as cleanly closed. What is held stays recorded, for the
  /// next start. Waits for the store for up to `shutdown_store_wait`, and for no client. To be
  /// called once. Afterwards nothing keeps the executor busy any more; the coordinator may be
  /// destroyed without waiting for anything. Not cancellable. Handler: `void(error_code)`, with the
  /// store's error if it could not be written in time.
  template <class Token = boost::asio::deferred_t>
  auto async_shutdown(Token&& token = {}) {
    return initiate<void>(detail::shutdown_request{}, token);
  }

  /// The file for which the client uses this lease key; empty if for none. For a server that wants
  /// to refuse a create before it makes the file; `async_open` checks again. Never waits.
  [[nodiscard]] file_name_id file_of_lease(client_guid client, lease_key key) const;

  /// Counters and gauges. Never waits.
  [[nodiscard]] statistics stats() const;

private:
  friend struct detail::coordinator_access;
  coordinator(executor_type executor, std::shared_ptr<detail::coordinator_impl> impl);

  /// The coordinator's state, by a reference whose count this thread shares with few others.
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

} // namespace leasebreak

// A coordinator that does nothing except when a test tells it to.
#pragma once

#include <leasebreak/coordinator.hpp>
#include <leasebreak/testing/probe.hpp>
#include <leasebreak/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>

#include <deque>
#include <memory>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

/// A coordinator, the `io_context` that runs it, and its clock, on the thread of the test. Start
/// operations, call `settle` to run everything that is ready, and `advance` to let time pass.
///
/// The handlers of operations that a test starts here are probes. The server under test may use the
/// coordinator and the context as it does in production. Not thread-safe, except that the
/// coordinator itself is.
class driven_coordinator {
public:
  /// Arguments and exceptions are those of the constructor of `coordinator`.
  explicit driven_coordinator(coordinator_config config = {});
  /// Destroys the coordinator, and runs the handlers of operations that were still pending.
  virtual ~driven_coordinator();
  driven_coordinator(const driven_coordinator&) = delete;
  driven_coordinator& operator=(const driven_coordinator&) = delete;

  /// Returns the context that runs the coordinator. It may run other things, too.
  [[nodiscard]] boost::asio::io_context& context() noexcept { return io_; }
  /// Returns the coordinator, which must not have been destroyed.
  [[nodiscard]] coordinator& leases() noexcept { return *coordinator_; }
  /// Returns the coordinator's clock.
  [[nodiscard]] const virtual_clock& clock() const noexcept { return clock_; }

  /// Runs the context until nothing is ready.
  void settle();
  /// Lets `d` pass. Stops at each timeout on the way, and runs what is ready there, so that
  /// everything happens at its time, in order.
  void advance(duration d);
  /// Destroys the coordinator, as a server's crash or end does. Pending operations complete in the
  /// next `settle`.
  void destroy() noexcept { coordinator_.reset(); }

  /// Starts an operation, whose result is in the returned probe after `settle`. The probe exists as
  /// long as this object. `Request` is the argument of an operation of the coordinator.
  template <class Request>
  probe& start(Request request) {
    auto& p = new_probe();
    begin(std::move(request), p);
    return p;
  }
  /// Like `start`, with a probe of the caller.
  template <class Request>
  void begin(Request request, probe& p) {
    call(std::move(request), p.token(io_.get_executor()));
  }
  /// Starts `coordinator::async_start`. Needed only with a store.
  probe& recover();
  /// Starts `coordinator::async_shutdown`.
  probe& shut_down();

protected:
  /// For fixtures that make another coordinator, with or without the clock.
  struct without_coordinator {};
  /// Makes the context and the clock only. `coordinator_` must be set before it is used.
  explicit driven_coordinator(without_coordinator /*tag*/) noexcept {}

  /// Returns a new probe, which exists as long as this object.
  [[nodiscard]] probe& new_probe() { return probes_.emplace_back(); }

  virtual_clock clock_; ///< The clock.
  boost::asio::io_context io_; ///< Runs the coordinator.
  std::deque<probe> probes_; ///< Those of `start`, in this order.
  std::unique_ptr<coordinator> coordinator_; ///< Null after `destroy`.

private:
  template <class Token>
  void call(open_request r, Token t) {
    leases().async_open(std::move(r), std::move(t));
  }
  template <class Token>
  void call(close_request r, Token t) {
    leases().async_close(std::move(r), std::move(t));
  }
  template <class Token>
  void call(reconnect_request r, Token t) {
    leases().async_reconnect(std::move(r), std::move(t));
  }
  template <class Token>
  void call(replay_request r, Token t) {
    leases().async_replay(std::move(r), std::move(t));
  }
  template <class Token>
  void call(server_state_request r, Token t) {
    leases().async_set_server_state(std::move(r), std::move(t));
  }
  template <class Token>
  void call(resilience_request r, Token t) {
    leases().async_make_resilient(std::move(r), std::move(t));
  }
  template <class Token>
  void call(lock_request r, Token t) {
    leases().async_lock(std::move(r), std::move(t));
  }
  template <class Token>
  void call(reclaim_lock_request r, Token t) {
    leases().async_reclaim_lock(std::move(r), std::move(t));
  }
  template <class Token>
  void call(unlock_request r, Token t) {
    leases().async_unlock(std::move(r), std::move(t));
  }
  template <class Token>
  void call(lease_acknowledgement r, Token t) {
    leases().async_acknowledge(std::move(r), std::move(t));
  }
  template <class Token>
  void call(oplock_acknowledgement r, Token t) {
    leases().async_acknowledge(std::move(r), std::move(t));
  }
  template <class Token>
  void call(access_request r, Token t) {
    leases().async_access(std::move(r), std::move(t));
  }
  template <class Token>
  void call(entry_guard_request r, Token t) {
    leases().async_guard_entry(std::move(r), std::move(t));
  }
  template <class Token>
  void call(file_query r, Token t) {
    leases().async_query_file(std::move(r), std::move(t));
  }
  template <class Token>
  void call(rename_tree_request r, Token t) {
    leases().async_rename_tree(std::move(r), std::move(t));
  }
  template <class Token>
  void call(io_request r, Token t) {
    leases().async_check_io(std::move(r), std::move(t));
  }
  template <class Token>
  void call(disconnect_request r, Token t) {
    leases().async_disconnect(std::move(r), std::move(t));
  }
  template <class Token>
  void call(end_session_request r, Token t) {
    leases().async_end_session(std::move(r), std::move(t));
  }
  template <class Token>
  void call(end_tree_request r, Token t) {
    leases().async_end_tree(std::move(r), std::move(t));
  }
  template <class Token>
  void call(force_break_request r, Token t) {
    leases().async_force_break(std::move(r), std::move(t));
  }
  template <class Token>
  void call(lock_query r, Token t) {
    leases().async_list(std::move(r), std::move(t));
  }
  template <class Token>
  void call(list_request r, Token t) {
    leases().async_list_page(std::move(r), std::move(t));
  }
  template <class Token>
  void call(detail::start_request /*r*/, Token t) {
    leases().async_start(std::move(t));
  }
  template <class Token>
  void call(detail::shutdown_request /*r*/, Token t) {
    leases().async_shutdown(std::move(t));
  }
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit

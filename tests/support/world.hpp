// A coordinator with two clients, for tests: counting handlers, a way to run everything that is
// ready, and optionally a manual scheduler with its virtual clock.
#pragma once

#include <leasebreak/coordinator.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <any>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace leasebreak::detail {
class coordinator_impl;
class manual_scheduler;
} // namespace leasebreak::detail

namespace leasebreak::test {

namespace asio = boost::asio;

/// Counts the completions of an operation, and keeps the result.
class probe {
public:
  probe() = default;
  explicit probe(asio::any_io_executor ex) : executor(std::move(ex)) {}
  probe(const probe&) = delete;
  probe& operator=(const probe&) = delete;

  /// Returns a completion token for any operation.
  [[nodiscard]] auto token(const asio::any_io_executor& otherwise) {
    return asio::bind_executor(
      executor ? executor : otherwise, asio::bind_cancellation_slot(signal.slot(), handler{this}));
  }

  [[nodiscard]] bool done() const noexcept { return calls != 0; }
  [[nodiscard]] errc error() const noexcept { return to_errc(ec); }
  template <class T>
  [[nodiscard]] T& as() {
    return std::any_cast<std::shared_ptr<T>&>(value).operator*();
  }

  asio::any_io_executor executor; ///< Associated with the handler; if empty, the coordinator's.
  asio::cancellation_signal signal;
  int calls = 0;
  error_code ec;
  std::any value; ///< A shared pointer to the result.
  std::function<void()> on_call;
  bool answers_later = false; ///< The test calls `sent()` for an open.

private:
  struct handler {
    probe* self;
    void operator()(error_code e) const { self->call(e); }
    template <class T>
    void operator()(error_code e, T result) const {
      if constexpr (requires { result.answer.sent(); })
        if (!self->answers_later)
          result.answer.sent(); // the test keeps the rest of the result
      self->value = std::make_shared<T>(std::move(result));
      self->call(e);
    }
  };
  void call(error_code e) {
    ++calls;
    ec = e;
    if (on_call)
      on_call();
  }
};

/// A break notification as the sink received it.
struct seen_break {
  break_notification notification;
  file_name_id file;
  break_report report;
};

/// See above. The coordinator is destroyed first, so that late completions still find their probes.
class world {
public:
  enum class clock { real, test };

  explicit world(clock kind = clock::real, coordinator_config config = {});
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Runs actors and the executor until nothing is ready.
  void settle();
  /// Like `settle`, but repeats until `until` holds, because another thread takes part.
  void settle_until(const std::function<bool()>& until);
  static void wait_for(const std::function<bool()>& until);
  /// With the test clock: calls `settle`, advances the clock, and calls `settle` again.
  void advance(duration d);
  [[nodiscard]] detail::manual_scheduler& scheduler();
  /// The coordinator's implementation, for tests that act as another of its threads.
  [[nodiscard]] detail::coordinator_impl& inside();
  [[nodiscard]] static detail::coordinator_impl& inside(coordinator& c);

  /// Starts an operation; `probe` gets its result.
  template <class Request>
  probe& start(Request request);

  // Shorter forms, which call `settle` and expect success.
  open_result open(const client_guid& client, const std::string& file, std::uint64_t key,
    lease_state want = lease_state::rwh);
  void close(const std::string& file, open_id open);
  /// Starts the coordinator, which recovers the store's records.
  start_result recover();

  [[nodiscard]] static open_request request(const client_guid& client, const std::string& file,
    std::uint64_t key, lease_state want = lease_state::rwh);

  static inline const client_guid alice = client_guid::of(0xa11ce);
  static inline const client_guid bob = client_guid::of(0xb0b);

  asio::io_context io;
  std::deque<seen_break> alice_saw;
  std::deque<seen_break> bob_saw;
  std::deque<probe> probes;
  std::unique_ptr<coordinator> c;

  [[nodiscard]] auto token(probe& p) { return p.token(io.get_executor()); }

  // Overloads for all operations, for tests that are templates.
  void begin(open_request r, probe& p) { c->async_open(std::move(r), token(p)); }
  void begin(close_request r, probe& p) { c->async_close(std::move(r), token(p)); }
  void begin(reconnect_request r, probe& p) { c->async_reconnect(std::move(r), token(p)); }
  void begin(replay_request r, probe& p) { c->async_replay(std::move(r), token(p)); }
  void begin(server_state_request r, probe& p) {
    c->async_set_server_state(std::move(r), token(p));
  }
  void begin(resilience_request r, probe& p) { c->async_make_resilient(std::move(r), token(p)); }
  void begin(lock_request r, probe& p) { c->async_lock(std::move(r), token(p)); }
  void begin(reclaim_lock_request r, probe& p) { c->async_reclaim_lock(std::move(r), token(p)); }
  void begin(unlock_request r, probe& p) { c->async_unlock(std::move(r), token(p)); }
  void begin(lease_acknowledgement r, probe& p) { c->async_acknowledge(r, token(p)); }
  void begin(oplock_acknowledgement r, probe& p) { c->async_acknowledge(std::move(r), token(p)); }
  void begin(access_request r, probe& p) { c->async_access(std::move(r), token(p)); }
  void begin(entry_guard_request r, probe& p) { c->async_guard_entry(std::move(r), token(p)); }
  void begin(file_query r, probe& p) { c->async_query_file(std::move(r), token(p)); }
  void begin(rename_tree_request r, probe& p) { c->async_rename_tree(std::move(r), token(p)); }
  void begin(io_request r, probe& p) { c->async_check_io(std::move(r), token(p)); }
  void begin(disconnect_request r, probe& p) { c->async_disconnect(r, token(p)); }
  void begin(end_session_request r, probe& p) { c->async_end_session(r, token(p)); }
  void begin(end_tree_request r, probe& p) { c->async_end_tree(r, token(p)); }
  void begin(force_break_request r, probe& p) { c->async_force_break(std::move(r), token(p)); }
  void begin(lock_query r, probe& p) { c->async_list(std::move(r), token(p)); }
  void begin(list_request r, probe& p) { c->async_list_page(std::move(r), token(p)); }
  void begin(detail::start_request, probe& p) { c->async_start(token(p)); }
  void begin(detail::shutdown_request, probe& p) { c->async_shutdown(token(p)); }

private:
  clock kind_;
};

template <class Request>
probe& world::start(Request request) {
  auto& p = probes.emplace_back();
  begin(std::move(request), p);
  return p;
}

} // namespace leasebreak::test

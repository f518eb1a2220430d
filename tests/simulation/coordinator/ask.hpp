// Starts the coordinator's operations, all in the same way.
#pragma once

#include "coordinator_run.hpp"

namespace leasebreak::simulation {

/// Starts an operation.
struct starter {
  coordinator& c;

  template <class T>
  void operator()(open_request r, T t) const {
    c.async_open(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(close_request r, T t) const {
    c.async_close(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(reconnect_request r, T t) const {
    c.async_reconnect(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(replay_request r, T t) const {
    c.async_replay(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(lock_request r, T t) const {
    c.async_lock(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(unlock_request r, T t) const {
    c.async_unlock(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(lease_acknowledgement r, T t) const {
    c.async_acknowledge(r, std::move(t));
  }
  template <class T>
  void operator()(oplock_acknowledgement r, T t) const {
    c.async_acknowledge(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(access_request r, T t) const {
    c.async_access(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(entry_guard_request r, T t) const {
    c.async_guard_entry(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(rename_tree_request r, T t) const {
    c.async_rename_tree(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(io_request r, T t) const {
    c.async_check_io(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(force_break_request r, T t) const {
    c.async_force_break(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(disconnect_request r, T t) const {
    c.async_disconnect(r, std::move(t));
  }
  template <class T>
  void operator()(end_session_request r, T t) const {
    c.async_end_session(r, std::move(t));
  }
  template <class T>
  void operator()(end_tree_request r, T t) const {
    c.async_end_tree(r, std::move(t));
  }
  template <class T>
  void operator()(lock_query r, T t) const {
    c.async_list(std::move(r), std::move(t));
  }
  template <class T>
  void operator()(detail::start_request, T t) const {
    c.async_start(std::move(t));
  }
  template <class T>
  void operator()(detail::shutdown_request, T t) const {
    c.async_shutdown(std::move(t));
  }
};

template <class Result, class Request>
coordinator_run::task<coordinator_run::answer<Result>> coordinator_run::ask(
  Request request, patience p, std::string what) {
  const auto run = run_;
  const auto number = ledger_.begin(std::move(what), loop_.now(), p);
  auto initiate = [this, number](auto handler, Request r) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto& signal = ledger_.at(number).signal;
    if constexpr (std::is_same_v<Result, nothing>)
      starter{c()}(std::move(r),
        asio::bind_cancellation_slot(signal.slot(), [this, number, shared](error_code ec) {
          if (ledger_.end(number, loop_.now()))
            std::move (*shared)(ec, nothing{});
        }));
    else
      starter{c()}(std::move(r),
        asio::bind_cancellation_slot(
          signal.slot(), [this, number, shared](error_code ec, Result value) {
            if (ledger_.end(number, loop_.now()))
              std::move (*shared)(ec, std::move(value));
          }));
  };
  constexpr auto token = asio::as_tuple(asio::use_awaitable);
  auto [ec, value] = co_await asio::async_initiate<const decltype(token), void(error_code, Result)>(
    std::move(initiate), token, std::move(request));
  if (run != run_)
    throw interrupted{};
  answer<Result> result;
  result.error = to_errc(ec);
  result.value = std::move(value);
  co_return result;
}

} // namespace leasebreak::simulation

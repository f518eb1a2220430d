// Awaits an operation of the coordinator and records it in the ledger.
#pragma once

#include "operation_ledger.hpp"

#include <leasebreak/error_code.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace leasebreak::simulated {

/// The result of an operation. `value` is meaningful if `error` is success.
template <class T>
struct answer {
  leasebreak::errc error = leasebreak::errc::success;
  T value{};

  [[nodiscard]] explicit operator bool() const noexcept {
    return error == leasebreak::errc::success;
  }
};

namespace detail {

template <class Result>
using operation_signature = std::conditional_t<std::is_same_v<Result, std::monostate>,
  void(leasebreak::error_code), void(leasebreak::error_code, Result)>;

/// Wraps a handler to record the completion in the ledger.
template <class Handler>
auto entered(std::shared_ptr<operation_ledger::ticket> ticket, boost::asio::cancellation_slot slot,
  Handler handler) {
  const auto executor = boost::asio::get_associated_executor(handler);
  auto pass_on = [ticket = std::move(ticket), handler = std::move(handler)](
                   auto&&... results) mutable {
    ticket->complete();
    std::move(handler)(std::forward<decltype(results)>(results)...);
  };
  return boost::asio::bind_cancellation_slot(
    slot, boost::asio::bind_executor(executor, std::move(pass_on)));
}

} // namespace detail

/// Awaits the operation that `start(handler)` initiates. `Result` is `std::monostate` for
/// operations without a result.
template <class Result, class Start>
boost::asio::awaitable<answer<Result>> tracked(
  operation_ledger& ledger, operation_kind kind, boost::asio::cancellation_slot slot, Start start) {
  namespace asio = boost::asio;
  constexpr auto token = asio::as_tuple(asio::use_awaitable);
  auto results =
    co_await asio::async_initiate<decltype(token), detail::operation_signature<Result>>(
      [&ledger, kind, slot, &start](auto handler) {
        const auto ticket = ledger.begin(kind);
        auto wrapped = detail::entered(ticket, slot, std::move(handler));
        ticket->enter();
        start(std::move(wrapped));
        ticket->leave();
      },
      token);
  answer<Result> reply;
  reply.error = leasebreak::to_errc(std::get<0>(results));
  if constexpr (!std::is_same_v<Result, std::monostate>)
    reply.value = std::move(std::get<1>(results));
  co_return reply;
}

} // namespace leasebreak::simulated

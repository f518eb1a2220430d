// Calls a type-erased handler through its executor: Asio dispatches to that executor, and does not
// post there.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <optional>
#include <utility>

namespace leasebreak::simulation {

/// A slot for a pending handler. In Boost 1.81, assigning to an `any_completion_handler` recurses
/// endlessly.
template <class Handler>
class waiting_handler {
public:
  template <class T>
  void set(T handler) {
    handler_.emplace(std::move(handler));
  }
  [[nodiscard]] explicit operator bool() const noexcept { return handler_.has_value(); }
  [[nodiscard]] Handler take() {
    Handler result = std::move(*handler_);
    handler_.reset();
    return result;
  }

private:
  std::optional<Handler> handler_;
};

/// Posts to `io`, then dispatches `handler` to its own executor. Never calls it within this call.
template <class Handler, class... Values>
void complete(const boost::asio::any_io_executor& io, Handler handler, Values... values) {
  namespace asio = boost::asio;
  asio::post(io, [io, h = std::move(handler), values...]() mutable {
    const auto executor = asio::get_associated_executor(h, io);
    asio::dispatch(executor, asio::append(std::move(h), values...));
  });
}

} // namespace leasebreak::simulation

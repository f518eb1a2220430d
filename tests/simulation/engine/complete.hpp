// How a handler without a type is called: Asio dispatches to its executor, and does not post there.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace leasebreak::simulation {

/// Has it called by way of `io`, and never within this call.
template <class Handler, class... Values>
void complete(const boost::asio::any_io_executor& io, Handler handler, Values... values) {
  namespace asio = boost::asio;
  asio::post(io, [io, h = std::move(handler), values...]() mutable {
    const auto executor = asio::get_associated_executor(h, io);
    asio::dispatch(executor, asio::append(std::move(h), values...));
  });
}

} // namespace leasebreak::simulation

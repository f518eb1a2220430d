// Completes a handler from another thread. A handler that is never called would block its operation
// forever, so if memory is short, the thread waits until the completion can be posted.
#pragma once

#include "errors.hpp"

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <thread>
#include <type_traits>
#include <utility>

namespace leasebreak::smb::vfs::detail {

template <class T>
struct work_signature {
  using type = void(error_code, T);
};
template <>
struct work_signature<void> {
  using type = void(error_code);
};
template <class T>
using work_handler = boost::asio::any_completion_handler<typename work_signature<T>::type>;

/// A handler and its arguments.
template <class T>
class completion {
public:
  using value = std::conditional_t<std::is_void_v<T>, std::nullptr_t, T>;

  completion(const boost::asio::any_io_executor& io, work_handler<T> handler)
    : io_(boost::asio::prefer(io, boost::asio::execution::outstanding_work.tracked)),
      handler_(std::move(handler)) {
    const boost::asio::any_completion_executor home(io);
    const boost::asio::any_completion_executor user(
      boost::asio::get_associated_executor(handler_, home));
    // The executor is empty if Asio could not allocate memory for it.
    if (!user) {
      throw std::bad_alloc();
    }
    if (user == home) {
      return;
    }
    // Another loop runs nothing inline, and needs no detour by `io`.
    if (const auto* loop = user.target<boost::asio::io_context::executor_type>()) {
      io_ = boost::asio::prefer(
        boost::asio::any_io_executor(*loop), boost::asio::execution::outstanding_work.tracked);
    } else {
      user_ = boost::asio::prefer(user, boost::asio::execution::outstanding_work.tracked);
    }
  }

  /// Must be called once. Unless the handler's executor is a loop, posts to `io` first, so that no
  /// user code runs on this thread, even if that executor runs functions inline.
  static void send(const std::shared_ptr<completion>& self, error_code error, value result = {}) {
    self->error_ = error;
    self->result_ = std::move(result);
    const auto io = std::move(self->io_);
    while (!post(io, self)) {
      std::this_thread::sleep_for(pause);
    }
  }

private:
  static constexpr std::chrono::milliseconds pause{10};

  /// Returns false if memory is short.
  static bool post(
    const boost::asio::any_io_executor& io, const std::shared_ptr<completion>& self) {
    try {
      boost::asio::post(io, [self] { self->arrive(); });
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  void arrive() {
    if constexpr (std::is_void_v<T>) {
      call();
    } else {
      call(std::move(result_));
    }
  }

  template <class... Values>
  void call(Values... values) {
    auto handler = std::move(handler_);
    if (!user_) {
      std::move(handler)(error_, std::move(values)...);
      return;
    }
    auto allocator = boost::asio::get_associated_allocator(handler);
    boost::asio::dispatch(user_,
      boost::asio::bind_allocator(
        allocator, boost::asio::append(std::move(handler), error_, std::move(values)...)));
  }

  boost::asio::any_io_executor io_;
  work_handler<T> handler_;
  boost::asio::any_completion_executor user_; ///< If empty, the handler runs on `io`.
  error_code error_;
  value result_{};
};

} // namespace leasebreak::smb::vfs::detail

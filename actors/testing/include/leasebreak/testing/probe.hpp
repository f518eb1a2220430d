// The handler of an operation in a test: counts the completions and keeps the result.
#pragma once

#include <leasebreak/error_code.hpp>
#include <leasebreak/model/errors.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <any>
#include <functional>
#include <memory>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

/// Counts the completions of an operation, and keeps the result. Must exist until the handler is
/// called or dropped. Not thread-safe.
class probe {
public:
  probe() = default;
  /// The handler is called on `ex`.
  explicit probe(boost::asio::any_io_executor ex) : executor(std::move(ex)) {}
  probe(const probe&) = delete;
  probe& operator=(const probe&) = delete;

  /// Returns a completion token for any operation of the coordinator. Without an `executor` of its
  /// own, the handler is called on `otherwise`.
  [[nodiscard]] auto token(const boost::asio::any_io_executor& otherwise) {
    return boost::asio::bind_executor(executor ? executor : otherwise,
      boost::asio::bind_cancellation_slot(signal.slot(), handler{this}));
  }

  /// Returns true if the operation has completed.
  [[nodiscard]] bool done() const noexcept { return calls != 0; }
  /// Returns the operation's error, or `errc::success`.
  [[nodiscard]] errc error() const noexcept { return to_errc(ec); }
  /// Returns the result, which must have the type `T`. Throws `std::bad_any_cast` if the operation
  /// has not completed, or has another result.
  template <class T>
  [[nodiscard]] T& as() {
    return *std::any_cast<std::shared_ptr<T>&>(value);
  }

  /// Associated with the handler. Empty: the executor that is passed to `token`.
  boost::asio::any_io_executor executor;
  boost::asio::cancellation_signal signal; ///< Cancels the operation.
  int calls = 0; ///< How often the handler was called; in the end, it must be 1.
  error_code ec; ///< The error of the last call.
  std::any value; ///< A shared pointer to the result.
  std::function<void()> on_call; ///< If set, called at the end of the handler.
  /// False: an open's `answer` is sent when the handler is called. True: the test sends it.
  bool answers_later = false;

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

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit

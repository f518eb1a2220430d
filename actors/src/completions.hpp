// How an operation's handler gets called: once, on its own executor, never inside the initiation.
#pragma once

#include <leasebreak/error_code.hpp>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace leasebreak::detail {

[[nodiscard]] inline error_code to_error_code(errc e) noexcept {
  return e == errc::success ? error_code{} : error_code(make_error_code(e));
}

/// An operation of the API in flight.
class pending_call {
public:
  pending_call() = default;
  pending_call(const pending_call&) = delete;
  pending_call& operator=(const pending_call&) = delete;
  virtual ~pending_call() = default;

  /// Calls the handler through its executor. The caller is on the coordinator's executor, and
  /// nothing of ours is on the stack that the handler could meet again.
  static void run(std::unique_ptr<pending_call> call) {
    auto* const raw = call.release();
    raw->run_and_delete();
  }

  /// Has `run` called on the coordinator's executor.
  static void post(std::unique_ptr<pending_call> call);

  /// Either of the above, whichever may be done now.
  static void finish(std::unique_ptr<pending_call> call);

protected:
  virtual void run_and_delete() = 0;
  [[nodiscard]] virtual boost::asio::any_io_executor take_executor() noexcept = 0;
};

/// Collects what completes on this thread while it lives; `flush` then calls the handlers. Used
/// around a turn on the coordinator's executor: that saves each completion a way through its queue.
class completion_batch {
public:
  completion_batch() noexcept : outer_(std::exchange(current_, this)) {}
  ~completion_batch() { current_ = outer_; }
  completion_batch(const completion_batch&) = delete;
  completion_batch& operator=(const completion_batch&) = delete;

  [[nodiscard]] static completion_batch* current() noexcept { return current_; }

  void add(std::unique_ptr<pending_call> call) {
    if (last_ != nullptr)
      pending_call::post(std::move(last_)); // a handler may block: the others must not wait for it
    last_ = std::move(call);
  }

  /// Ends the collecting; what is left of it is run by the caller, last thing of all.
  [[nodiscard]] std::unique_ptr<pending_call> take() noexcept {
    current_ = outer_;
    return std::move(last_);
  }

private:
  static thread_local completion_batch* current_;
  completion_batch* outer_;
  std::unique_ptr<pending_call> last_;
};

template <class Signature>
class call;

/// A pending call with its handler. Destroyed without having completed, it completes with
/// `errc::shutting_down`: an operation cannot get lost with whatever carried it.
template <class... Results>
class call<void(error_code, Results...)> : public pending_call {
public:
  using handler_type = boost::asio::any_completion_handler<void(error_code, Results...)>;

  call(boost::asio::any_io_executor executor, handler_type handler)
    : executor_(boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked)),
      handler_(std::move(handler)), handler_executor_(boost::asio::prefer(
                                      boost::asio::get_associated_executor(handler_, executor),
                                      boost::asio::execution::outstanding_work.tracked)) {}

  ~call() override {
    if (armed_ && handler_)
      pending_call::post(std::make_unique<call>(std::move(*this)));
  }

  /// Completes `self`, which a derived object may be a part of.
  static void complete(std::unique_ptr<call> self, error_code ec, Results... results) {
    self->armed_ = false;
    self->ec_ = ec;
    self->results_ = std::tuple<Results...>(std::move(results)...);
    pending_call::finish(std::move(self));
  }

  /// For `make_unique` in the destructor: takes the handler, and is complete.
  explicit call(call&& other)
    : executor_(std::move(other.executor_)), handler_(std::move(other.handler_)),
      handler_executor_(std::move(other.handler_executor_)), armed_(false),
      ec_(to_error_code(errc::shutting_down)) {}

  [[nodiscard]] auto cancellation_slot() const noexcept {
    return boost::asio::get_associated_cancellation_slot(handler_);
  }

protected:
  void run_and_delete() override {
    namespace asio = boost::asio;
    auto handler = std::move(handler_);
    auto executor = std::move(handler_executor_);
    auto results = std::move(results_);
    const auto ec = ec_;
    delete this; // before the handler runs, which may start the next operation in the same memory
    auto allocator = asio::get_associated_allocator(handler);
    std::apply(
      [&](auto&... values) {
        asio::dispatch(executor,
          asio::bind_allocator(
            allocator, asio::append(std::move(handler), ec, std::move(values)...)));
      },
      results);
  }

  [[nodiscard]] boost::asio::any_io_executor take_executor() noexcept override {
    return std::move(executor_);
  }

private:
  boost::asio::any_io_executor executor_;
  handler_type handler_;
  boost::asio::any_completion_executor handler_executor_;
  bool armed_ = true;
  error_code ec_;
  std::tuple<Results...> results_;
};

} // namespace leasebreak::detail

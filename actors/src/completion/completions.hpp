// Calls the handler of an operation: once, on its own executor, never within the initiating
// function.
#pragma once

#include "clients/sink_queue.hpp"
#include "runtime/out_of_memory.hpp"

#include <leasebreak/detail/pending_handler.hpp>
#include <leasebreak/error_code.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

[[nodiscard]] inline error_code to_error_code(errc e) noexcept {
  return e == errc::success ? error_code{} : error_code(make_error_code(e));
}

/// Posts the call of the handler to the coordinator's executor.
void post(pending_completion_ptr completion);

/// Like `post`, but adds it to this thread's batch if there is one.
void finish(pending_completion_ptr completion);

/// Collects the completions and one notification of this thread during its lifetime; `run` then
/// calls the handlers and the sink. Used around a turn, where it saves each of them a trip through
/// an executor's queue.
class completion_batch {
public:
  /// Where the turn runs.
  enum class place : bool {
    home, ///< On the coordinator's executor, which is that of sinks.
    visiting, ///< On the loop of an operation.
  };

  explicit completion_batch(place p = place::home) noexcept
    : outer_(std::exchange(current_, this)), is_home_(p == place::home) {}
  ~completion_batch();
  completion_batch(const completion_batch&) = delete;
  completion_batch& operator=(const completion_batch&) = delete;

  [[nodiscard]] static completion_batch* current() noexcept { return current_; }
  /// Returns whether sinks without an executor of their own may be called here.
  [[nodiscard]] bool is_home() const noexcept { return is_home_; }

  void add(pending_completion_ptr completion) {
    if (count_ == kept_.size())
      post(std::move(completion));
    else
      kept_[count_++] = std::move(completion);
  }

  /// Adds the call of a client's sink.
  void add(sink_turn untold);

  /// Ends the batch and calls the handlers. Must be the caller's last action, because handlers may
  /// do anything.
  void run();

private:
  static thread_local completion_batch* current_;
  completion_batch* outer_;
  const bool is_home_;
  /// An acknowledgement completes itself, and usually one open that waited for it. Calling both is
  /// faster than passing one to another thread, which may have to be woken up. Any more are passed
  /// to other threads.
  std::array<pending_completion_ptr, 2> kept_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  sink_turn untold_; ///< Only the first; others are passed to other threads, too.
};

template <class Signature>
class call;

/// An operation of the API in flight. If it is destroyed before completion, it completes with
/// `errc::shutting_down`, so that no operation is lost with its message. Its handler is not called
/// if its initiating function throws.
template <class... Results>
class call<void(error_code, Results...)> {
public:
  using handler_type = pending_handler_ptr<Results...>;

  explicit call(handler_type handler) noexcept : handler_(std::move(handler)) {}
  call(const call&) = delete;
  call& operator=(const call&) = delete;
  ~call() {
    if (handler_ == nullptr || initiating::has_failed())
      return;
    handler_->set_error(to_error_code(errc::shutting_down));
    post(std::move(handler_));
  }

  /// Must be called at most once.
  void complete(error_code ec, Results... results) {
    handler_->set_error(ec);
    handler_->set_results(std::move(results)...);
    finish(std::move(handler_));
  }

  /// Like `complete`, without results.
  void answer(errc error) {
    handler_->set_error(to_error_code(error));
    finish(std::move(handler_));
  }

  [[nodiscard]] auto cancellation_slot() const noexcept { return handler_->cancellation_slot(); }

  /// See `pending_completion`.
  void track_work() { handler_->track_work(); }

private:
  handler_type handler_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

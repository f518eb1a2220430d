// How an operation's handler gets called: once, on its own executor, never inside the initiation.
#pragma once

#include "out_of_memory.hpp"
#include "sink_queue.hpp"

#include <leasebreak/detail/pending_handler.hpp>
#include <leasebreak/error_code.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace leasebreak::detail {

[[nodiscard]] inline error_code to_error_code(errc e) noexcept {
  return e == errc::success ? error_code{} : error_code(make_error_code(e));
}

/// Has the handler called from the coordinator's executor.
void post(pending_completion_ptr completion);

/// The same, or adds it to the batch of this thread.
void finish(pending_completion_ptr completion);

/// Collects what completes on this thread while it lives, and who is to be told of a break; `run`
/// then calls the handlers and the sink. Used around a turn on the coordinator's executor: that
/// saves each of them a way through its queue.
class completion_batch {
public:
  completion_batch() noexcept : outer_(std::exchange(current_, this)) {}
  ~completion_batch();
  completion_batch(const completion_batch&) = delete;
  completion_batch& operator=(const completion_batch&) = delete;

  [[nodiscard]] static completion_batch* current() noexcept { return current_; }

  void add(pending_completion_ptr completion) {
    if (count_ == kept_.size())
      post(std::move(completion));
    else
      kept_[count_++] = std::move(completion);
  }

  /// A client's sink is to be called.
  void add(sink_turn untold);

  /// Ends the collecting. Last thing of all: handlers may do anything.
  void run();

private:
  static thread_local completion_batch* current_;
  completion_batch* outer_;
  /// An acknowledgement completes itself, and most often one open that waited for it. To give one
  /// of them to another thread, which may have to be woken up, takes longer than to call both. More
  /// than that are work for many threads.
  std::array<pending_completion_ptr, 2> kept_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  sink_turn untold_; ///< The first; the others are work for many threads as well.
};

template <class Signature>
class call;

/// An operation of the API in flight. Destroyed without having completed, it completes with
/// `errc::shutting_down`: an operation cannot get lost with whatever carried it. Only if its own
/// initiating function throws, its handler is not called.
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

  /// To be called once at most.
  void complete(error_code ec, Results... results) {
    handler_->set_error(ec);
    handler_->set_results(std::move(results)...);
    finish(std::move(handler_));
  }

  /// The same, with no result.
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

} // namespace leasebreak::detail

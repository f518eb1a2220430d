// Keeps a completion handler of any type until its operation completes.
//
// `boost::asio::any_completion_handler` is not used, because it erases the type of the handler's
// executor. Every completion would then pay for a type-erased copy of a strand, a second dispatch,
// and counting of work, which profiles showed in every operation.
#pragma once

#include <leasebreak/detail/calling_loop.hpp>
#include <leasebreak/error_code.hpp>
#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/context_as.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {
namespace LEASEBREAK_EXPORT detail {

/// The handler of an operation in flight. Not thread-safe; its owner may move it between threads.
class pending_completion {
public:
  pending_completion(const pending_completion&) = delete;
  pending_completion& operator=(const pending_completion&) = delete;

  /// Calls the handler through its executor and destroys this object.
  virtual void run() = 0;

  /// Destroys this object without calling the handler.
  virtual void destroy() noexcept = 0;

  /// Counts as work of both executors until it is run. Needed while no entry in the queue of the
  /// coordinator's executor stands for the operation. Idempotent.
  virtual void track_work() = 0;

  [[nodiscard]] virtual boost::asio::cancellation_slot cancellation_slot() const noexcept = 0;

  /// Returns the executor of the coordinator.
  [[nodiscard]] const boost::asio::any_io_executor& executor() const noexcept { return executor_; }

  /// Returns the loop on which the operation began, if it is the handler's and another one than the
  /// coordinator's; otherwise null.
  [[nodiscard]] boost::asio::io_context* other_loop() const noexcept { return other_loop_; }

  /// Sets the error for the handler.
  void set_error(error_code ec) noexcept { ec_ = ec; }

protected:
  explicit pending_completion(const boost::asio::any_io_executor& executor) : executor_(executor) {}
  ~pending_completion() = default;

  boost::asio::any_io_executor executor_;
  boost::asio::io_context* other_loop_ = nullptr;
  error_code ec_;
};

/// A `pending_completion` for handlers of one signature.
template <class... Results>
class pending_handler : public pending_completion {
public:
  void set_results(Results... results) { results_ = {std::move(results)...}; }

protected:
  using pending_completion::pending_completion;
  ~pending_handler() = default;

  std::tuple<Results...> results_;
};

struct handler_deleter {
  void operator()(pending_completion* h) const noexcept { h->destroy(); }
};

using pending_completion_ptr = std::unique_ptr<pending_completion, handler_deleter>;

template <class... Results>
using pending_handler_ptr = std::unique_ptr<pending_handler<Results...>, handler_deleter>;

/// Returns whether work of one executor keeps the context of the other one running.
template <class Executor>
[[nodiscard]] bool shares_context(
  const Executor& a, const boost::asio::any_io_executor& b) noexcept {
  namespace execution = boost::asio::execution;
  using context = execution::context_as_t<boost::asio::execution_context&>;
  if constexpr (boost::asio::can_query_v<const Executor&, context>)
    return &boost::asio::query(a, context{}) == &boost::asio::query(b, context{});
  else
    return false;
}

template <class Handler, class... Results>
class typed_handler final : public pending_handler<Results...> {
  using base = pending_handler<Results...>;
  using any_io_executor = boost::asio::any_io_executor;
  using executor_type = boost::asio::associated_executor_t<Handler, any_io_executor>;
  using allocator_type =
    boost::asio::associated_allocator_t<Handler, boost::asio::recycling_allocator<void>>;
  using own_allocator =
    typename std::allocator_traits<allocator_type>::template rebind_alloc<typed_handler>;

public:
  template <class H>
  [[nodiscard]] static pending_handler_ptr<Results...> make(H&& h, const any_io_executor& io) {
    auto allocator = allocator_of(h);
    auto* const memory = std::allocator_traits<own_allocator>::allocate(allocator, 1);
    try {
      return pending_handler_ptr<Results...>(new (memory) typed_handler(std::forward<H>(h), io));
    } catch (...) {
      std::allocator_traits<own_allocator>::deallocate(allocator, memory, 1);
      throw;
    }
  }

  void run() override {
    const executor_type executor = boost::asio::get_associated_executor(handler_, this->executor_);
    const auto allocator = boost::asio::get_associated_allocator(handler_);
    invocation call{std::unique_ptr<typed_handler, handler_deleter>(this)};
    if constexpr (std::is_same_v<decltype(allocator), const std::allocator<void>>)
      // let the executor choose its allocator, which recycles memory
      executor.execute(std::move(call));
    else
      boost::asio::prefer(executor, boost::asio::execution::allocator(allocator))
        .execute(std::move(call));
  }

  void destroy() noexcept override { free(allocator_of(handler_)); }

  void track_work() override {
    if (!home_work_)
      home_work_.emplace(this->executor_);
    track_own_work();
  }

  [[nodiscard]] boost::asio::cancellation_slot cancellation_slot() const noexcept override {
    return boost::asio::get_associated_cancellation_slot(handler_);
  }

private:
  struct invocation {
    std::unique_ptr<typed_handler, handler_deleter> self;

    void operator()() {
      auto handler = std::move(self->handler_);
      auto results = std::move(self->results_);
      const auto ec = self->ec_;
      // until the handler returns
      const auto home_work = std::move(self->home_work_);
      const auto own_work = std::move(self->own_work_);
      // Free the memory before the handler runs, because it may start the next operation in it.
      self.release()->free(allocator_of(handler));
      std::apply([&](Results&... r) { std::move(handler)(ec, std::move(r)...); }, results);
    }
  };

  template <class H>
  typed_handler(H&& h, const any_io_executor& io) : base(io), handler_(std::forward<H>(h)) {
    const auto executor = boost::asio::get_associated_executor(handler_, io);
    if (shares_context(executor, io))
      return;
    this->other_loop_ = calling_loop(executor);
    // The coordinator's loop has no part in the operation unless the operation waits, and two loops
    // should not write to one counter.
    if (this->other_loop_ != nullptr)
      track_own_work();
    else
      track_work();
  }
  ~typed_handler() = default;

  void track_own_work() {
    if (!own_work_)
      own_work_.emplace(boost::asio::get_associated_executor(handler_, this->executor_));
  }

  [[nodiscard]] static own_allocator allocator_of(const Handler& h) noexcept {
    return own_allocator(
      boost::asio::get_associated_allocator(h, boost::asio::recycling_allocator<void>{}));
  }
  void free(own_allocator allocator) noexcept {
    this->~typed_handler();
    std::allocator_traits<own_allocator>::deallocate(allocator, this, 1);
  }

  Handler handler_;
  std::optional<boost::asio::executor_work_guard<any_io_executor>> home_work_;
  std::optional<boost::asio::executor_work_guard<executor_type>> own_work_;
};

} // namespace detail
} // namespace leasebreak::LEASEBREAK_INLINE_ABI

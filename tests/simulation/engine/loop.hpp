// An event loop with one thread, one seed, and a virtual clock that advances when nothing is ready.
#pragma once

#include "random.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace leasebreak::simulation {

namespace asio = boost::asio;
using span = std::chrono::nanoseconds;

/// An execution context without threads. The seed chooses which ready handler runs next, as if any
/// number of threads ran them and each took no time. If none is ready, the clock advances to the
/// next timer.
class loop final : public asio::execution_context {
public:
  using timer_id = std::uint64_t;

  class executor_type {
  public:
    explicit executor_type(loop& of) noexcept : loop_(&of) {}
    [[nodiscard]] loop& query(asio::execution::context_t) const noexcept { return *loop_; }
    [[nodiscard]] static constexpr asio::execution::blocking_t::never_t query(
      asio::execution::blocking_t) noexcept {
      return {};
    }
    template <class Function>
    void execute(Function f) const {
      loop_->add(std::make_unique<task_of<Function>>(std::move(f)));
    }
    friend bool operator==(const executor_type& a, const executor_type& b) noexcept = default;

  private:
    loop* loop_;
  };

  explicit loop(std::uint64_t seed);
  ~loop();
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  [[nodiscard]] executor_type get_executor() noexcept { return executor_type(*this); }
  /// Time since the loop began.
  [[nodiscard]] span now() const noexcept { return now_; }

  timer_id after(span d, std::function<void()> f);
  void cancel(timer_id timer);

  /// Completes after `d`. Signature: `void()`.
  template <class Token>
  auto async_sleep(span d, Token&& token) {
    return asio::async_initiate<Token, void()>(
      [this](auto handler, span how_long) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        after(how_long, [shared] { std::move (*shared)(); });
      },
      token, d);
  }

  /// Runs one handler, after advancing the clock if none is ready. Returns false if nothing is left
  /// to run.
  bool step();
  [[nodiscard]] bool is_quiet() const noexcept { return ready_.empty(); }
  /// Called when no handler is ready, before the clock advances.
  void on_quiet(std::function<void()> f) { on_quiet_ = std::move(f); }
  /// Called when so many handlers run at one time of the clock that it probably never advances
  /// again.
  void on_stuck(std::function<void()> f) { on_stuck_ = std::move(f); }

  /// Clocks for a coordinator in this loop. The loop must outlive them.
  [[nodiscard]] std::shared_ptr<detail::time_source> clocks();

  /// Hash of all choices so far.
  [[nodiscard]] running_hash& hash() noexcept { return hash_; }
  [[nodiscard]] std::uint64_t handlers_run() const noexcept { return handlers_run_; }

private:
  /// How the next handler is chosen. Each seed has one order, because some faults need an order
  /// that independent choices never produce.
  enum class order : std::uint8_t { any, oldest, newest };

  struct task {
    task() = default;
    task(const task&) = delete;
    task& operator=(const task&) = delete;
    virtual ~task() = default;
    virtual void run() = 0;
  };
  template <class Function>
  struct task_of final : task {
    explicit task_of(Function f) : function(std::move(f)) {}
    void run() override { std::move(function)(); }
    Function function;
  };
  struct timer {
    timer_id id;
    std::function<void()> f;
  };

  void add(std::unique_ptr<task> t) { ready_.push_back(std::move(t)); }
  [[nodiscard]] std::size_t choose();

  random_source random_;
  running_hash hash_;
  order order_;
  span now_{};
  std::vector<std::unique_ptr<task>> ready_; ///< In order of arrival.
  std::multimap<span, timer> timers_;
  timer_id last_timer_ = 0;
  std::function<void()> on_quiet_;
  std::function<void()> on_stuck_;
  std::uint64_t handlers_at_once_ = 0; ///< Handlers run since the clock advanced last.
  std::uint64_t handlers_run_ = 0;
};

} // namespace leasebreak::simulation

// An event loop with one thread, one seed, and a virtual clock that advances when nothing is ready.
#pragma once

#include <leasebreak/config.hpp>
#include <leasebreak/coordinator.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/testing/random.hpp>

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

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

/// An execution context without threads. The seed chooses which ready handler runs next, as if any
/// number of threads ran them and each took no time. If none is ready, the clock advances to the
/// next timer.
///
/// For a server that reaches its loop, its timers and its connections only through interfaces of
/// its own, all of which a test replaces: its whole run then depends on nothing but the seed.
/// Servers that use an `io_context` are tested with `driven_coordinator` instead. Not thread-safe.
class seeded_loop final : public boost::asio::execution_context {
public:
  using timer_id = std::uint64_t; ///< Names a timer; never 0.

  /// The executor, whose functions run one at a time in `step`.
  class executor_type {
  public:
    /// An executor of this loop, which must outlive it.
    explicit executor_type(seeded_loop& of) noexcept : loop_(&of) {}
    /// Returns the loop, as Asio requires.
    [[nodiscard]] seeded_loop& query(boost::asio::execution::context_t) const noexcept {
      return *loop_;
    }
    /// Says that `execute` never runs the function itself, as Asio requires.
    [[nodiscard]] static constexpr boost::asio::execution::blocking_t::never_t query(
      boost::asio::execution::blocking_t) noexcept {
      return {};
    }
    /// Adds `f` to what is ready.
    template <class Function>
    void execute(Function f) const {
      loop_->add(std::make_unique<task_of<Function>>(std::move(f)));
    }
    friend bool operator==(const executor_type& a, const executor_type& b) noexcept = default;

  private:
    seeded_loop* loop_;
  };

  /// The seed decides the order of everything that runs.
  explicit seeded_loop(std::uint64_t seed);
  /// Destroys the handlers that have not run, without calling them.
  ~seeded_loop();
  seeded_loop(const seeded_loop&) = delete;
  seeded_loop& operator=(const seeded_loop&) = delete;

  /// Returns the executor.
  [[nodiscard]] executor_type get_executor() noexcept { return executor_type(*this); }
  /// Returns the time since the loop began.
  [[nodiscard]] duration now() const noexcept { return now_; }

  /// Returns the same on the clock of deadlines.
  [[nodiscard]] std::chrono::steady_clock::time_point steady_now() const noexcept;
  /// Returns the date and time in the simulated world.
  [[nodiscard]] std::chrono::system_clock::time_point wall_now() const noexcept;

  /// Makes a coordinator in this loop, which must outlive it. It uses the clocks of the loop, and
  /// its store on the loop. CAF's pools must not be configured. Arguments and exceptions are those
  /// of the constructor of `coordinator`.
  [[nodiscard]] std::unique_ptr<coordinator> make_coordinator(coordinator_config config = {});

  /// Makes `f` ready after `d`, immediately if `d` is negative.
  timer_id after(duration d, std::function<void()> f);
  /// Cancels a timer, unless it has made its function ready already.
  void cancel(timer_id timer);

  /// Completes after `d`. Signature: `void()`.
  template <class Token>
  auto async_sleep(duration d, Token&& token) {
    return boost::asio::async_initiate<Token, void()>(
      [this](auto handler, duration how_long) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        after(how_long, [shared] { std::move (*shared)(); });
      },
      token, d);
  }

  /// Runs one handler, after advancing the clock if none is ready. Returns false if nothing is left
  /// to run.
  bool step();
  /// Returns true if no handler is ready.
  [[nodiscard]] bool is_quiet() const noexcept { return ready_.empty(); }
  /// Called when no handler is ready, before the clock advances.
  void on_quiet(std::function<void()> f) { on_quiet_ = std::move(f); }
  /// Called when so many handlers run at one time of the clock that it probably never advances
  /// again.
  void on_stuck(std::function<void()> f) { on_stuck_ = std::move(f); }

  /// Returns the hash of all choices so far, to which a test may add what it saw.
  [[nodiscard]] running_hash& hash() noexcept { return hash_; }
  /// Returns how many handlers have run.
  [[nodiscard]] std::uint64_t handlers_run() const noexcept { return handlers_run_; }

private:
  /// How the next handler is chosen. Each seed has one order, because some faults need an order
  /// that independent choices never produce.
  enum class order : std::uint8_t {
    any, ///< Any handler.
    oldest, ///< Mostly the oldest handler.
    newest, ///< Mostly the newest handler.
  };

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
  duration now_{};
  std::vector<std::unique_ptr<task>> ready_; ///< In order of arrival.
  std::multimap<duration, timer> timers_;
  timer_id last_timer_ = 0;
  std::function<void()> on_quiet_;
  std::function<void()> on_stuck_;
  std::uint64_t handlers_at_once_ = 0; ///< Handlers run since the clock advanced last.
  std::uint64_t handlers_run_ = 0;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit

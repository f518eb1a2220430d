// Passes the break notifications of a client to its sink: in order, one call at a time, until the
// sink is silenced.
#pragma once

#include <leasebreak/requests.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class client;
class sink_queue;

/// The task of calling the sink for the queued notifications. There is at most one at a time; the
/// task of a replaced sink does nothing.
struct sink_turn {
  std::shared_ptr<sink_queue> queue;
  std::uint64_t number = 0;
};

/// The undelivered notifications of a client, and its sink. Thread-safe.
class sink_queue {
public:
  /// A sink without its own executor is called on `common`.
  sink_queue(const client& owner, const boost::asio::any_io_executor& common)
    : owner_(owner), common_(common) {}
  sink_queue(const sink_queue&) = delete;
  sink_queue& operator=(const sink_queue&) = delete;

  /// Sets the first sink. Must be called once, before anything else.
  void set(break_sink sink, boost::asio::any_io_executor own);

  /// Queues a notification. The sink is called in the order of these calls: after this turn, or on
  /// its executor.
  static void push(const std::shared_ptr<sink_queue>& self, const break_notification& notification,
    const std::string& file, break_report report);

  /// Redirects the remaining calls to another sink. Waits for a call of the old sink in progress on
  /// another thread. Returns false, without effect, if the queue is silent.
  [[nodiscard]] static bool replace(
    const std::shared_ptr<sink_queue>& self, break_sink sink, boost::asio::any_io_executor own);

  /// Begins no more calls. Waits for a call in progress on another thread. The sink is destroyed
  /// before this returns, or, if the sink itself calls this, when its call returns.
  void silence() noexcept;

  /// Calls the sink for the queued notifications. Must be called on the sink's executor.
  static void run(sink_turn turn);
  /// Posts `run` to the sink's executor.
  static void run_later(sink_turn turn);

  [[nodiscard]] bool is_called() const;
  /// Returns whether a thread waits for the end of a call.
  [[nodiscard]] bool is_awaited() const;

private:
  struct target {
    break_sink sink;
    bool has_own_executor = false;
    boost::asio::any_io_executor executor;
  };
  using target_ptr = std::shared_ptr<const target>;

  struct untold {
    break_notification notification;
    std::string file;
    break_report report;
  };
  struct next_call {
    untold what;
    target_ptr to;
  };

  [[nodiscard]] target_ptr make_target(break_sink sink, boost::asio::any_io_executor own) const;
  [[nodiscard]] std::optional<next_call> begin_call(const sink_turn& turn);
  void call(untold what, const break_sink& sink) const;
  [[nodiscard]] bool end_call(sink_turn& turn);
  void await_call(std::unique_lock<std::mutex>& lock) noexcept;

  const client& owner_;
  const boost::asio::any_io_executor common_;

  mutable std::mutex mutex_; ///< A leaf mutex: never held during a call out of this class.
  target_ptr target_; ///< Null: silent.
  std::list<untold> untold_; ///< A list, because swapping lists does not allocate.
  bool has_turn_ = false; ///< A task with the number `turn_` exists.
  std::uint64_t turn_ = 0; ///< Counts the sinks.
  std::uint64_t calls_ = 0; ///< The number of calls that have begun.
  std::thread::id called_on_; ///< The thread of the call in progress, if there is one.
  int waiting_ = 0; ///< Threads in `await_call`.
  std::condition_variable call_ended_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

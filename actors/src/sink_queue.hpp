// Hands a client's break notifications to its sink: in order, one call at a time, and until when.
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

namespace leasebreak::detail {

class client;
class sink_queue;

/// The duty to call the sink for what is queued. There is one at a time; one of a sink that was
/// replaced does nothing.
struct sink_turn {
  std::shared_ptr<sink_queue> queue;
  std::uint64_t number = 0;
};

/// The notifications that a client's sink has not been told yet, and the sink. Thread-safe.
class sink_queue {
public:
  /// `common` is where a sink without an executor of its own is called.
  sink_queue(const client& owner, const boost::asio::any_io_executor& common)
    : owner_(owner), common_(common) {}
  sink_queue(const sink_queue&) = delete;
  sink_queue& operator=(const sink_queue&) = delete;

  /// The first sink. Called once, before anything else.
  void set(break_sink sink, boost::asio::any_io_executor own);

  /// Has the sink called, in the order of these calls: after this turn, or on its executor.
  static void push(const std::shared_ptr<sink_queue>& self, const break_notification& notification,
    const std::string& file, break_report report);

  /// Has the calls that are still to be made go to another sink. Waits for a call of the old one
  /// that is in progress on another thread. False, and nothing changes, once silent.
  [[nodiscard]] static bool replace(
    const std::shared_ptr<sink_queue>& self, break_sink sink, boost::asio::any_io_executor own);

  /// Begins no call any more. Waits for one that is in progress on another thread. The sink is
  /// destroyed before this returns, or when its call returns if that has called this.
  void silence() noexcept;

  /// Calls the sink for what is queued, on the thread of its executor that this is.
  static void run(sink_turn turn);
  /// The same, later.
  static void run_later(sink_turn turn);

  [[nodiscard]] bool is_called() const;
  /// A thread waits for a call to end.
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

  mutable std::mutex mutex_; ///< Never held while anything outside of this class is called.
  target_ptr target_; ///< Null: silent.
  std::list<untold> untold_; ///< A list, since swapping one needs no memory.
  bool has_turn_ = false; ///< There is a turn of number `turn_`.
  std::uint64_t turn_ = 0; ///< Counts the sinks.
  std::uint64_t calls_ = 0; ///< That have begun.
  std::thread::id called_on_; ///< The thread on which the sink is being called, if it is.
  int waiting_ = 0; ///< Threads in `await_call`.
  std::condition_variable call_ended_;
};

} // namespace leasebreak::detail

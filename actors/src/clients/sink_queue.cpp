#include "sink_queue.hpp"

#include "client.hpp"
#include "completion/completions.hpp"
#include "runtime/out_of_memory.hpp"
#include <leasebreak/model/internal/mutant.hpp>

#include <boost/asio/defer.hpp>
#include <boost/asio/io_context.hpp>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// Whether this thread is running the loop of an executor. Nothing is known of strands.
bool is_loop_of_this_thread(const boost::asio::any_io_executor& e) noexcept {
  const auto* const loop = e.target<boost::asio::io_context::executor_type>();
  return loop != nullptr && loop->running_in_this_thread();
}

} // namespace

sink_queue::target_ptr sink_queue::make_target(
  break_sink sink, boost::asio::any_io_executor own) const {
  const bool has_own = static_cast<bool>(own);
  return std::make_shared<const target>(
    target{std::move(sink), has_own, has_own ? std::move(own) : common_});
}

void sink_queue::set(break_sink sink, boost::asio::any_io_executor own) {
  target_ = make_target(std::move(sink), std::move(own));
}

void sink_queue::push(const std::shared_ptr<sink_queue>& self,
  const break_notification& notification, const std::string& file, break_report report) {
  auto* const batch = completion_batch::current();
  bool is_called_here = false;
  sink_turn turn;
  {
    const std::lock_guard lock(self->mutex_);
    if (self->target_ == nullptr)
      return;
    self->untold_.push_back({notification, file, std::move(report)});
    if (std::exchange(self->has_turn_, true))
      return;
    turn = {self, self->turn_};
    const target& to = *self->target_;
    is_called_here = batch != nullptr &&
      (to.has_own_executor ? is_loop_of_this_thread(to.executor) : batch->is_home());
  }
  if (is_called_here)
    batch->add(std::move(turn));
  else
    run_later(std::move(turn));
}

// Destroys the old sink after the lock is released, because its captured objects may do anything.
bool sink_queue::replace(
  const std::shared_ptr<sink_queue>& self, break_sink sink, boost::asio::any_io_executor own) {
  auto other = self->make_target(std::move(sink), std::move(own));
  sink_turn turn;
  {
    std::unique_lock lock(self->mutex_);
    if (self->target_ == nullptr)
      return false;
    self->target_.swap(other);
    ++self->turn_;
    // The old sink's executor may have stopped. If a call is in progress, its end posts the rest.
    if (self->has_turn_ && self->called_on_ == std::thread::id{})
      turn = {self, self->turn_};
    self->await_call(lock);
  }
  if (turn.queue != nullptr)
    run_later(std::move(turn));
  return true;
}

void sink_queue::silence() noexcept {
  target_ptr sink;
  std::list<untold> dropped;
  std::unique_lock lock(mutex_);
  if (LEASEBREAK_MUTANT(sinks_never_end))
    return;
  sink.swap(target_);
  dropped.swap(untold_);
  await_call(lock);
  lock.unlock(); // before these are destroyed
}

// Stops waiting when another call begins, because that is one of the next sink.
void sink_queue::await_call(std::unique_lock<std::mutex>& lock) noexcept {
  ++waiting_;
  call_ended_.wait(lock, [this, now = calls_] {
    return calls_ != now || called_on_ == std::thread::id{} ||
      called_on_ == std::this_thread::get_id();
  });
  --waiting_;
}

bool sink_queue::is_called() const {
  const std::lock_guard lock(mutex_);
  return called_on_ != std::thread::id{};
}

bool sink_queue::is_awaited() const {
  const std::lock_guard lock(mutex_);
  return waiting_ != 0;
}

// Not a strand: the order is determined within a file's turn, but the sink is called after it.
void sink_queue::run(sink_turn turn) {
  constexpr int at_once_max = 16; // then yields to other work
  auto& queue = *turn.queue;
  bool goes_on = true;
  for (int told = 0; goes_on && told != at_once_max; ++told) {
    auto next = queue.begin_call(turn);
    if (!next)
      return;
    queue.call(std::move(next->what), next->to->sink);
    // first: threads that wait for the end of the call rely on the destruction of the sink, too
    next.reset();
    goes_on = queue.end_call(turn);
  }
  run_later(std::move(turn));
}

// Deferred rather than posted, in order not to wake another thread; see asio_scheduler.cpp.
void sink_queue::run_later(sink_turn turn) {
  boost::asio::any_io_executor executor;
  {
    const std::lock_guard lock(turn.queue->mutex_);
    if (turn.queue->target_ == nullptr)
      return;
    executor = turn.queue->target_->executor;
  }
  needs_memory("to tell a client of a break", [&] {
    boost::asio::defer(executor, [turn = std::move(turn)]() mutable { run(std::move(turn)); });
  });
}

std::optional<sink_queue::next_call> sink_queue::begin_call(const sink_turn& turn) {
  const std::lock_guard lock(mutex_);
  if (turn.number != turn_ || target_ == nullptr)
    return std::nullopt;
  if (untold_.empty()) {
    has_turn_ = false;
    return std::nullopt;
  }
  std::optional<next_call> next({std::move(untold_.front()), target_});
  untold_.pop_front();
  called_on_ = std::this_thread::get_id();
  ++calls_;
  return next;
}

// Returns false if the rest is for another sink, on its executor.
bool sink_queue::end_call(sink_turn& turn) {
  const std::lock_guard lock(mutex_);
  called_on_ = {};
  if (waiting_ != 0)
    call_ended_.notify_all();
  return std::exchange(turn.number, turn_) == turn_;
}

void sink_queue::call(untold what, const break_sink& sink) const {
  if (!owner_.find_way(what.notification))
    return what.report.undeliverable();
  try {
    sink(what.notification, what.file, what.report);
  } catch (...) {
    // A sink must not throw. If it does, assume that it has sent nothing.
    what.report.undeliverable();
  }
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

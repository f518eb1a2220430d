// Jobs are deferred rather than posted: on a thread that runs the executor, this pushes to the
// thread's own queue and wakes no other thread.
#include "asio_scheduler.hpp"

#include "completion/completions.hpp"
#include "turn_actor.hpp"
#include "turn_loop.hpp"

#include <boost/asio/defer.hpp>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

namespace {

/// A turn in the queue of the coordinator's executor, or of the loop of an operation. It may run
/// after the coordinator has ended, because an actor detects by itself that it was stopped.
class queued_turn {
public:
  /// With `loop`, the turn is put into its queue; see `turn_loop`.
  queued_turn(turn_actor* job, std::size_t messages_max, boost::asio::io_context* loop) noexcept
    : job_(job), messages_max_(messages_max), loop_(loop) {}
  queued_turn(queued_turn&& other) noexcept
    : job_(std::exchange(other.job_, nullptr)), messages_max_(other.messages_max_),
      loop_(other.loop_) {}
  queued_turn(const queued_turn&) = delete;
  queued_turn& operator=(const queued_turn&) = delete;
  ~queued_turn() { release(); }

  void operator()() {
    using place = completion_batch::place;
    completion_batch batch(loop_ == nullptr ? place::home : place::visiting);
    {
      const turn_loop here(loop_); // a busy actor goes on here
      job_->take_turn(messages_max_);
    }
    release();
    batch.run();
  }

private:
  void release() noexcept {
    if (auto* const job = std::exchange(job_, nullptr))
      turn_actor::give_back(job);
  }

  turn_actor* job_;
  std::size_t messages_max_;
  boost::asio::io_context* loop_;
};

} // namespace

asio_scheduler::asio_scheduler(boost::asio::any_io_executor executor, std::size_t messages_per_turn,
  std::shared_ptr<time_source> time)
  : turn_scheduler(messages_per_turn), executor_(std::move(executor)),
    clock_(executor_, std::move(time)) {
  if (const auto* plain = executor_.target<boost::asio::io_context::executor_type>())
    io_context_ = *plain;
}

asio_scheduler::~asio_scheduler() {
  for (auto* const job : left_)
    turn_actor::give_back(job);
}

void asio_scheduler::begin_stop() {
  stopping_.store(true);
  clock_.stop();
}

void asio_scheduler::enqueue(turn_actor* job) {
  if (stopping_.load(std::memory_order_relaxed)) {
    const std::lock_guard lock(left_mutex_);
    left_.push_back(job);
    return;
  }
  auto* const loop = turn_loop::current();
  queued_turn turn(job, messages_per_turn(), loop);
  if (loop != nullptr)
    boost::asio::defer(loop->get_executor(), std::move(turn));
  else if (io_context_)
    boost::asio::defer(*io_context_, std::move(turn));
  else
    boost::asio::defer(executor_, std::move(turn));
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

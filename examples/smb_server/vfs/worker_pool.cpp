// The threads of a worker pool, which take jobs from a fair queue, and the count of operations.
#include "worker_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace leasebreak::smb::vfs {

std::uint64_t new_lane_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

pool_lane new_lane() noexcept {
  const std::uint64_t number = new_lane_number();
  return {number, number};
}

namespace detail {

namespace {

using counter = std::shared_ptr<std::atomic<std::size_t>>;

/// Counts an operation until it is destroyed, whether it ran or not. Shares ownership of the
/// counter instead of the pool, whose queue contains it.
class ticket {
public:
  explicit ticket(counter count) : count_(std::move(count)), position_(count_->fetch_add(1)) {}
  ticket(ticket&&) = default;
  ticket& operator=(ticket&&) = delete;
  ~ticket() { release(); }

  void release() {
    if (count_) {
      count_->fetch_sub(1);
      count_.reset();
    }
  }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

private:
  counter count_;
  std::size_t position_;
};

/// Releases a reference when it is run or destroyed.
class discarded final : public pool_job {
public:
  explicit discarded(std::shared_ptr<const void> reference) : reference_(std::move(reference)) {}
  void run(const std::function<void()>&) override { reference_.reset(); }

private:
  std::shared_ptr<const void> reference_;
};

struct queued_job {
  std::shared_ptr<pool_job> job;
  ticket taken;
};

} // namespace

class pool_core : public std::enable_shared_from_this<pool_core> {
public:
  explicit pool_core(pool_options options)
    : options_(std::move(options)), lanes_max_{std::max<std::size_t>(options_.threads - 1, 1),
                                      std::max<std::size_t>(options_.threads / 2, 1),
                                      std::clamp<std::size_t>(options_.processors / 2, 1,
                                        std::max<std::size_t>(options_.threads / 2, 1))} {}

  void start() {
    if (options_.runner) {
      return;
    }
    for (std::size_t i = 0; i < options_.threads; ++i) {
      threads_.emplace_back([this] { serve(); });
    }
  }

  [[nodiscard]] error_code submit(
    pool_lane lane, const std::shared_ptr<pool_job>& job, admission how) {
    ticket taken(count_);
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) {
        return errc::shutting_down;
      }
      if (how == admission::bounded && is_full(lane, taken.position())) {
        return errc::too_many_operations;
      }
      queue_.push(lane, limits_of(lane), {job, std::move(taken)});
    }
    if (options_.runner) {
      hand_out();
    } else {
      changed_.notify_one();
    }
    return {};
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    threads_.clear();
    // No more jobs are added. Destroying the jobs that never ran completes them.
    queue_ = {};
  }

  [[nodiscard]] std::size_t operations() const noexcept { return count_->load(); }

private:
  [[nodiscard]] bool is_full(pool_lane lane, std::size_t position) {
    return position >= options_.operations_max ||
      (!lane.is_own() &&
        (queue_.size_of_user(lane) >= options_.user_operations_max ||
          queue_.size_of_client(lane) >= options_.client_operations_max));
  }

  /// Leaves a thread to other users, and to other clients of the same user; and half of the
  /// processors to other clients if the work keeps them busy.
  [[nodiscard]] lane_limits limits_of(pool_lane lane) const noexcept {
    return lane.is_own() ? lane_limits{options_.threads, options_.threads, options_.threads}
                         : lanes_max_;
  }

  using queue = lane_queue<queued_job>;

  /// Passes to the runner the jobs that threads would start.
  void hand_out() {
    std::unique_lock lock(mutex_);
    while (!stopped_ && handed_out_ < options_.threads && queue_.has_next()) {
      auto next = std::make_shared<queue::entry>(queue_.take());
      ++handed_out_;
      lock.unlock();
      options_.runner([self = shared_from_this(), next] { self->run_handed_out(*next); });
      lock.lock();
    }
  }

  void run_handed_out(queue::entry& next) {
    std::unique_lock lock(mutex_);
    const bool is_too_late = stopped_;
    lock.unlock();
    if (!is_too_late) {
      next.item.job->run([&next] { next.item.taken.release(); });
    }
    next.item.job.reset();
    lock.lock();
    --handed_out_;
    if (stopped_) {
      return;
    }
    queue_.done(next.lane);
    lock.unlock();
    hand_out();
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopped_ || queue_.has_next(); });
      if (stopped_) {
        return;
      }
      const pool_lane lane = run_next(lock);
      // This may unblock the lane. This thread takes the next job itself, so it need not notify
      // another.
      queue_.done(lane);
    }
  }

  /// Runs and destroys a job without the lock.
  pool_lane run_next(std::unique_lock<std::mutex>& lock) {
    pool_lane lane{};
    {
      auto next = queue_.take();
      lane = next.lane;
      lock.unlock();
      next.item.job->run([&next] { next.item.taken.release(); });
    }
    lock.lock();
    return lane;
  }

  const pool_options options_;
  const lane_limits lanes_max_;
  counter count_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::mutex mutex_;
  std::condition_variable changed_;
  queue queue_;
  std::size_t handed_out_ = 0; ///< Jobs that the runner has and that are not done.
  bool stopped_ = false;
  std::vector<std::jthread> threads_;
};

error_code submit(const std::weak_ptr<pool_core>& pool, pool_lane lane,
  const std::shared_ptr<pool_job>& job, admission how) {
  const auto core = pool.lock();
  return core ? core->submit(lane, job, how) : error_code(errc::shutting_down);
}

void discard(const std::weak_ptr<pool_core>& pool, pool_lane lane,
  std::shared_ptr<const void> reference) noexcept {
  try {
    if (const auto core = pool.lock()) {
      // If the stopping pool refuses the job, destroying it releases the reference on this thread.
      static_cast<void>(
        core->submit(lane, std::make_shared<discarded>(std::move(reference)), admission::always));
    }
  } catch (const std::bad_alloc&) {
    // The reference is released on this thread.
  }
}

} // namespace detail

worker_pool::worker_pool(pool_options options) {
  if (options.threads == 0 || options.operations_max == 0 || options.client_operations_max == 0 ||
    options.user_operations_max == 0) {
    throw std::invalid_argument("a worker pool needs at least one thread and one operation");
  }
  core_ = std::make_shared<detail::pool_core>(std::move(options));
  try {
    core_->start();
  } catch (...) {
    core_->stop();
    throw;
  }
}

worker_pool::~worker_pool() {
  core_->stop();
}

std::size_t worker_pool::operations() const noexcept {
  return core_->operations();
}

} // namespace leasebreak::smb::vfs

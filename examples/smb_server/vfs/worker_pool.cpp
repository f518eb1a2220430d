// The threads of a worker pool and the count of what is in flight.
#include "worker_pool.hpp"

#include <boost/asio/thread_pool.hpp>

#include <new>
#include <stdexcept>

namespace leasebreak::smb::vfs {

namespace detail {

class pool_core {
public:
  explicit pool_core(pool_options options)
    : operations_max_(options.operations_max), threads_(options.threads) {}

  [[nodiscard]] error_code submit(const std::shared_ptr<pool_job>& job, admission how) {
    ticket taken(count_);
    if (how == admission::bounded && taken.position() >= operations_max_) {
      return errc::too_many_operations;
    }
    boost::asio::post(threads_,
      [job, taken = std::move(taken)]() mutable { job->run([&taken] { taken.release(); }); });
    return {};
  }

  void discard(std::shared_ptr<const void> reference) {
    boost::asio::post(threads_,
      [reference = std::move(reference), taken = ticket(count_)]() mutable { reference.reset(); });
  }

  void stop() {
    threads_.stop();
    threads_.join();
  }

  [[nodiscard]] std::size_t operations() const noexcept { return count_->load(); }

private:
  using counter = std::shared_ptr<std::atomic<std::size_t>>;

  /// Counts an operation until it is gone, run or not. It shares the counter and not the pool,
  /// whose queue it lies in.
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

  counter count_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::size_t operations_max_;
  boost::asio::thread_pool threads_;
};

error_code submit(
  const std::weak_ptr<pool_core>& pool, const std::shared_ptr<pool_job>& job, admission how) {
  const auto core = pool.lock();
  return core ? core->submit(job, how) : error_code(errc::shutting_down);
}

void discard(const std::weak_ptr<pool_core>& pool, std::shared_ptr<const void> reference) noexcept {
  try {
    if (const auto core = pool.lock()) {
      core->discard(std::move(reference));
    }
  } catch (const std::bad_alloc&) {
    // Given up here.
  }
}

} // namespace detail

worker_pool::worker_pool(pool_options options) {
  if (options.threads == 0 || options.operations_max == 0) {
    throw std::invalid_argument("a worker pool needs at least one thread and one operation");
  }
  core_ = std::make_shared<detail::pool_core>(options);
}

worker_pool::~worker_pool() {
  core_->stop();
}

std::size_t worker_pool::operations() const noexcept {
  return core_->operations();
}

} // namespace leasebreak::smb::vfs

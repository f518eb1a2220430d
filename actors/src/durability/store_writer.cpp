#include "store_writer.hpp"

#include "runtime/out_of_memory.hpp"

#include <leasebreak/model/after.hpp>

#include <boost/asio/post.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

struct store_writer::shared {
  std::shared_ptr<lock_store> store;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<job> jobs;
  bool ending = false; ///< No more jobs are accepted.
  bool abandoned = false; ///< The jobs in the queue must not be executed.
  bool ended = false;

  // Runs one job, if there is no thread for that.
  void run_one() {
    if (jobs.empty())
      return;
    const auto next = std::move(jobs.front());
    jobs.pop_front();
    next(*store);
  }

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return ending || !jobs.empty(); });
      if (abandoned || jobs.empty())
        break;
      auto next = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      needs_memory("on the store's thread", [&] { next(*store); });
      next = nullptr;
      lock.lock();
    }
    jobs.clear();
    // Destroy the store first: the waiting thread may end the process next, and the store must not
    // be closing then.
    auto last = std::move(store);
    lock.unlock();
    last.reset();
    lock.lock();
    ended = true;
    changed.notify_all();
  }
};

store_writer::store_writer(std::shared_ptr<lock_store> store)
  : shared_(std::make_shared<shared>()) {
  shared_->store = std::move(store);
  // Detached, because it cannot be joined if the store does not respond; `ended` is set when it is
  // done.
  std::thread([state = shared_] { state->run(); }).detach();
}

store_writer::store_writer(std::shared_ptr<lock_store> store, boost::asio::any_io_executor executor)
  : executor_(std::move(executor)), shared_(std::make_shared<shared>()) {
  shared_->store = std::move(store);
}

store_writer::~store_writer() {
  finish(duration::zero());
}

void store_writer::post(job j) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->ending)
    return;
  shared_->jobs.push_back(std::move(j));
  if (executor_)
    return boost::asio::post(executor_, [to = shared_] { to->run_one(); });
  shared_->changed.notify_all();
}

bool store_writer::finish(duration wait_max) {
  if (executor_) {
    while (!shared_->jobs.empty())
      shared_->run_one();
    shared_->store.reset();
    return true;
  }
  std::unique_lock lock(shared_->mutex);
  shared_->ending = true;
  shared_->changed.notify_all();
  const auto until = after(std::chrono::steady_clock::now(), wait_max);
  if (shared_->changed.wait_until(lock, until, [this] { return shared_->ended; }))
    return true;
  shared_->abandoned = true;
  return false;
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

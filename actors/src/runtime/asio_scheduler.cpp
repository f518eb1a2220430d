// Jobs are deferred rather than posted: on a thread that runs the executor, this pushes to the
// thread's own queue and wakes no other thread.
#include "asio_scheduler.hpp"

#include "asio_clock.hpp"
#include "completion/completions.hpp"
#include "thread_slot.hpp"
#include "turn_actor.hpp"
#include "turn_loop.hpp"

#include <boost/asio/defer.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/send.hpp>

#include <array>
#include <thread>
#include <vector>

namespace leasebreak::detail {

namespace {

class unit final : public caf::execution_unit {
public:
  explicit unit(caf::actor_system* system) : caf::execution_unit(system) {}
  void exec_later(caf::resumable* job) override { system().scheduler().enqueue(job); }
};

/// Replaces CAF's printer, which has a thread and writes to stdout.
caf::behavior silent_printer(caf::event_based_actor* self, int) {
  self->set_default_handler(caf::drop);
  return {[](const std::string&) {
    // nop
  }};
}

} // namespace

/// Prevents jobs of foreign actors, which need their actor system, from running after it has
/// stopped. The counters are spread over threads. The gate is freed when no closure refers to it,
/// which may be after the scheduler is gone.
class asio_scheduler::gate {
public:
  explicit gate(asio_scheduler& owner) : scheduler(&owner) {}

  void add() noexcept { cell().closures.fetch_add(1, std::memory_order_relaxed); }
  void remove() noexcept { cell().closures.fetch_sub(1, std::memory_order_release); }

  [[nodiscard]] bool enter() noexcept {
    cell().inside.fetch_add(1);
    if (!closed_.load())
      return true;
    leave();
    return false;
  }
  void leave() noexcept { cell().inside.fetch_sub(1); }

  void close() noexcept {
    closed_.store(true);
    while (sum(&counts::inside) != 0)
      std::this_thread::yield();
  }

  /// Frees `g` now if nothing refers to it, otherwise when a later gate is released.
  static void give_up(std::unique_ptr<gate> g) {
    static std::mutex mutex;
    static std::vector<std::unique_ptr<gate>> all;
    const std::lock_guard lock(mutex);
    all.push_back(std::move(g));
    std::erase_if(all, [](const auto& x) { return x->sum(&counts::closures) == 0; });
  }

  asio_scheduler* const scheduler;

private:
  struct alignas(64) counts {
    std::atomic<std::int64_t> closures{0};
    std::atomic<std::int64_t> inside{0};
  };

  [[nodiscard]] counts& cell() noexcept { return counts_[thread_slot() % counts_.size()]; }
  [[nodiscard]] std::int64_t sum(std::atomic<std::int64_t> counts::*which) const noexcept {
    std::int64_t result = 0;
    for (const auto& c : counts_)
      result += (c.*which).load();
    return result;
  }

  std::array<counts, 16> counts_;
  std::atomic<bool> closed_{false};
};

/// A turn of one of leasebreak's actors, which detects by itself that it was stopped.
class asio_scheduler::own_job {
public:
  own_job(caf::resumable* job, std::size_t messages_max) noexcept
    : job_(job, false), messages_max_(messages_max) {}

  void operator()() {
    completion_batch batch;
    job_->resume(nullptr, messages_max_);
    job_.reset();
    batch.run();
  }

private:
  caf::intrusive_ptr<caf::resumable> job_;
  std::size_t messages_max_;
};

/// A turn on the loop of an operation. If that loop ends before it has run the turn, the turn
/// returns to the coordinator's executor.
class asio_scheduler::visiting_job {
public:
  visiting_job(
    caf::resumable* job, std::size_t messages_max, boost::asio::io_context& loop) noexcept
    : job_(job, false), messages_max_(messages_max), loop_(&loop) {}
  visiting_job(visiting_job&&) noexcept = default;
  visiting_job(const visiting_job&) = delete;
  visiting_job& operator=(const visiting_job&) = delete;
  ~visiting_job() {
    if (job_ != nullptr)
      static_cast<turn_actor&>(*job_).come_home();
  }

  void operator()() {
    completion_batch batch(completion_batch::place::visiting);
    {
      const turn_loop here(loop_); // a busy actor goes on here
      std::exchange(job_, nullptr)->resume(nullptr, messages_max_);
    }
    batch.run();
  }

private:
  caf::intrusive_ptr<caf::resumable> job_;
  std::size_t messages_max_;
  boost::asio::io_context* loop_;
};

/// A turn of any other actor.
class asio_scheduler::foreign_job {
public:
  foreign_job(caf::resumable* job, gate* g) noexcept : job_(job, false), gate_(g) { gate_->add(); }
  foreign_job(foreign_job&& other) noexcept
    : job_(std::move(other.job_)), gate_(std::exchange(other.gate_, nullptr)) {}
  foreign_job(const foreign_job&) = delete;
  foreign_job& operator=(const foreign_job&) = delete;
  ~foreign_job() {
    job_.reset();
    if (gate_ != nullptr)
      gate_->remove();
  }

  void operator()() {
    if (!gate_->enter())
      return;
    auto& scheduler = *gate_->scheduler;
    unit host{&scheduler.system()};
    if (job_->resume(&host, scheduler.max_throughput()) == caf::resumable::resume_later)
      scheduler.enqueue(job_.release());
    else
      job_.reset();
    gate_->leave();
  }

private:
  caf::intrusive_ptr<caf::resumable> job_;
  gate* gate_;
};

void asio_scheduler::load(caf::actor_system_config& config, boost::asio::any_io_executor executor,
  std::shared_ptr<time_source> time) {
  config.module_factories.emplace_back([executor = std::move(executor), time = std::move(time)](
                                         caf::actor_system& system) -> caf::actor_system::module* {
    return new asio_scheduler(system, executor, time);
  });
}

asio_scheduler::asio_scheduler(caf::actor_system& system, boost::asio::any_io_executor executor,
  std::shared_ptr<time_source> time)
  : caf::scheduler::abstract_coordinator(system), executor_(std::move(executor)),
    clock_(std::make_unique<asio_clock>(executor_, std::move(time))), gate_(new gate(*this)) {
  if (const auto* plain = executor_.target<boost::asio::io_context::executor_type>())
    io_context_ = *plain;
}

asio_scheduler::~asio_scheduler() {
  gate::give_up(std::unique_ptr<gate>(gate_));
}

void asio_scheduler::start() {
  utility_actors_[printer_id] = system_.spawn<caf::hidden + caf::lazy_init>(silent_printer, 0);
}

void asio_scheduler::begin_stop() {
  stopping_.store(true);
  clock_->stop();
}

void asio_scheduler::stop() {
  begin_stop();
  gate_->close();
  caf::anon_send_exit(utility_actors_[printer_id], caf::exit_reason::user_shutdown);
  utility_actors_[printer_id] = nullptr;
  unit host{&system_};
  for (;;) {
    caf::resumable* job = nullptr;
    {
      const std::lock_guard lock(left_mutex_);
      if (left_.empty())
        break;
      job = left_.front();
      left_.pop_front();
    }
    if (job->resume(&host, max_throughput()) == caf::resumable::resume_later)
      enqueue(job);
    else
      caf::intrusive_ptr_release(job);
  }
}

void asio_scheduler::enqueue(caf::resumable* job) {
  if (stopping_.load(std::memory_order_relaxed)) {
    const std::lock_guard lock(left_mutex_);
    left_.push_back(job);
    return;
  }
  if (job->subtype() != caf::resumable::unspecified)
    return defer(foreign_job(job, gate_));
  auto* const loop = turn_loop::current();
  if (loop == nullptr)
    return defer(own_job(job, max_throughput()));
  boost::asio::defer(loop->get_executor(), visiting_job(job, max_throughput(), *loop));
}

template <class Job>
void asio_scheduler::defer(Job job) {
  if (io_context_)
    boost::asio::defer(*io_context_, std::move(job));
  else
    boost::asio::defer(executor_, std::move(job));
}

caf::actor_clock& asio_scheduler::clock() noexcept {
  return *clock_;
}

} // namespace leasebreak::detail

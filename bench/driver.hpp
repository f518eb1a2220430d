// The driver of the benchmarks: threads that run an io_context, and chains of operations on it.
#pragma once

#include <leasebreak/requests.hpp>

#include <boost/asio/defer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace leasebreak::bench {

/// An `io_context` with two threads, like a small server, or with another number of them.
class io_threads {
public:
  static constexpr int usual = 2;

  explicit io_threads(int count = usual);
  ~io_threads();
  io_threads(const io_threads&) = delete;
  io_threads& operator=(const io_threads&) = delete;

  [[nodiscard]] boost::asio::io_context& context() { return io_; }

private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{
    io_.get_executor()};
  std::vector<std::thread> threads_;
};

/// Counts down and waits for zero. May be destroyed as soon as `wait` has returned.
class countdown {
public:
  /// Must be called at zero, or by a participant that has not called `done` yet.
  void add(std::uint64_t n) { left_ += n; }
  void done() {
    if (--left_ != 0)
      return;
    const std::scoped_lock lock{mutex_};
    finished_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return finished_; });
    finished_ = false;
  }

private:
  std::atomic<std::uint64_t> left_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool finished_ = false;
};

/// One of the operations in flight: when one completes, the next begins. Everything runs on the
/// chain's strand. Each chain has its own files, so that chains do not conflict.
class chain {
public:
  using strand_type = boost::asio::strand<boost::asio::io_context::executor_type>;

  /// Uses the files `first`, `first + step`, ... below `files` in turn.
  chain(boost::asio::io_context& io, countdown& running, std::size_t first, std::size_t step,
    std::size_t files)
    : strand_{boost::asio::make_strand(io)}, running_{running}, first_{first}, step_{step},
      files_{files}, file_{first} {}
  chain(const chain&) = delete;
  chain& operator=(const chain&) = delete;
  virtual ~chain() = default;

  /// Starts `rounds` rounds.
  void start(std::uint64_t rounds) {
    left_ = rounds;
    boost::asio::post(strand_, [this] { round(file_); });
  }

protected:
  /// Runs one round on a file. Must call `next` on the strand when it is done.
  virtual void round(std::size_t file) = 0;

  void next() {
    file_ += step_;
    if (file_ >= files_)
      file_ = first_;
    if (--left_ == 0)
      running_.done();
    else
      round(file_);
  }

  [[nodiscard]] const strand_type& strand() const { return strand_; }
  [[nodiscard]] std::size_t first() const { return first_; }

private:
  strand_type strand_;
  countdown& running_;
  std::size_t first_;
  std::size_t step_;
  std::size_t files_;
  std::size_t file_;
  std::uint64_t left_ = 0;
};

using chains = std::vector<std::unique_ptr<chain>>;

/// The number of measurements for figures that are used in ratios; the median counts.
inline constexpr int repetitions = 5;

/// Returns the processor time that this process has used so far, in seconds.
[[nodiscard]] double cpu_seconds();

/// Runs batches of rounds on all chains until Google Benchmark has enough. Counts `items_per_round`
/// items per round. The counter "cpu_ns" is the processor time per item.
void run_chains(
  benchmark::State& state, chains& all, countdown& running, std::uint64_t items_per_round);

/// Returns a file id as a server would make it: device and inode, sixteen bytes.
[[nodiscard]] std::string file_name(std::size_t number);

/// Returns an open for reading and writing that requests a lease.
[[nodiscard]] leasebreak::open_request lease_open(
  std::size_t file, std::uint64_t client, std::uint64_t key, leasebreak::lease_state state);

/// Returns the resident memory of this process in bytes.
[[nodiscard]] std::size_t resident_bytes();

void register_memory();
void register_floor();
void register_open_close();
void register_loops();
void register_mutex_table();
void register_breaks();
void register_held();
void register_listing();
void register_persist();
void register_record();

} // namespace leasebreak::bench

// The environment of a server: executors, clocks, the network, and threads for the disk. Either the
// real machine or a simulation.
#pragma once

#include <smb_server/net/byte_stream.hpp>
#include <smb_server/runtime/loop_set.hpp>
#include <smb_server/vfs/worker_pool.hpp>

#include <leasebreak/coordinator.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace leasebreak::smb {

/// A timer of a simulated clock. The server uses `timer`, which wraps it.
class other_timer {
public:
  using handler = asio::any_completion_handler<void(boost::system::error_code)>;

  other_timer() = default;
  other_timer(const other_timer&) = delete;
  other_timer& operator=(const other_timer&) = delete;
  /// Cancels all waits.
  virtual ~other_timer() = default;

  /// Completes at `t`, or with `operation_aborted` after `cancel` or through the handler's
  /// cancellation slot. Never completes within this call.
  virtual void wait(std::chrono::steady_clock::time_point t, handler h) = 0;
  virtual void cancel() = 0;
};

/// Must outlive the server and everything on its executors. Thread-safe.
class runtime {
public:
  runtime() = default;
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  virtual ~runtime() = default;

  /// Returns the executor of the main loop.
  [[nodiscard]] virtual asio::any_io_executor get_executor() const = 0;

  /// Returns a new executor that runs one handler at a time, in order, on the main loop.
  [[nodiscard]] virtual asio::any_io_executor make_strand() const = 0;

  /// The same for a new connection, on any loop.
  [[nodiscard]] virtual asio::any_io_executor make_connection_strand() const {
    return make_strand();
  }

  /// Returns the executors of all loops, that of the main loop first.
  [[nodiscard]] virtual std::vector<asio::any_io_executor> loops() const {
    return {get_executor()};
  }

  [[nodiscard]] virtual std::chrono::steady_clock::time_point now() const = 0;
  [[nodiscard]] virtual std::chrono::system_clock::time_point wall_now() const = 0;

  /// Returns null if timers use the real clock.
  [[nodiscard]] virtual std::unique_ptr<other_timer> make_timer(
    const asio::any_io_executor& executor) const = 0;

  /// Throws `boost::system::system_error` on failure.
  [[nodiscard]] virtual std::unique_ptr<listener> listen(
    const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& where) = 0;

  /// Returns a runner for disk jobs, or an empty function: use threads.
  [[nodiscard]] virtual vfs::job_runner disk() = 0;

  [[nodiscard]] virtual std::unique_ptr<leasebreak::coordinator> make_coordinator(
    coordinator_config config) = 0;
};

/// The real machine. A loop has one thread and is thus a strand already; another one would only add
/// cost.
class machine final : public runtime {
public:
  explicit machine(loop_set& loops) : loops_{loops} {}

  [[nodiscard]] asio::any_io_executor get_executor() const override;
  [[nodiscard]] asio::any_io_executor make_strand() const override { return get_executor(); }
  [[nodiscard]] asio::any_io_executor make_connection_strand() const override;
  [[nodiscard]] std::vector<asio::any_io_executor> loops() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point now() const override;
  [[nodiscard]] std::chrono::system_clock::time_point wall_now() const override;
  [[nodiscard]] std::unique_ptr<other_timer> make_timer(
    const asio::any_io_executor& executor) const override;
  [[nodiscard]] std::unique_ptr<listener> listen(
    const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& where) override;
  [[nodiscard]] vfs::job_runner disk() override;
  [[nodiscard]] std::unique_ptr<leasebreak::coordinator> make_coordinator(
    coordinator_config config) override;

private:
  loop_set& loops_;
};

} // namespace leasebreak::smb

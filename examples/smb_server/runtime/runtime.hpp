// What a server runs on: executors, clocks, the network, and threads for the disk. The machine, or
// a simulation of it.
#pragma once

#include <smb_server/net/byte_stream.hpp>
#include <smb_server/vfs/worker_pool.hpp>

#include <leasebreak/coordinator.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>

namespace leasebreak::smb {

/// A timer that is not the machine's; see `timer`, which is what the server uses.
class other_timer {
public:
  using handler = asio::any_completion_handler<void(boost::system::error_code)>;

  other_timer() = default;
  other_timer(const other_timer&) = delete;
  other_timer& operator=(const other_timer&) = delete;
  /// Also ends all waits.
  virtual ~other_timer() = default;

  /// Completes when `t` has come, or with `operation_aborted` when the handler's cancellation slot
  /// or `cancel` ends it; never within this call.
  virtual void wait(std::chrono::steady_clock::time_point t, handler h) = 0;
  virtual void cancel() = 0;
};

/// Must outlive the server, and all that runs on its executors. May be used from any thread.
class runtime {
public:
  runtime() = default;
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;
  virtual ~runtime() = default;

  [[nodiscard]] virtual asio::any_io_executor get_executor() const = 0;

  /// One that runs what it is given in order, one thing at a time.
  [[nodiscard]] virtual asio::any_io_executor make_strand() const = 0;

  [[nodiscard]] virtual std::chrono::steady_clock::time_point now() const = 0;
  [[nodiscard]] virtual std::chrono::system_clock::time_point wall_now() const = 0;

  /// Null: timers are the machine's.
  [[nodiscard]] virtual std::unique_ptr<other_timer> make_timer(
    const asio::any_io_executor& executor) const = 0;

  /// Throws `boost::system::system_error` if it cannot listen there.
  [[nodiscard]] virtual std::unique_ptr<listener> listen(
    const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& where) = 0;

  /// What carries out the work of the disk; none: threads.
  [[nodiscard]] virtual vfs::job_runner disk() = 0;

  [[nodiscard]] virtual std::unique_ptr<leasebreak::coordinator> make_coordinator(
    coordinator_config config) = 0;
};

/// The machine that the process runs on.
class machine final : public runtime {
public:
  /// `threads` run the loop.
  machine(asio::io_context& io, std::size_t threads) : io_{io}, threads_{threads} {}

  [[nodiscard]] asio::any_io_executor get_executor() const override { return io_.get_executor(); }
  [[nodiscard]] asio::any_io_executor make_strand() const override;
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
  asio::io_context& io_;
  std::size_t threads_;
};

} // namespace leasebreak::smb

// The environment of the simulated server: everything runs in the loop.
#pragma once

#include "wire.hpp"

#include <smb_server/runtime/runtime.hpp>

#include <memory>

namespace leasebreak::smb::simulation {

class simulated_machine final : public runtime {
public:
  simulated_machine(loop& in, random_source& random);
  ~simulated_machine() override;

  /// Where clients connect; null until the server listens.
  [[nodiscard]] door* entrance() const noexcept { return door_; }

  /// Sets a function that is called after each disk job.
  void on_disk(std::function<void()> f) { on_disk_ = std::move(f); }

  asio::any_io_executor get_executor() const override;
  asio::any_io_executor make_strand() const override;
  std::chrono::steady_clock::time_point now() const override;
  std::chrono::system_clock::time_point wall_now() const override;
  std::unique_ptr<other_timer> make_timer(const asio::any_io_executor& executor) const override;
  std::unique_ptr<listener> listen(
    const asio::any_io_executor& executor, const asio::ip::tcp::endpoint& where) override;
  vfs::job_runner disk() override;
  std::unique_ptr<leasebreak::coordinator> make_coordinator(coordinator_config config) override;

private:
  loop& loop_;
  random_source& random_;
  door* door_ = nullptr; ///< Owned by the server.
  std::function<void()> on_disk_;
};

} // namespace leasebreak::smb::simulation

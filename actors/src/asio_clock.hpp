// CAF's clock as one timer on an Asio executor.
#pragma once

#include "time_source.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <caf/detail/simple_actor_clock.hpp>

#include <memory>
#include <mutex>
#include <optional>

namespace leasebreak::detail {

/// Triggers the timeouts of actors. Thread-safe.
class asio_clock final : public caf::detail::simple_actor_clock {
public:
  /// With `time`, that is asked instead of the machine.
  explicit asio_clock(
    const boost::asio::any_io_executor& executor, std::shared_ptr<time_source> time = {});
  ~asio_clock() override;

  /// Drops all timeouts, and lets go of the executor.
  void stop();

  [[nodiscard]] time_point now() const noexcept override;
  void set_ordinary_timeout(
    time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override;
  void set_multi_timeout(
    time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override;
  void set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(
    time_point t, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) override;
  void schedule_message(
    time_point t, caf::group target, caf::strong_actor_ptr sender, caf::message content) override;
  void cancel_all() override;

private:
  /// What a timer's handler finds of the clock, which may be gone.
  struct link {
    std::mutex mutex;
    asio_clock* clock;
  };

  // With the mutex held.
  [[nodiscard]] bool is_stopped() const noexcept { return link_->clock == nullptr; }
  void arm(); ///< Makes the timer agree with the schedule.
  void wake_at(time_point t);
  void disarm();
  void expired();

  const std::shared_ptr<time_source> time_; ///< Null: the machine.
  std::shared_ptr<link> link_;
  std::optional<boost::asio::steady_timer> timer_; ///< Of these two, one at most.
  std::unique_ptr<alarm> alarm_;
  std::optional<time_point> armed_; ///< For when the timer is set.
};

} // namespace leasebreak::detail

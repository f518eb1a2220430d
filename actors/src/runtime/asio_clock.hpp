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
  /// Uses `time`, if given, instead of the system clock.
  explicit asio_clock(
    const boost::asio::any_io_executor& executor, std::shared_ptr<time_source> time = {});
  ~asio_clock() override;

  /// Drops all timeouts and releases the executor.
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
  /// The clock as seen by the handler of a timer, which may outlive it.
  struct link {
    std::mutex mutex;
    asio_clock* clock;
  };

  // These require that the mutex is held.
  [[nodiscard]] bool is_stopped() const noexcept { return link_->clock == nullptr; }
  void arm(); ///< Sets the timer according to the schedule.
  void wake_at(time_point t);
  void disarm();
  void expired();

  const std::shared_ptr<time_source> time_; ///< Null: the system clock.
  std::shared_ptr<link> link_;
  std::optional<boost::asio::steady_timer> timer_; ///< At most one of these two is set.
  std::unique_ptr<alarm> alarm_;
  std::optional<time_point> armed_; ///< The time for which the timer is set.
};

} // namespace leasebreak::detail

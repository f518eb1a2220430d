// The interface of a coordinator's clock for tests and simulations, in which time is virtual.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

class coordinator;
struct coordinator_config;

namespace detail {

/// One alarm of a `time_source`.
class alarm {
public:
  using time_point = std::chrono::steady_clock::time_point;

  alarm() = default;
  alarm(const alarm&) = delete;
  alarm& operator=(const alarm&) = delete;
  /// Also cancels the alarm.
  virtual ~alarm() = default;

  /// Calls `f` once, on the executor, when `t` has come. Replaces an earlier setting.
  virtual void set(time_point t, std::function<void()> f) = 0;
  virtual void cancel() = 0;
};

/// Clocks and alarms. Used on the threads of the coordinator's executor, and on its owner's.
class time_source {
public:
  time_source() = default;
  time_source(const time_source&) = delete;
  time_source& operator=(const time_source&) = delete;
  virtual ~time_source() = default;

  /// Never goes backwards.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady_now() const noexcept = 0;
  [[nodiscard]] virtual std::chrono::system_clock::time_point wall_now() const noexcept = 0;
  [[nodiscard]] virtual std::unique_ptr<alarm> make_alarm() = 0;
};

/// Makes a coordinator that uses `time` instead of the system's clocks. Its store is used on the
/// executor, so that no other thread takes part.
[[nodiscard]] std::unique_ptr<coordinator> make_coordinator(boost::asio::any_io_executor executor,
  coordinator_config config, std::shared_ptr<time_source> time);

} // namespace detail
} // namespace LEASEBREAK_ABI
} // namespace leasebreak

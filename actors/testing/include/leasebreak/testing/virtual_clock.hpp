// A clock that a test advances, for a coordinator on any executor.
#pragma once

#include <leasebreak/config.hpp>
#include <leasebreak/coordinator.hpp>
#include <leasebreak/model/clock.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <optional>

namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit {

/// The clock of one or more coordinators. It stands still except in `advance`, so that a test
/// reaches each deadline exactly, without waiting. Timers of the server itself are not affected.
///
/// Thread-safe. Coordinators share ownership of the clock's state and may outlive this object.
class virtual_clock {
public:
  virtual_clock();

  /// Makes a coordinator that uses this clock in place of the system's. Its store is used on the
  /// executor, so that no other thread takes part. CAF's pools must not be configured: they have
  /// clocks of their own. Arguments and exceptions are those of the constructor of `coordinator`.
  [[nodiscard]] std::unique_ptr<coordinator> make_coordinator(
    boost::asio::any_io_executor executor, coordinator_config config = {}) const;

  /// Returns the time since this clock was made.
  [[nodiscard]] duration now() const noexcept;

  /// Lets `d` pass. Everything that becomes due is posted to its executor; nothing runs within this
  /// call. What it sets off in turn, such as the deadline of another operation, is due only by a
  /// further call: `driven_coordinator::advance` takes care of that.
  void advance(duration d) const;

  /// Returns how long it takes until a timeout is due; nothing if no timeout is set.
  [[nodiscard]] std::optional<duration> next_timeout() const noexcept;

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::testkit

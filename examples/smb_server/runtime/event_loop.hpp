// The thread of an event loop that looks for work for a while before it sleeps.
#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>

namespace leasebreak::smb {

/// How long to look for work before going to sleep. To wake a thread up takes some microseconds,
/// and many tens of them on a virtual machine whose processor has gone to sleep with it; a client
/// that waits for one answer before it asks for the next pays that each time. Looking pays as long
/// as work comes soon, and is waste when it does not; so the time grows with each sleep that was
/// short enough to have been spent looking, and halves with each that was not, down to nothing.
/// Linux does the same for whole virtual processors (its haltpoll governor).
class poll_window {
public:
  using duration = std::chrono::steady_clock::duration;

  /// Zero: never look.
  explicit poll_window(duration longest) noexcept : longest_{longest} {}

  [[nodiscard]] duration current() const noexcept { return current_; }

  /// Looking was in vain, or not done, and the thread has slept so long.
  void slept(duration time) noexcept;

private:
  duration longest_;
  duration current_{};
};

/// Runs the loop on this thread, which must be its only one, until it is stopped or out of work.
void run_polling(boost::asio::io_context& io, poll_window window);

} // namespace leasebreak::smb

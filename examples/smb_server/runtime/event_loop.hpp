// Runs an event loop that polls for work before it sleeps.
#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>

namespace leasebreak::smb {

/// How long to poll for work before the thread sleeps. Waking a thread takes some microseconds, and
/// many tens of them on a virtual machine whose processor sleeps too. A client that sends requests
/// one by one pays that for each. Polling only pays if work comes soon. The window therefore
/// doubles after each sleep that was shorter than the longest window, and halves after each longer
/// one, down to zero. Linux does the same for virtual processors (the haltpoll governor).
class poll_window {
public:
  using duration = std::chrono::steady_clock::duration;

  /// With zero, it never polls.
  explicit poll_window(duration longest) noexcept : longest_{longest} {}

  [[nodiscard]] duration current() const noexcept { return current_; }

  /// Reports how long the thread slept after the window.
  void slept(duration time) noexcept;

private:
  duration longest_;
  duration current_{};
};

/// Runs the loop on this thread until it is stopped or out of work. It must be the loop's only
/// thread.
void run_polling(boost::asio::io_context& io, poll_window window);

} // namespace leasebreak::smb

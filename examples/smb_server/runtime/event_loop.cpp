#include <smb_server/runtime/event_loop.hpp>

#include <algorithm>

namespace leasebreak::smb {

namespace {

using clock = std::chrono::steady_clock;

/// Shorter windows are not worth the system calls.
constexpr poll_window::duration shortest = std::chrono::microseconds{20};

/// Polls for up to `time`. Returns whether a handler ran.
bool poll_for(boost::asio::io_context& io, clock::duration time) {
  const auto end = clock::now() + time;
  do {
    if (io.poll() != 0)
      return true;
  } while (!io.stopped() && clock::now() < end);
  return false;
}

} // namespace

void poll_window::slept(duration time) noexcept {
  if (time <= longest_)
    current_ = std::min(longest_, std::max(shortest, 2 * current_));
  else
    current_ = current_ / 2 < shortest ? duration::zero() : current_ / 2;
}

void run_polling(boost::asio::io_context& io, poll_window window) {
  while (!io.stopped()) {
    if (poll_for(io, window.current()))
      continue;
    const auto begin = clock::now();
    if (io.run_one() == 0)
      return;
    window.slept(clock::now() - begin);
  }
}

} // namespace leasebreak::smb

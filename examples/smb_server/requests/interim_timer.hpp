// Sends interim responses to requests that wait long (MS-SMB2 3.3.4.2).
#pragma once

#include <smb_server/runtime/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>

namespace leasebreak::smb {

class connection;

/// One timer for the requests of all connections of a loop. Most requests end before they are due,
/// and starting and cancelling a timer for each would cost more than the request. Thread-safe.
class interim_timer {
  struct state;
  struct entry {
    std::chrono::steady_clock::time_point due;
    std::weak_ptr<connection> whose;
    std::uint64_t message_id = 0;
    bool told = false;
  };

public:
  interim_timer(
    const runtime& of, const asio::any_io_executor& loop, std::chrono::microseconds delay);
  ~interim_timer();
  interim_timer(const interim_timer&) = delete;
  interim_timer& operator=(const interim_timer&) = delete;

  /// A request's wait for other clients. It ends when the object is destroyed, which may be after
  /// the timer's destruction.
  class wait {
  public:
    wait() = default;
    wait(wait&& other) noexcept;
    wait& operator=(wait&& other) noexcept;
    ~wait();

  private:
    friend class interim_timer;
    wait(std::shared_ptr<state> s, std::list<entry>::iterator position) noexcept;

    std::shared_ptr<state> state_;
    std::list<entry>::iterator position_{};
  };

  /// Calls the connection's `become_pending` on its executor after the delay, unless the wait has
  /// ended. Without a delay the call is posted at once.
  [[nodiscard]] wait begin(std::weak_ptr<connection> whose, std::uint64_t message_id);

private:
  std::shared_ptr<state> state_;
};

} // namespace leasebreak::smb

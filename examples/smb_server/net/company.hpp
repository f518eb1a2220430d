// Whether several connections use the server at present.
#pragma once

#include <leasebreak/model/ids.hpp>

#include <chrono>
#include <mutex>
#include <optional>

namespace leasebreak::smb {

/// Remembers which connections sent the last frames. A connection that uses the server alone may
/// have many requests in flight. Beside others it may have few: handlers of all connections share
/// the queue of an event loop, and each handler of another connection would wait behind one of
/// every request in flight. Thread-safe.
class company {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `time`: for how long a frame counts.
  explicit company(std::chrono::milliseconds time) : time_{time} {}

  /// A connection sent a frame. Returns whether another one did so lately.
  [[nodiscard]] bool joins(connection_id id, time_point now) {
    const std::lock_guard lock(mutex_);
    if (last_ && last_->id != id)
      other_ = last_;
    last_ = {id, now};
    return other_ && now - other_->when < time_;
  }

private:
  struct sender {
    connection_id id;
    time_point when;
  };

  const std::chrono::milliseconds time_;
  std::mutex mutex_;
  std::optional<sender> last_;
  std::optional<sender> other_; ///< The last one that was another connection than `last_`.
};

} // namespace leasebreak::smb

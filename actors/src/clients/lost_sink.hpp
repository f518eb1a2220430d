// The server's function for lost opens, and the end of its use.
#pragma once

#include <leasebreak/requests.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Calls `coordinator_config::on_open_lost` until it is closed. Thread-safe.
class lost_sink {
public:
  explicit lost_sink(std::function<void(open_lost)> told) : told_(std::move(told)) {}

  /// Reports a lost open. After `close`, only releases its hold.
  void tell(open_lost lost);

  /// Begins no more calls. Waits for calls in progress on other threads.
  void close() noexcept;

private:
  class call;

  [[nodiscard]] bool is_called_elsewhere() const noexcept;

  std::function<void(open_lost)> told_; ///< Not changed while it is being called.
  std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::thread::id> called_on_; ///< One element for each call in progress.
  std::condition_variable call_ended_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

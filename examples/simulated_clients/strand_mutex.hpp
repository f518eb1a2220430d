// A mutex for coroutines that share a strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace leasebreak::simulated {

/// Serialises coroutines that run on the strand `executor`. The order of waiting is unspecified.
class strand_mutex {
public:
  explicit strand_mutex(const boost::asio::any_io_executor& executor)
    : waiters_{executor, boost::asio::steady_timer::time_point::max()} {}

  /// Releases the mutex on destruction.
  class guard {
  public:
    explicit guard(strand_mutex& m) : mutex_{&m} {}
    guard(guard&& other) noexcept : mutex_{std::exchange(other.mutex_, nullptr)} {}
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    guard& operator=(guard&&) = delete;
    ~guard() {
      if (mutex_ == nullptr)
        return;
      mutex_->locked_ = false;
      mutex_->waiters_.cancel_one();
    }

  private:
    strand_mutex* mutex_;
  };

  [[nodiscard]] boost::asio::awaitable<guard> lock() {
    while (locked_)
      co_await waiters_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    locked_ = true;
    co_return guard{*this};
  }

private:
  boost::asio::steady_timer waiters_;
  bool locked_ = false;
};

} // namespace leasebreak::simulated

// The loop on which the turns that a thread starts are to run.
#pragma once

#include <leasebreak/model/export.hpp>

#include <boost/asio/io_context.hpp>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// During its lifetime, turns of idle actors that this thread starts run on `loop`, which this
/// thread is running; null: on the coordinator's executor. An operation thus runs where it came
/// from, and wakes no other thread.
class turn_loop {
public:
  explicit turn_loop(boost::asio::io_context* loop) noexcept
    : outer_(std::exchange(current_, loop)) {}
  ~turn_loop() { current_ = outer_; }
  turn_loop(const turn_loop&) = delete;
  turn_loop& operator=(const turn_loop&) = delete;

  [[nodiscard]] static boost::asio::io_context* current() noexcept { return current_; }

private:
  static inline thread_local boost::asio::io_context* current_ = nullptr;
  boost::asio::io_context* outer_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

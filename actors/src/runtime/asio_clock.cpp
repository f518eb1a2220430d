#include "asio_clock.hpp"

#include "out_of_memory.hpp"

#include <boost/asio/error.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

asio_clock::asio_clock(
  const boost::asio::any_io_executor& executor, std::shared_ptr<time_source> time)
  : time_(std::move(time)), link_(std::make_shared<link>()) {
  if (time_)
    alarm_ = time_->make_alarm();
  else
    timer_.emplace(executor);
  link_->clock = this;
}

asio_clock::~asio_clock() {
  stop();
}

// The references to actors are given back without the lock, because they may be the last ones.
void asio_clock::stop() {
  timeout_queue dropped;
  const std::lock_guard lock(link_->mutex);
  link_->clock = nullptr;
  timer_.reset();
  alarm_.reset();
  dropped.swap(timeouts_);
}

asio_clock::time_point asio_clock::now() const noexcept {
  return time_ ? time_->steady_now() : std::chrono::steady_clock::now();
}

void asio_clock::arm() {
  if (is_stopped())
    return;
  if (timeouts_.empty()) {
    // A timer that is set keeps an io_context running; set none if nothing waits.
    if (armed_) {
      disarm();
      armed_.reset();
    }
    return;
  }
  const auto first = timeouts_.first();
  if (armed_ && *armed_ <= first)
    return;
  armed_ = first;
  wake_at(first);
}

void asio_clock::wake_at(time_point t) {
  const auto wake = [weak = std::weak_ptr<link>(link_)] {
    if (const auto strong = weak.lock()) {
      const std::lock_guard lock(strong->mutex);
      if (strong->clock != nullptr)
        needs_memory("for a timeout", [&] { strong->clock->expired(); });
    }
  };
  if (alarm_)
    return alarm_->set(t, wake);
  timer_->expires_at(t);
  timer_->async_wait([wake](const boost::system::error_code& ec) {
    if (ec != boost::asio::error::operation_aborted)
      wake();
  });
}

void asio_clock::disarm() {
  if (alarm_)
    alarm_->cancel();
  else
    timer_->cancel();
}

void asio_clock::expired() {
  // A handler may have been in flight when the timer was set again; then nothing is due.
  if (armed_ && *armed_ <= now())
    armed_.reset();
  while (const auto due = timeouts_.next_due(now()))
    due->deliver_timeout();
  arm();
}

void asio_clock::set(turn_actor& to, time_point t) {
  const std::lock_guard lock(link_->mutex);
  if (is_stopped())
    return;
  timeouts_.set(to, t);
  arm();
}

void asio_clock::cancel(turn_actor& of) {
  const std::lock_guard lock(link_->mutex);
  static_cast<void>(timeouts_.remove(of));
  arm();
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

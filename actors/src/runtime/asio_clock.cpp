#include "asio_clock.hpp"

#include "out_of_memory.hpp"

#include <boost/asio/error.hpp>

namespace leasebreak::detail {

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

void asio_clock::stop() {
  const std::lock_guard lock(link_->mutex);
  link_->clock = nullptr;
  timer_.reset();
  alarm_.reset();
  schedule_.clear();
  actor_lookup_.clear();
}

asio_clock::time_point asio_clock::now() const noexcept {
  return time_ ? time_->steady_now() : simple_actor_clock::now();
}

void asio_clock::arm() {
  if (is_stopped())
    return;
  if (schedule_.empty()) {
    // A timer that is set keeps an io_context running; set none if nothing waits.
    if (armed_) {
      disarm();
      armed_.reset();
    }
    return;
  }
  const auto first = schedule_.begin()->first;
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
  trigger_expired_timeouts();
  arm();
}

void asio_clock::set_ordinary_timeout(
  time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) {
  const std::lock_guard lock(link_->mutex);
  if (is_stopped())
    return;
  simple_actor_clock::set_ordinary_timeout(t, self, type, id);
  arm();
}

void asio_clock::set_multi_timeout(
  time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) {
  const std::lock_guard lock(link_->mutex);
  if (is_stopped())
    return;
  simple_actor_clock::set_multi_timeout(t, self, type, id);
  arm();
}

void asio_clock::set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) {
  const std::lock_guard lock(link_->mutex);
  if (is_stopped())
    return;
  simple_actor_clock::set_request_timeout(t, self, id);
  arm();
}

void asio_clock::cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) {
  const std::lock_guard lock(link_->mutex);
  simple_actor_clock::cancel_ordinary_timeout(self, type);
  arm();
}

void asio_clock::cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) {
  const std::lock_guard lock(link_->mutex);
  simple_actor_clock::cancel_request_timeout(self, id);
  arm();
}

void asio_clock::cancel_timeouts(caf::abstract_actor* self) {
  const std::lock_guard lock(link_->mutex);
  simple_actor_clock::cancel_timeouts(self);
  arm();
}

void asio_clock::schedule_message(
  time_point t, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) {
  const std::lock_guard lock(link_->mutex);
  if (is_stopped())
    return;
  simple_actor_clock::schedule_message(t, std::move(receiver), std::move(content));
  arm();
}

void asio_clock::schedule_message(
  time_point t, caf::group target, caf::strong_actor_ptr sender, caf::message content) {
  const std::lock_guard lock(link_->mutex);
  if (is_stopped())
    return;
  simple_actor_clock::schedule_message(t, std::move(target), std::move(sender), std::move(content));
  arm();
}

void asio_clock::cancel_all() {
  const std::lock_guard lock(link_->mutex);
  simple_actor_clock::cancel_all();
  arm();
}

} // namespace leasebreak::detail

// See event_reader.hpp.
#include "event_reader.hpp"

#include "feed.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

namespace asio = boost::asio;

event_reader::event_reader(
  asio::any_io_executor strand, std::size_t most, bool all, std::shared_ptr<void> slot)
  : strand_(std::move(strand)), most_(most), all_(all), slot_(std::move(slot)), timer_(strand_) {}

void event_reader::subscribe(std::shared_ptr<event_feed> to) {
  to->inside().add(*this);
  feed_ = std::move(to);
}

event_reader::~event_reader() {
  if (feed_ != nullptr)
    feed_->inside().remove(*this);
}

bool event_reader::wants(event_kind kind) const noexcept {
  return all_ ||
    (kind != event_kind::opened && kind != event_kind::open_refused &&
      kind != event_kind::granted && kind != event_kind::closed);
}

// The feed keeps the reader until `remove`, but its destructor may have begun.
void event_reader::push(event_text text) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = queued_.empty() && dropped_ == 0;
    if (queued_.size() < most_)
      queued_.push_back(std::move(text));
    else
      ++dropped_;
  }
  if (!was_empty)
    return;
  asio::post(strand_, [self = weak_from_this()] {
    if (const auto alive = self.lock())
      alive->timer_.cancel();
  });
}

std::string event_reader::take(std::size_t bytes_max) {
  const std::lock_guard lock(mutex_);
  std::string result;
  for (; !queued_.empty() && result.size() < bytes_max; queued_.pop_front())
    result += *queued_.front();
  if (queued_.empty() && dropped_ != 0)
    result +=
      "event: dropped\ndata: {\"count\":" + std::to_string(std::exchange(dropped_, 0)) + "}\n\n";
  return result;
}

asio::awaitable<void> event_reader::wait(std::chrono::milliseconds time) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || !queued_.empty() || dropped_ != 0)
      co_return;
  }
  // A wake-up by another thread is posted to the strand, and thus comes after this has begun.
  timer_.expires_after(time);
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void event_reader::end() noexcept {
  ended_ = true;
  try {
    timer_.cancel();
  } catch (...) {
    // it ends with the next heartbeat
  }
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

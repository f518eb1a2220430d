// A reader of `/api/v1/events`, with a bounded queue of what it has not read yet.
#pragma once

#include <leasebreak/admin/event_feed.hpp> // declared there, and visible
#include <leasebreak/events.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// An event as text for a stream; shared by all readers.
using event_text = std::shared_ptr<const std::string>;

/// Belongs to a strand, except where noted.
class event_reader : public std::enable_shared_from_this<event_reader> {
public:
  /// `slot` is kept as long as the reader exists. With `all`, opens and closes are read, too.
  event_reader(
    boost::asio::any_io_executor strand, std::size_t most, bool all, std::shared_ptr<void> slot);

  /// Subscribes to the feed; the destructor ends that.
  void subscribe(std::shared_ptr<event_feed> to);
  ~event_reader();
  event_reader(const event_reader&) = delete;
  event_reader& operator=(const event_reader&) = delete;

  /// Returns whether events of this kind are read. Any thread.
  [[nodiscard]] bool wants(event_kind kind) const noexcept;
  /// Queues an event, or counts it as dropped if the queue is full. Any thread.
  void push(event_text text);

  /// Returns queued events, of about `bytes_max`, and then the number of dropped ones; empty if
  /// there are none.
  [[nodiscard]] std::string take(std::size_t bytes_max);

  /// Returns when there is something to take, after `time`, or after `end`.
  boost::asio::awaitable<void> wait(std::chrono::milliseconds time);
  void end() noexcept;
  [[nodiscard]] bool has_ended() const noexcept { return ended_; }

private:
  const boost::asio::any_io_executor strand_;
  const std::size_t most_;
  const bool all_;
  const std::shared_ptr<void> slot_;
  std::shared_ptr<event_feed> feed_;
  boost::asio::steady_timer timer_;
  bool ended_ = false;

  std::mutex mutex_; ///< A leaf mutex, for what follows.
  std::deque<event_text> queued_;
  std::uint64_t dropped_ = 0;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

// Cancels an operation at random, as a user would by pressing a key.
#pragma once

#include "server.hpp"
#include "tally.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>

namespace leasebreak::simulated {

/// Cancels 5 percent of the operations, after at most `patience`, on the strand.
class canceller {
public:
  canceller(const boost::asio::any_io_executor& strand, random_source& random, duration patience,
    tally& counts) {
    if (!chance(random, 5))
      return;
    state_ = std::make_shared<state>(strand);
    state_->timer.expires_after(up_to(random, patience));
    // The timer's handler may run after this object is destroyed.
    state_->timer.async_wait([s = state_, &counts](boost::system::error_code error) {
      if (error || s->over)
        return;
      ++counts.cancellations;
      s->signal.emit(boost::asio::cancellation_type::terminal);
    });
  }
  canceller(const canceller&) = delete;
  canceller& operator=(const canceller&) = delete;
  ~canceller() {
    if (!state_)
      return;
    state_->over = true;
    state_->timer.cancel();
  }

  /// Must be bound to the operation's handler.
  [[nodiscard]] boost::asio::cancellation_slot slot() const {
    return state_ ? state_->signal.slot() : boost::asio::cancellation_slot{};
  }

private:
  struct state {
    explicit state(const boost::asio::any_io_executor& strand) : timer{strand} {}

    boost::asio::cancellation_signal signal;
    boost::asio::steady_timer timer;
    bool over = false;
  };

  std::shared_ptr<state> state_;
};

} // namespace leasebreak::simulated

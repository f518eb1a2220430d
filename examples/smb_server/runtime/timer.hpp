// A timer on the clock of a runtime.
#pragma once

#include <smb_server/runtime/runtime.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace leasebreak::smb {

/// Like `boost::asio::steady_timer`, on the clock of a runtime.
class timer {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Handlers run on `executor` unless they have an associated executor.
  timer(const runtime& of, const asio::any_io_executor& executor)
    : runtime_{of}, other_{of.make_timer(executor)} {
    if (!other_)
      machine_.emplace(executor);
  }

  /// Cancels the waits for the previous expiry.
  void expires_at(time_point t) {
    expiry_ = t;
    if (other_)
      other_->cancel();
    else
      machine_->expires_at(t);
  }
  void expires_after(std::chrono::steady_clock::duration d) { expires_at(runtime_.now() + d); }
  [[nodiscard]] time_point expiry() const noexcept { return expiry_; }

  /// Cancels all waits; they complete with `operation_aborted`.
  void cancel() {
    if (other_)
      other_->cancel();
    else
      machine_->cancel();
  }

  /// Signature: `void(error_code)`.
  template <class Token>
  auto async_wait(Token&& token) {
    return asio::async_initiate<Token, void(boost::system::error_code)>(
      [this](auto handler) {
        if (other_)
          other_->wait(expiry_, std::move(handler));
        else // not erased: Asio ignores a lack of memory for an erased executor
          machine_->async_wait(std::move(handler));
      },
      token);
  }

private:
  const runtime& runtime_;
  time_point expiry_{};
  std::unique_ptr<other_timer> other_;
  std::optional<asio::steady_timer> machine_;
};

} // namespace leasebreak::smb

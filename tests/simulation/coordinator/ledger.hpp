// The operations of a run. Each must complete once, and in time.
#pragma once

#include "loop.hpp"

#include <leasebreak/error_code.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace leasebreak::simulation {

/// How long an operation may take.
enum class patience : std::uint8_t {
  none, ///< It waits for no client; in durable mode, only for the store.
  bounded, ///< At most `wait_max`.
  unbounded, ///< Without limit: a byte-range lock.
};

class ledger {
public:
  struct operation {
    std::string what;
    span began{};
    patience may_wait{};
    bool is_cancelled = false;
    asio::cancellation_signal signal;
  };

  explicit ledger(std::function<void(std::string)> complain) : complain_(std::move(complain)) {}

  /// Sets the time limits of the two limited kinds.
  void set_bounds(span none, span bounded) {
    none_max_ = none;
    bounded_max_ = bounded;
  }

  [[nodiscard]] std::uint64_t begin(std::string what, span now, patience p) {
    auto& op = open_[++last_];
    op.what = std::move(what);
    op.began = now;
    op.may_wait = p;
    return last_;
  }
  [[nodiscard]] operation& at(std::uint64_t number) { return open_.at(number); }

  /// Returns false if the operation had ended before.
  bool end(std::uint64_t number, span now) {
    const auto found = open_.find(number);
    if (found == open_.end()) {
      complain_("operation " + std::to_string(number) + " ends twice");
      return false;
    }
    check(found->second, now);
    open_.erase(found);
    return true;
  }

  /// Checks the operations in flight, too.
  void check_all(span now) {
    for (const auto& [number, op] : open_)
      check(op, now);
  }

  /// Cancels one of the operations in flight.
  void cancel(std::size_t which) {
    if (open_.empty())
      return;
    auto& op = std::next(open_.begin(), static_cast<std::ptrdiff_t>(which % open_.size()))->second;
    op.is_cancelled = true;
    op.signal.emit(asio::cancellation_type::terminal);
  }

  void check_none_left() {
    for (const auto& [number, op] : open_)
      complain_("operation " + std::to_string(number) + " never ends: " + op.what);
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return last_; }

private:
  void check(const operation& op, span now) {
    const auto took = now - op.began;
    if ((op.may_wait == patience::none && took > none_max_) ||
      (op.may_wait == patience::bounded && took > bounded_max_))
      complain_("an operation takes " +
        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) +
        " ms: " + op.what);
  }

  std::function<void(std::string)> complain_;
  std::map<std::uint64_t, operation> open_;
  std::uint64_t last_ = 0;
  span none_max_{};
  span bounded_max_{};
};

} // namespace leasebreak::simulation

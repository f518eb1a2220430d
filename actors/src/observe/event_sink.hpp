// The host's function for events, and the end of its use.
#pragma once

#include <leasebreak/events.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Calls `coordinator_config::on_event` until it is closed. Thread-safe.
class event_sink {
public:
  explicit event_sink(event_function told) : told_(std::move(told)) {}
  event_sink(const event_sink&) = delete;
  event_sink& operator=(const event_sink&) = delete;

  /// A period in which the function may be called on this thread.
  class turn {
  public:
    explicit turn(event_sink& of) noexcept;
    ~turn();
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

    [[nodiscard]] bool is_open() const noexcept { return is_open_; }
    /// Requires `is_open`.
    void tell(const event& e) const { of_.told_(e); }

  private:
    event_sink& of_;
    bool is_open_;
  };

  /// Begins no more turns, and waits for those in progress. Must not be called within one.
  void close() noexcept;

private:
  static constexpr std::uint32_t closed = std::uint32_t{1} << 31U;

  event_function told_;
  std::atomic<std::uint32_t> turns_{0}; ///< Turns in progress, and the bit `closed`.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

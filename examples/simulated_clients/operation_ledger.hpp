// Counts asynchronous operations. Each must complete exactly once, and never inside the initiating
// call.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace leasebreak::simulated {

/// The coordinator's operations that the simulated server uses.
enum class operation_kind : std::uint8_t {
  open,
  close,
  lock,
  unlock,
  acknowledge,
  access,
  check_io,
  disconnect,
};

inline constexpr std::size_t operation_kinds = 8;

[[nodiscard]] std::string_view to_string(operation_kind kind) noexcept;

/// The counters. Thread-safe. Must outlive the tickets.
class operation_ledger {
public:
  /// One operation. Shared by the initiating code and the completion handler.
  class ticket {
  public:
    ticket(operation_ledger& ledger, operation_kind kind) : ledger_{ledger}, kind_{kind} {}
    ticket(const ticket&) = delete;
    ticket& operator=(const ticket&) = delete;

    /// Must be called around the initiating call.
    void enter();
    void leave();

    /// Must be called by the completion handler.
    void complete();

  private:
    operation_ledger& ledger_;
    operation_kind kind_;
    std::atomic<int> completions_{0};
  };

  [[nodiscard]] std::shared_ptr<ticket> begin(operation_kind kind);

  [[nodiscard]] std::uint64_t started() const;
  [[nodiscard]] std::uint64_t started(operation_kind kind) const;
  [[nodiscard]] std::uint64_t completed() const;
  [[nodiscard]] std::uint64_t completed_twice() const { return twice_; }
  [[nodiscard]] std::uint64_t completed_inside() const { return inside_; }

  /// Describes the operations that have not completed, by kind. Empty if there are none.
  [[nodiscard]] std::string outstanding() const;

private:
  std::array<std::atomic<std::uint64_t>, operation_kinds> started_{};
  std::array<std::atomic<std::uint64_t>, operation_kinds> completed_{};
  std::atomic<std::uint64_t> twice_{0};
  std::atomic<std::uint64_t> inside_{0};
};

} // namespace leasebreak::simulated

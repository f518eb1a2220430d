// Limits the log lines about the breaks of one file.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Belongs to a file, which has breaks rarely; it is therefore small.
class line_limit {
public:
  /// Warnings are counted apart: routine lines must not displace them.
  enum class kind : std::uint8_t { notice, warning };
  static constexpr std::size_t kinds = 2;
  static constexpr std::uint32_t lines_per_second = 10;

  /// Returns whether a line may be written at `now`. Counts it if not. `take` must have returned
  /// the counts that are due.
  [[nodiscard]] bool admit(kind k, time_point now);
  /// Returns when `take` will have a count; nothing if no line was omitted.
  [[nodiscard]] std::optional<time_point> due() const noexcept;
  /// Returns the number of omitted lines if their second is over at `now`, otherwise zero. Forgets
  /// the number that it returns.
  [[nodiscard]] std::uint32_t take(kind k, time_point now) noexcept;
  /// Returns whether a call of `tidy` may be of use.
  [[nodiscard]] bool has_memory() const noexcept { return seconds_ != nullptr; }
  /// Frees the memory if it is not needed at `now`.
  void tidy(time_point now) noexcept;

private:
  struct second {
    [[nodiscard]] bool is_over(time_point now) const noexcept;
    [[nodiscard]] std::uint32_t omitted() const noexcept;

    time_point began{};
    std::uint32_t lines = 0; ///< Including the omitted ones.
  };
  std::unique_ptr<std::array<second, kinds>> seconds_; ///< Null: there were no lines.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

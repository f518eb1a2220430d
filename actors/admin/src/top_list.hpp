// The keys with the greatest sums of the last hour, in bounded memory.
#pragma once

#include <leasebreak/model/clock.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::admin {

/// One slot for each minute, which counts with the space-saving algorithm (Metwally and others,
/// 2005): a key that finds no room replaces the least one and inherits its sum as a possible error.
/// A key with more than a 64th of a minute's sum is never missing.
class top_list {
public:
  static constexpr std::size_t minutes = 60;
  static constexpr std::size_t keys_per_minute = 64;
  static constexpr std::size_t name_bytes_max = 256; ///< Longer names are cut off.

  struct entry {
    std::string key;
    std::string name; ///< The last one.
    std::uint64_t us = 0; ///< The sum.
    std::uint64_t error_us = 0; ///< The sum may be too great by this.
    std::uint64_t count = 0; ///< How often, since the key was last replaced.
  };

  /// `now` must not be much earlier than in previous calls; what is older than an hour is ignored.
  void add(time_point now, std::string_view key, std::string_view name, std::uint64_t us);

  /// Returns the greatest sums of the hour before `now`, at most `most`, the greatest first.
  [[nodiscard]] std::vector<entry> top(time_point now, std::size_t most) const;

private:
  struct slot {
    std::int64_t minute = -1; ///< Since 1970; less than 0: unused.
    std::vector<entry> keys;
  };

  [[nodiscard]] static std::int64_t minute_of(time_point t) noexcept;

  std::array<slot, minutes> slots_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::admin

// Finds clients that let several breaks expire.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/ids.hpp>

#include <array>
#include <cstddef>
#include <mutex>
#include <unordered_map>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Remembers when the breaks of clients expired. Passive, behind a leaf mutex, because the files of
/// a client report to it; expired breaks are rare. Thread-safe.
class unresponsive_clients {
public:
  static constexpr std::size_t breaks = 3; ///< So many within `period` make a client unresponsive.
  static constexpr duration period = std::chrono::hours{1};
  static constexpr std::size_t clients_max = 1'024; ///< Beyond it, the oldest is forgotten.

  /// A break of the client expired. Returns true if that made it unresponsive. While it stays so,
  /// the result is false.
  [[nodiscard]] bool add(const client_guid& client, time_point now);

  /// Returns how many clients are unresponsive at `now`.
  [[nodiscard]] std::size_t count(time_point now) const;

private:
  struct last_breaks {
    std::array<time_point, breaks> at{}; ///< A ring.
    std::size_t next = 0; ///< The index of the oldest.
    std::size_t known = 0;

    [[nodiscard]] bool is_unresponsive(time_point now) const noexcept {
      return known == breaks && now - at[next] < period;
    }
    [[nodiscard]] time_point newest() const noexcept { return at[(next + breaks - 1) % breaks]; }
  };

  void forget_oldest_locked(time_point now);

  mutable std::mutex mutex_;
  std::unordered_map<client_guid, last_breaks> clients_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

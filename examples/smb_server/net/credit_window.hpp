// Which message ids a client may use (MS-SMB2 3.3.1.1, 3.3.5.2.3).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace leasebreak::smb {

/// Of a request's or its answer's data, that one credit pays for (MS-SMB2 3.1.5.2).
inline constexpr std::size_t bytes_per_credit = 65'536;

/// The ids that have been granted and not been used. Starts with id 0 alone.
class credit_window {
public:
  /// `most` bounds how far the window reaches from its first unused id.
  explicit credit_window(std::size_t most) : most_{most} {}

  /// Uses up `count` ids from `first` on; false, and nothing changed, unless all are there.
  bool use(std::uint64_t first, std::uint64_t count) {
    if (first < low_ || count > free_.size() || first - low_ > free_.size() - count)
      return false;
    const auto begin = free_.begin() + static_cast<std::ptrdiff_t>(first - low_);
    const auto end = begin + static_cast<std::ptrdiff_t>(count);
    if (std::find(begin, end, false) != end)
      return false;
    std::fill(begin, end, false);
    while (!free_.empty() && !free_.front()) {
      free_.pop_front();
      ++low_;
    }
    return true;
  }

  /// Adds ids at the end, `wanted` or as many as the bound leaves; returns how many.
  std::uint16_t grant(std::uint16_t wanted) {
    const std::size_t room = most_ > free_.size() ? most_ - free_.size() : 0;
    const auto granted = static_cast<std::uint16_t>(std::min<std::size_t>(wanted, room));
    free_.insert(free_.end(), granted, true);
    return granted;
  }

private:
  std::size_t most_;
  std::uint64_t low_ = 0;
  std::deque<bool> free_ = std::deque<bool>(1, true);
};

} // namespace leasebreak::smb

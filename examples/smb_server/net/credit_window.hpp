// The message ids that a client may use (MS-SMB2 3.3.1.1, 3.3.5.2.3).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace leasebreak::smb {

/// The size of a request's or response's data that one credit covers (MS-SMB2 3.1.5.2).
inline constexpr std::size_t bytes_per_credit = 65'536;

/// The granted, unused message ids. Initially only id 0.
class credit_window {
public:
  /// `most` limits the distance from the first unused id to the end of the window.
  explicit credit_window(std::size_t most) : most_{most} {}

  /// Consumes `count` ids from `first` on. If one of them is not available, returns false and
  /// changes nothing.
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

  /// Appends up to `wanted` ids, limited by the size of the window. Returns their number.
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

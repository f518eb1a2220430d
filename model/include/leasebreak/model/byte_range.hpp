// Byte ranges in the full 64-bit space, and the conditions under which two locks on them conflict.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstdint>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The `length` bytes from `offset` on. A range of length zero lies between two bytes.
struct byte_range {
  std::uint64_t offset = 0; ///< The first byte.
  std::uint64_t length = 0; ///< The number of bytes.

  friend bool operator==(const byte_range&, const byte_range&) = default;

  /// Returns false if the last byte would be past 2^64 - 1 (MS-SMB2 3.3.5.14:
  /// STATUS_INVALID_LOCK_RANGE).
  [[nodiscard]] constexpr bool is_valid() const noexcept {
    return length == 0 || offset <= UINT64_MAX - (length - 1);
  }

  /// Returns the offset of the last byte. The range must be valid and not empty.
  [[nodiscard]] constexpr std::uint64_t last() const noexcept { return offset + (length - 1); }
};

/// Returns whether two valid ranges overlap by the rule for locks (MS-FSA 2.1.4.10). An empty range
/// at N overlaps a range that has bytes on both sides of N. Two empty ranges never overlap.
[[nodiscard]] constexpr bool overlap(const byte_range& a, const byte_range& b) noexcept {
  if (a.length == 0 && b.length == 0)
    return false;
  if (a.length == 0)
    return b.offset < a.offset && a.offset <= b.last();
  if (b.length == 0)
    return a.offset < b.offset && b.offset <= a.last();
  return a.offset <= b.last() && b.offset <= a.last();
}

/// Returns whether a held lock prevents the grant of a wanted one (MS-FSA 2.1.5.8). Shared locks
/// are compatible with each other. An owner may stack a shared lock on its own exclusive lock, but
/// no other combination.
[[nodiscard]] constexpr bool range_conflict(const byte_range& held, bool held_exclusive,
  const byte_range& wanted, bool wanted_exclusive, bool same_owner) noexcept {
  if (!overlap(held, wanted) || (!held_exclusive && !wanted_exclusive))
    return false;
  return !(same_owner && held_exclusive && !wanted_exclusive);
}

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

// Lease states and oplock levels (MS-SMB2 2.2.13, 2.2.13.2.8), their text form, and their mapping.
#pragma once

#include <leasebreak/model/export.hpp>

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string_view>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// What a client may cache: the bits of MS-SMB2 2.2.13.2.8 with their wire values. Only `none`,
/// `r`, `rh`, `rw` and `rwh` are states of a lease. Other combinations occur in requests and in
/// computations of breaks.
enum class lease_state : std::uint8_t {
  none = 0x00,
  read = 0x01, ///< Reads may be served from the cache.
  handle = 0x02, ///< Opens may be kept after the application closed them.
  write = 0x04, ///< Writes may be buffered.

  r = read, ///< Read.
  rh = read | handle, ///< Read and Handle.
  rw = read | write, ///< Read and Write.
  rwh = read | write | handle, ///< All of them.
};

/// Returns the wire value.
[[nodiscard]] constexpr std::uint8_t bits(lease_state s) noexcept {
  return static_cast<std::uint8_t>(s);
}

/// Returns the bits that are in `a` or `b`.
[[nodiscard]] constexpr lease_state operator|(lease_state a, lease_state b) noexcept {
  return static_cast<lease_state>(bits(a) | bits(b));
}

/// Returns the bits that are in `a` and `b`.
[[nodiscard]] constexpr lease_state operator&(lease_state a, lease_state b) noexcept {
  return static_cast<lease_state>(bits(a) & bits(b));
}

/// Returns `a` without the bits of `b`.
[[nodiscard]] constexpr lease_state operator-(lease_state a, lease_state b) noexcept {
  return static_cast<lease_state>(bits(a) & ~bits(b) & 0x07);
}

/// Returns whether `a` and `b` have a bit in common.
[[nodiscard]] constexpr bool intersects(lease_state a, lease_state b) noexcept {
  return (a & b) != lease_state::none;
}

/// Returns whether `whole` has every bit of `part`.
[[nodiscard]] constexpr bool is_subset(lease_state part, lease_state whole) noexcept {
  return (part & whole) == part;
}

/// Returns whether a lease may have the state `s`: none, R, RH, RW or RWH on a file; none, R or RH
/// on a directory.
[[nodiscard]] constexpr bool is_valid(lease_state s, bool is_directory) noexcept {
  switch (s) {
  case lease_state::none:
  case lease_state::r:
  case lease_state::rh:
    return true;
  case lease_state::rw:
  case lease_state::rwh:
    return !is_directory;
  default:
    return false;
  }
}

/// Returns "none", "R", "H", "RH", "W", "RW", "WH" or "RWH"; "invalid" if other bits are set.
[[nodiscard]] std::string_view to_string(lease_state s) noexcept;

/// Parses one of the five states of a lease as `to_string` writes it, with letters in any order and
/// case ("RWH" and "rhw" are equal). Returns nothing for any other text.
[[nodiscard]] std::optional<lease_state> parse_lease_state(std::string_view text) noexcept;

/// Writes the result of `to_string`.
std::ostream& operator<<(std::ostream& out, lease_state s);

/// Oplock levels with their wire values (MS-SMB2 2.2.13, RequestedOplockLevel).
enum class oplock_level : std::uint8_t {
  none = 0x00,
  level_ii = 0x01, ///< Like R.
  exclusive = 0x08, ///< Like RW.
  batch = 0x09, ///< Like RWH.
  lease = 0xff, ///< A lease instead of an oplock.
};

/// Returns what a holder of the oplock may cache: R for level II, RW for exclusive, RWH for batch.
[[nodiscard]] constexpr lease_state state_of(oplock_level level) noexcept {
  switch (level) {
  case oplock_level::level_ii:
    return lease_state::r;
  case oplock_level::exclusive:
    return lease_state::rw;
  case oplock_level::batch:
    return lease_state::rwh;
  default:
    return lease_state::none;
  }
}

/// Returns the strongest oplock within `s`: batch for RWH, exclusive for RW, level II for R and RH,
/// otherwise none.
[[nodiscard]] constexpr oplock_level oplock_of(lease_state s) noexcept {
  if (!intersects(s, lease_state::read))
    return oplock_level::none;
  if (s == lease_state::rwh)
    return oplock_level::batch;
  return intersects(s, lease_state::write) ? oplock_level::exclusive : oplock_level::level_ii;
}

/// Returns "none", "level II", "exclusive", "batch", "lease", or "invalid".
[[nodiscard]] std::string_view to_string(oplock_level level) noexcept;

/// Writes the result of `to_string`.
std::ostream& operator<<(std::ostream& out, oplock_level level);

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

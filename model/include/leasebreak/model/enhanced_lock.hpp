// A byte-range lock or a lease with its owner: the record that is listed, compared and persisted.
#pragma once

#include <leasebreak/model/byte_range.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/lease_info.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The owner of a lock.
struct lock_owner {
  std::string owner_id; ///< The holder: an open or a lease key. Opaque.
  std::string client_id; ///< The client of the holder: the 32 hexadecimal digits of its ClientGuid.
  std::string share; ///< The share through which it was taken.

  friend bool operator==(const lock_owner&, const lock_owner&) = default;
};

/// The access that a lock denies to all other owners, regardless of ranges. Other systems that
/// share the store use it for their share reservations (NFSv4, NLM). SMB opens have share modes
/// instead.
enum class access_mode : std::uint8_t {
  none = 0,
  deny_read = 1, ///< Denies reading.
  deny_write = 2, ///< Denies writing.
  deny_all = 3 ///< Denies both.
};

/// A byte-range lock or a lease. A plain value; a copy shares nothing with the original.
struct enhanced_lock {
  std::string id; ///< Unique among all locks of a store.
  lock_owner owner; ///< The holder.
  std::string file_id; ///< The file's id.
  byte_range range; ///< A lease covers the whole file and ignores this.
  bool exclusive = false; ///< True for an exclusive byte-range lock.
  access_mode denies = access_mode::none; ///< The access that it denies to other owners.
  time_point acquired_at{}; ///< When it was granted.
  std::optional<lease_info> lease; ///< Set if this is a lease or an oplock.

  friend bool operator==(const enhanced_lock&, const enhanced_lock&) = default;

  /// Returns whether this is a lease or an oplock.
  [[nodiscard]] bool is_lease() const noexcept { return lease.has_value(); }
};

/// Returns whether the two locks can cover the same bytes. A lease overlaps everything on its file.
/// Locks of different files never overlap.
[[nodiscard]] bool overlaps(const enhanced_lock& a, const enhanced_lock& b) noexcept;

/// Returns whether `held` prevents the grant of `wanted`. The rules, in this order:
/// - Different files never conflict.
/// - If one denies access (`access_mode`) and the owners differ, they conflict if the other uses
///   that access. A shared lock reads, an exclusive lock writes, and a lease does what its state
///   says.
/// - Leases of the same client and key never conflict. Other leases conflict if one has Write and
///   the other has Read or Write. A breaking lease counts as the state that it must reach (MS-SMB2
///   3.3.1.12).
/// - A lease with Write conflicts with an exclusive byte-range lock of another client, whichever is
///   held.
/// - For two byte-range locks, see `range_conflict` of byte_range.hpp.
[[nodiscard]] bool conflicts_with(const enhanced_lock& held, const enhanced_lock& wanted) noexcept;

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

#include <leasebreak/model/enhanced_lock.hpp>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

constexpr auto rw = lease_state::read | lease_state::write;

// The access that a lock implies for share reservations.
struct deeds {
  bool reads;
  bool writes;
};

deeds deeds_of(const enhanced_lock& lock) {
  if (!lock.is_lease())
    return {!lock.exclusive, lock.exclusive};
  const auto state = lock.lease->effective_state();
  return {intersects(state, lease_state::read), intersects(state, lease_state::write)};
}

bool denied(access_mode mode, deeds what) {
  const auto m = static_cast<std::uint8_t>(mode);
  return (what.reads && (m & static_cast<std::uint8_t>(access_mode::deny_read)) != 0) ||
    (what.writes && (m & static_cast<std::uint8_t>(access_mode::deny_write)) != 0);
}

bool leases_conflict(const enhanced_lock& a, const enhanced_lock& b) {
  if (a.lease->key == b.lease->key && a.owner.client_id == b.owner.client_id)
    return false;
  const auto state_a = a.lease->effective_state();
  const auto state_b = b.lease->effective_state();
  return (intersects(state_a, lease_state::write) && intersects(state_b, rw)) ||
    (intersects(state_b, lease_state::write) && intersects(state_a, rw));
}

bool lease_meets_range(const enhanced_lock& lease, const enhanced_lock& range) {
  return range.exclusive && lease.owner.client_id != range.owner.client_id &&
    intersects(lease.lease->effective_state(), lease_state::write);
}

} // namespace

bool overlaps(const enhanced_lock& a, const enhanced_lock& b) noexcept {
  if (a.file_id != b.file_id)
    return false;
  return a.is_lease() || b.is_lease() || overlap(a.range, b.range);
}

bool conflicts_with(const enhanced_lock& held, const enhanced_lock& wanted) noexcept {
  if (held.file_id != wanted.file_id)
    return false;
  if (held.owner != wanted.owner &&
    (denied(held.denies, deeds_of(wanted)) || denied(wanted.denies, deeds_of(held))))
    return true;
  if (held.is_lease() && wanted.is_lease())
    return leases_conflict(held, wanted);
  if (held.is_lease())
    return lease_meets_range(held, wanted);
  if (wanted.is_lease())
    return lease_meets_range(wanted, held);
  return range_conflict(
    held.range, held.exclusive, wanted.range, wanted.exclusive, held.owner == wanted.owner);
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

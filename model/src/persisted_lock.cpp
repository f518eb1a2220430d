#include <leasebreak/model/persisted_lock.hpp>

#include <leasebreak/model/quoted.hpp>

#include <leasebreak/model/access.hpp>

#include <algorithm>
#include <utility>

namespace leasebreak::LEASEBREAK_INLINE_ABI {

namespace {

constexpr std::uint32_t lease_bits = 0x07;

lease_key key_of(const std::vector<std::uint8_t>& bytes) {
  lease_key key;
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  return key;
}

std::vector<std::uint8_t> bytes_of(const lease_key& key) {
  return {key.bytes.begin(), key.bytes.end()};
}

// Old writers stored Write for directories, which no directory lease can have.
lease_state state_of_record(std::uint32_t stored, bool is_directory) {
  const auto state = static_cast<lease_state>(stored & lease_bits);
  return is_directory ? state - lease_state::write : state;
}

// Returns whether the state is valid for a lease after Write is removed from a directory.
bool is_known_state(std::uint32_t stored, bool is_directory) {
  return (stored & ~lease_bits) == 0 &&
    is_valid(state_of_record(stored, is_directory), is_directory);
}

std::string length_text(const char* rule, std::size_t size) {
  return std::string(rule) + ", has " + std::to_string(size);
}

std::optional<record_error> validate_lease(const persisted_lock& r) {
  const auto wrong = [&r](const char* field, std::string what) {
    return record_error{r.id, field, std::move(what)};
  };
  if (r.lease_key.size() != 16)
    return wrong("lease_key", length_text("must have 16 bytes", r.lease_key.size()));
  if (key_of(r.lease_key).is_zero())
    return wrong("lease_key", "must not be zero");
  if (!is_known_state(r.lease_state, r.is_directory))
    return wrong("lease_state", "is not a lease state: " + std::to_string(r.lease_state));
  if (!is_known_state(r.break_to_state, r.is_directory))
    return wrong("break_to_state", "is not a lease state: " + std::to_string(r.break_to_state));
  if (!is_known_state(r.breaking_to_required, r.is_directory))
    return wrong(
      "breaking_to_required", "is not a lease state: " + std::to_string(r.breaking_to_required));
  if (r.breaking) {
    // The break's current target must be within the state, and its final target within the current
    // one.
    const auto state = state_of_record(r.lease_state, r.is_directory);
    const auto break_to = state_of_record(r.break_to_state, r.is_directory);
    const auto required = state_of_record(r.breaking_to_required, r.is_directory);
    if (!is_subset(break_to, state))
      return wrong("break_to_state", "is not within lease_state");
    if (!is_subset(required, break_to))
      return wrong("breaking_to_required", "is not within break_to_state");
  }
  if (!r.parent_lease_key.empty() && r.parent_lease_key.size() != 16)
    return wrong("parent_lease_key", length_text("must have 16 bytes", r.parent_lease_key.size()));
  return std::nullopt;
}

std::optional<record_error> validate_open(const persisted_lock& r) {
  const auto wrong = [&r](const char* field, std::string what) {
    return record_error{r.id, field, std::move(what)};
  };
  const auto& open = *r.open;
  if (open.id == 0)
    return wrong("open_id", "must not be zero");
  if (r.is_lease())
    return wrong("lease_key", "must not be set with open_id");
  if (open.access == 0)
    return wrong("open_access", "must not be zero");
  if ((open.share_access & ~share::all) != 0)
    return wrong(
      "open_share_access", "is not a share access: " + std::to_string(open.share_access));
  if (!open.create_guid.empty() && open.create_guid.size() != 16)
    return wrong("open_create_guid", length_text("must have 16 bytes", open.create_guid.size()));
  if (open.timeout_ms == 0 || open.timeout_ms > persisted_timeout_max_ms)
    return wrong("open_timeout_ms",
      "must be from 1 to " + std::to_string(persisted_timeout_max_ms) + ", is " +
        std::to_string(open.timeout_ms));
  if (!open.lease_key.empty() && open.lease_key.size() != 16)
    return wrong("open_lease_key", length_text("must have 16 bytes", open.lease_key.size()));
  if (!open.lease_key.empty() && key_of(open.lease_key).is_zero())
    return wrong("open_lease_key", "must not be zero");
  if (!open.app_instance.empty() && open.app_instance.size() != 16)
    return wrong("open_app_instance", length_text("must have 16 bytes", open.app_instance.size()));
  if (!open.app_instance.empty() && key_of(open.app_instance).is_zero())
    return wrong("open_app_instance", "must not be zero");
  if (open.app_versioned && open.app_instance.empty())
    return wrong("open_app_versioned", "must not be set without open_app_instance");
  if (!open.app_versioned && open.app_version_high != 0)
    return wrong("open_app_version_high", "must be 0 without open_app_versioned");
  if (!open.app_versioned && open.app_version_low != 0)
    return wrong("open_app_version_low", "must be 0 without open_app_versioned");
  return std::nullopt;
}

lease_info lease_of_record(const persisted_lock& r) {
  lease_info lease;
  lease.key = key_of(r.lease_key);
  lease.is_directory = r.is_directory;
  lease.is_oplock = r.is_traditional_oplock;
  lease.state = state_of_record(r.lease_state, r.is_directory);
  lease.breaking = r.breaking;
  lease.epoch = r.lease_epoch;
  lease.version = r.lease_version == 0 ? 2 : r.lease_version;
  lease.timed_out = r.broken_via_timeout;
  if (!r.parent_lease_key.empty())
    lease.parent_key = key_of(r.parent_lease_key);
  if (r.breaking) {
    lease.break_to = state_of_record(r.break_to_state, r.is_directory);
    // In other systems' records, zero means "none" or "not written". Using the break's current
    // target loses at most a merged target, which a new conflict sets again. leasebreak's own
    // records have a version, and their values are always meant.
    const auto required = state_of_record(r.breaking_to_required, r.is_directory);
    const bool unwritten = required == lease_state::none && r.lease_version == 0;
    lease.required = unwritten ? lease.break_to : required;
    lease.break_started = r.break_started;
  } else {
    lease.break_to = lease.state;
    lease.required = lease.state;
  }
  return lease;
}

} // namespace

persisted_lock to_persisted_lock(enhanced_lock lock, std::uint64_t server_epoch) {
  persisted_lock r;
  r.id = std::move(lock.id);
  r.share_name = std::move(lock.owner.share);
  r.file_id = std::move(lock.file_id);
  r.owner_id = std::move(lock.owner.owner_id);
  r.client_id = std::move(lock.owner.client_id);
  r.lock_type = lock.exclusive ? 1 : 0;
  r.share_reservation = static_cast<std::uint8_t>(lock.denies);
  r.acquired_at = lock.acquired_at;
  r.server_epoch = server_epoch;
  if (!lock.lease) {
    r.offset = lock.range.offset;
    r.length = lock.range.length;
    r.is_zero_byte = lock.range.length == 0;
    r.is_legacy_byte_range = true;
    return r;
  }
  const auto& lease = *lock.lease;
  r.lease_key = bytes_of(lease.key);
  r.lease_state = bits(lease.state);
  r.lease_epoch = lease.epoch;
  r.breaking = lease.breaking;
  if (lease.breaking) {
    r.break_to_state = bits(lease.break_to);
    r.breaking_to_required = bits(lease.required);
    r.break_started = lease.break_started;
  }
  if (!lease.parent_key.is_zero())
    r.parent_lease_key = bytes_of(lease.parent_key);
  r.is_directory = lease.is_directory;
  r.is_traditional_oplock = lease.is_oplock;
  r.lease_version = lease.version;
  r.broken_via_timeout = lease.timed_out;
  return r;
}

std::string to_string(const record_error& error) {
  return "record " + quoted(error.record) + ", field " + quoted(error.field) + ": " + error.what;
}

std::optional<record_error> validate(const persisted_lock& r) {
  const auto wrong = [&r](const char* field, std::string what) {
    return record_error{r.id, field, std::move(what)};
  };
  if (r.id.empty())
    return wrong("id", "must not be empty");
  if (r.file_id.empty())
    return wrong("file_id", "must not be empty");
  if (r.lock_type > 1)
    return wrong("lock_type", "must be 0 or 1, is " + std::to_string(r.lock_type));
  if (r.share_reservation > 3)
    return wrong("share_reservation", "must be 0 to 3, is " + std::to_string(r.share_reservation));
  if (r.is_zero_byte && r.length != 0)
    return wrong("length", "must be 0 with is_zero_byte");
  if (!byte_range{r.offset, r.length}.is_valid())
    return wrong("length", "exceeds the 64-bit space");
  if (r.deleg_type > 1)
    return wrong("deleg_type", "must be 0 or 1, is " + std::to_string(r.deleg_type));
  if (r.lease_version > 2)
    return wrong("lease_version", "must be 1 or 2, is " + std::to_string(r.lease_version));
  if (r.is_open())
    return validate_open(r);
  if (r.is_lease())
    return validate_lease(r);
  return std::nullopt;
}

enhanced_lock to_enhanced_lock(const persisted_lock& r) {
  enhanced_lock lock;
  lock.id = r.id;
  lock.owner = {r.owner_id, r.client_id, r.share_name};
  lock.file_id = r.file_id;
  lock.exclusive = r.lock_type == 1;
  lock.denies = static_cast<access_mode>(r.share_reservation);
  lock.acquired_at = r.acquired_at;
  if (r.is_lease()) {
    lock.lease = lease_of_record(r);
    return lock;
  }
  lock.range = {r.offset, r.length};
  if (r.length == 0 && !r.is_zero_byte)
    // Up to the end. From offset 0 this is one byte more than a length can express.
    lock.range.length = r.offset == 0 ? UINT64_MAX : UINT64_MAX - r.offset + 1;
  return lock;
}

bool lock_query::is_empty() const noexcept {
  return file_id.empty() && owner_id.empty() && client_id.empty() && share_name.empty() &&
    !is_lease;
}

bool lock_query::matches(const persisted_lock& r) const noexcept {
  return (file_id.empty() || file_id == r.file_id) &&
    (owner_id.empty() || owner_id == r.owner_id) &&
    (client_id.empty() || client_id == r.client_id) &&
    (share_name.empty() || share_name == r.share_name) && (!is_lease || *is_lease == r.is_lease());
}

} // namespace leasebreak::LEASEBREAK_INLINE_ABI

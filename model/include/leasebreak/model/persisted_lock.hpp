// The stored form of a lock, from which it is recovered after a restart.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/enhanced_lock.hpp>
#include <leasebreak/model/export.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The stored data that a client needs to reconnect a persistent open after a restart (MS-SMB2
/// 3.3.1.10). leasebreak's own addition to a record. A plain value.
struct persisted_open {
  std::uint64_t id = 0; ///< The `open_id`; not zero.
  std::uint32_t access = 0; ///< The granted access.
  std::uint32_t share_access = 0; ///< The share mode.
  bool delete_on_close = false; ///< Delete the file when it is closed.
  bool delete_pending = false; ///< The file will be deleted with its last open.
  std::vector<std::uint8_t> create_guid; ///< 16 bytes, or empty for V1.
  std::uint64_t timeout_ms = 0; ///< How long it is kept while disconnected.
  std::vector<std::uint8_t> lease_key; ///< 16 bytes: the key of its lease. Empty: none.
  std::string server_state; ///< Opaque bytes of the server.
  std::vector<std::uint8_t> app_instance; ///< 16 bytes: its AppInstanceId. Empty: none.
  bool app_versioned = false; ///< With `app_instance`: whether the version below is set.
  std::uint64_t app_version_high = 0; ///< AppInstanceVersionHigh.
  std::uint64_t app_version_low = 0; ///< AppInstanceVersionLow.

  friend bool operator==(const persisted_open&, const persisted_open&) = default;
};

/// The longest `persisted_open::timeout_ms`: a year.
inline constexpr std::uint64_t persisted_timeout_max_ms = 365ULL * 24 * 60 * 60 * 1000;

/// A lock as a store keeps it. The fields, their order and their meaning are those of DittoFS's
/// PersistedLock, so that each can read the other's records; docs/storage-format.md describes the
/// encoding. A plain value.
struct persisted_lock {
  std::string id; ///< Unique among all records of a store.
  std::string share_name; ///< The name of the share.
  std::string file_id; ///< The file's id.
  std::string owner_id; ///< The holder: an open, or a lease key; see docs/storage-format.md.
  std::string client_id; ///< The ClientGuid, in hexadecimal.
  std::uint8_t lock_type = 0; ///< 0: shared, 1: exclusive.
  std::uint64_t offset = 0; ///< The first byte of a byte-range lock.
  std::uint64_t length = 0; ///< 0: up to the end of the file, unless `is_zero_byte`.
  bool is_zero_byte = false; ///< A byte-range lock of length zero, between two bytes.
  bool is_legacy_byte_range = false; ///< A byte-range lock with the rules of SMB.
  std::uint8_t share_reservation = 0; ///< A value of `access_mode`.
  time_point acquired_at{}; ///< When it was granted.
  std::uint64_t server_epoch = 0; ///< The epoch of the server that wrote the record.

  // Leases and oplocks; all are empty for a byte-range lock.
  std::vector<std::uint8_t> lease_key; ///< 16 bytes if this is a lease, otherwise empty.
  std::uint32_t lease_state = 0; ///< The bits of `leasebreak::lease_state`.
  std::uint16_t lease_epoch = 0; ///< `lease_info::epoch`.
  std::uint32_t break_to_state = 0; ///< `lease_info::break_to`.
  std::uint32_t breaking_to_required = 0; ///< `lease_info::required`.
  bool breaking = false; ///< `lease_info::breaking`.
  time_point break_started{}; ///< `lease_info::break_started`.
  std::vector<std::uint8_t> parent_lease_key; ///< 16 bytes or empty.
  bool is_directory = false; ///< `lease_info::is_directory`.
  bool is_traditional_oplock = false; ///< `lease_info::is_oplock`.

  // Delegations of other systems that share the store. leasebreak preserves them but does not use
  // them.
  std::string delegation_id; ///< The id of the delegation.
  std::uint8_t deleg_type = 0; ///< The type of the delegation.
  bool deleg_breaking = false; ///< The delegation is being recalled.
  bool deleg_recalled = false; ///< The recall was sent.
  bool deleg_revoked = false; ///< The delegation was revoked.
  std::uint32_t deleg_notification_mask = 0; ///< The events that are reported to its holder.

  // leasebreak's own additions. Records of other systems lack them, and other systems ignore them.
  std::uint8_t lease_version = 0; ///< 1 or 2; 0: unknown, treated as 2.
  bool broken_via_timeout = false; ///< The last break expired.
  /// If set, this is the record of a persistent open, not of a lock.
  std::optional<persisted_open> open;

  friend bool operator==(const persisted_lock&, const persisted_lock&) = default;

  /// Returns whether this is the record of a lease or oplock.
  [[nodiscard]] bool is_lease() const noexcept { return !lease_key.empty(); }
  /// Returns whether this is the record of a persistent open.
  [[nodiscard]] bool is_open() const noexcept { return open.has_value(); }
};

/// Returns the record of `lock`. `to_enhanced_lock` converts it back to an equal lock. Only
/// meaningless values are lost: the range of a lease, and the targets and start of a break if none
/// is in progress. These are restored as the state and `time_point{}`.
[[nodiscard]] persisted_lock to_persisted_lock(enhanced_lock lock, std::uint64_t server_epoch);

/// The reason why a record cannot be used.
struct record_error {
  std::string record; ///< The id of the record, or its position in the list if it has none.
  std::string field; ///< The name of the field in the JSON form.
  std::string what; ///< What is wrong with it.

  friend bool operator==(const record_error&, const record_error&) = default;
};

/// Returns text such as `record "x", field "lease_key": must have 16 bytes, has 3`.
[[nodiscard]] std::string to_string(const record_error& error);

/// Checks all that readers rely on: sizes of keys, known lease states, ranges, enumerations.
/// Returns nothing if the record is valid.
[[nodiscard]] std::optional<record_error> validate(const persisted_lock& record);

/// Returns the lock of a record. The record must be valid (`validate`) and not be that of an open.
/// Removes Write from a directory, which old writers stored. If the record has no `lease_version`,
/// leasebreak did not write it; a `breaking_to_required` of zero then means `break_to_state` if
/// breaking, otherwise `lease_state`.
[[nodiscard]] enhanced_lock to_enhanced_lock(const persisted_lock& record);

/// Selects records for a listing. An empty member matches all; all other members must match.
struct lock_query {
  lock_query() = default; // not an aggregate, see requests.hpp

  std::string file_id; ///< Only records of this file.
  std::string owner_id; ///< Only records of this owner.
  std::string client_id; ///< Only records of this client.
  std::string share_name; ///< Only records of this share.
  std::optional<bool> is_lease; ///< False: byte-range locks and opens.

  friend bool operator==(const lock_query&, const lock_query&) = default;

  /// Returns whether the query matches every record.
  [[nodiscard]] bool is_empty() const noexcept;

  /// Returns whether the query selects `record`.
  [[nodiscard]] bool matches(const persisted_lock& record) const noexcept;
};

/// One change in a store: a record to put, or the id of a record to delete.
struct record_change {
  std::string id; ///< The id of the record.
  std::optional<persisted_lock> put; ///< Empty: delete `id`, if it exists.

  friend bool operator==(const record_change&, const record_change&) = default;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

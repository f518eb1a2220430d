// The durable form of a lock: what a restart needs to know about what was held.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/enhanced_lock.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace leasebreak {

/// What a persistent open needs to be had back after a restart (MS-SMB2 3.3.1.10): leasebreak's own
/// addition to a record. A plain value.
struct persisted_open {
  std::uint64_t id = 0; ///< The `open_id`; not zero.
  std::uint32_t access = 0;
  std::uint32_t share_access = 0;
  bool delete_on_close = false;
  bool delete_pending = false; ///< The file is to be deleted with its last open.
  std::vector<std::uint8_t> create_guid; ///< 16 bytes, or empty: version 1.
  std::uint64_t timeout_ms = 0; ///< For how long it is kept without a connection.
  std::vector<std::uint8_t> lease_key; ///< 16 bytes: it uses this lease. Empty: none.
  std::string server_state; ///< The server's own bytes.
  std::vector<std::uint8_t> app_instance; ///< 16 bytes: the application's. Empty: none.
  bool app_versioned = false; ///< With `app_instance`: it has a version, ...
  std::uint64_t app_version_high = 0; ///< ... and this is it.
  std::uint64_t app_version_low = 0;

  friend bool operator==(const persisted_open&, const persisted_open&) = default;
};

/// The longest `persisted_open::timeout_ms`: a year.
inline constexpr std::uint64_t persisted_timeout_max_ms = 365ULL * 24 * 60 * 60 * 1000;

/// A lock as a store keeps it. The fields, their order and their meaning are those of DittoFS's
/// PersistedLock, so that both read each other's records; docs/storage-format.md has the encoding.
/// A plain value.
struct persisted_lock {
  std::string id;
  std::string share_name;
  std::string file_id;
  std::string owner_id;
  std::string client_id;
  std::uint8_t lock_type = 0; ///< 0 shared, 1 exclusive.
  std::uint64_t offset = 0;
  std::uint64_t length = 0; ///< 0: to the end of the file, unless `is_zero_byte`.
  bool is_zero_byte = false;
  bool is_legacy_byte_range = false;
  std::uint8_t share_reservation = 0; ///< `access_mode`.
  time_point acquired_at{};
  std::uint64_t server_epoch = 0; ///< Of the server that wrote the record.

  // Leases and oplocks; all empty on a byte-range lock.
  std::vector<std::uint8_t> lease_key; ///< 16 bytes: this is a lease. Empty: it is not.
  std::uint32_t lease_state = 0;
  std::uint16_t lease_epoch = 0;
  std::uint32_t break_to_state = 0;
  std::uint32_t breaking_to_required = 0;
  bool breaking = false;
  time_point break_started{};
  std::vector<std::uint8_t> parent_lease_key; ///< 16 bytes or empty.
  bool is_directory = false;
  bool is_traditional_oplock = false;

  // Delegations of other systems that share the store. leasebreak keeps them and does nothing with
  // them.
  std::string delegation_id;
  std::uint8_t deleg_type = 0;
  bool deleg_breaking = false;
  bool deleg_recalled = false;
  bool deleg_revoked = false;
  std::uint32_t deleg_notification_mask = 0;

  // leasebreak's own additions; absent from records of others, which ignore them.
  std::uint8_t lease_version = 0; ///< 1 or 2; 0: unknown, taken as 2.
  bool broken_via_timeout = false; ///< The last break ended by its deadline.
  std::optional<persisted_open> open; ///< Given: this stands for a persistent open, not for a lock.

  friend bool operator==(const persisted_lock&, const persisted_lock&) = default;

  [[nodiscard]] bool is_lease() const noexcept { return !lease_key.empty(); }
  [[nodiscard]] bool is_open() const noexcept { return open.has_value(); }
};

/// The record of `lock`. Nothing that means something is lost: `to_enhanced_lock` gives back an
/// equal lock. Not kept is what has no meaning: the range of a lease, and the targets and the start
/// of a break while there is none, which come back as the state and `time_point{}`.
[[nodiscard]] persisted_lock to_persisted_lock(enhanced_lock lock, std::uint64_t server_epoch);

/// A reason why a record cannot be used.
struct record_error {
  std::string record; ///< The record's id, or its place in the list if it has none.
  std::string field; ///< The name of the field as it is in the JSON form.
  std::string what; ///< What is wrong with it.

  friend bool operator==(const record_error&, const record_error&) = default;
};

/// `record "x", field "lease_key": must have 16 bytes, has 3`.
[[nodiscard]] std::string to_string(const record_error& error);

/// Checks what no reader may rely on otherwise: sizes of keys, known lease states, ranges,
/// enumerations. Nothing if the record is good.
[[nodiscard]] std::optional<record_error> validate(const persisted_lock& record);

/// The lock of a record that `validate` accepts, and that stands for no open. A directory's Write,
/// which old writers stored, is taken off. In a record without `lease_version`, which is not
/// leasebreak's own, `breaking_to_required` of zero means `break_to_state` if breaking, else
/// `lease_state`.
[[nodiscard]] enhanced_lock to_enhanced_lock(const persisted_lock& record);

/// Which records to list. An empty member means all; all members that are given must match.
struct lock_query {
  lock_query() = default; // see requests.hpp: no aggregate

  std::string file_id;
  std::string owner_id;
  std::string client_id;
  std::string share_name;
  std::optional<bool> is_lease; ///< False: byte-range locks and opens.

  friend bool operator==(const lock_query&, const lock_query&) = default;

  /// Whether every record matches.
  [[nodiscard]] bool is_empty() const noexcept;

  [[nodiscard]] bool matches(const persisted_lock& record) const noexcept;
};

/// One change of what is stored: a record to put, or the id of one to delete.
struct record_change {
  std::string id;
  std::optional<persisted_lock> put; ///< Empty: delete `id`, if it is there.

  friend bool operator==(const record_change&, const record_change&) = default;
};

} // namespace leasebreak

// A change in the store, as a file reports it. Newer changes replace most changes before they are
// written. Changes are therefore cheap to create and to drop, and are converted to records only
// when they are written.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/export.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_info.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

namespace LEASEBREAK_EXPORT leasebreak {
inline namespace LEASEBREAK_ABI {

/// The id of a record with its hashes, computed once for all changes of the record. Immutable.
class record_name {
public:
  /// Computes the hashes of `id`.
  explicit record_name(std::string id);

  /// Returns the id of the record.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  /// Returns a keyed hash of the id.
  [[nodiscard]] std::size_t hash() const noexcept { return hash_; }
  /// Returns a hash that is independent of `hash`.
  [[nodiscard]] std::uint64_t second_hash() const noexcept { return second_hash_; }

private:
  std::string id_;
  std::size_t hash_;
  std::uint64_t second_hash_;
};

/// A name that all changes of a record share.
using record_name_ptr = std::shared_ptr<const record_name>;

/// Returns a new name for the record `id`.
[[nodiscard]] inline record_name_ptr make_record_name(std::string id) {
  return std::make_shared<const record_name>(std::move(id));
}

/// The state of a lease or an oplock at one point in time. A plain value.
struct lease_snapshot {
  lease_info info; ///< The lease or oplock.
  client_guid client; ///< The holder.
  open_id first_open{}; ///< Oplock: its open.
  std::string share; ///< The name of the share.
  std::string file_id; ///< The file's id.
  time_point acquired_at{}; ///< When it was granted.
  std::uint64_t server_epoch = 0; ///< The epoch of the server that reports it.
};

/// Returns the lock of a snapshot, with the id `id`.
[[nodiscard]] enhanced_lock to_enhanced_lock(const lease_snapshot& lease, std::string id);

/// Like `record_change`, but not yet converted to a record. A plain value.
struct stored_change {
  /// The alternative of `put` that deletes the record.
  struct nothing {};

  record_name_ptr name; ///< Not null.
  /// The new content of the record, or `nothing`.
  std::variant<nothing, lease_snapshot, persisted_lock> put;

  /// Puts the record of a lease or oplock.
  stored_change(record_name_ptr record, lease_snapshot lease)
    : name(std::move(record)), put(std::move(lease)) {}
  /// Deletes a record.
  explicit stored_change(record_name_ptr deleted) : name(std::move(deleted)) {}
  /// Makes the same change as `change`.
  stored_change(record_change change); // NOLINT: the same in another form

  /// Returns whether the change deletes the record.
  [[nodiscard]] bool is_deletion() const noexcept { return std::holds_alternative<nothing>(put); }

  /// Returns approximately how many bytes of the record are text of variable length.
  [[nodiscard]] std::size_t text_bytes() const noexcept;

  /// Returns the change in the form that a store takes.
  [[nodiscard]] record_change to_record() &&;
};

} // namespace LEASEBREAK_ABI
} // namespace leasebreak

// A change of what is stored, as a file reports it. Most changes are overtaken by newer ones before
// a store hears of them, so this is cheap to make and to drop; it becomes a record when one is
// written.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/ids.hpp>
#include <leasebreak/model/lease_info.hpp>
#include <leasebreak/model/persisted_lock.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

namespace leasebreak {

/// A record's id with its hashes, made once for all changes of the record. Immutable.
class record_name {
public:
  explicit record_name(std::string id);

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] std::size_t hash() const noexcept { return hash_; }
  /// Unrelated to `hash`.
  [[nodiscard]] std::uint64_t second_hash() const noexcept { return second_hash_; }

private:
  std::string id_;
  std::size_t hash_;
  std::uint64_t second_hash_;
};

using record_name_ptr = std::shared_ptr<const record_name>;

[[nodiscard]] inline record_name_ptr make_record_name(std::string id) {
  return std::make_shared<const record_name>(std::move(id));
}

/// A lease or an oplock as it was at a moment. A plain value.
struct lease_snapshot {
  lease_info info;
  client_guid client;
  open_id first_open{}; ///< An oplock's open.
  std::string share;
  std::string file_id;
  time_point acquired_at{};
  std::uint64_t server_epoch = 0; ///< Of the server that reports it.
};

/// The lock that a snapshot is of, with the id `id`.
[[nodiscard]] enhanced_lock to_enhanced_lock(const lease_snapshot& lease, std::string id);

/// As `record_change`. A plain value.
struct stored_change {
  /// Of a record that is to be deleted.
  struct nothing {};

  record_name_ptr name; ///< Not null.
  std::variant<nothing, lease_snapshot, persisted_lock> put;

  stored_change(record_name_ptr record, lease_snapshot lease)
    : name(std::move(record)), put(std::move(lease)) {}
  explicit stored_change(record_name_ptr deleted) : name(std::move(deleted)) {}
  stored_change(record_change change); // NOLINT: the same in another form

  [[nodiscard]] bool is_deletion() const noexcept { return std::holds_alternative<nothing>(put); }

  /// How many bytes of the record are text of any length, about.
  [[nodiscard]] std::size_t text_bytes() const noexcept;

  /// What a store is given.
  [[nodiscard]] record_change to_record() &&;
};

} // namespace leasebreak

// The changes that have not been written to the store: the newest of each record.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/stored_change.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Changes that are written together: all of them or none.
struct record_batch {
  /// Consecutive changes that must be written together; see `pending_records`.
  struct part {
    std::uint64_t number;
    time_point since;
    std::size_t size;
  };
  std::vector<record_change> changes;
  std::vector<part> parts; ///< Oldest first; together they make up `changes`.
};

/// Coalesces changes. Not thread-safe.
///
/// The changes of one `add` must be written together; otherwise a restart would find half a step. A
/// newer change of a record replaces the older one. Two additions that share a record must
/// therefore be written together, too, since neither is complete without it, and so on
/// transitively. Such a *group* is in one batch, which may thus exceed the size limit. A group has
/// the number of its oldest addition, which determines the order of writing.
class pending_records {
public:
  /// Notes that the store has a record with this id.
  void know(const std::string& id) { know(record_name(id)); }

  /// Adds changes. A newer change replaces an older one of the same record; a record that is
  /// created and deleted before it is written leaves nothing. Returns the number of this addition:
  /// one more than the last.
  std::uint64_t add(std::vector<stored_change> changes, time_point now);

  [[nodiscard]] bool empty() const noexcept { return groups_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return changes_.size(); }

  /// Returns the number before which all additions are stored.
  [[nodiscard]] std::uint64_t oldest_number() const noexcept;
  /// Returns since when the oldest change waits. Must not be empty.
  [[nodiscard]] time_point since() const noexcept { return groups_.begin()->second.since; }

  /// Takes the oldest groups for writing: as many as fit in `size_max` records (long ones count as
  /// several), but at least one. Either `written` or `put_back` must be called before the next
  /// `take`.
  [[nodiscard]] record_batch take(std::size_t size_max);

  /// The store has taken the batch.
  void written(const record_batch& batch);

  /// The store has not taken the batch. Its changes are pending again, except where newer ones
  /// exist.
  void put_back(record_batch batch);

private:
  /// Stands for an id: unique in practice, and much smaller.
  struct mark {
    std::uint64_t a;
    std::uint64_t b;
    friend bool operator==(const mark&, const mark&) = default;
  };
  struct mark_hash {
    std::size_t operator()(const mark& m) const noexcept { return static_cast<std::size_t>(m.a); }
  };
  // Two independent hashes: 128 bits do not collide by chance.
  [[nodiscard]] static mark mark_of(const record_name& name) noexcept {
    return {name.hash(), name.second_hash()};
  }

  /// The pointer must be valid as long as the entry.
  struct name_hash {
    std::size_t operator()(const record_name* n) const noexcept { return n->hash(); }
  };
  struct same_name {
    bool operator()(const record_name* a, const record_name* b) const noexcept {
      return a == b || a->id() == b->id();
    }
  };

  struct group;
  struct entry {
    stored_change change;
    group* of;
  };
  struct group {
    std::uint64_t number;
    time_point since;
    std::list<entry> entries;
  };

  group& new_group(std::uint64_t number, time_point since);
  group& joined(group& a, group& b);
  group& join_all(group& first, std::span<const stored_change> all);
  void know(const record_name& name) { known_.insert(mark_of(name)); }
  void insert(group& to, stored_change change);
  void set(group& to, stored_change change);
  void erase(const record_name& name);
  [[nodiscard]] static std::size_t size_of(const group& g) noexcept;
  void move_first_to(record_batch& batch);

  std::map<std::uint64_t, group> groups_; ///< By number; no group is empty between two calls.
  /// The position of each record's change. The key is the name in that change.
  std::unordered_map<const record_name*, std::list<entry>::iterator, name_hash, same_name> changes_;
  std::uint64_t last_number_ = 0;
  std::unordered_set<mark, mark_hash> known_; ///< Records that the store has or may have.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

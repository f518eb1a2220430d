// Which changes the store has yet to learn of: the newest of each record.
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

namespace leasebreak::detail {

/// Changes that are written at once: all of them or none.
struct record_batch {
  /// Changes that follow one another and hang together; see `pending_records`.
  struct part {
    std::uint64_t number;
    time_point since;
    std::size_t size;
  };
  std::vector<record_change> changes;
  std::vector<part> parts; ///< Oldest first; together they are `changes`.
};

/// Coalesces changes. Not thread-safe.
///
/// What came in one `add` must be in the store together, or a restart would find half a step. A
/// newer change of a record replaces the one before, so two additions that share a record must be
/// there together as well, since neither is complete without it; and so on. Such a *group* stays in
/// one batch, whose size so has a limit only as far as groups allow. A group has the number of its
/// oldest addition, and is written when that one's turn is.
class pending_records {
public:
  /// The store has a record of this id.
  void know(const std::string& id) { know(record_name(id)); }

  /// A newer change replaces the one before; a record that comes and goes before the store has
  /// heard of it leaves nothing. The value is the number of this addition: one more than the last.
  std::uint64_t add(std::vector<stored_change> changes, time_point now);

  [[nodiscard]] bool empty() const noexcept { return groups_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return changes_.size(); }

  /// The additions before this number have nothing here any more.
  [[nodiscard]] std::uint64_t oldest_number() const noexcept;
  /// Since when the oldest waits; only if there is any.
  [[nodiscard]] time_point since() const noexcept { return groups_.begin()->second.since; }

  /// The oldest groups, to be written: as many as fit in `size_max` records (long ones count as
  /// several), and at least one. Then either `written` or `put_back`, before the next `take`.
  [[nodiscard]] record_batch take(std::size_t size_max);

  /// The store has taken the batch.
  void written(const record_batch& batch);

  /// The store has not taken the batch: it counts again, where nothing newer has come.
  void put_back(record_batch batch);

private:
  /// Stands for an id: as good as the id itself, and much smaller.
  struct mark {
    std::uint64_t a;
    std::uint64_t b;
    friend bool operator==(const mark&, const mark&) = default;
  };
  struct mark_hash {
    std::size_t operator()(const mark& m) const noexcept { return static_cast<std::size_t>(m.a); }
  };
  // Two unrelated hashes: 128 bits that do not collide by chance.
  [[nodiscard]] static mark mark_of(const record_name& name) noexcept {
    return {name.hash(), name.second_hash()};
  }

  /// By a pointer to what is alive as long as the entry.
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

  std::map<std::uint64_t, group> groups_; ///< By number; between two calls none is empty.
  /// Where the change of a record is. The key is the name in there.
  std::unordered_map<const record_name*, std::list<entry>::iterator, name_hash, same_name> changes_;
  std::uint64_t last_number_ = 0;
  std::unordered_set<mark, mark_hash> known_; ///< What the store has, or may have.
};

} // namespace leasebreak::detail

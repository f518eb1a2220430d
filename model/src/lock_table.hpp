// The byte-range locks that are held on one file (MS-FSA 2.1.1.6 ByteRangeLockList), kept so that
// finding a lock in the way takes time logarithmic in how many are held.
//
// Two locks that exclude each other may not be held at once, but shared ones may lie on each other
// in any number, so a scan over what overlaps would be linear. Each of four balanced trees (of
// shared and of exclusive locks, with bytes and without) therefore knows for each subtree how far
// its locks reach, for any owner and for any but one; that answers every question below in one
// descent.
#pragma once

#include <leasebreak/model/byte_range.hpp>
#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/ids.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace leasebreak::detail {

/// The held locks of one file. A table that never held a lock is one pointer.
/// Not thread-safe. Pointers to entries stay good until the entry is erased.
class lock_table {
public:
  /// A held lock. Only `record_id` may be changed while the entry is in the table.
  struct entry {
    std::uint64_t id = 0; ///< Unique in the table's life; later locks have greater ones.
    open_id open{}; ///< The owner: locks belong to the open.
    byte_range range; ///< Valid.
    bool exclusive = false;
    time_point acquired_at{};
    std::string record_id; ///< Of the stored record; empty if there is none.
  };

  lock_table() noexcept;
  ~lock_table();
  lock_table(lock_table&&) noexcept;
  lock_table& operator=(lock_table&&) noexcept;

  /// Adds a lock, without a look at what is in its way. `range` must be valid.
  entry& add(open_id open, const byte_range& range, bool exclusive, time_point acquired_at,
    std::string record_id = {});

  /// Locks that are added from now on have ids greater than `id`.
  void keep_above(std::uint64_t id);

  /// A held lock that keeps `open` from locking `range` (`range_conflict`); null if there is none.
  [[nodiscard]] const entry* conflict(
    open_id open, const byte_range& range, bool exclusive) const noexcept;

  /// The same for a lock that `open` had before, as it is to be put back: shared ones of `open` may
  /// have been taken onto it since.
  [[nodiscard]] const entry* conflict_of_old(
    open_id open, const byte_range& range, bool exclusive) const noexcept;

  /// A held lock that keeps `open` from reading or writing `range` (MS-FSA 2.1.4.10): a read meets
  /// exclusive locks of others; a write all locks of others and shared ones of its own. Neither an
  /// empty `range` nor an empty lock ever conflicts.
  [[nodiscard]] const entry* io_conflict(
    open_id open, const byte_range& range, bool is_write) const noexcept;

  /// The lock that unlocking exactly `range` releases: an exclusive one before a shared one, among
  /// equals the earliest. Null if `open` holds none.
  [[nodiscard]] entry* find_exact(open_id open, const byte_range& range) noexcept;
  [[nodiscard]] const entry* find_exact(open_id open, const byte_range& range) const noexcept;

  /// Removes `gone`, which must be an entry of this table.
  void erase(const entry* gone) noexcept;

  /// Removes the locks of `open` and returns them in the order in which they were acquired.
  std::vector<entry> erase_all_of(open_id open);

  [[nodiscard]] std::size_t count_of(open_id open) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// Whether a lock begins below `offset`.
  [[nodiscard]] bool any_below(std::uint64_t offset) const noexcept;

  /// Calls `visit` with each lock in the order in which they were acquired.
  void for_each(const std::function<void(const entry&)>& visit) const;

  /// Calls `visit` with each lock of `open` in the order in which they were acquired.
  void for_each_of(open_id open, const std::function<void(const entry&)>& visit) const;

  /// Whether the trees are balanced and what they know of their subtrees is true. For tests.
  [[nodiscard]] bool is_consistent() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_; ///< Empty until the first lock.
};

} // namespace leasebreak::detail

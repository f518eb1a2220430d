// The byte-range locks held on one file (MS-FSA 2.1.1.6 ByteRangeLockList). The time to find a
// conflicting lock is logarithmic in the number of locks.
//
// Exclusive locks cannot overlap, but any number of shared locks can, so that a scan of overlapping
// locks would be linear. The locks are therefore in four balanced trees: shared and exclusive
// locks, empty and not. Each subtree knows how far its locks reach, over all owners and over all
// except one. This answers every query below in one descent.
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

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// The held locks of one file. A table that never held a lock is a single pointer. Not thread-safe.
/// Pointers to entries stay valid until the entry is erased.
class lock_table {
public:
  /// A held lock. Only `record_id` may be changed while the entry is in the table.
  struct entry {
    std::uint64_t id = 0; ///< Unique in the lifetime of the table; later locks have greater ids.
    open_id open{}; ///< The owner, since locks belong to opens.
    byte_range range; ///< Must be valid.
    bool exclusive = false;
    time_point acquired_at{};
    std::string record_id; ///< The id of the stored record; empty if there is none.
  };

  lock_table() noexcept;
  ~lock_table();
  lock_table(lock_table&&) noexcept;
  lock_table& operator=(lock_table&&) noexcept;

  /// Adds a lock without checking for conflicts. `range` must be valid.
  entry& add(open_id open, const byte_range& range, bool exclusive, time_point acquired_at,
    std::string record_id = {});

  /// Makes the ids of future locks greater than `id`.
  void keep_above(std::uint64_t id);

  /// Returns the id that the ids of future locks are greater than. With all entries, in their
  /// order, this is the whole state of the table.
  [[nodiscard]] std::uint64_t last_id() const noexcept;

  /// Returns a held lock that prevents `open` from locking `range` (`range_conflict`); null if
  /// there is none.
  [[nodiscard]] const entry* conflict(
    open_id open, const byte_range& range, bool exclusive) const noexcept;

  /// Like `conflict`, when restoring a lock that `open` held before. Ignores shared locks of
  /// `open`, which it may have stacked on that lock.
  [[nodiscard]] const entry* conflict_of_old(
    open_id open, const byte_range& range, bool exclusive) const noexcept;

  /// Returns a held lock that prevents `open` from reading or writing `range` (MS-FSA 2.1.4.10). A
  /// read conflicts with exclusive locks of other opens; a write conflicts with all locks of other
  /// opens and with the shared locks of `open`. Empty ranges and empty locks never conflict.
  [[nodiscard]] const entry* io_conflict(
    open_id open, const byte_range& range, bool is_write) const noexcept;

  /// Returns the lock that an unlock of exactly `range` releases: an exclusive lock before a shared
  /// one, then the earliest. Null if `open` holds none.
  [[nodiscard]] entry* find_exact(open_id open, const byte_range& range) noexcept;
  [[nodiscard]] const entry* find_exact(open_id open, const byte_range& range) const noexcept;

  /// Removes `gone`, which must be an entry of this table.
  void erase(const entry* gone) noexcept;

  /// Removes the locks of `open` and returns them in the order of their acquisition.
  std::vector<entry> erase_all_of(open_id open);

  [[nodiscard]] std::size_t count_of(open_id open) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// Returns whether a lock begins below `offset`.
  [[nodiscard]] bool any_below(std::uint64_t offset) const noexcept;

  /// Calls `visit` for each lock in the order of acquisition.
  void for_each(const std::function<void(const entry&)>& visit) const;

  /// Calls `visit` for each lock of `open` in the order of acquisition.
  void for_each_of(open_id open, const std::function<void(const entry&)>& visit) const;

  /// Returns whether the trees are balanced and the data of their subtrees is correct. For tests.
  [[nodiscard]] bool is_consistent() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_; ///< Null until the first lock.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

// What expires in a file, earliest first. Private.
#pragma once

#include "file/parts.hpp"

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/ids.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Something that expires. Entries may be outdated: they are checked when they are due.
struct deadline_entry {
  enum class kind : std::uint8_t { answer, lease_break, waiting_operation, detached_open };

  time_point at{};
  kind of{};
  lease_name lease; ///< That of a break, or of a lease's response.
  operation_id waiting{}; ///< That of a pending operation.
  open_id open{}; ///< That of a disconnected open, or of an oplock's response.

  static deadline_entry for_answer(time_point at, const lease_name& lease) {
    return {at, kind::answer, lease, {}, {}};
  }
  static deadline_entry for_answer(time_point at, open_id open) {
    return {at, kind::answer, {}, {}, open};
  }
  static deadline_entry for_break(time_point at, const lease_name& lease) {
    return {at, kind::lease_break, lease, {}, {}};
  }
  static deadline_entry for_waiting(time_point at, operation_id waiting) {
    return {at, kind::waiting_operation, {}, waiting, {}};
  }
  static deadline_entry for_open(time_point at, open_id open) {
    return {at, kind::detached_open, {}, {}, open};
  }

  friend bool operator==(const deadline_entry&, const deadline_entry&) = default;

  /// Orders a heap with the earliest deadline on top. At the same time, responses come first,
  /// because the breaks that they held back get a deadline of their own; then, of opens that were
  /// disconnected together, the last. The order is total: it does not depend on how the heap was
  /// filled.
  friend bool operator<(const deadline_entry& a, const deadline_entry& b) noexcept {
    if (a.at != b.at)
      return a.at > b.at;
    if ((a.of == kind::answer) != (b.of == kind::answer))
      return b.of == kind::answer;
    if (a.open != b.open)
      return a.open < b.open;
    return std::tie(b.of, b.lease, b.waiting) < std::tie(a.of, a.lease, a.waiting);
  }
};

/// A priority queue of deadlines. A deadline is not removed when its reason ends: that would need a
/// search. It is skipped when it is due, and cleaned up with others when they become too many. The
/// caller says which entries are current.
class deadline_queue {
public:
  using const_iterator = std::vector<deadline_entry>::const_iterator;

  /// Prepares for a break and an operation that waits for it, the usual content.
  deadline_queue() { heap_.reserve(2); }

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  /// Returns the earliest entry. Must not be empty.
  [[nodiscard]] const deadline_entry& front() const noexcept { return heap_.front(); }
  /// In no particular order.
  [[nodiscard]] const_iterator begin() const noexcept { return heap_.begin(); }
  [[nodiscard]] const_iterator end() const noexcept { return heap_.end(); }
  [[nodiscard]] bool is_ordered() const noexcept {
    return std::is_heap(heap_.begin(), heap_.end());
  }

  void push(deadline_entry entry);
  /// Removes and returns the earliest entry. Must not be empty.
  deadline_entry pop();
  void clear() noexcept { heap_.clear(); }

  /// Removes outdated entries from the front, so that the next deadline is a current one.
  template <class IsCurrent>
  void drop_outdated_front(const IsCurrent& is_current) {
    while (!empty() && !is_current(front()))
      pop();
  }

  /// Removes all outdated and duplicate entries. Duplicates occur if a break reaches its next
  /// stage, or an open is reconnected and lost again, without the clock advancing.
  template <class IsCurrent>
  void drop_outdated(const IsCurrent& is_current) {
    std::erase_if(heap_, [&](const deadline_entry& e) { return !is_current(e); });
    drop_duplicates();
  }

private:
  void drop_duplicates();

  std::vector<deadline_entry> heap_;
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

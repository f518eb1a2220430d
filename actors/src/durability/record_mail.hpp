// The queue from the files to the persistence actor.
#pragma once

#include "record_lot.hpp"

#include <leasebreak/model/clock.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

/// Submitted changes. A single message announces them, and they stay here until they must be
/// written, unless they are urgent or many: a turn for each lot would cost more than everything
/// else. Thread-safe.
class record_mail {
public:
  /// All lots are urgent if `always_urgent`; otherwise they are from `changes_max` changes on.
  record_mail(bool always_urgent, std::size_t changes_max) noexcept
    : always_urgent_(always_urgent), changes_max_(changes_max) {}

  /// Adds a lot. Returns whether the actor has to be told, which is so once for ordinary lots and
  /// once more when they become urgent. After `close`, drops the lot.
  [[nodiscard]] bool put(record_lot lot);

  struct summary {
    time_point since{}; ///< Of the oldest lot.
    bool is_urgent = false;
  };
  /// Returns nothing if there are no lots.
  [[nodiscard]] std::optional<summary> look() const;

  struct content {
    std::vector<record_lot> lots; ///< Oldest first.
    std::size_t changes = 0;
  };
  /// Removes all lots. Their changes count in `size` until `forget`.
  [[nodiscard]] content take();
  /// Stops counting this many changes, which the caller now counts elsewhere.
  void forget(std::size_t changes) noexcept { size_.fetch_sub(changes); }

  /// Returns the number of changes, including those taken and not forgotten.
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(); }

  void close();

private:
  const bool always_urgent_;
  const std::size_t changes_max_;
  mutable std::mutex mutex_;
  std::vector<record_lot> lots_;
  std::size_t changes_ = 0;
  bool is_noted_ = false; ///< The actor was told of the lots.
  bool is_urgent_ = false; ///< The actor was told that they are urgent.
  bool is_closed_ = false;
  std::atomic<std::size_t> size_{0};
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail

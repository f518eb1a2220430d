// Finds breaks of a file whose holders take long, and reports each once.
#pragma once

#include <leasebreak/model/clock.hpp>
#include <leasebreak/model/ids.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace leasebreak::LEASEBREAK_INLINE_ABI::detail {

class coordinator_impl;
class file_actor;

/// Belongs to a file, which has breaks rarely; it is therefore small.
class overdue_watch {
public:
  /// A break has begun.
  void begin(const coordinator_impl& owner);
  /// A break has ended.
  void end(break_id id, coordinator_impl& owner);
  /// The file has no break in progress.
  void forget(coordinator_impl& owner);

  /// Returns when to call `look`; nothing if it is not needed.
  [[nodiscard]] std::optional<time_point> due() const noexcept {
    return due_ == time_point{} ? std::nullopt : std::optional(due_);
  }
  /// Reports the breaks that have become overdue.
  void look(file_actor& file, coordinator_impl& owner, time_point now);

private:
  time_point due_{}; ///< Zero: not set.
  std::unique_ptr<std::vector<break_id>> reported_; ///< In progress, sorted. Null: none.
};

} // namespace leasebreak::LEASEBREAK_INLINE_ABI::detail
